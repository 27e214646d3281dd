// Package document reads YAML 1.1 and JSON, by the rules of Keep's own readers, into one tree of values that know their
// place, and writes JSON as Python does.
//
// What is not valid YAML or JSON is a Fault of Parse. What is valid but cannot be stored is marked in the tree, and
// said by Check, so that the caller can tell whose value it is.
package document

import (
	"cmp"
	"strings"
)

// MaxDepth is how deep lists and objects may be nested.
const MaxDepth = 100

// Kind is the kind of a value in JSON's terms. Keep can store no others.
type Kind uint8

// The kinds of values.
const (
	Null Kind = iota
	Boolean
	Number
	Text
	List
	Object
)

// String names the kind with its article, for "expected an object, not a list".
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// Style is how a text was written.
type Style uint8

// The styles that Keep remembers. A folded text (>) is Plain: Keep forgets that it was one.
const (
	Plain Style = iota
	SingleQuoted
	DoubleQuoted
	Literal
)

// Trap marks a plain scalar of YAML that means something other than it seems.
type Trap uint8

// The traps.
const (
	NoTrap      Trap = iota
	Octal            // 012
	Sexagesimal      // 12:30
	Switch           // yes, no, on, off
	Anchor           // &name and nothing else
)

// Place is where a value starts. Both count from 1, the column in characters.
type Place struct {
	Line, Column int32
}

// Value is one value of a document.
type Value struct {
	Kind  Kind
	Flaw  Flaw
	Trap  Trap
	Style Style
	Place
	// Shared is the number of a list, object or date that aliases or merge keys repeat: all its copies have the same. 0
	// has none.
	Shared int32
	// Text is the text, the number as JSON writes it, or true or false.
	Text string
	// written is the plain YAML scalar of a value that is not a string; nil if there is none. This is a pointer, and
	// Unresolved a flaw, because there are millions of values in a large input.
	written *string
	// Members are those of an object, or, without keys, the items of a list.
	Members []Member
}

// Member is a key and its value.
type Member struct {
	Key, Value Value
}

// Scalar reports whether the value is neither list nor object.
func (v *Value) Scalar() bool { return v.Kind != List && v.Kind != Object }

// IsText reports whether the value is that text.
func (v *Value) IsText(text string) bool { return v.Kind == Text && v.Text == text }

// Empty reports whether the value is null or a text of no characters.
func (v *Value) Empty() bool { return v.Kind == Null || v.IsText("") }

// Integer reports whether a number has neither fraction nor exponent.
func (v *Value) Integer() bool { return v.Kind == Number && !strings.ContainsAny(v.Text, ".eE") }

// Member returns the value of a key of an object; nil if it has no such key.
func (v *Value) Member(key string) *Value {
	if v == nil || v.Kind != Object {
		return nil
	}
	for i := range v.Members {
		if m := &v.Members[i]; m.Key.IsText(key) {
			return &m.Value
		}
	}
	return nil
}

// Has reports whether an object has the key.
func (v *Value) Has(key string) bool { return v.Member(key) != nil }

// AsWritten is the scalar as it is in the document.
func (v *Value) AsWritten() string {
	if v.written == nil {
		return v.Text
	}
	return cmp.Or(*v.written, v.Text)
}

// Omitted reports whether the value is the null of YAML that is not written at all.
func (v *Value) Omitted() bool { return v.Kind == Null && (v.written == nil || *v.written == "") }
