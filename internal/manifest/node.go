package manifest

import (
	yaml "go.yaml.in/yaml/v4"

	"keep-bootstrap/internal/workflow"
)

// MaxDepth is how deep lists and objects may be nested.
const MaxDepth = 100

// kind is the kind of a value in JSON's terms, which are all that Keep can store.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindText
	kindList
	kindObject
)

// String names the kind with its article, for "expected an object, not a list".
func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a text", "a list", "an object"}[k]
}

// node is one value of the input, JSON and YAML alike. A node is first unread:
// kind, place and, for a scalar, its text are there, its members are not.
// Reading one entry at a time is what keeps memory small for large inputs.
type node struct {
	kind         kind
	trap         trap
	unresolved   bool // a reference that is not resolved, or cannot be
	line, column int32

	// text is the text, the number as JSON writes it, or true or false.
	text string
	// written is the plain YAML scalar behind a value that is not a text.
	written string
	// members are those of an object, or, without keys, the items of a list.
	members []member

	// Where to read the members from: a range of the JSON, or a node of the YAML.
	start, end int
	yaml       *yaml.Node
}

// member is a key and its value.
type member struct {
	key, value node
}

// integer says whether a number has neither fraction nor exponent.
func (n *node) integer() bool {
	if n.kind != kindNumber {
		return false
	}
	for i := range len(n.text) {
		switch n.text[i] {
		case '.', 'e', 'E':
			return false
		}
	}
	return true
}

// scalar says whether the node is neither list nor object.
func (n *node) scalar() bool { return n.kind != kindList && n.kind != kindObject }

// member returns the value of a key of an object that was read.
func (n *node) member(key string) *node {
	for i := range n.members {
		if n.members[i].key.kind == kindText && n.members[i].key.text == key {
			return &n.members[i].value
		}
	}
	return nil
}

// document is a parsed file or variable. Syntax was checked before there is one.
type document interface {
	// root returns the outermost value, unread.
	root() node
	// children yields the members or items of n, unread, in order. With report
	// set it reports what cannot be stored. A key that is there twice may be
	// yielded twice, and a member is valid only until the next one.
	children(n *node, report bool, yield func(*member) bool)
	// read reads everything below n and reports what Keep could not store. What
	// it read before is no longer valid then.
	read(n *node)
	// store says that a workflow is read next: what has a form in YAML only is then no problem.
	store(on bool)
	// tree returns what is at n as Keep's YAML reader constructs it. Call it only where read found no problem.
	tree(n *node) *workflow.Node
}

// fault is a problem that a reader found, before anything is known of providers.
type fault struct {
	line, column  int32
	key           string // the key whose value is concerned, if any
	code          string
	message, hint string
	kind, name    string // of the resource, where it is no provider
}

// Messages that both readers give.

func faultNUL(n *node, key string) fault {
	return fault{
		line: n.line, column: n.column, key: key, code: CodeEncoding,
		message: "this text holds a NUL character, which PostgreSQL cannot store",
		hint:    "remove it",
	}
}

func faultDepth(line, column int32) fault {
	return fault{
		line: line, column: column, code: CodeTooDeep,
		message: "lists and objects are nested deeper than 100 levels",
		hint:    "flatten the value",
	}
}

func faultDuplicateKey(key, first *node) fault {
	return fault{
		line: key.line, column: key.column, key: key.text, code: CodeDuplicateKey,
		message: "the key " + quote(key.text) + " is already at line " + itoa(first.line) + ", column " + itoa(first.column),
		hint:    "keep one of the two; Keep would silently use the last",
	}
}

func faultNumber(n *node, key string) fault {
	return fault{
		line: n.line, column: n.column, key: key, code: CodeValue,
		message: "this number is larger than can be stored",
		hint:    "put it in quotes to store it as text",
	}
}

// duplicates finds keys that an object has twice. Objects are small as a rule,
// so a map is made only for the others.
type duplicates struct {
	few   [16]*node
	count int
	many  map[string]*node
}

// add remembers a key and returns the earlier one of the same text, if any.
func (d *duplicates) add(key *node) *node {
	if d.many != nil {
		if known, ok := d.many[key.text]; ok {
			return known
		}
		d.many[key.text] = key
		return nil
	}
	for _, known := range d.few[:d.count] {
		if known.text == key.text {
			return known
		}
	}
	if d.count < len(d.few) {
		d.few[d.count] = key
		d.count++
		return nil
	}
	d.many = make(map[string]*node, 4*len(d.few))
	for _, known := range d.few {
		d.many[known.text] = known
	}
	d.many[key.text] = key
	return nil
}

// arena gives out slices of members. They are taken back when the next entry is
// read: by then, what is kept of an entry are strings.
type arena struct {
	slab []member
	used int
}

// reset takes all slices back.
func (a *arena) reset() {
	const keep = 1 << 12 // an unusually large entry does not stay for good
	if len(a.slab) > keep {
		a.slab = nil
	}
	a.used = 0
}

// take returns a slice of n empty members.
func (a *arena) take(n int) []member {
	const least = 64
	if a.used+n > len(a.slab) {
		a.slab, a.used = make([]member, max(least, 2*len(a.slab), n)), 0 // slices of the old slab stay valid
	}
	taken := a.slab[a.used : a.used+n : a.used+n]
	a.used += n
	clear(taken)
	return taken
}
