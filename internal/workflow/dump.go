package workflow

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	indentStep = 2
	// width is the column after which Keep lets a line break at a space. In columns, each one character.
	width = 99999
	// longestSimpleKey is how many bytes a key may have that is written as `key:` and not as `? key`.
	longestSimpleKey = 128
)

// Dump returns the text of a workflow as Keep stores it. The node is a map.
func Dump(root *Node) string {
	d := dumper{indent: -1, whitespace: true, indention: true, anchors: map[*Node]string{}}
	d.number(root)
	d.value(root, place{})
	d.newLine()
	if d.openEnded {
		d.out.WriteString("...\n")
	}
	return d.out.String()
}

// dumper writes one document. Its state is libyaml's: what may follow on the current line.
type dumper struct {
	out     strings.Builder
	column  int
	indent  int
	indents []int
	// whitespace is set after a space or an indentation, indention as long as a line has nothing but indentation and the
	// signs - ? and : of a collection.
	whitespace, indention bool
	// openEnded is set while the last block text ends with line breaks that an end of the document must bound.
	openEnded bool

	anchors map[*Node]string // "" for what was reached once
	shared  int
	written map[*Node]bool
}

// place is where a value stands.
type place struct {
	inMap, isKey bool
}

// number finds what is reached twice and names it in the order of the second visit.
func (d *dumper) number(n *Node) {
	if !n.shareable() {
		return
	}
	if name, seen := d.anchors[n]; seen {
		if name == "" {
			d.shared++
			d.anchors[n] = fmt.Sprintf("id%03d", d.shared)
		}
		return
	}
	d.anchors[n] = ""
	for _, item := range n.Items {
		d.number(item)
	}
	for _, pair := range n.Pairs {
		d.number(pair.Key)
		d.number(pair.Value)
	}
}

func (d *dumper) value(n *Node, at place) {
	name := ""
	if n.shareable() {
		name = d.anchors[n]
	}
	if name != "" {
		if d.written[n] {
			d.indicator("*"+name, true, false)
			if at.isKey {
				d.put(" ") // or the colon would belong to the name
			}
			return
		}
		if d.written == nil {
			d.written = map[*Node]bool{}
		}
		d.written[n] = true
		d.indicator("&"+name, true, false)
	}
	switch n.Kind {
	case List:
		d.list(n, at)
	case Map:
		d.mapping(n)
	default:
		d.push(false)
		d.scalar(n, at)
		d.pop()
	}
}

func (d *dumper) list(n *Node, at place) {
	if len(n.Items) == 0 {
		d.indicator("[", true, false)
		d.indicator("]", false, false)
		return
	}
	d.push(at.inMap && !d.indention)
	for _, item := range n.Items {
		d.newLine()
		d.indicator("-", true, true)
		d.value(item, place{})
	}
	d.pop()
}

func (d *dumper) mapping(n *Node) {
	if len(n.Pairs) == 0 {
		d.indicator("{", true, false)
		d.indicator("}", false, false)
		return
	}
	d.push(false)
	for _, pair := range n.Pairs {
		d.newLine()
		if d.simpleKey(pair.Key) {
			d.value(pair.Key, place{inMap: true, isKey: true})
			d.indicator(":", false, false)
		} else {
			d.indicator("?", true, true)
			d.value(pair.Key, place{inMap: true})
			d.newLine()
			d.indicator(":", true, true)
		}
		d.value(pair.Value, place{inMap: true})
	}
	d.pop()
}

// simpleKey says whether a key fits on the line of its colon.
func (d *dumper) simpleKey(key *Node) bool {
	name := ""
	if key.shareable() {
		name = d.anchors[key]
	}
	if name != "" && d.written[key] {
		return true
	}
	return !hasBreak(key.Text) && len(name)+len(key.Text) <= longestSimpleKey
}

// push goes one level in. An indentless list stands below its key without indentation of its own.
func (d *dumper) push(indentless bool) {
	d.indents = append(d.indents, d.indent)
	switch {
	case d.indent < 0:
		d.indent = 0
	case !indentless:
		d.indent += indentStep
	}
}

func (d *dumper) pop() {
	d.indent = d.indents[len(d.indents)-1]
	d.indents = d.indents[:len(d.indents)-1]
}

// put writes a text without line breaks.
func (d *dumper) put(text string) {
	d.out.WriteString(text)
	d.column += utf8.RuneCountInString(text)
}

// lineBreak ends the line.
func (d *dumper) lineBreak() {
	d.out.WriteByte('\n')
	d.column = 0
}

// newLine starts a line at the indentation, unless the current one is still there.
func (d *dumper) newLine() {
	indent := max(0, d.indent)
	if !d.indention || d.column > indent || d.column == indent && !d.whitespace {
		d.lineBreak()
	}
	if d.column < indent {
		d.put(strings.Repeat(" ", indent-d.column))
	}
	d.whitespace, d.indention = true, true
}

// indicator writes a sign of the syntax, with a space before it where there must be one. After one that indents, another
// collection may start on the same line.
func (d *dumper) indicator(sign string, spaceBefore, indents bool) {
	if spaceBefore && !d.whitespace {
		d.put(" ")
	}
	d.put(sign)
	d.whitespace = false
	d.indention = d.indention && indents
}
