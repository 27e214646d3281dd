package catalogue

import (
	"slices"
	"strings"

	"keep-bootstrap/internal/document"
)

// The codes of the problems of Check.
const (
	CodeKind       = document.CodeKind
	CodeMissing    = "missing"     // a field that is required
	CodeType       = "type"        // a type that Keep does not know or cannot install
	CodeUnknownKey = "unknown-key" // a field that the type does not have
)

// Problem is one mistake in a provider's type or authentication, at the value concerned. Its message reads on after the
// provider's name and never holds a value of authentication.
type Problem struct {
	document.Fault
	// Ignored says that Keep ignores the field concerned, which does not look like a slip of another one.
	Ignored bool
}

// flagField is the one undeclared key of authentication that Keep obeys.
const flagField = "pulling_enabled"

// Check returns what is wrong with a provider of that type and these fields; nil and null have none. Fields that are missing
// are reported at the key that the fields stand below. Whether ignored fields matter is the caller's decision.
func (c *Catalogue) Check(typeName, below, fields *document.Value) []Problem {
	t, known := c.types[typeName.Text]
	f := document.Fault{Place: typeName.Place, Key: "type", Code: CodeType}
	switch {
	case !known:
		f.Message = "has the type " + document.Quote(typeName.Text) + ", which Keep does not know"
		if near := c.Nearest(typeName.Text); near != "" {
			f.Message += ": did you mean " + document.Quote(near) + "?"
		}
		f.Hint = "run keep-bootstrap types to list them; --allow-unknown-types installs it for a newer Keep"
	case !t.Installable:
		f.Message = "has the type " + document.Quote(t.Name) + ", which Keep cannot install: it only receives webhooks"
		f.Hint = "remove the provider; its alerts arrive at Keep's webhook without it"
	default:
		return t.check(below, fields)
	}
	return []Problem{{Fault: f}}
}

func (t *Type) check(below, fields *document.Value) (problems []Problem) {
	report := func(at *document.Value, key, code, message, hint string) {
		f := document.Fault{Place: at.Place, Key: key, Code: code, Message: message, Hint: hint}
		problems = append(problems, Problem{Fault: f})
	}
	seeType := "keep-bootstrap types " + t.Name + " shows what it takes"
	which := ", which Keep ignores"
	if t.Unchecked {
		which = ", which Keep refuses"
	}
	var missing []string // declared fields that are not there at all
	for i := range t.Fields {
		if !fields.Has(t.Fields[i].Name) {
			missing = append(missing, t.Fields[i].Name)
		}
	}
	meant := map[string]bool{} // fields that are missing because they are mistyped
	for i := 0; fields != nil && i < len(fields.Members); i++ {
		key, value := &fields.Members[i].Key, &fields.Members[i].Value
		said := "has the authentication field " + document.Quote(key.Text)
		if f, declared := t.Field(key.Text); declared {
			if !t.Unchecked && value.Flaw != document.Unresolved && !f.Fits(value) {
				report(value, key.Text, CodeKind, said+", which must be "+f.Wants(), seeType)
			}
		} else if near := document.Similar(key.Text, missing); near != "" && key.Text != flagField {
			meant[near] = true
			report(key, key.Text, CodeUnknownKey, said+which+": did you mean "+document.Quote(near)+"?", "rename or remove it")
		} else if key.Text != flagField {
			report(key, key.Text, CodeUnknownKey, said+which, seeType)
			problems[len(problems)-1].Ignored = !t.Unchecked
		}
	}
	for i := range t.Fields {
		if f := &t.Fields[i]; f.Required && !meant[f.Name] && slices.Contains(missing, f.Name) {
			report(below, below.Text, CodeMissing,
				"lacks the authentication field "+document.Quote(f.Name)+", which "+t.Name+" needs",
				"add `"+f.Name+":`, "+f.Wants()+", below `authentication:`")
		}
	}
	given := func(set []string) bool { return t.gives(fields, set) }
	if len(t.OneOf) > 0 && len(meant) == 0 && !slices.ContainsFunc(t.OneOf, given) {
		sets := make([]string, len(t.OneOf))
		for i, set := range t.OneOf {
			sets[i] = strings.Join(set, " and ")
		}
		report(below, below.Text, CodeMissing,
			"needs one of these sets of authentication fields: "+strings.Join(sets, "; "), seeType)
	}
	return problems
}

// gives reports whether all fields of a set exist. null counts as not given, and so does an empty text of some fields.
func (t *Type) gives(fields *document.Value, set []string) bool {
	return !slices.ContainsFunc(set, func(name string) bool {
		v := fields.Member(name)
		f, _ := t.Field(name)
		return v == nil || v.Kind == document.Null || f.EmptyIsMissing && v.IsText("")
	})
}
