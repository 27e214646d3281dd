// Package catalogue knows the types of provider that Keep has and what their authentication needs, and checks one
// provider against them.
//
// The data is that of the migration that fills bootstrap.provider_type, so what is found here without a database is what
// bootstrap._manifest_problems finds inside it, in the same words. A test holds both against each other.
package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	sqlfiles "keep-bootstrap/sql"
)

// Catalogue is a set of types. It is not changed once it is made, so it may be used by several goroutines.
type Catalogue struct {
	types map[string]*Type
	names []string // sorted
}

// Type is one type of provider.
type Type struct {
	Name        string
	DisplayName string
	// Fields are the authentication fields that Keep declares, sorted by name. It ignores any other.
	Fields []Field
	// OneOf are sets of fields of which one must be there completely; empty where the type has none.
	OneOf [][]string
	// Installable is false for the types that only receive webhooks.
	Installable bool
	// Webhook says that Keep can install its webhook in the service.
	Webhook bool
	// Consumer says that Keep subscribes to a queue instead of being called.
	Consumer bool
	// ComingSoon says that Keep shows the type as not finished.
	ComingSoon bool
	// NetworkAtInstall says that Keep calls the service while it installs the provider.
	NetworkAtInstall bool

	fields map[string]*Field
	pairs  []uint16 // of the name, for Nearest
}

// Field is one authentication field of a type.
type Field struct {
	Name     string
	Kind     Kind
	Required bool
	// Nullable says that null is accepted.
	Nullable bool
	// Secret says that Keep's user interface hides the value.
	Secret bool
	// Values are the texts that a field of KindEnum accepts.
	Values []string
	// Default is what Keep takes when the field is not given, as JSON; nil where there is none.
	Default json.RawMessage
}

// Field returns the declared field of that name.
func (t *Type) Field(name string) (*Field, bool) {
	f, ok := t.fields[name]
	return f, ok
}

// builtIn is the catalogue of the program. Reading it takes a millisecond or two, and most commands do without.
var builtIn = sync.OnceValue(func() *Catalogue {
	c, err := read(sqlfiles.ProviderTypes)
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	return c
})

// BuiltIn returns the catalogue of the program.
func BuiltIn() *Catalogue { return builtIn() }

// Extend returns the catalogue with the types of data added, and those that it has already replaced. The data is JSON of
// the form {"types": {type: {"authentication": {field: {"kind": ..., "required": true}}}}}; everything else about a type
// and a field may be left out.
//
// The error names the type and field concerned.
func (c *Catalogue) Extend(data []byte) (*Catalogue, error) {
	more, err := read(data)
	if err != nil {
		return nil, err
	}
	types := maps.Clone(c.types)
	maps.Copy(types, more.types)
	return &Catalogue{types: types, names: slices.Sorted(maps.Keys(types))}, nil
}

// Names returns the names of all types, sorted.
func (c *Catalogue) Names() []string { return slices.Clone(c.names) }

// Type returns the type of that name.
func (c *Catalogue) Type(name string) (*Type, bool) {
	t, ok := c.types[name]
	return t, ok
}

// document is the file that a catalogue is read from.
type document struct {
	Types map[string]*documentType `json:"types"`

	Source json.RawMessage `json:"source"`
	Notes  json.RawMessage `json:"notes"`
}

type documentType struct {
	DisplayName      string                    `json:"display_name"`
	Authentication   map[string]*documentField `json:"authentication"`
	OneOf            [][]string                `json:"one_of"`
	Installable      *bool                     `json:"installable"`
	Webhook          bool                      `json:"webhook"`
	Consumer         bool                      `json:"consumer"`
	ComingSoon       bool                      `json:"coming_soon"`
	NetworkAtInstall bool                      `json:"network_at_install"`
}

type documentField struct {
	Kind     Kind            `json:"kind"`
	Required bool            `json:"required"`
	Nullable bool            `json:"nullable"`
	Secret   bool            `json:"secret"`
	Values   []string        `json:"values"`
	Default  json.RawMessage `json:"default"`
}

func read(data []byte) (*Catalogue, error) {
	var doc document
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("not a catalogue of types: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not a catalogue of types: the JSON goes on after its end")
	}
	if doc.Types == nil {
		return nil, errors.New(`not a catalogue of types: it has no "types"`)
	}
	c := &Catalogue{types: make(map[string]*Type, len(doc.Types)), names: slices.Sorted(maps.Keys(doc.Types))}
	for _, name := range c.names {
		t, err := doc.Types[name].read(name)
		if err != nil {
			return nil, fmt.Errorf("type %q: %w", name, err)
		}
		c.types[name] = t
	}
	return c, nil
}

func (d *documentType) read(name string) (*Type, error) {
	switch {
	case name == "":
		return nil, errors.New("its name is empty")
	case d == nil:
		return nil, errors.New("null is not a type")
	}
	t := &Type{
		Name: name, DisplayName: d.DisplayName, OneOf: d.OneOf, Installable: d.Installable == nil || *d.Installable,
		Webhook: d.Webhook, Consumer: d.Consumer, ComingSoon: d.ComingSoon, NetworkAtInstall: d.NetworkAtInstall,
		Fields: make([]Field, 0, len(d.Authentication)), fields: make(map[string]*Field, len(d.Authentication)),
		pairs: pairsOf(plain(name)),
	}
	for _, field := range slices.Sorted(maps.Keys(d.Authentication)) {
		f := d.Authentication[field]
		switch {
		case f == nil:
			return nil, fmt.Errorf("field %q: null is not a field", field)
		case !f.Kind.known():
			return nil, fmt.Errorf("field %q: the kind %q is not known; there are %s", field, f.Kind, kindNames())
		case (f.Kind == KindEnum) != (len(f.Values) > 0):
			return nil, fmt.Errorf("field %q: the kind %q needs \"values\", and no other has them", field, KindEnum)
		}
		t.Fields = append(t.Fields, Field{
			Name: field, Kind: f.Kind, Required: f.Required, Nullable: f.Nullable, Secret: f.Secret, Values: f.Values, Default: f.Default,
		})
	}
	for i := range t.Fields {
		t.fields[t.Fields[i].Name] = &t.Fields[i]
	}
	for _, set := range t.OneOf {
		for _, field := range set {
			if t.fields[field] == nil {
				return nil, fmt.Errorf("one_of names the field %q, which is not declared", field)
			}
		}
	}
	return t, nil
}
