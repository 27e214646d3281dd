package migrate

import "strings"

// locate turns the position that the server reports (characters, counted from 1) into line and column of sql, and the
// line itself with a caret under the place. All zero when the position lies outside.
func locate(sql string, position int) (line, column int, excerpt string) {
	runes := []rune(sql)
	if position < 1 || position > len(runes) {
		return 0, 0, ""
	}
	before := string(runes[:position-1])
	line = strings.Count(before, "\n") + 1
	start := strings.LastIndex(before, "\n") + 1
	text, _, _ := strings.Cut(sql[start:], "\n")
	column = len([]rune(before[start:])) + 1
	// Tabs stay tabs so that the caret stands under the character whatever their width.
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before[start:])
	return line, column, text + "\n" + pad + "^"
}
