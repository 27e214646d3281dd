// Package catalogue knows the types of provider that Keep has and what their authentication needs, and checks one provider
// against them. Both are data: sql/catalogue/provider-types.json and field-kinds.json, the sources of the JSON Schema as well.
package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"keep-bootstrap/internal/document"
	sqlfiles "keep-bootstrap/sql"
)

// Catalogue is a set of types. It is not changed once it is made, so it may be used by several goroutines.
type Catalogue struct {
	types map[string]*Type
}

// Type is one type of provider.
type Type struct {
	Name        string `json:"-"`
	DisplayName string `json:"display_name"`
	// Fields are the authentication fields that Keep declares, sorted by name. It ignores any other.
	Fields []Field `json:"-"`
	// OneOf are sets of fields of which one must be there completely; empty where the type has none.
	OneOf [][]string `json:"one_of"`
	// Installable is false for the types that only receive webhooks.
	Installable bool `json:"installable"`
	// Webhook says that Keep can install its webhook in the service.
	Webhook bool `json:"webhook"`
	// Consumer says that Keep subscribes to a queue instead of being called.
	Consumer bool `json:"consumer"`
	// ComingSoon says that Keep shows the type as not finished.
	ComingSoon bool `json:"coming_soon"`
	// NetworkAtInstall says that Keep calls the service while it installs the provider.
	NetworkAtInstall bool `json:"network_at_install"`
	// Unchecked says that Keep checks no value, but refuses fields that are not declared.
	Unchecked bool `json:"unchecked"`

	Authentication map[string]Field `json:"authentication"`
}

// Field is one authentication field of a type.
type Field struct {
	Name string `json:"-"`
	// Kind is a key of field-kinds.json.
	Kind     string `json:"kind"`
	Required bool   `json:"required"`
	// Nullable says that null is accepted.
	Nullable bool `json:"nullable"`
	// EmptyIsMissing says that a text of no characters counts as not given where one of several sets is needed.
	EmptyIsMissing bool `json:"empty_is_missing"`
	// Secret says that Keep's user interface hides the value.
	Secret bool `json:"secret"`
	// Values are the texts that a field of KindEnum accepts.
	Values []string `json:"values"`
	// Default is what Keep takes when the field is not given, as JSON; nil if there is none.
	Default json.RawMessage `json:"default"`
}

// Field returns the declared field of that name.
func (t *Type) Field(name string) (*Field, bool) {
	i, ok := slices.BinarySearchFunc(t.Fields, name, func(f Field, name string) int { return strings.Compare(f.Name, name) })
	if !ok {
		return nil, false
	}
	return &t.Fields[i], true
}

// BuiltIn returns the catalogue of the program. Reading it takes a millisecond or two, and most commands do without.
var BuiltIn = sync.OnceValue(func() *Catalogue {
	c, err := read(sqlfiles.ProviderTypes)
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	return c
})

// Extend returns the catalogue with the types of data added, and those that it has already replaced. The data is JSON of the
// form {"types": {type: {"authentication": {field: {"kind": ..., "required": true}}}}}; everything else about a type and a
// field may be left out.
//
// The error names the type and field concerned.
func (c *Catalogue) Extend(data []byte) (*Catalogue, error) {
	more, err := read(data)
	if err != nil {
		return nil, err
	}
	types := maps.Clone(c.types)
	maps.Copy(types, more.types)
	return &Catalogue{types}, nil
}

// Names returns the names of all types, sorted.
func (c *Catalogue) Names() []string { return slices.Sorted(maps.Keys(c.types)) }

// Type returns the type of that name.
func (c *Catalogue) Type(name string) (*Type, bool) {
	t, ok := c.types[name]
	return t, ok
}

// Nearest returns the type that can be installed whose name the given one was probably meant to be, or "".
func (c *Catalogue) Nearest(name string) string {
	return document.Similar(name, slices.DeleteFunc(c.Names(), func(name string) bool { return !c.types[name].Installable }))
}

func read(data []byte) (*Catalogue, error) {
	var file struct {
		Types  map[string]*Type `json:"types"`
		Source json.RawMessage  `json:"source"`
		Notes  json.RawMessage  `json:"notes"`
	}
	if err := strict(data, &file); err != nil {
		return nil, fmt.Errorf("not a catalogue of types: %w", err)
	}
	if file.Types == nil {
		return nil, errors.New(`not a catalogue of types: it has no "types"`)
	}
	c := &Catalogue{file.Types}
	for _, name := range c.Names() {
		if err := c.types[name].complete(name); err != nil {
			return nil, fmt.Errorf("type %q: %w", name, err)
		}
	}
	return c, nil
}

// strict reads JSON that has no other keys.
func strict(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("unexpected data after the JSON value")
	}
	return nil
}

// UnmarshalJSON reads a type; one that does not say so can be installed.
func (t *Type) UnmarshalJSON(data []byte) error {
	type plain Type
	p := plain{Installable: true}
	if err := strict(data, &p); err != nil {
		return err
	}
	*t = Type(p)
	return nil
}

// complete sets the fields of a type and checks them.
func (t *Type) complete(name string) error {
	switch {
	case name == "":
		return errors.New("its name is empty")
	case t == nil:
		return errors.New("null is not a type")
	}
	t.Name = name
	for _, field := range slices.Sorted(maps.Keys(t.Authentication)) {
		f := t.Authentication[field]
		switch {
		case Kinds()[f.Kind] == nil:
			kinds := slices.Sorted(maps.Keys(Kinds()))
			return fmt.Errorf("field %q: unknown kind %q; the kinds are %s", field, f.Kind, strings.Join(kinds, ", "))
		case (f.Kind == KindEnum) != (len(f.Values) > 0):
			return fmt.Errorf("field %q: the kind %q needs \"values\", and no other has them", field, KindEnum)
		}
		f.Name = field
		t.Fields = append(t.Fields, f)
	}
	t.Authentication = nil
	for _, set := range t.OneOf {
		for _, field := range set {
			if _, ok := t.Field(field); !ok {
				return fmt.Errorf("one_of names the field %q, which is not declared", field)
			}
		}
	}
	return nil
}
