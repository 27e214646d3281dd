package manifest

import (
	"slices"
	"strconv"

	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/document"
)

// mappingKeys are the keys of a mapping rule, in the order in which they are written.
var mappingKeys = []string{
	"name", "description", "file_name", "priority", "type", "matchers", "rows", "is_multi_level", "new_property_name", "prefix_to_remove",
}

// readMappingRule reads one mapping rule: a whole file, or an entry of a list.
func readMappingRule(i *item, v *document.Value) {
	if !i.object(v) {
		return
	}
	i.check(v, document.Dates, "name") // Keep makes texts of dates
	name, definition := v.Member("name"), object()
	named := i.named(v, name, "name", MaxMappingText)
	for _, key := range mappingKeys {
		if value := v.Member(key); value != nil {
			i.mappingMember(key, value)
			definition.Members = append(definition.Members, member(key, *value))
		}
	}
	i.wholeMapping(v)
	i.known(v, mappingKeys)
	if !named {
		return
	}
	if !i.source.single {
		i.take(name, "name")
	}
	if !i.sound() {
		return
	}
	all := &i.reader.manifest.Resources
	same := func(other Resource) bool { return other.Kind == KindMappingRule && other.Name == i.name }
	if j := slices.IndexFunc(*all, same); j >= 0 { // of two files with one name the later counts, as in Keep
		i.warn(at(name, "name", CodeDuplicate, "this replaces the mapping rule of the same name at "+(*all)[j].Source.String()+
			": if two files have the same name, Keep takes the later one", "use a unique name for each mapping rule"))
		*all = slices.Delete(*all, j, j+1)
	}
	i.add(v, object(member("definition", definition), i.source.provisionedFile()))
}

// mappingMember checks one value of a mapping rule and puts what Keep makes of it in its place.
func (i *item) mappingMember(key string, v *document.Value) {
	switch key {
	case "name":
		v.Kind, v.Text = document.Text, pythonText(v)
	case "description":
		i.optional(v, key, MaxMappingDescription)
	case "file_name", "prefix_to_remove", "new_property_name":
		i.optional(v, key, MaxMappingText)
	case "priority":
		i.integer(v, key)
	case "is_multi_level":
		value, ok := catalogue.Boolean(v)
		if !ok {
			i.notBoolean(v, key)
		}
		v.Kind, v.Text = document.Boolean, strconv.FormatBool(value)
	case "type":
		if !v.IsText("csv") && !v.IsText("topology") {
			i.show(at(v, "type", CodeValue, "Keep knows the types csv and topology", "write type: csv"))
		}
	case "matchers":
		i.matchers(v)
	case "rows":
		i.rows(v)
	}
}

// matchers takes a list of groups, each a list of the names of attributes.
func (i *item) matchers(v *document.Value) {
	const hint = "write a list of groups: `- [service, region]`"
	if !i.is(document.List, v, "matchers", hint) {
		return
	}
	for j := range v.Members {
		group := &v.Members[j].Value
		if group.Kind != document.List {
			i.fail(at(group, "", CodeKind, "a group of `matchers` must be a list, not "+group.Kind.String(), hint))
			continue
		}
		for k := range group.Members {
			attribute := &group.Members[k].Value
			if !attribute.Scalar() || attribute.Kind == document.Null {
				i.fail(at(attribute, "", CodeKind,
					"an attribute of `matchers` must be a string, not "+attribute.Kind.String(), hint))
			}
			attribute.Kind, attribute.Text = document.Text, pythonText(attribute)
		}
	}
}

// rows takes a list of objects, a reference to a file of them, or null.
func (i *item) rows(v *document.Value) {
	if _, reference := referenceOf(v.Text); v.Kind == document.Text && reference {
		i.csv(v)
		return
	}
	const hint = "write `- {service: a, team: b}` for each row"
	if v.Kind == document.Null || !i.is(document.List, v, "rows", hint) {
		return
	}
	for j := range v.Members {
		if row := &v.Members[j].Value; row.Kind != document.Object {
			i.fail(at(row, "", CodeKind, "a row must be an object, not "+row.Kind.String(), hint))
			return
		}
	}
}

// wholeMapping checks what concerns several keys.
func (i *item) wholeMapping(v *document.Value) {
	matchers, rows, kind := v.Member("matchers"), v.Member("rows"), v.Member("type")
	if matchers == nil {
		i.fail(at(v, "", CodeMissing,
			"a mapping rule without `matchers`", "write `matchers:` with a list of groups: `- [service, region]`"))
	}
	const hint = "write `rows:` with a list of objects, or type: topology"
	if rows != nil && rows.Flaw == document.Unresolved {
		return // said, or not to be resolved
	}
	switch topology := kind != nil && kind.Text == "topology"; {
	case topology:
	case rows == nil:
		i.fail(at(v, "", CodeMissing, "a mapping rule of type csv without rows", hint))
	case rows.Kind == document.Null || rows.Kind == document.List && len(rows.Members) == 0:
		i.fail(at(rows, "rows", CodeValue, "a mapping rule of type csv without rows", hint))
	}
}
