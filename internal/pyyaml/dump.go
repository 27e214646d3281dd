// Package pyyaml writes a document as Keep stores it: the text of the YAML that Keep reads, parsed and dumped again.
//
// Keep compares that text at each startup and in its editor, so it must be identical. Keep dumps with
// PyYAML over libyaml: block style, lists not indented below their key, the order of keys and the quotes of the source kept,
// everything else as the library chooses. This package chooses alike, except that Keep breaks lines at a space after column 99,999.
package pyyaml

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"keep-bootstrap/internal/document"
)

const (
	indentStep = 2
	// longestSimpleKey is how many bytes a key may have that is written as `key:` and not as `? key`.
	longestSimpleKey = 128
)

// Dump returns the text of an object as Keep stores it.
func Dump(root *document.Value) string {
	d := dumper{indent: -1, whitespace: true, indention: true, anchors: map[int32]string{}, written: map[int32]bool{}}
	d.number(root)
	d.value(root, position{})
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
	// whitespace is set after a space or an indentation, indention while a line has only indentation and the
	// signs - ? and : of a collection.
	whitespace, indention bool
	// openEnded is set while the last block text ends with line breaks that an end of the document must bound.
	openEnded bool

	// By the number that the copies of a value share. A repeated list, object or date is written once.
	anchors map[int32]string // "" for what was reached once
	shared  int
	written map[int32]bool
}

// position is where a value stands.
type position struct {
	inMap, isKey bool
}

// number finds nodes that are reached twice and names them in the order of the second visit.
func (d *dumper) number(v *document.Value) {
	if v.Shared != 0 {
		if name, seen := d.anchors[v.Shared]; seen {
			if name == "" {
				d.shared++
				d.anchors[v.Shared] = fmt.Sprintf("id%03d", d.shared)
			}
			return
		}
		d.anchors[v.Shared] = ""
	}
	for i := range v.Members {
		if v.Kind == document.Object {
			d.number(&v.Members[i].Key)
		}
		d.number(&v.Members[i].Value)
	}
}

// name is that of the anchor of a repeated value; "" of anything else.
func (d *dumper) name(v *document.Value) string {
	if v.Shared == 0 {
		return ""
	}
	return d.anchors[v.Shared]
}

func (d *dumper) value(v *document.Value, at position) {
	if name := d.name(v); name != "" {
		if d.written[v.Shared] {
			d.indicator("*"+name, true, false)
			if at.isKey {
				d.put(" ") // or the colon would belong to the name
			}
			return
		}
		d.written[v.Shared] = true
		d.indicator("&"+name, true, false)
	}
	switch v.Kind {
	case document.List:
		d.list(v, at)
	case document.Object:
		d.mapping(v)
	default:
		d.push(false)
		d.scalar(v, at)
		d.pop()
	}
}

func (d *dumper) list(v *document.Value, at position) {
	if len(v.Members) == 0 {
		d.indicator("[", true, false)
		d.indicator("]", false, false)
		return
	}
	d.push(at.inMap && !d.indention)
	for i := range v.Members {
		d.newLine()
		d.indicator("-", true, true)
		d.value(&v.Members[i].Value, position{})
	}
	d.pop()
}

func (d *dumper) mapping(v *document.Value) {
	if len(v.Members) == 0 {
		d.indicator("{", true, false)
		d.indicator("}", false, false)
		return
	}
	d.push(false)
	for i := range v.Members {
		m := &v.Members[i]
		d.newLine()
		if d.simpleKey(&m.Key) {
			d.value(&m.Key, position{inMap: true, isKey: true})
			d.indicator(":", false, false)
		} else {
			d.indicator("?", true, true)
			d.value(&m.Key, position{inMap: true})
			d.newLine()
			d.indicator(":", true, true)
		}
		d.value(&m.Value, position{inMap: true})
	}
	d.pop()
}

// simpleKey reports whether a key fits on the line of its colon.
func (d *dumper) simpleKey(key *document.Value) bool {
	name := d.name(key)
	if name != "" && d.written[key.Shared] {
		return true
	}
	text := scalarText(key)
	return !hasBreak(text) && len(name)+len(text) <= longestSimpleKey
}

// push goes one level in. An indentless list has the indentation of its key.
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
