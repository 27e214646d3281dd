package catalogue

import (
	"slices"
	"strings"

	"keep-bootstrap/internal/document"
)

// Sort is the sort of a problem.
type Sort uint8

// The sorts of problems.
const (
	UnknownType Sort = iota
	NotInstallable
	MissingField
	NoneOf        // none of the sets of which one is needed
	MistypedField // an unknown field that looks like a declared one that is missing
	UnknownField  // any other unknown field; Keep ignores it
	RefusedField  // an unknown field of a type that refuses them
	WrongKind
)

// Problem is one mistake in a provider's type or authentication. Its message reads on after the provider's name and never
// holds a value.
type Problem struct {
	Sort Sort
	// Member is the field concerned; nil if the problem is of the provider as a whole.
	Member        *document.Member
	Message, Hint string
}

// flagField is the one undeclared key of authentication that Keep obeys.
const flagField = "pulling_enabled"

// Check returns what is wrong with a provider of that type and these fields; nil and null have none. Unknown fields that are
// no slip of a declared one are among the problems; whether they matter is the caller's decision.
func (c *Catalogue) Check(typeName string, fields *document.Value) []Problem {
	t, known := c.types[typeName]
	switch {
	case !known:
		said := "has the type " + document.Quote(typeName) + ", which Keep does not know"
		if near := c.Nearest(typeName); near != "" {
			said += ": did you mean " + document.Quote(near) + "?"
		}
		return []Problem{{
			Sort: UnknownType, Message: said,
			Hint: "run keep-bootstrap types to list them; --allow-unknown-types installs it for a newer Keep",
		}}
	case !t.Installable:
		return []Problem{{
			Sort: NotInstallable, Message: "has the type " + document.Quote(typeName) + ", which Keep cannot install: it only receives webhooks",
			Hint: "remove the provider; its alerts arrive at Keep's webhook without it",
		}}
	}
	return t.check(fields)
}

func (t *Type) check(fields *document.Value) []Problem {
	var problems []Problem
	var missing []string // declared fields that are not there at all
	for i := range t.Fields {
		if !fields.Has(t.Fields[i].Name) {
			missing = append(missing, t.Fields[i].Name)
		}
	}
	meant := map[string]bool{} // fields that are missing because they are mistyped
	for i := 0; fields != nil && i < len(fields.Members); i++ {
		m := &fields.Members[i]
		name := m.Key.Text
		f, declared := t.Field(name)
		switch {
		case declared && !t.Unchecked && m.Value.Flaw != document.Unresolved && !f.Fits(&m.Value):
			problems = append(problems, Problem{
				Sort: WrongKind, Member: m, Message: "has the authentication field " + document.Quote(name) + ", which must be " + f.Wants(), Hint: t.hint(),
			})
		case !declared && name != flagField:
			p := t.unknown(m, missing)
			if p.Sort == MistypedField {
				meant[document.Similar(name, missing)] = true
			}
			problems = append(problems, p)
		}
	}
	for i := range t.Fields {
		if f := &t.Fields[i]; f.Required && !meant[f.Name] && slices.Contains(missing, f.Name) {
			problems = append(problems, Problem{
				Sort: MissingField, Message: "lacks the authentication field " + document.Quote(f.Name) + ", which " + t.Name + " needs",
				Hint: "add `" + f.Name + ":`, " + f.Wants() + ", below `authentication:`",
			})
		}
	}
	if len(t.OneOf) > 0 && len(meant) == 0 && !slices.ContainsFunc(t.OneOf, func(set []string) bool { return t.gives(fields, set) }) {
		sets := make([]string, len(t.OneOf))
		for i, set := range t.OneOf {
			sets[i] = strings.Join(set, " and ")
		}
		problems = append(problems, Problem{Sort: NoneOf, Message: "needs one of these sets of authentication fields: " + strings.Join(sets, "; "), Hint: t.hint()})
	}
	return problems
}

// unknown is a problem of a field that the type does not declare.
func (t *Type) unknown(m *document.Member, missing []string) Problem {
	p := Problem{Sort: UnknownField, Member: m, Message: "has the authentication field " + document.Quote(m.Key.Text) + ", which Keep ignores", Hint: t.hint()}
	if t.Unchecked {
		p.Sort = RefusedField
		p.Message = "has the authentication field " + document.Quote(m.Key.Text) + ", which Keep refuses"
	}
	if near := document.Similar(m.Key.Text, missing); near != "" {
		p.Sort = MistypedField
		p.Message += ": did you mean " + document.Quote(near) + "?"
		p.Hint = "rename or remove it"
	}
	return p
}

// gives reports whether all fields of a set exist. null counts as not given, and so does an empty text of some fields.
func (t *Type) gives(fields *document.Value, set []string) bool {
	return !slices.ContainsFunc(set, func(name string) bool {
		v := fields.Member(name)
		f, _ := t.Field(name)
		return v == nil || v.Kind == document.Null || f.EmptyIsMissing && v.IsText("")
	})
}

// hint names the command that shows the type.
func (t *Type) hint() string { return "keep-bootstrap types " + t.Name + " shows what it takes" }
