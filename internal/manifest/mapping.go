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

// mapping is a mapping rule while it is being read.
type mapping struct {
	*item
	definition document.Value
}

// readMappingRule reads one mapping rule: a whole file, or an entry of a list.
func readMappingRule(i *item, v *document.Value) {
	before := i.failed()
	if !i.object(v) {
		return
	}
	i.check(v, document.Dates, "name") // Keep makes texts of dates
	m := &mapping{item: i, definition: object()}
	name := v.Member("name")
	named := i.named(v, name, "name", MaxMappingText)
	for _, key := range mappingKeys {
		if value := v.Member(key); value != nil {
			m.read(key, value)
		}
	}
	m.whole(v)
	i.known(v, mappingKeys)
	if !named {
		return
	}
	if i.source.layout != layoutMapping {
		i.take(name, "name")
	}
	if i.failed() > before {
		return
	}
	all := &i.reader.manifest.Resources
	same := func(other Resource) bool { return other.Kind == KindMappingRule && other.Name == i.name }
	if j := slices.IndexFunc(*all, same); j >= 0 { // of two files with one name the later counts, as in Keep
		i.warn(at(name, "name", CodeDuplicate, "this replaces the mapping rule of the same name at "+(*all)[j].Source.String()+
			": if two files have the same name, Keep takes the later one", "use a unique name for each mapping rule"))
		*all = slices.Delete(*all, j, j+1)
	}
	i.add(before, v, object(member("definition", m.definition), i.source.provisionedFile()))
}

// put adds a member to the definition.
func (m *mapping) put(key string, v document.Value) {
	m.definition.Members = append(m.definition.Members, member(key, v))
}

func (m *mapping) read(key string, v *document.Value) {
	switch key {
	case "name":
		m.put(key, text(pythonText(v)))
	case "description":
		m.optional(key, v, MaxMappingDescription)
	case "file_name", "prefix_to_remove", "new_property_name":
		m.optional(key, v, MaxMappingText)
	case "priority":
		if value, ok := m.integer(v, key); ok {
			m.put(key, document.Value{Kind: document.Number, Text: strconv.FormatInt(value, 10)})
		}
	case "is_multi_level":
		value, ok := catalogue.Boolean(v)
		if !ok {
			m.notBoolean(v, key)
			return
		}
		m.put(key, boolean(value))
	case "type":
		if !v.IsText("csv") && !v.IsText("topology") {
			m.show(at(v, "type", CodeValue, "Keep knows the types csv and topology", "write type: csv"))
			return
		}
		m.put(key, *v)
	case "matchers":
		m.matchers(v)
	case "rows":
		m.rows(v)
	}
}

// optional takes a text or null.
func (m *mapping) optional(key string, v *document.Value, longest int) {
	if v.Kind == document.Null {
		m.put(key, *v)
	} else if short, ok := m.text(v, key, longest); ok {
		m.put(key, text(short))
	}
}

// matchers takes a list of groups, each a list of the names of attributes.
func (m *mapping) matchers(v *document.Value) {
	const hint = "write a list of groups: `- [service, region]`"
	before := m.failed()
	if v.Kind != document.List {
		m.fail(at(v, "matchers", CodeKind, "`matchers` must be a list, not "+v.Kind.String(), hint))
		return
	}
	for j := range v.Members {
		group := &v.Members[j].Value
		if group.Kind != document.List {
			m.fail(at(group, "", CodeKind, "a group of `matchers` must be a list, not "+group.Kind.String(), hint))
			continue
		}
		for k := range group.Members {
			attribute := &group.Members[k].Value
			if !attribute.Scalar() || attribute.Kind == document.Null {
				m.fail(at(attribute, "", CodeKind, "an attribute of `matchers` must be a string, not "+attribute.Kind.String(), hint))
			}
			attribute.Kind, attribute.Text = document.Text, pythonText(attribute)
		}
	}
	if m.failed() == before {
		m.put("matchers", *v)
	}
}

func (m *mapping) rows(v *document.Value) {
	if _, reference := referenceOf(v.Text); v.Kind == document.Text && reference {
		if !m.csv(v) {
			return
		}
	}
	const hint = "write `- {service: a, team: b}` for each row"
	switch v.Kind {
	case document.Null:
	case document.List:
		for j := range v.Members {
			if row := &v.Members[j].Value; row.Kind != document.Object {
				m.fail(at(row, "", CodeKind, "a row must be an object, not "+row.Kind.String(), hint))
				return
			}
		}
	default:
		m.fail(at(v, "rows", CodeKind, "`rows` must be a list, not "+v.Kind.String(), hint))
		return
	}
	m.put("rows", *v)
}

// whole checks what concerns several keys.
func (m *mapping) whole(v *document.Value) {
	matchers, rows, kind := v.Member("matchers"), v.Member("rows"), v.Member("type")
	if matchers == nil {
		m.fail(at(v, "", CodeMissing, "a mapping rule without `matchers`", "write `matchers:` with a list of groups: `- [service, region]`"))
	}
	const hint = "write `rows:` with a list of objects, or type: topology"
	if rows != nil && rows.Flaw == document.Unresolved {
		return // said, or not to be resolved
	}
	switch topology := kind != nil && kind.Text == "topology"; {
	case topology:
	case rows == nil:
		m.fail(at(v, "", CodeMissing, "a mapping rule of type csv without rows", hint))
	case rows.Kind == document.Null || rows.Kind == document.List && len(rows.Members) == 0:
		m.fail(at(rows, "rows", CodeValue, "a mapping rule of type csv without rows", hint))
	}
}
