package catalogue

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"keep-bootstrap/internal/document"
	sqlfiles "keep-bootstrap/sql"
)

// The kinds of fields that the program itself speaks of.
const (
	KindBoolean = "boolean"
	KindEnum    = "enum"
)

// Kind says what the values of a kind of fields are.
type Kind struct {
	// Wants reads on after "must be".
	Wants string `json:"wants"`
	// Accepts are kinds of JSON of which every value is accepted: text, number, boolean, list, object.
	Accepts []string `json:"accepts"`
	// Values are single values that are also accepted.
	Values []any `json:"values"`
	// Minimum and Below bound numbers; without Minimum no number is accepted by its size.
	Minimum *float64 `json:"minimum"`
	Below   *float64 `json:"below"`
	// Pattern is the form of texts. With CutScheme it begins after white space and a scheme://, if there is one.
	Pattern   string `json:"pattern"`
	CutScheme bool   `json:"cut_scheme"`
	// True and False are the words for both, in any case.
	True  []string `json:"true"`
	False []string `json:"false"`
	// Pairs says that a list of lists of two is accepted.
	Pairs bool `json:"pairs"`

	form func() *regexp.Regexp
}

// Scheme is what CutScheme cuts off.
const Scheme = `[A-Za-z][A-Za-z0-9+.-]*://`

const space = `[ \t\n\v\f\r]*`

var (
	scheme   = document.Pattern(`^` + space + Scheme)
	template = document.Pattern(`(?s)^` + space + `\{\{.*\}\}` + space + `$`)
)

// Kinds are the kinds of fields by name.
var Kinds = sync.OnceValue(func() map[string]*Kind {
	var file struct {
		Kinds map[string]*Kind `json:"kinds"`
	}
	if err := json.Unmarshal(sqlfiles.FieldKinds, &file); err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	for _, k := range file.Kinds {
		switch {
		case k.CutScheme:
			k.form = document.Pattern(`^` + space + k.Pattern)
		case k.Pattern != "":
			k.form = document.Pattern(k.Pattern)
		}
	}
	return file.Kinds
})

// Wants says what the value must be: "a port number from 1 to 65535".
func (f *Field) Wants() string {
	wants := Kinds()[f.Kind].Wants
	if f.Kind != KindEnum {
		return wants
	}
	quoted := make([]string, len(f.Values))
	for i, value := range f.Values {
		quoted[i] = document.Quote(value)
	}
	return wants + " " + strings.Join(quoted, ", ")
}

// Fits reports whether Keep accepts the value for the field. What each kind accepts was measured on Keep; where nothing was,
// the answer is yes, because refusing a configuration that works is worse than missing a mistake. A text that is one template as
// a whole ({{ env.NAME }}) is filled in by Keep later and always fits.
func (f *Field) Fits(v *document.Value) bool {
	text := v.Kind == document.Text
	switch {
	case v.Kind == document.Null:
		return f.Nullable
	case text && strings.Contains(v.Text, "{{") && template().MatchString(v.Text):
		return true
	case f.Kind == KindEnum:
		return text && slices.Contains(f.Values, v.Text)
	}
	k := Kinds()[f.Kind]
	return slices.Contains(k.Accepts, jsonKind(v.Kind)) || k.hasValue(v) || v.Kind == document.Number && k.inRange(v.Text) ||
		text && k.hasForm(v.Text) || k.Pairs && v.Kind == document.List && allPairs(v)
}

// jsonKind is the word for a kind of values in field-kinds.json.
func jsonKind(k document.Kind) string {
	return [...]string{"null", "boolean", "number", "text", "list", "object"}[k]
}

// Boolean says which boolean Keep makes of a value.
func Boolean(v *document.Value) (value, ok bool) {
	f := Field{Kind: KindBoolean}
	if !f.Fits(v) || v.Kind == document.Text && template().MatchString(v.Text) {
		return false, false
	}
	number, err := strconv.ParseFloat(v.Text, 64)
	return err == nil && number == 1 || slices.Contains(Kinds()[KindBoolean].True, strings.ToLower(v.Text)), true
}

func (k *Kind) hasValue(v *document.Value) bool {
	var value any = v.Text
	switch v.Kind {
	case document.Boolean:
		value = v.Text == "true"
	case document.Number:
		value, _ = strconv.ParseFloat(v.Text, 64)
	}
	return v.Scalar() && slices.Contains(k.Values, value)
}

// inRange compares as Python does, which converts numbers to float.
func (k *Kind) inRange(text string) bool {
	number, err := strconv.ParseFloat(text, 64)
	return k.Minimum != nil && err == nil && number >= *k.Minimum && (k.Below == nil || number < *k.Below)
}

func (k *Kind) hasForm(text string) bool {
	if k.form == nil {
		word := strings.ToLower(text)
		return slices.Contains(k.True, word) || slices.Contains(k.False, word)
	}
	if at := scheme().FindStringIndex(text); k.CutScheme && at != nil {
		text = text[at[1]:]
	}
	return k.form().MatchString(text)
}

// allPairs reports whether each item is a list of two, which Python makes an object of.
func allPairs(v *document.Value) bool {
	return !slices.ContainsFunc(v.Members, func(m document.Member) bool {
		return m.Value.Kind != document.List || len(m.Value.Members) != 2
	})
}
