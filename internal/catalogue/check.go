package catalogue

import (
	"slices"
	"strings"
)

// ValueKind is the kind of a value in JSON's terms.
type ValueKind uint8

// The kinds of values.
const (
	Null ValueKind = iota
	Boolean
	Number
	Text
	List
	Object
)

// Value is what a manifest gives for a field.
type Value struct {
	Kind ValueKind
	// Text is the text; of a number or boolean what JSON writes.
	Text string
	// Items are those of a list.
	Items []Value
	// Unresolved says that the value is a reference whose text is not known here, so that it fits any field.
	Unresolved bool
}

// Given is a field that a manifest gives.
type Given struct {
	Name  string
	Value Value
}

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
	WrongKind
)

// Problem is one mistake in a provider's type or authentication. Its message reads on after the provider's name, is the
// same as that of bootstrap._manifest_problems, and never holds a value.
type Problem struct {
	Sort Sort
	// Given is the index of the given field concerned; -1 where the problem is of the provider as a whole.
	Given   int
	Message string
	Hint    string
}

// flagField is the one key beside the declared fields that Keep takes out of authentication and heeds.
const flagField = "pulling_enabled"

// Check returns what is wrong with a provider of that type and these fields, and says whether the type is known. Unknown
// fields that are no slip of a declared one are among the problems; whether they matter is the caller's decision.
func (c *Catalogue) Check(typeName string, given []Given) (problems []Problem, known bool) {
	t, known := c.types[typeName]
	switch {
	case !known:
		return []Problem{{
			Sort: UnknownType, Given: -1,
			Message: "has the type " + quote(firstRunes(typeName, 100)) + ", which Keep does not know" + c.didYouMean(typeName),
			Hint:    "keep-bootstrap types lists them; --allow-unknown-types installs it for a newer Keep",
		}}, false
	case !t.Installable:
		return []Problem{{
			Sort: NotInstallable, Given: -1,
			Message: "has the type " + quote(typeName) + ", which Keep cannot install: it only receives webhooks",
			Hint:    "remove the provider; its alerts arrive at Keep's webhook without it",
		}}, true
	}
	return t.check(given), true
}

func (c *Catalogue) didYouMean(typeName string) string {
	if near := c.Nearest(typeName); near != "" {
		return ": did you mean " + quote(near) + "?"
	}
	return ""
}

func (t *Type) check(given []Given) []Problem {
	var problems []Problem
	absent := t.absent(given)
	meant := map[string]bool{} // fields that are missing because they are mistyped
	for i := range given {
		g := &given[i]
		field, ok := t.fields[g.Name]
		switch {
		case ok && !g.Value.Unresolved && !field.Fits(g.Value):
			problems = append(problems, Problem{
				Sort: WrongKind, Given: i,
				Message: "has the authentication field " + quote(g.Name) + ", which must be " + field.Wants(),
				Hint:    t.hint(),
			})
		case ok, g.Name == flagField:
		default:
			p := Problem{Sort: UnknownField, Given: i, Message: "has the authentication field " + quote(firstRunes(g.Name, 100)) + ", which Keep ignores"}
			p.Hint = t.hint()
			if near := mistyped(g.Name, absent); near != "" {
				meant[near] = true
				p.Sort = MistypedField
				p.Message += ": did you mean " + quote(near) + "?"
				p.Hint = "rename or remove it"
			}
			problems = append(problems, p)
		}
	}
	for _, f := range absent {
		if f.Required && !meant[f.Name] {
			problems = append(problems, Problem{
				Sort: MissingField, Given: -1,
				Message: "lacks the authentication field " + quote(f.Name) + ", which " + t.Name + " needs",
				Hint:    "add `" + f.Name + ":`, " + f.Wants() + ", below `authentication:`",
			})
		}
	}
	if len(t.OneOf) > 0 && len(meant) == 0 && !slices.ContainsFunc(t.OneOf, func(set []string) bool { return givesAll(absent, set) }) {
		sets := make([]string, len(t.OneOf))
		for i, set := range t.OneOf {
			sets[i] = strings.Join(set, " and ")
		}
		problems = append(problems, Problem{
			Sort: NoneOf, Given: -1,
			Message: "needs one of these sets of authentication fields: " + strings.Join(sets, "; "),
			Hint:    t.hint(),
		})
	}
	return problems
}

// hint names the command that shows the type.
func (t *Type) hint() string { return "keep-bootstrap types " + t.Name + " shows what it takes" }

// absent returns the declared fields that are not given.
func (t *Type) absent(given []Given) []*Field {
	seen := make(map[*Field]bool, len(t.Fields))
	for i := range given {
		if f, ok := t.fields[given[i].Name]; ok {
			seen[f] = true
		}
	}
	if len(seen) == len(t.Fields) {
		return nil
	}
	absent := make([]*Field, 0, len(t.Fields)-len(seen))
	for i := range t.Fields {
		if f := &t.Fields[i]; !seen[f] {
			absent = append(absent, f)
		}
	}
	return absent
}

// givesAll says whether none of the declared fields is absent.
func givesAll(absent []*Field, set []string) bool {
	return !slices.ContainsFunc(absent, func(f *Field) bool { return slices.Contains(set, f.Name) })
}
