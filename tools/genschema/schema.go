package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/manifest"
)

// object is a JSON object; its keys are written in sorted order.
type object map[string]any

// list is a JSON list.
type list []any

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

// pattern is a text of that form.
func pattern(expression string) object { return object{"type": "string", "pattern": expression} }

// nullOr lets null pass in addition to what the schema takes.
func nullOr(schema object) object { return object{"anyOf": list{schema, object{"type": "null"}}} }

// generate returns the schema: the base, in which the forms are described by hand, with the types and kinds of fields of the
// catalogue and the limits and words of package manifest.
func generate(base []byte, types *catalogue.Catalogue) ([]byte, error) {
	var schema object
	if err := json.Unmarshal(base, &schema); err != nil {
		return nil, err
	}
	definitions, _ := schema["$defs"].(map[string]any)
	for name, kind := range catalogue.Kinds() {
		if name != catalogue.KindEnum {
			definitions["kind-"+name] = kindSchema(kind)
		}
	}
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
	for path, value := range map[string]any{
		"provider/allOf":                                conditions,
		"provider/properties/type/enum":                 names,
		"name/maxLength":                                manifest.MaxName,
		"old-name/maxLength":                            manifest.MaxName,
		"rule-name/maxLength":                           manifest.MaxName,
		"resource-name/maxLength":                       manifest.MaxName,
		"workflow-body/properties/name/maxLength":       manifest.MaxName,
		"mapping-rule/properties/name/maxLength":        manifest.MaxMappingText,
		"mapping-rule/properties/description/maxLength": manifest.MaxMappingDescription,
		"short/maxLength":                               manifest.MaxMappingText,
		"interval/anyOf/1/pattern":                      manifest.IntervalPattern,
		"api-key/properties/role/enum":                  manifest.Roles,
		"pydantic-boolean":                              kindSchema(catalogue.Kinds()[catalogue.KindBoolean]),
	} {
		if err := set(definitions, path, value); err != nil {
			return nil, err
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err := encoder.Encode(schema)
	return text.Bytes(), err
}

// set puts a value at a path of keys; all but the last must be there.
func set(at any, path string, value any) error {
	key, rest, deeper := strings.Cut(path, "/")
	switch parent := at.(type) {
	case map[string]any:
		if !deeper {
			parent[key] = value
			return nil
		}
		if below, ok := parent[key]; ok {
			return set(below, rest, value)
		}
	case []any:
		var i int
		if _, err := fmt.Sscan(key, &i); err == nil && deeper && i < len(parent) {
			return set(parent[i], rest, value)
		}
	}
	return fmt.Errorf("the base has nothing at %s", path)
}

// authentication is the schema of a type's fields.
func authentication(t *catalogue.Type) object {
	fields := object{"pulling_enabled": true}
	var required, sets list
	for i := range t.Fields {
		f := &t.Fields[i]
		fields[f.Name] = field(t, f)
		if f.Required {
			required = append(required, f.Name)
		}
	}
	for _, set := range t.OneOf {
		given := object{}
		for _, name := range set {
			f, _ := t.Field(name)
			missing := list{nil}
			if f.EmptyIsMissing {
				missing = append(missing, "")
			}
			given[name] = object{"not": object{"enum": missing}}
		}
		sets = append(sets, object{"required": set, "properties": given})
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

func field(t *catalogue.Type, f *catalogue.Field) object {
	schema := ref("kind-" + f.Kind)
	switch {
	case t.Unchecked:
		schema = object{}
	case f.Kind == catalogue.KindEnum:
		schema = object{"anyOf": list{object{"enum": f.Values}, ref("filled-in-later")}}
	}
	if f.Nullable && !t.Unchecked {
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

// kindSchema is the schema of a kind of fields.
func kindSchema(k *catalogue.Kind) object {
	any := list{}
	for _, kind := range k.Accepts {
		any = append(any, object{"type": map[string]string{"text": "string", "list": "array"}[kind]})
		if kind != "text" && kind != "list" {
			any[len(any)-1] = object{"type": kind}
		}
	}
	for _, value := range k.Values {
		any = append(any, object{"const": value})
	}
	if k.Minimum != nil {
		numbers := object{"type": "number", "minimum": *k.Minimum}
		if k.Below != nil {
			numbers["exclusiveMaximum"] = *k.Below
		}
		any = append(any, numbers)
	}
	switch start := `^[ \t\n\v\f\r]*`; {
	case k.CutScheme:
		any = append(any, object{
			"type": "string", "if": object{"pattern": start + catalogue.Scheme},
			"then": object{"pattern": start + catalogue.Scheme + k.Pattern}, "else": object{"pattern": start + k.Pattern},
		})
	case k.Pattern != "":
		any = append(any, pattern(k.Pattern))
	}
	if words := append(append([]string(nil), k.True...), k.False...); len(words) > 0 {
		any = append(any, pattern("^("+strings.Join(anyCase(words), "|")+")$"))
	}
	if k.Pairs {
		any = append(any, object{"type": "array", "items": object{"type": "array", "minItems": 2, "maxItems": 2}})
	}
	return object{"anyOf": append(any, ref("filled-in-later"))}
}

// anyCase writes words so that a pattern takes them in any case.
func anyCase(words []string) []string {
	all := make([]string, len(words))
	for i, word := range words {
		for _, r := range word {
			if r >= 'a' && r <= 'z' {
				all[i] += "[" + strings.ToUpper(string(r)) + string(r) + "]"
			} else {
				all[i] += string(r)
			}
		}
	}
	return all
}
