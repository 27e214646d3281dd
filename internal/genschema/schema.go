package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/manifest"
)

// object is a JSON object; its keys are written in sorted order.
type object map[string]any

// list is a JSON list.
type list []any

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

// pattern is a text of that form. The patterns are those that Go, Python and JavaScript understand alike.
func pattern(expression string) object { return object{"type": "string", "pattern": expression} }

// nullOr lets null pass beside what the schema takes.
func nullOr(schema object) object { return object{"anyOf": list{schema, object{"type": "null"}}} }

// generate returns the schema. It takes the forms that the reader takes, and refuses unknown keys as --strict does,
// because in an editor most of them are slips.
func generate(types *catalogue.Catalogue) ([]byte, error) {
	definitions := object{
		"list":     object{"type": "array", "items": ref("unnamed")},
		"object":   object{"type": "object", "propertyNames": ref("name"), "additionalProperties": ref("named")},
		"envelope": envelope(),
		"unnamed":  object{"allOf": list{ref("provider")}, "required": list{"name", "type"}},
		"named":    object{"allOf": list{ref("provider")}, "required": list{"type"}},
		"rule":     rule(),
		"name": object{
			"type": "string", "minLength": 1, "maxLength": manifest.MaxName, "pattern": `^[^\x00]*$`, "not": ref("reference"),
		},
		"reference":       pattern(`^\$\((env:.*|file:.+|[A-Za-z_][A-Za-z0-9_]*)\)$`),
		"filled-in-later": object{"anyOf": list{ref("reference"), pattern(`^\s*\{\{[\s\S]*\}\}\s*$`)}},
		"switch":          object{"anyOf": list{object{"type": list{"boolean", "null"}}, pattern(`^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$`), ref("reference")}},
		"old-name":        object{"type": "string", "minLength": 1, "maxLength": manifest.MaxName},
	}
	for kind, schema := range kinds() {
		definitions["kind-"+string(kind)] = schema
	}
	maps.Copy(definitions, resources())
	var names, conditions list
	for _, name := range types.Names() {
		t, _ := types.Type(name)
		if !t.Installable {
			continue
		}
		names = append(names, name)
		definitions["type-"+name] = authentication(t)
		conditions = append(conditions, condition(t))
	}
	definitions["provider"] = provider(names, conditions)
	schema := object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "What Keep provisions",
		"description": "The input of keep-bootstrap: one provider, a list, an object {name: provider}, or either below `providers:`, and beside it workflows, dashboards, mapping rules, the default user and API keys. Generated from the catalogue of provider types.",
		"$defs":       definitions,
		"type":        list{"object", "array"},
		"if":          object{"type": "array"},
		"then":        ref("list"),
		"else": object{
			"if":   isEnvelope(),
			"then": ref("envelope"),
			"else": object{"if": isSingle(), "then": ref("unnamed"), "else": ref("object")},
		},
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err := encoder.Encode(schema)
	return text.Bytes(), err
}

// isEnvelope and isSingle tell the forms of an object apart as the reader does: a provider may be called "providers" or
// "name", but then there is an object with a type behind it.
func isEnvelope() object {
	var any list
	for _, key := range append([]string{"providers"}, slices.Sorted(maps.Keys(envelopeParts()))...) {
		any = append(any, object{"required": list{key}, "properties": object{key: object{"not": hasType()}}})
	}
	return object{"anyOf": any}
}

func isSingle() object {
	scalar := object{"type": list{"string", "number", "boolean", "null"}}
	return object{"anyOf": list{
		object{"required": list{"name"}, "properties": object{"name": scalar}},
		object{"required": list{"type"}, "properties": object{"type": scalar}},
		object{"required": list{"authentication"}, "properties": object{"authentication": object{"not": hasType()}}},
	}}
}

func hasType() object { return object{"type": "object", "required": list{"type"}} }

func envelope() object {
	parts := envelopeParts()
	parts["providers"] = object{"type": list{"array", "object"}, "if": object{"type": "array"}, "then": ref("list"), "else": ref("object")}
	return object{
		"type":       "object",
		"properties": parts,
		"patternProperties": object{
			"^x-": object{"description": "Anything, for anchors."},
		},
		"additionalProperties": false,
	}
}

func provider(names, conditions list) object {
	described := func(text string, schema object) object {
		schema["description"] = text
		return schema
	}
	return object{
		"type": "object",
		"properties": object{
			"name":           described("Identifies the provider. Keep shows it.", ref("name")),
			"type":           described("The type of provider; `keep-bootstrap types` lists them.", object{"enum": names}),
			"authentication": described("The connection's fields; `keep-bootstrap types TYPE` shows them.", object{"type": list{"object", "null"}}),
			"deduplication_rules": described("The rules of this provider, by name.", object{"anyOf": list{
				object{"type": "null"},
				object{"type": "object", "additionalProperties": ref("rule"), "propertyNames": object{"minLength": 1}},
				object{"type": "array", "items": object{"allOf": list{ref("rule")}, "required": list{"name"}}},
			}}),
			"install_webhook": described("Whether Keep is to install its webhook in the service. Not given: true for {name: provider}, false otherwise.", ref("switch")),
			"pulling_enabled": described("Whether Keep fetches alerts. Not given: true.", ref("switch")),
			"prevent_delete":  described("Whether the provider stays when its entry is removed from the input.", ref("switch")),
			"renamed_from": described("The names that the provider had before.", object{"anyOf": list{
				object{"type": "null"}, ref("old-name"), object{"type": "array", "items": ref("old-name")},
			}}),
			"description": described("A remark, for people.", object{"type": list{"string", "number", "boolean", "null"}}),
		},
		"additionalProperties": false,
		"allOf":                conditions,
	}
}

