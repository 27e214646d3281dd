package migrate

import (
	"strings"

	"keep-bootstrap/internal/document"
)

// locate turns the position that the server reports (characters, counted from 1) into an offset, line and column of sql, and
// the line itself with a caret under the place. All zero when the position lies outside.
func locate(sql string, position int) (offset, line, column int, excerpt string) {
	runes := []rune(sql)
	if position < 1 || position > len(runes) {
		return 0, 0, 0, ""
	}
	offset = len(string(runes[:position-1]))
	at := document.PlaceAt([]byte(sql), offset)
	text := document.Line([]byte(sql), int(at.Line))
	// Tabs stay tabs so that the caret stands under the character whatever their width.
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string([]rune(text)[:at.Column-1]))
	return offset, int(at.Line), int(at.Column), text + "\n" + pad + "^"
}
