package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/postgres"
)

const typesLong = `List the provider types in the catalogue, or the authentication fields of one type: kind, whether
required, and Keep's default. No database is needed.`

func (a *app) typesCommand() *cobra.Command {
	var file catalogueFlag
	cmd := &cobra.Command{
		Use:     "types [TYPE]",
		Short:   "list the provider types, or the authentication fields of one type",
		Long:    typesLong,
		Example: example("keep-bootstrap types grafana"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			types, err := file.load()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.showTypes(types)
			}
			t, ok := types.Type(args[0])
			if !ok {
				hint := "keep-bootstrap types lists them"
				if near := types.Nearest(args[0]); near != "" {
					hint = fmt.Sprintf("did you mean %q? keep-bootstrap types lists all", near)
				}
				return postgres.Usage(fmt.Sprintf("the catalogue has no type %q", args[0]), hint)
			}
			return a.showType(t)
		},
	}
	file.register(cmd)
	return cmd
}

// typeLine is a type as JSON.
type typeLine struct {
	Type             string      `json:"type"`
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

func newTypeLine(t *catalogue.Type) typeLine {
	line := typeLine{
		Type: "provider_type", Name: t.Name, DisplayName: t.DisplayName, Installable: t.Installable, Webhook: t.Webhook, Consumer: t.Consumer,
		ComingSoon: t.ComingSoon, NetworkAtInstall: t.NetworkAtInstall, OneOf: t.OneOf, Fields: make([]fieldLine, len(t.Fields)),
	}
	for i, f := range t.Fields {
		line.Fields[i] = fieldLine{f.Name, f.Kind, f.Required, f.Nullable, f.Secret, f.Values, f.Default}
	}
	return line
}

// showTypes prints all types.
func (a *app) showTypes(types *catalogue.Catalogue) error {
	rows := [][]string{{"TYPE", "NAME", "REQUIRED FIELDS", "NOTES"}}
	lines := (*lineWriter)(nil)
	if a.output == formatJSON {
		lines = a.lines()
	}
	for _, name := range types.Names() {
		t, _ := types.Type(name)
		if lines != nil {
			lines.write(newTypeLine(t))
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
		rows = append(rows, []string{shown(t.Name), shown(t.DisplayName), strings.Join(required, ", "), strings.Join(typeNotes(t), ", ")})
	}
	if lines != nil {
		return lines.err
	}
	return a.writeTable(rows)
}

// typeNotes are the traits of a type that an operator should know.
func typeNotes(t *catalogue.Type) []string {
	var notes []string
	for _, note := range []struct {
		holds bool
		text  string
	}{
		{!t.Installable, "cannot be installed"},
		{t.Webhook, "webhook"},
		{t.Consumer, "consumer"},
		{t.NetworkAtInstall, "called at install"},
		{t.ComingSoon, "coming soon"},
	} {
		if note.holds {
			notes = append(notes, note.text)
		}
	}
	return notes
}

// showType prints one type and its fields.
func (a *app) showType(t *catalogue.Type) error {
	if a.output == formatJSON {
		return a.lines().last(newTypeLine(t))
	}
	var text strings.Builder
	text.WriteString(shown(t.Name))
	if t.DisplayName != "" {
		text.WriteString(": " + shown(t.DisplayName))
	}
	if notes := typeNotes(t); len(notes) > 0 {
		text.WriteString(" (" + strings.Join(notes, ", ") + ")")
	}
	text.WriteByte('\n')
	if len(t.Fields) == 0 {
		text.WriteString("no authentication fields\n")
	}
	if len(t.OneOf) > 0 {
		sets := make([]string, len(t.OneOf))
		for i, set := range t.OneOf {
			sets[i] = strings.Join(set, " and ")
		}
		text.WriteString("needs one of these sets of fields: " + strings.Join(sets, "; ") + "\n")
	}
	fmt.Fprint(a.Stdout, text.String())
	if len(t.Fields) == 0 {
		return nil
	}
	rows := [][]string{{"FIELD", "", "KIND", "DEFAULT", "MUST BE"}}
	for _, f := range t.Fields {
		required := ""
		if f.Required {
			required = "required"
		}
		wants := f.Wants()
		if f.Nullable {
			wants += ", or null"
		}
		rows = append(rows, []string{shown(f.Name), required, string(f.Kind), string(f.Default), wants})
	}
	return a.writeTable(rows)
}
