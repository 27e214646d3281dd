package export

import (
	"strings"
	"unicode"

	yaml "go.yaml.in/yaml/v4"

	"keep-bootstrap/internal/document"
)

// plain is a scalar that is written as it is.
func plain(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

// textNode writes a text so that every reader takes it for that text: plain where nothing else can be meant, as a
// literal block where it has several lines and that is exact, and in double quotes otherwise.
func textNode(s string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	switch {
	case isPlain(s):
	case isBlock(s):
		node.Style = yaml.LiteralStyle
	default:
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}

var (
	plainPattern = document.Pattern(`^[A-Za-z/](?:[A-Za-z0-9_./@%+=~,-]|:[A-Za-z0-9_./@%+=~-]| [A-Za-z0-9_./@%+=~(])*$`)
	// words that some reader takes for a boolean or null.
	words = document.Pattern(`^(?i:y|n|yes|no|on|off|true|false|null|none|nan|inf)$`)
)

// isPlain is narrower than YAML: a text that starts with a letter or a slash is no number, date or sign in any version.
func isPlain(s string) bool {
	const longest = 200
	return len(s) <= longest && plainPattern().MatchString(s) && !words().MatchString(s)
}

// isBlock reports whether a literal block gives the text back exactly. Unusual texts are not tried.
func isBlock(s string) bool {
	if !strings.Contains(strings.TrimRight(s, "\n"), "\n") || strings.ContainsAny(s[:1], " \t\n") {
		return false
	}
	for _, r := range s {
		if r != '\n' && (!unicode.IsPrint(r) || r == unicode.ReplacementChar || r > 0xffff) {
			return false // tabs, returns and the line breaks of Unicode among them
		}
	}
	return true
}
