package manifest

import (
	"slices"
	"strings"
	"unicode/utf8"

	"keep-bootstrap/internal/document"
)

// maxSnippet is the longest line that is shown.
const maxSnippet = 160

// snippet shows a line with its value masked. The key must be the one that the
// problem is about: only what is known to be a key is shown, since a line may as
// well be the middle of a secret of several lines. With show the value is shown
// too, where it is a simple one.
func (s *source) snippet(number int, key string, show bool) string {
	if key == "" {
		return ""
	}
	line := document.Line(s.data, number)
	if len(line) > maxSnippet || !utf8.ValidString(line) {
		return ""
	}
	start := lineKeyStart(line)
	rest := line[start:]
	for _, form := range []string{key, `"` + key + `"`, "'" + key + "'"} {
		after, ok := strings.CutPrefix(rest, form)
		if !ok {
			continue
		}
		value, ok := strings.CutPrefix(strings.TrimLeft(after, " \t"), ":")
		if !ok {
			continue
		}
		head := line[:len(line)-len(value)]
		space := value[:len(value)-len(strings.TrimLeft(value, " \t"))]
		value = strings.TrimSpace(value)
		switch {
		case value == "", strings.HasPrefix(value, "#") && space != "":
			return head
		case show && simple(value):
			return head + space + value
		}
		return head + space + "..."
	}
	return ""
}

// lineKeyStart skips the indentation and the dashes of list items.
func lineKeyStart(line string) int {
	start := 0
	for {
		rest := strings.TrimLeft(line[start:], " \t")
		start = len(line) - len(rest)
		if !strings.HasPrefix(rest, "- ") {
			return start
		}
		start++
	}
}

// simple reports whether a value is one short scalar, with nothing else.
func simple(value string) bool {
	value = strings.TrimSuffix(value, ",")
	if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		value = value[1 : len(value)-1]
	}
	return !strings.ContainsAny(value, "\"'{}[]#&*!|>\\") && !strings.Contains(value, ": ")
}

// brokenSnippet shows a line of a text that could not be parsed: keys of the
// manifest's own are shown, everything else is masked.
func (s *source) brokenSnippet(number int) string {
	line := document.Line(s.data, number)
	if len(line) > maxSnippet || !utf8.ValidString(line) {
		return ""
	}
	for _, key := range manifestKeys {
		if shown := s.snippet(number, key, false); shown != "" {
			return shown
		}
	}
	if s.format.IsJSON() {
		return ""
	}
	start := lineKeyStart(line)
	rest := line[start:]
	switch {
	case rest == "":
		return ""
	case strings.Contains(rest, ": "):
		return line[:start] + "...: ..."
	case strings.HasSuffix(rest, ":"):
		return line[:start] + "...:"
	}
	return line[:start] + "..."
}

// manifestKeys are the words that brokenSnippet shows. None of them is secret wherever it stands.
var manifestKeys = slices.Concat([]string{"providers"}, providerKeys, ruleKeys)
