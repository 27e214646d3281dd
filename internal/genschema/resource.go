package main

import (
	"strconv"

	"keep-bootstrap/internal/manifest"
)

// resources are the schemas of what stands beside providers, and of its parts.
func resources() object {
	name := object{"type": list{"string", "number"}, "minLength": 1, "maxLength": manifest.MaxName, "pattern": `^[^\x00]*\S[^\x00]*$`}
	short := func(longest int) object {
		return object{"type": list{"string", "number", "null"}, "maxLength": longest}
	}
	yes := object{"anyOf": list{object{"type": "boolean"}, object{"enum": list{0, 1}}, pattern(`^([Tt]|[Ff]|[Yy]|[Nn]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff]|0|1)$`)}}
	interval := object{
		"description": "Seconds, or minutes, hours or days as 10m, 1h, 1d.",
		"anyOf":       list{object{"type": "integer"}, pattern(`^([0-9]+|\s*[+-]?[0-9]+(_[0-9]+)*\s*[mhd])$`)},
	}
	secret := object{"type": "string", "minLength": 1, "description": "A text, or $(NAME), $(env:NAME), $(file:/path)."}
	identifier := object{"type": "string", "minLength": 1, "pattern": `\S`}
	return object{
		"workflow": object{
			"description": "A workflow of Keep: below `workflow:` or `alert:`, or bare.",
			"type":        "object",
			"if":          object{"anyOf": list{object{"required": list{"workflow"}}, object{"required": list{"alert"}}}},
			"then":        object{"properties": object{"workflow": ref("workflow-body"), "alert": object{"if": object{"not": object{"required": list{"workflow"}}}, "then": ref("workflow-body")}}},
			"else":        ref("workflow-body"),
		},
		"workflow-body": object{
			"type": "object",
			"anyOf": list{
				object{"required": list{"name"}, "properties": object{"name": identifier}},
				object{"required": list{"id"}, "properties": object{"id": identifier}},
			},
			"properties": object{
				"name":        object{"description": "Identifies the workflow; without one, its id does.", "type": list{"string", "null"}, "maxLength": manifest.MaxName},
				"description": object{"type": list{"string", "number", "boolean", "null"}},
				"interval":    interval,
				"triggers": object{"type": "array", "items": object{
					"type": "object", "if": object{"properties": object{"type": object{"const": "interval"}}, "required": list{"type"}},
					"then": object{"properties": object{"value": interval}},
				}},
			},
		},
		"dashboard": object{
			"type": "object", "required": list{"dashboard_name", "dashboard_config"},
			"properties":           object{"dashboard_name": name, "dashboard_config": object{"type": "object"}},
			"additionalProperties": false,
		},
		"mapping-rule": object{
			"type": "object", "required": list{"name", "matchers"},
			"properties": object{
				"name":              object{"type": list{"string", "number"}, "minLength": 1, "maxLength": 255, "pattern": `\S`},
				"description":       short(2048),
				"file_name":         short(255),
				"new_property_name": short(255),
				"prefix_to_remove":  short(255),
				"priority":          object{"anyOf": list{object{"type": "integer", "minimum": -1 << 31, "maximum": 1<<31 - 1}, pattern(`^\s*[+-]?[0-9]{1,10}\s*$`)}},
				"type":              object{"enum": list{"csv", "topology"}},
				"matchers":          object{"description": "Groups of attributes.", "type": "array", "items": object{"type": "array", "items": object{"type": list{"string", "number"}}}},
				"rows":              nullOr(object{"type": "array", "items": object{"type": "object"}}),
				"is_multi_level":    yes,
			},
			"additionalProperties": false,
			"allOf": list{
				object{"if": object{"properties": object{"type": object{"const": "csv"}}}, "then": object{"required": list{"rows"}, "properties": object{"rows": object{"type": "array", "minItems": 1}}}},
				object{
					"if":   object{"properties": object{"is_multi_level": object{"const": true}}, "required": list{"is_multi_level"}},
					"then": object{"required": list{"new_property_name"}, "properties": object{"matchers": object{"maxItems": 1}}},
				},
			},
		},
		"default-user": object{
			"description":          "The user that Keep makes where there is none.",
			"type":                 "object",
			"properties":           object{"username": name, "password": secret, "reset_password": object{"anyOf": list{yes, object{"type": "null"}, ref("reference")}}},
			"additionalProperties": false,
		},
		"api-key": object{
			"type": "object", "required": list{"name", "role", "secret"},
			"properties":           object{"name": name, "role": object{"enum": list{"admin", "noc", "webhook", "workflowrunner"}}, "secret": secret},
			"additionalProperties": false,
		},
	}
}

// envelopeParts are the keys beside `providers:`.
func envelopeParts() object {
	of := func(item, text string) object {
		return object{"description": text, "type": "array", "items": ref(item)}
	}
	return object{
		"workflows":     of("workflow", "Workflows. Those that are gone are removed; without the key all are left alone. The same for the other keys."),
		"dashboards":    of("dashboard", "Dashboards, in the form of KEEP_DASHBOARDS."),
		"mapping_rules": of("mapping-rule", "Mapping rules, in the form of the files in KEEP_MAPPINGS_DIRECTORY."),
		"default_user":  ref("default-user"),
		"api_keys":      of("api-key", "API keys, at most "+strconv.Itoa(manifest.MaxName)+" bytes a name."),
	}
}
