// Package pyyaml writes a document as Keep stores it: the text of the YAML that Keep reads, parsed and dumped again.
//
// Keep compares that text at each startup and in its editor, so it must be identical. Keep dumps with
// PyYAML over libyaml: block style, lists not indented below their key, the order of keys and the quotes of the
// source kept, everything else as libyaml chooses. The library used here descends from libyaml; where it writes a
// text differently, this package makes it write the same. Only Keep breaks lines at a space after column 99,999.
package pyyaml

import (
	"fmt"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"keep-bootstrap/internal/document"
)

// mark goes into a text, or a comment after it, where the library would write something else, and is removed again: two
// noncharacters of Unicode, which no text contains.
const mark = "\ufdd0\ufdd1"

// breaks are the line breaks that libyaml does not escape.
const breaks = "\n\u2028\u2029"

var (
	openEnd = document.Pattern(`(?:^|[` + breaks + `])[` + breaks + `]$`)
	// noBlock matches what libyaml never writes as a block: a text with spaces at its end or before a line break, or with
	// characters that it escapes.
	noBlock = document.Pattern(`^$| $| [` + breaks + `]|[^\n -~\x{a0}-\x{fefe}\x{ff00}-\x{fffd}]`)
	// markedBlock is the header of a block that starts with a line break. Libyaml always writes the width of its
	// indentation.
	markedBlock = document.Pattern(`\|2?([-+]?) #` + mark)
)

// Dump returns the text of an object as Keep stores it.
func Dump(root *document.Value) string {
	d := dumper{shared: map[int32]*yaml.Node{}}
	encoded, err := yaml.Dump(d.node(root, false), yaml.WithLineWidth(-1))
	if err != nil {
		panic(err) // the nodes are made here
	}
	text := strings.ReplaceAll(markedBlock().ReplaceAllString(string(encoded), "|2$1"), mark, "")
	if d.openEnded {
		text += "...\n"
	}
	return text
}

// dumper makes the nodes of one document.
type dumper struct {
	// openEnded is set while the last block text ends with line breaks that an end of the document must bound.
	openEnded bool

	// shared are the first nodes of lists, objects and dates, by the number that the copies of a value share. One that is
	// repeated is written once, and named in the order of the repetitions.
	shared  map[int32]*yaml.Node
	anchors int
}

// node returns the node of a value.
func (d *dumper) node(v *document.Value, isKey bool) *yaml.Node {
	if first := d.shared[v.Shared]; first != nil {
		if first.Anchor == "" {
			d.anchors++
			first.Anchor = fmt.Sprintf("id%03d", d.anchors)
		}
		return &yaml.Node{Kind: yaml.AliasNode, Value: first.Anchor}
	}
	n := &yaml.Node{Kind: yaml.ScalarNode}
	if v.Shared != 0 {
		d.shared[v.Shared] = n
	}
	switch {
	case v.Kind == document.Object:
		n.Kind = yaml.MappingNode
	case v.Kind == document.List:
		n.Kind = yaml.SequenceNode
	case v.Kind == document.Text && v.Flaw != document.Date && v.Flaw != document.NotFinite: // texts only to JSON
		d.text(n, v, isKey)
	default:
		n.Value = plainText(v)
	}
	for i := range v.Members {
		if v.Kind == document.Object {
			n.Content = append(n.Content, d.node(&v.Members[i].Key, true))
		}
		n.Content = append(n.Content, d.node(&v.Members[i].Value, false))
	}
	return n
}

// text sets a text and its style. Where the library cannot write that style, it uses quotes, as libyaml does.
func (d *dumper) text(n *yaml.Node, v *document.Value, isKey bool) {
	n.Value = v.Text
	switch {
	case v.Style == document.Literal && !noBlock().MatchString(v.Text):
		n.Style = yaml.LiteralStyle
		d.openEnded = openEnd().MatchString(v.Text) || isKey && d.openEnded // a short key gets quotes
		if strings.IndexAny(v.Text, breaks) == 0 && !isKey {
			n.LineComment = "#" + mark
		}
	case v.Style == document.Literal || v.Style == document.DoubleQuoted:
		n.Style = yaml.DoubleQuotedStyle
	case v.Style == document.SingleQuoted || strings.ContainsAny(v.Text, breaks) || !document.ReadsAsText(v.Text):
		n.Style = yaml.SingleQuotedStyle
		if strings.TrimRight(v.Text, breaks) != v.Text {
			n.Value += mark // libyaml indents the closing quote
		}
	}
	if strings.HasPrefix(v.Text, "\ufeff") {
		n.Value = mark + n.Value // the library escapes all that follows a byte order mark
	}
}

// plainText is what Keep dumps of a scalar that is not a text: of a number with a point before an exponent, so that
// it reads as a number again.
func plainText(v *document.Value) string {
	switch v.Kind {
	case document.Null:
		return "null"
	case document.Number:
		text := document.PythonNumber(v.Text)
		if text == "-0" {
			return "0"
		}
		if !strings.Contains(text, ".") {
			text = strings.Replace(text, "e", ".0e", 1)
		}
		return text
	}
	return v.Text
}
