package report

import (
	"strings"

	"keep-bootstrap/internal/catalogue"
)

// typeLine writes a type as JSON.
func (w *Writer) typeLine(t *catalogue.Type) {
	fields := []object{} // not null
	for _, f := range t.Fields {
		field := object{"name", f.Name, "kind", f.Kind, "required", f.Required, "nullable", f.Nullable, "secret", f.Secret}
		fields = append(fields, field.with("values", f.Values).with("default", f.Default))
	}
	line := object{"name", t.Name}.with("display_name", t.DisplayName)
	line = append(line, "installable", t.Installable, "webhook", t.Webhook, "consumer", t.Consumer, "coming_soon", t.ComingSoon,
		"network_at_install", t.NetworkAtInstall, "fields", fields)
	w.line("provider_type", line.with("one_of", t.OneOf))
}

// Types shows all types of a catalogue.
func (w *Writer) Types(types *catalogue.Catalogue) {
	rows := [][]string{{"TYPE", "NAME", "REQUIRED FIELDS", "NOTES"}}
	for _, name := range types.Names() {
		t, _ := types.Type(name)
		w.typeLine(t)
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
	w.table(rows)
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
func (w *Writer) Type(t *catalogue.Type) {
	w.typeLine(t)
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
		return
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
		rows = append(rows, []string{Name(f.Name), required, f.Kind, string(f.Default), wants})
	}
	w.table(rows)
}
