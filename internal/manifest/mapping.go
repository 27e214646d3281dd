package manifest

import (
	"slices"
	"strconv"
)

// mappingKeys are the keys of a mapping rule, in the order in which they are written.
var mappingKeys = []string{
	"name", "description", "file_name", "priority", "type", "matchers", "rows", "is_multi_level", "new_property_name", "prefix_to_remove",
}

// How many characters fit into the columns of a mapping rule.
const (
	maxMappingText        = 255
	maxMappingDescription = 2048
)

// mapping is a mapping rule while it is being read.
type mapping struct {
	*resource
	object       *node
	multiLevel   bool
	propertyName bool
	definition   []byte
}

// mappingRule reads one mapping rule: a whole file, or an entry of a list.
func (l *loader) mappingRule(s *source, d document, n *node) {
	r, ok := l.readResource(s, d, n, KindMappingRule)
	if n.kind != kindObject {
		return
	}
	before := l.problems.total
	m := &mapping{resource: r, object: n, definition: append(l.buffer[:0], '{')}
	name := n.member("name")
	named := r.named(n, name, "name", maxMappingText)
	for _, key := range mappingKeys {
		if value := n.member(key); value != nil {
			m.member(key, value)
		}
	}
	m.whole()
	r.keysOf(n, mappingKeys)
	l.buffer = append(m.definition, '}')
	if !named {
		return
	}
	rule := MappingRule{Name: r.name, Definition: string(l.buffer), Source: s.at(n), ProvisionedFile: s.provisionedFile()}
	if s.layout != layoutMapping {
		if r.claim(name, "name") && ok && l.problems.total == before {
			l.manifest.MappingRules = append(l.manifest.MappingRules, rule)
		}
		return
	}
	if ok && l.problems.total == before {
		l.mappingFile(r, name, rule)
	}
}

// mappingFile adds the rule of a file. Of two files with one name the later counts, as in Keep.
func (l *loader) mappingFile(r *resource, name *node, rule MappingRule) {
	same := func(other MappingRule) bool { return other.Name == rule.Name }
	if i := slices.IndexFunc(l.manifest.MappingRules, same); i >= 0 {
		r.warn(fault{
			line: name.line, column: name.column, key: "name", code: CodeDuplicate,
			message: "this replaces the mapping rule of the same name at " + l.manifest.MappingRules[i].Source.String() +
				": of two files with one name Keep takes the later one",
			hint: "give each mapping rule a name of its own",
		})
		l.manifest.MappingRules = slices.Delete(l.manifest.MappingRules, i, i+1)
	}
	l.manifest.MappingRules = append(l.manifest.MappingRules, rule)
}

// put adds a member to the definition.
func (m *mapping) put(key string, value func([]byte) []byte) {
	if len(m.definition) > 1 {
		m.definition = append(m.definition, ", "...)
	}
	m.definition = append(encodeText(m.definition, key), ": "...)
	m.definition = value(m.definition)
}

func (m *mapping) member(key string, n *node) {
	switch key {
	case "name":
		m.put(key, func(text []byte) []byte { return encodeText(text, n.text) })
	case "description":
		m.optional(key, n, maxMappingDescription)
	case "file_name", "prefix_to_remove":
		m.optional(key, n, maxMappingText)
	case "new_property_name":
		m.propertyName = m.optional(key, n, maxMappingText)
	case "priority":
		if value, ok := m.integer(n, key); ok {
			m.put(key, func(text []byte) []byte { return strconv.AppendInt(text, value, 10) })
		}
	case "is_multi_level":
		var ok bool
		if m.multiLevel, ok = m.boolean(n, key); ok {
			m.put(key, func(text []byte) []byte { return strconv.AppendBool(text, m.multiLevel) })
		}
	case "type":
		m.mappingType(n)
	case "matchers":
		m.matchers(n)
	case "rows":
		m.rows(n)
	}
}

