package manifest

import "strings"

// The forms that a document may have. Keep's own are an object {name: provider}
// in KEEP_PROVIDERS and a single provider with `name:` in a file of a directory.
type form uint8

const (
	formObject   form = iota // {name: provider, ...}
	formSingle               // {name: ..., type: ...}
	formEnvelope             // {providers: list or object}
)

// notBuilt are Keep's other resources, by the words that its users might write.
// Ignoring them would let somebody believe that they were provisioned.
var notBuilt = []string{
	"alert", "api_keys", "apikeys", "correlation_rules", "dashboard", "dashboards", "extraction_rules",
	"extractions", "incidents", "maintenance", "maintenance_windows", "mapping", "mapping_rules", "mappings",
	"rules", "tenant", "tenants", "topology", "user", "users", "workflow", "workflows",
}

func isNotBuilt(key string) bool {
	for _, known := range notBuilt {
		if key == known {
			return true
		}
	}
	return false
}

func faultNotBuilt(key *node) fault {
	return fault{
		line: key.line, column: key.column, key: key.text, code: CodeNotBuilt,
		message: "the key " + quote(key.text) + " is not supported yet: only providers and their deduplication rules are",
		hint:    "move it to a file of its own that Keep reads",
	}
}

// loadDocument finds the form of a document and reads its providers.
func (l *loader) loadDocument(s *source, d document) {
	root := d.root()
	switch {
	case s.layout == layoutEntry:
		if root.kind != kindObject {
			l.problem(s, s.entry, fault{
				line: root.line, column: root.column, code: CodeKind,
				message: "expected an object, not " + root.kind.String(),
				hint:    `write {"type": ..., "authentication": {...}}`,
			}, false)
			return
		}
		l.read(s, d, &root, s.entry)
		l.provider(s, &member{key: node{kind: kindText, text: s.entry, line: root.line, column: root.column}, value: root}, true)
	case s.layout == layoutSingle && root.kind == kindList:
		l.problem(s, "", fault{
			line: root.line, column: root.column, code: CodeKind,
			message: "a file of a directory holds one provider, not a list",
			hint:    "write one file for each, or give this file with -f",
		}, false)
	case root.kind == kindList:
		l.list(s, d, &root)
	case root.kind == kindObject:
		l.object(s, d, &root)
	case root.kind == kindNull && root.written == "" && s.format == formatYAML:
		l.empty(s)
	case root.kind == kindNull:
		f := fault{
			line: root.line, column: root.column, code: CodeEmpty,
			message: "null does not say that there are no providers", hint: "write `providers: []` or {} to mean none",
		}
		if s.layout == layoutSingle {
			f.hint = "write one provider into the file, or remove it"
		}
		l.problem(s, "", f, false)
	default:
		l.problem(s, "", fault{
			line: root.line, column: root.column, code: CodeKind,
			message: "expected an object or a list of providers, not " + root.kind.String(),
			hint:    "write `providers:` with a list below it",
		}, false)
	}
}

// list reads providers that have their names inside.
func (l *loader) list(s *source, d document, list *node) {
	d.children(list, true, func(m *member) bool {
		if m.value.kind != kindObject {
			l.problem(s, "", fault{
				line: m.value.line, column: m.value.column, code: CodeKind,
				message: "expected a provider, an object, not " + m.value.kind.String(),
				hint:    "write `- name: ...` with the provider's other keys below it",
			}, false)
			return true
		}
		l.read(s, d, &m.value, "")
		l.provider(s, m, false)
		return true
	})
}

// named reads providers that have their names as keys.
func (l *loader) named(s *source, d document, object *node) {
	d.children(object, true, func(m *member) bool {
		if isNotBuilt(m.key.text) && !hasType(d, &m.value) {
			l.problem(s, "", faultNotBuilt(&m.key), false)
			return true
		}
		if m.value.kind != kindObject {
			l.problem(s, m.key.text, fault{
				line: m.key.line, column: m.key.column, key: m.key.text, code: CodeKind,
				message: "expected a provider, an object, not " + m.value.kind.String(),
				hint:    "write `type:` and `authentication:` below the provider's name",
			}, false)
			return true
		}
		l.read(s, d, &m.value, m.key.text)
		l.provider(s, m, true)
		return true
	})
}

// object finds out what an object is and reads it.
func (l *loader) object(s *source, d document, root *node) {
	switch formOf(s, d, root) {
	case formSingle:
		single := member{value: *root}
		l.read(s, d, &single.value, "")
		l.provider(s, &single, false)
	case formObject:
		l.named(s, d, root)
	case formEnvelope:
		l.envelope(s, d, root)
	}
}

// envelope reads {providers: ...}. Keys that start with x- are the user's own,
// for anchors.
func (l *loader) envelope(s *source, d document, root *node) {
	if s.layout == layoutSingle {
		l.problem(s, "", fault{
			line: root.line, column: root.column, code: CodeKind,
			message: "a file of a directory holds one provider, not `providers:`",
			hint:    "write one file for each, or give this file with -f",
		}, false)
		return
	}
	var keys duplicates
	d.children(root, true, func(m *member) bool {
		known := m.key // m is used again for the next member
		if first := keys.add(&known); first != nil {
			l.problem(s, "", faultDuplicateKey(&m.key, first), false)
			return true
		}
		switch key := m.key.text; {
		case key == "providers":
			l.providers(s, d, m)
		case strings.HasPrefix(key, "x-"):
		case isNotBuilt(key):
			l.problem(s, "", faultNotBuilt(&m.key), false)
		default:
			l.unknownKey(s, "", &m.key, []string{"providers"}, "beside `providers:` only keys that start with x- may stand, for anchors")
		}
		return true
	})
}

// providers reads what is below `providers:`.
func (l *loader) providers(s *source, d document, m *member) {
	switch m.value.kind {
	case kindList:
		l.list(s, d, &m.value)
	case kindObject:
		l.named(s, d, &m.value)
	case kindNull:
		l.problem(s, "", fault{
			line: m.key.line, column: m.key.column, key: "providers", code: CodeEmpty,
			message: "there is nothing below `providers:`", hint: "write `providers: []` to mean none",
		}, false)
	default:
		l.problem(s, "", fault{
			line: m.value.line, column: m.value.column, key: "providers", code: CodeKind,
			message: "`providers:` must hold a list or an object, not " + m.value.kind.String(),
			hint:    "write `- name: ...` for each provider below it",
		}, false)
	}
}

// formOf goes by the keys: a provider may be called "providers", "name" or
// "type", but then there is an object with a type behind it.
func formOf(s *source, d document, root *node) form {
	single, envelope := s.layout == layoutSingle, false
	d.children(root, false, func(m *member) bool {
		switch key := m.key.text; {
		case key == "providers":
			envelope = envelope || !hasType(d, &m.value)
		case key == "name" || key == "type":
			single = single || m.value.scalar()
		case isProviderKey(key):
			single = single || !hasType(d, &m.value)
		}
		return true
	})
	switch {
	case envelope:
		return formEnvelope
	case single:
		return formSingle
	}
	return formObject
}

// hasType says whether n is an object with a type, as a provider is.
func hasType(d document, n *node) bool {
	if n.kind != kindObject {
		return false
	}
	found := false
	d.children(n, false, func(m *member) bool {
		found = m.key.text == "type" && m.value.scalar()
		return !found
	})
	return found
}
