package document

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The codes of the faults of this package. They are stable, so that a program may act on them.
const (
	CodeAlias        = "alias"         // an anchor or alias that expands without bound
	CodeDocuments    = "documents"     // more than one YAML document in a file
	CodeDuplicateKey = "duplicate-key" // the same key twice in one object
	CodeEncoding     = "encoding"      // not UTF-8, or a NUL
	CodeKind         = "kind"          // a value of the wrong kind
	CodeSyntax       = "syntax"        // not valid JSON or YAML
	CodeTag          = "tag"           // a YAML tag that is not accepted
	CodeTooDeep      = "too-deep"      // nested deeper than MaxDepth
	CodeTooLarge     = "too-large"     // larger than a limit
	CodeValue        = "value"         // a value that Keep cannot store
)

// Fault is one mistake: what is wrong, where, and what to do. It never holds a value.
type Fault struct {
	Place
	Key           string // the key whose value is concerned, if any
	Code          string
	Message, Hint string
}

// Flaw says why a value cannot be stored.
type Flaw uint8

// The flaws. Date and NotFinite have no form in JSON, and one in the text of a workflow.
const (
	Sound      Flaw = iota
	Unresolved      // no flaw: a reference, and what it refers to is not known
	Date
	NotFinite
	badNumber    // looks like a number but is not one
	badTagged    // the text is no value of its tag
	tooLarge     // more digits than Python converts, or beyond a float
	reserved     // a lone = or <<
	badTag       // a tag that is not accepted; written is a known one
	badAnchor    // an anchor with characters that none can have
	tooDeep      // deeper than MaxDepth
	recursive    // a recursive anchor
	duplicateKey // of a key: the object has it already
	compoundKey  // of a key: a list or an object
	braces       // of a key: {{ without quotes
	badMerge     // of a key: << does not name an object
)

// dropped reports whether a member with such a key has no meaning.
func (f Flaw) dropped() bool { return f >= duplicateKey }

// Checked says what Check is to look at.
type Checked uint8

// What Check looks at: all below a value, or a list or object with its keys and scalars only. In a workflow, which
// Keep stores as text, dates and infinite numbers are no fault.
const (
	Deep Checked = iota
	Shallow
	Workflow
	Dates // all below, and dates are texts
)

// Check reports what is wrong with a value and drops the members that have no meaning, as the second of two equal keys.
func (v *Value) Check(what Checked, report func(Fault)) {
	c := checker{what, report}
	c.value(v, "")
}

type checker struct {
	what   Checked
	report func(Fault)
}

func (c *checker) value(v *Value, key string) {
	c.scalar(v, key)
	if v.Scalar() {
		return
	}
	kept := v.Members[:0]
	for i := range v.Members {
		m := &v.Members[i]
		below := key
		if v.Kind == Object {
			below = m.Key.Text
			c.key(v, &m.Key)
			if m.Key.Flaw.dropped() {
				continue
			}
		}
		if c.what != Shallow || m.Value.Scalar() {
			c.value(&m.Value, below)
		}
		kept = append(kept, *m)
	}
	v.Members = kept
}

func (c *checker) key(object, key *Value) {
	if key.Flaw != duplicateKey {
		c.scalar(key, "") // after a missing space, a secret is a key
		return
	}
	i := slices.IndexFunc(object.Members, func(m Member) bool { return m.Key.Text == key.Text })
	first := object.Members[i].Key
	c.report(Fault{
		Place: key.Place, Key: key.Text, Code: CodeDuplicateKey,
		Message: fmt.Sprintf("the key %s is already at line %d, column %d", Quote(key.Text), first.Line, first.Column),
		Hint:    "keep one of the two; Keep would silently use the last",
	})
}

// scalar reports what is wrong with a value itself.
func (c *checker) scalar(v *Value, key string) {
	if v.Kind == Text && strings.IndexByte(v.Text, 0) >= 0 {
		c.report(Fault{
			Place: v.Place, Key: key, Code: CodeEncoding,
			Message: "this string contains a NUL character, which PostgreSQL cannot store", Hint: "remove it",
		})
	}
	if v.Flaw == Sound || v.Flaw == Unresolved {
		return
	}
	if v.Flaw == Date && (c.what == Workflow || c.what == Dates) || v.Flaw == NotFinite && c.what == Workflow {
		return
	}
	f := faults[v.Flaw]
	f.Place, f.Key, f.Code = v.Place, key, cmp.Or(f.Code, CodeValue)
	switch {
	case v.Flaw == badTag && v.written != nil:
		f.Message = "the tag " + Quote(*v.written) + " is not allowed here"
		f.Hint = "remove it; only !!str, !!int, !!float, !!bool and !!null have a meaning for Keep"
	case f.Hint == "":
		f.Hint = "put it in quotes to store it as text"
		fallthrough
	case v.Flaw == badTag, v.Flaw == badAnchor: // it may be a password
		f.Hint += ": " + Example(key)
	}
	c.report(f)
}

// faults are those of the flaws. Without a hint, quotes help.
var faults = map[Flaw]Fault{
	Date:      {Message: "a plain date or time cannot be stored by Keep"},
	NotFinite: {Message: "infinity and not-a-number cannot be stored"},
	badNumber: {Message: "this looks like a number but is not one"},
	badTagged: {Message: "the value does not fit its tag"},
	tooLarge:  {Message: "this number is larger than can be stored"},
	reserved:  {Message: "a lone = or << has a special meaning in YAML"},
	badTag:    {Code: CodeTag, Message: "a tag that is not allowed here", Hint: "remove it, or put a string that starts with ! in quotes"},
	tooDeep: {
		Code: CodeTooDeep, Message: "lists and objects are nested deeper than " + strconv.Itoa(MaxDepth) + " levels",
		Hint: "flatten the value",
	},
	badAnchor:   {Code: CodeAlias, Message: "an anchor (&) with invalid characters", Hint: "put a string that starts with & in quotes"},
	recursive:   {Code: CodeAlias, Message: "a recursive anchor", Hint: "write the value out"},
	compoundKey: {Code: CodeKind, Message: "a list or an object cannot be a key", Hint: "write the key as text"},
	braces:      {Code: CodeKind, Message: "braces inside braces without quotes", Hint: `a string that starts with { must be in quotes: "{{ ... }}"`},
	badMerge:    {Code: CodeAlias, Message: "<< must name an object, or a list of objects, that is not recursive", Hint: "write <<: *anchor"},
}

// Quote quotes a name or key for a message: printable, on one line, and short.
func Quote(text string) string {
	quoted := fmt.Sprintf("%.80q", text)
	if utf8.RuneCountInString(text) > 80 {
		quoted += "..."
	}
	return quoted
}

// anchorCharacters are what Keep's reader takes in the name of an anchor.
const anchorCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

// Example shows how to write the value of a key as text.
func Example(key string) string {
	const longest = 60
	if key == "" || len(key) > longest || strings.Trim(key, anchorCharacters+".") != "" {
		return `"..."`
	}
	return key + `: "..."`
}