// optional takes a text or null and says whether there is a text with something in it.
func (m *mapping) optional(key string, n *node, longest int) bool {
	if n.kind == kindNull {
		m.put(key, n.encode)
		return false
	}
	text, ok := m.text(n, key, longest)
	if ok {
		m.put(key, func(buffer []byte) []byte { return encodeText(buffer, text) })
	}
	return !ok || text != "" // one that is wrong was reported
}

func (m *mapping) mappingType(n *node) {
	if n.kind == kindText && (n.text == "csv" || n.text == "topology") {
		m.put("type", n.encode)
		return
	}
	m.shown(fault{
		line: n.line, column: n.column, key: "type", code: CodeValue,
		message: "Keep knows the types csv and topology", hint: "write type: csv",
	})
}

// matchers takes a list of groups, each a list of the names of attributes.
func (m *mapping) matchers(n *node) {
	const hint = "write a list of groups: `- [service, region]`"
	if n.kind != kindList {
		m.fail(fault{line: n.line, column: n.column, key: "matchers", code: CodeKind, message: "`matchers` must be a list, not " + n.kind.String(), hint: hint})
		return
	}
	text := []byte{'['}
	good := true
	for i := range n.members {
		group := &n.members[i].value
		if group.kind != kindList {
			m.fail(fault{line: group.line, column: group.column, code: CodeKind, message: "a group of `matchers` must be a list, not " + group.kind.String(), hint: hint})
			good = false
			continue
		}
		if i > 0 {
			text = append(text, ", "...)
		}
		text = append(text, '[')
		for j := range group.members {
			attribute := &group.members[j].value
			if attribute.kind != kindText && attribute.kind != kindNumber {
				m.fail(fault{
					line: attribute.line, column: attribute.column, code: CodeKind,
					message: "an attribute of `matchers` must be a text, not " + attribute.kind.String(), hint: hint,
				})
				good = false
				continue
			}
			if j > 0 {
				text = append(text, ", "...)
			}
			text = encodeText(text, attribute.text)
		}
		text = append(text, ']')
	}
	if good {
		m.put("matchers", func(buffer []byte) []byte { return append(append(buffer, text...), ']') })
	}
}

func (m *mapping) rows(n *node) {
	const hint = "write `- {service: a, team: b}` for each row"
	switch n.kind {
	case kindNull:
	case kindList:
		for i := range n.members {
			if row := &n.members[i].value; row.kind != kindObject {
				m.fail(fault{line: row.line, column: row.column, code: CodeKind, message: "a row must be an object, not " + row.kind.String(), hint: hint})
				return
			}
		}
	default:
		m.fail(fault{line: n.line, column: n.column, key: "rows", code: CodeKind, message: "`rows` must be a list, not " + n.kind.String(), hint: hint})
		return
	}
	m.put("rows", n.encode)
}

// whole checks what concerns several keys.
func (m *mapping) whole() {
	at := func(key string) fault {
		if n := m.object.member(key); n != nil {
			return fault{line: n.line, column: n.column, key: key, code: CodeValue}
		}
		return fault{line: m.object.line, column: m.object.column, code: CodeMissing}
	}
	matchers, rows, kind := m.object.member("matchers"), m.object.member("rows"), m.object.member("type")
	if matchers == nil {
		f := at("matchers")
		f.message, f.hint = "a mapping rule without `matchers`", "write `matchers:` with a list of groups: `- [service, region]`"
		m.fail(f)
	}
	topology := kind != nil && kind.text == "topology"
	if !topology && (rows == nil || rows.kind == kindNull || rows.kind == kindList && len(rows.members) == 0) {
		f := at("rows")
		f.message, f.hint = "a mapping rule of type csv without rows", "write `rows:` with a list of objects, or type: topology"
		m.fail(f)
	}
	if m.multiLevel && matchers != nil && matchers.kind == kindList && len(matchers.members) > 1 {
		f := at("matchers")
		f.message, f.hint = "more than one group of matchers with is_multi_level", "write one group, or is_multi_level: false"
		m.fail(f)
	}
	if m.multiLevel && !m.propertyName {
		f := at("new_property_name")
		f.code = CodeMissing
		f.message, f.hint = "is_multi_level needs new_property_name", "add `new_property_name:`"
		m.fail(f)
	}
}