func rule() object {
	texts := nullOr(object{"type": "array", "items": object{"type": "string"}})
	limit := 1_000_000_000 // nine digits
	return object{
		"type": "object",
		"properties": object{
			"name":               object{"type": "string", "minLength": 1},
			"description":        object{"type": list{"string", "null"}},
			"fingerprint_fields": texts,
			"ignore_fields":      texts,
			"full_deduplication": object{"type": list{"boolean", "null"}},
			"enabled":            object{"type": list{"boolean", "null"}},
			"priority":           object{"type": list{"integer", "null"}, "exclusiveMinimum": -limit, "exclusiveMaximum": limit},
			"provider_name":      true,
			"provider_type":      true,
		},
		"additionalProperties": false,
	}
}

// authentication is the schema of a type's fields.
func authentication(t *catalogue.Type) object {
	fields := object{"pulling_enabled": true}
	var required, sets list
	for i := range t.Fields {
		f := &t.Fields[i]
		fields[f.Name] = field(f)
		if f.Required {
			required = append(required, f.Name)
		}
	}
	for _, set := range t.OneOf {
		sets = append(sets, object{"required": set})
	}
	schema := object{"properties": fields, "additionalProperties": false}
	if len(required) > 0 {
		schema["required"] = required
	}
	if len(sets) > 0 {
		schema["anyOf"] = sets
	}
	if len(required)+len(sets) > 0 {
		schema["type"] = "object"
	}
	return schema
}

// condition ties authentication to the type.
func condition(t *catalogue.Type) object {
	then := object{"properties": object{"authentication": ref("type-" + t.Name)}}
	for i := range t.Fields {
		if t.Fields[i].Required || len(t.OneOf) > 0 {
			then["required"] = list{"authentication"}
		}
	}
	return object{"if": object{"properties": object{"type": object{"const": t.Name}}, "required": list{"type"}}, "then": then}
}

func field(f *catalogue.Field) object {
	schema := ref("kind-" + string(f.Kind))
	if f.Kind == catalogue.KindEnum {
		schema = object{"anyOf": list{object{"enum": f.Values}, ref("filled-in-later")}}
	}
	if f.Nullable {
		schema = nullOr(schema)
	}
	text := f.Wants()
	if f.Secret {
		text += "; secret"
	}
	schema["description"] = text
	if f.Default != nil {
		schema["default"] = f.Default
	}
	return schema
}

// kinds are the schemas of the kinds of fields.
func kinds() map[catalogue.Kind]object {
	const (
		scheme = `[A-Za-z][A-Za-z0-9+.-]*://`
		http   = `[Hh][Tt][Tt][Pp]`
		port   = `([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`
	)
	or := func(schemas ...object) object {
		any := list{}
		for _, schema := range schemas {
			any = append(any, schema)
		}
		return object{"anyOf": append(any, ref("filled-in-later"))}
	}
	scalar := object{"type": list{"string", "number", "boolean"}}
	// A scheme is cut off first, if there is one.
	bare := func(rest string) object {
		return or(
			object{
				"type": "string", "if": object{"pattern": `^\s*` + scheme},
				"then": object{"pattern": `^\s*` + scheme + rest}, "else": object{"pattern": `^\s*` + rest},
			},
			object{"type": "number", "minimum": 0}, object{"type": "boolean"})
	}
	return map[catalogue.Kind]object{
		catalogue.KindString: scalar,
		catalogue.KindFile:   scalar,
		catalogue.KindBoolean: or(object{"type": "boolean"}, object{"enum": list{0, 1}},
			pattern(`^(0|1|[Oo][Ff][Ff]|[Ff]|[Ff][Aa][Ll][Ss][Ee]|[Nn]|[Nn][Oo]|[Oo][Nn]|[Tt]|[Tt][Rr][Uu][Ee]|[Yy]|[Yy][Ee][Ss])$`)),
		catalogue.KindInteger: or(object{"type": list{"number", "boolean"}}, pattern(`^\s*[+-]?[0-9]+(_[0-9]+)*(\.0*)?\s*$`)),
		catalogue.KindPort: or(object{"type": "number", "minimum": 1, "exclusiveMaximum": 65536}, object{"const": true},
			pattern(`^\s*\+?0*`+port+`(\.0*)?\s*$`), pattern(`^\s*\+?[0-9]+(_[0-9]+)+(\.0*)?\s*$`)),
		catalogue.KindAnyHTTPURL: or(pattern(`^\s*` + http + `[Ss]?://[^/?#\s]`)),
		catalogue.KindHTTPSURL: or(object{
			"type": "string", "if": object{"pattern": `://`},
			"then": object{"pattern": `^\s*` + http + `[Ss]://[^/?#\s]`}, "else": object{"pattern": `^\s*[^/?#,\s]*[^/?#,.\s]\.[^/?#,.\s]`},
		}),
		catalogue.KindMultihostURL:  or(pattern(`^\s*` + scheme + `[^/?#\s]`)),
		catalogue.KindNoSchemeURL:   bare(`[^/?#\s,:-][^/?#,]*([/?#][\s\S]*)?$`),
		catalogue.KindNoSchemeHosts: bare(`[^/?#\s:-]`),
		catalogue.KindObject: or(object{"type": "object"}, object{"const": ""},
			object{"type": "array", "items": object{"type": "array", "minItems": 2, "maxItems": 2}}),
		catalogue.KindList: or(object{"type": "array"}),
	}
}
