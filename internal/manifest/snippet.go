package manifest

import (
	"slices"
	"strings"
	"unicode/utf8"

	"keep-bootstrap/internal/document"
)

var (
	// indentation is that of a line, with the dashes of list items.
	indentation = document.Pattern(`^(?:[ \t]|- )*`)
	// simple matches one short scalar, with nothing else.
	simple = document.Pattern(`^["']?[^"'{}\[\]#&*!|>\\]*["']?,?$`)
)

// line gives a line that may be shown in part, and its indentation; "" for one that is too long.
func (s *source) line(number int) (line, indented string) {
	const longest = 160
	if line = document.Line(s.data, number); len(line) > longest || !utf8.ValidString(line) {
		return "", ""
	}
	line = strings.TrimRight(line, " \t")
	return line, indentation().FindString(line)
}

// snippet shows a line that begins with one of the keys, with its value masked. The key must be the one that the problem
// is about: only what is known to be a key is shown, since a line may as well be the middle of a secret of several lines.
// With show the value is shown too, where it is a simple one.
func (s *source) snippet(number int, show bool, keys ...string) string {
	line, indented := s.line(number)
	name, value, found := strings.Cut(strings.TrimPrefix(line, indented), ":")
	if name = strings.TrimSpace(name); InQuotes(name) {
		name = name[1 : len(name)-1]
	}
	if !found || name == "" || !slices.Contains(keys, name) {
		return ""
	}
	value = strings.TrimLeft(value, " \t") // what is after the head, with any other spaces
	head := strings.TrimSuffix(line, value)
	switch {
	case value == "", strings.HasPrefix(value, "#") && !strings.HasSuffix(head, ":"):
		return strings.TrimRight(head, " \t")
	case show && simple().MatchString(value) && !strings.Contains(value, ": "):
		return line
	}
	return head + "..."
}

// brokenSnippet shows a line of a text that could not be parsed: keys of the manifest's own are shown, everything else
// is masked.
func (s *source) brokenSnippet(number int) string {
	if shown := s.snippet(number, false, manifestKeys...); shown != "" || s.format.IsJSON() {
		return shown
	}
	line, indented := s.line(number)
	switch rest := strings.TrimPrefix(line, indented); {
	case rest == "":
		return ""
	case strings.Contains(rest, ": "):
		return indented + "...: ..."
	case strings.HasSuffix(rest, ":"):
		return indented + "...:"
	}
	return indented + "..."
}

// manifestKeys are the words that brokenSnippet shows. None of them is secret wherever it stands.
var manifestKeys = slices.Concat([]string{"providers"}, providerKeys, ruleKeys)
