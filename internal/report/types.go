package report

import (
	"encoding/json"
	"strings"

	"keep-bootstrap/internal/catalogue"
)

// typeLine is a type as JSON.
type typeLine struct {
	Type             string      `json:"type"` // "provider_type"
	Name             string      `json:"name"`
	DisplayName      string      `json:"display_name,omitempty"`
	Installable      bool        `json:"installable"`
	Webhook          bool        `json:"webhook"`
	Consumer         bool        `json:"consumer"`
	ComingSoon       bool        `json:"coming_soon"`
	NetworkAtInstall bool        `json:"network_at_install"`
	Fields           []fieldLine `json:"fields"`
	OneOf            [][]string  `json:"one_of,omitempty"`
}

// fieldLine is an authentication field as JSON.
type fieldLine struct {
	Name     string              `json:"name"`
	Kind     catalogue.FieldKind `json:"kind"`
	Required bool                `json:"required"`
	Nullable bool                `json:"nullable"`
	Secret   bool                `json:"secret"`
	Values   []string            `json:"values,omitempty"`
	Default  json.RawMessage     `json:"default,omitempty"`
}

func (w *Writer) typeLine(t *catalogue.Type) {
	line := typeLine{
		"provider_type", t.Name, t.DisplayName, t.Installable, t.Webhook, t.Consumer, t.ComingSoon, t.NetworkAtInstall,
		make([]fieldLine, len(t.Fields)), t.OneOf,
	}
	for i, f := range t.Fields {
		line.Fields[i] = fieldLine{f.Name, f.Kind, f.Required, f.Nullable, f.Secret, f.Values, f.Default}
	}
	w.line(line)
}

// Types shows all types of a catalogue.
func (w *Writer) Types(types *catalogue.Catalogue) error {
	rows := [][]string{{"TYPE", "NAME", "REQUIRED FIELDS", "NOTES"}}
	for _, name := range types.Names() {
		t, _ := types.Type(name)
		if w.Format == JSON {
			w.typeLine(t)
			continue
		}
		var required []string
		for _, f := range t.Fields {
			if f.Required {
				required = append(required, f.Name)
			}
		}
		if len(t.OneOf) > 0 {
			required = append(required, "one of sets")
		}
		rows = append(rows, []string{Name(t.Name), Name(t.DisplayName), strings.Join(required, ", "), strings.Join(traits(t), ", ")})
	}
	if w.Format == JSON {
		return w.err
	}
	return w.table(rows)
}

// traits are those of a type that an operator should know.
func traits(t *catalogue.Type) []string {
	var held []string
	for _, trait := range []struct {
		holds bool
		text  string
	}{
		{!t.Installable, "cannot be installed"},
		{t.Webhook, "webhook"},
		{t.Consumer, "consumer"},
		{t.NetworkAtInstall, "called at install"},
		{t.ComingSoon, "coming soon"},
	} {
		if trait.holds {
			held = append(held, trait.text)
		}
	}
	return held
}

// Type shows one type and its fields.
func (w *Writer) Type(t *catalogue.Type) error {
	if w.Format == JSON {
		w.typeLine(t)
		return w.err
	}
	w.printf("%s", Name(t.Name))
	if t.DisplayName != "" {
		w.printf(": %s", Name(t.DisplayName))
	}
	if held := traits(t); held != nil {
		w.printf(" (%s)", strings.Join(held, ", "))
	}
	w.printf("\n")
	if len(t.OneOf) > 0 {
		sets := make([]string, len(t.OneOf))
		for i, set := range t.OneOf {
			sets[i] = strings.Join(set, " and ")
		}
		w.printf("needs one of these sets of fields: %s\n", strings.Join(sets, "; "))
	}
	if len(t.Fields) == 0 {
		w.printf("no authentication fields\n")
		return w.err
	}
	rows := [][]string{{"FIELD", "", "KIND", "DEFAULT", "MUST BE"}}
	for _, f := range t.Fields {
		required, wants := "", f.Wants()
		if f.Required {
			required = "required"
		}
		if f.Nullable {
			wants += ", or null"
		}
		rows = append(rows, []string{Name(f.Name), required, string(f.Kind), string(f.Default), wants})
	}
	return w.table(rows)
}
