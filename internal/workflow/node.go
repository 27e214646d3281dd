// Package workflow writes a workflow as Keep stores it: the text of the YAML that Keep reads, parsed and dumped again.
//
// Keep compares that text at every start of its own and in its editor, so what is stored here must be the same byte for
// byte. Keep dumps with PyYAML over libyaml: block style, lists not indented below their key, the order of keys and the
// quotes of the source kept, everything else as the library chooses. This package chooses alike. What is parsed, and by
// which rules a plain scalar gets its tag, is package manifest's.
package workflow

// Kind is what a node is.
type Kind uint8

// The kinds of a node.
const (
	Text   Kind = iota
	Scalar      // null, a boolean or a number
	Time        // a date, or a date with a time
	List
	Map
)

// Style is how a text was written in the source.
type Style uint8

// The styles that Keep remembers. A folded text (>) is Plain: Keep forgets that it was one.
const (
	Plain Style = iota
	SingleQuoted
	DoubleQuoted
	Literal
)

// Node is one value of a workflow. A list, map or time that is reached twice by the same pointer is written once, with an
// anchor; that is how Keep writes what an alias or a merge key repeats. A node must not hold itself.
type Node struct {
	Kind  Kind
	Style Style // of a Text
	// Special marks a Text that would be something else when it is written plain, such as "yes" or "012".
	Special bool
	// Text is the text itself; null, true or false; a number or time as Python writes it.
	Text string
	// Items are those of a list.
	Items []*Node
	// Pairs are those of a map. Keys are scalars.
	Pairs []Pair
}

// Pair is a key of a map and its value.
type Pair struct {
	Key, Value *Node
}

// shareable says whether a node that is there twice is written once.
func (n *Node) shareable() bool { return n.Kind == List || n.Kind == Map || n.Kind == Time }
