package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/document"
)

// Position is a place in the input. File is a path as it was given, "stdin", or
// the name of an environment variable. Line and Column count from 1, the column
// in characters; both are 0 when the problem concerns the file as a whole.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String gives the position as file:line:column, the form that editors follow.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// The codes that a Problem may carry in addition to those of package document. They are stable, so that a program may act on
// them; the messages are for people and may change.
const (
	CodeConflict    = "conflict"    // two settings that exclude each other
	CodeDuplicate   = "duplicate"   // the same resource, old name, rule or secret twice
	CodeEmpty       = "empty"       // a file or variable that holds nothing
	CodeIgnored     = "ignored"     // something that is set but not read
	CodeMisplaced   = "misplaced"   // a key or file where Keep does not look for it
	CodeName        = "name"        // a name that cannot be used
	CodeNotBuilt    = "not-built"   // a resource of Keep that is not supported yet
	CodePlaceholder = "placeholder" // what another tool was to fill in
	CodeReference   = "reference"   // a $(...) that cannot be resolved
	CodeTemplate    = "template"    // a {{ env.NAME }} that Keep itself fills in
	CodeTrap        = "trap"        // a plain YAML value that means something unexpected
	CodeUnreadable  = "unreadable"  // a file that cannot be read

	CodeMissing    = catalogue.CodeMissing
	CodeType       = catalogue.CodeType
	CodeUnknownKey = catalogue.CodeUnknownKey

	CodeEncoding = document.CodeEncoding
	CodeKind     = document.CodeKind
	CodeSyntax   = document.CodeSyntax
	CodeTooLarge = document.CodeTooLarge
	CodeValue    = document.CodeValue
)

// Problem is one mistake of the input, or one warning. It never holds a value
// of an authentication key or of a resolved reference: it may
// be printed and logged.
type Problem struct {
	Position

	// Provider is the name of the provider concerned, if it is known.
	Provider string `json:"provider,omitempty"`
	// Kind and Name are those of the resource concerned where it is no provider: one of the Kind constants, and its name
	// where that is known.
	Kind string `json:"kind,omitempty"`
	Name string `json:"name,omitempty"`
	// Code says which sort of mistake it is; one of the Code constants.
	Code string `json:"code"`
	// Message says what is wrong.
	Message string `json:"message"`
	// Hint says how to put it right.
	Hint string `json:"hint,omitempty"`
	// Snippet is the line concerned, with everything that could be a secret
	// replaced by "..."; empty where that cannot be told. Up to what was
	// replaced, its columns are those of the file, so a caret may be put below.
	Snippet string `json:"snippet,omitempty"`

	source int // the number of its file or variable
}

// String gives the problem as one line: file:line:column: what (and the fix).
func (p Problem) String() string {
	var text strings.Builder
	text.WriteString(p.Position.String())
	text.WriteString(": ")
	if p.Provider != "" {
		fmt.Fprintf(&text, "provider %s: ", document.Quote(p.Provider))
	}
	if p.Name != "" {
		fmt.Fprintf(&text, "%s %s: ", called(p.Kind), document.Quote(p.Name))
	}
	text.WriteString(p.Message)
	if p.Hint != "" {
		fmt.Fprintf(&text, " (%s)", p.Hint)
	}
	return text.String()
}

// MaxProblems is how many problems, and how many warnings, are kept. The others
// are only counted.
const MaxProblems = 100

// Problems is the error of an input that has mistakes.
type Problems struct {
	// List holds the first MaxProblems of them, in the order of the input.
	List []Problem `json:"problems"`
	// Total is how many there are.
	Total int `json:"total"`
}

// Error lists the problems, one per line.
func (p *Problems) Error() string {
	var text strings.Builder
	for i, problem := range p.List {
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(problem.String())
	}
	if more := p.Total - len(p.List); more > 0 {
		fmt.Fprintf(&text, "\nand %d more", more)
	}
	return text.String()
}

// ErrNoSource is matched (errors.Is) by the error that Load returns when nothing
// says where the input is. That is not the same as an empty manifest.
var ErrNoSource = errors.New("nothing to install")

// add counts a problem and returns it as it is kept; nil if it is not one of the first of the input.
func (p *Problems) add(problem Problem) *Problem {
	p.Total++
	at, _ := slices.BinarySearchFunc(p.List, problem, func(known, added Problem) int {
		return cmp.Or(
			cmp.Compare(known.source, added.source), cmp.Compare(known.Line, added.Line),
			cmp.Compare(known.Column, added.Column), -1, // what was found first stays in front
		)
	})
	if at == MaxProblems {
		return nil
	}
	p.List = slices.Insert(p.List[:min(len(p.List), MaxProblems-1)], at, problem)
	return &p.List[at]
}

// note adds a fault of an item to one of the lists. The snippet shows the value of the fault's key only when show is set.
func (i *item) note(list *Problems, f document.Fault, show bool) {
	s := i.source
	at := Position{File: s.name, Line: int(f.Line), Column: int(f.Column)}
	p := list.add(Problem{Position: at, Code: f.Code, Message: f.Message, Hint: f.Hint, source: s.number})
	if p == nil {
		return
	}
	if i.kind == KindProvider {
		p.Provider = i.name
	} else {
		p.Kind, p.Name = i.kind, i.name
	}
	switch f.Code {
	case document.CodeSyntax, document.CodeDocuments:
		p.Snippet = s.brokenSnippet(p.Line)
	case document.CodeEncoding:
	default:
		p.Snippet = s.snippet(p.Line, show, f.Key)
	}
}

func (i *item) fail(f document.Fault) { i.note(&i.reader.problems, f, false) }
func (i *item) warn(f document.Fault) { i.note(&i.reader.warnings, f, false) }

// suspect is a remark, and with --strict a problem.
func (i *item) suspect(f document.Fault) {
	if i.reader.options.Strict {
		i.fail(f)
	} else {
		i.warn(f)
	}
}

// show is fail for a value that is not secret.
func (i *item) show(f document.Fault) { i.note(&i.reader.problems, f, true) }

// at makes a fault of a value.
func at(v *document.Value, key, code, message, hint string) document.Fault {
	return document.Fault{Place: v.Place, Key: key, Code: code, Message: message, Hint: hint}
}
