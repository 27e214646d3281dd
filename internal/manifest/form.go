package manifest

import (
	"slices"
	"strings"
)

// The forms that a document may have. Keep's own are an object {name: provider}
// in KEEP_PROVIDERS and a single provider with `name:` in a file of a directory.
type form uint8

const (
	formObject   form = iota // {name: provider, ...}
	formSingle               // {name: ..., type: ...}
	formEnvelope             // {providers: list or object, workflows: list, ...}
)

// misnamed are words that Keep's users might write for what stands below another key here.
var misnamed = map[string]string{
	"alert": "workflows", "apikeys": "api_keys", "dashboard": "dashboards", "mapping": "mapping_rules", "mappings": "mapping_rules",
	"user": defaultUser, "users": defaultUser, "workflow": "workflows",
}

// notBuilt are Keep's other resources. Ignoring them would let somebody believe that they were provisioned.
var notBuilt = []string{
	"correlation_rules", "extraction_rules", "extractions", "incidents", "maintenance", "maintenance_windows", "rules", "tenant",
	"tenants", "topology",
}

// isResource says whether a key stands for something other than a provider.
func isResource(key string) bool {
	_, wrong := misnamed[key]
	return wrong || isNotBuilt(key) || isEnvelopeKey(key) && key != "providers"
}

func isEnvelopeKey(key string) bool { return slices.Contains(envelopeKeys, key) }

func isNotBuilt(key string) bool { return slices.Contains(notBuilt, key) }

// faultResource is for a key of another resource where only providers can be.
func faultResource(key *node) fault {
	f := fault{line: key.line, column: key.column, key: key.text, code: CodeMisplaced}
	switch meant := misnamed[key.text]; {
	case isNotBuilt(key.text):
		f.code = CodeNotBuilt
		f.message = "the key " + quote(key.text) + " is not supported: this program installs no such resource"
		f.hint = "move it to a file of its own"
	case meant != "":
		f.message = "the key " + quote(key.text) + " is not read here"
		f.hint = "write it below `" + meant + ":`, beside `providers:` in a file that -f names"
		if meant == "workflows" {
			f.hint = "write it as an entry of a list below `workflows:`, or put the file into the directory of KEEP_WORKFLOWS_DIRECTORY"
		}
	default:
		f.message = "the key " + quote(key.text) + " is not read here"
		f.hint = "write it at the top of a file that -f names, beside `providers:`"
	}
	return f
}

// loadDocument finds the form of a document and reads its providers.
func (l *loader) loadDocument(s *source, d document) {
	root := d.root()
	switch {
	case s.layout == layoutWorkflow:
		l.workflow(s, d, &root)
	case s.layout == layoutMapping:
		l.mappingRule(s, d, &root)
	case s.layout == layoutDashboards:
		l.dashboards(s, d, &root)
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
		l.manifest.Given.Providers = true
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
		return !l.stopped()
	})
}

// named reads providers that have their names as keys.
func (l *loader) named(s *source, d document, object *node) {
	d.children(object, true, func(m *member) bool {
		if isResource(m.key.text) && !hasType(d, &m.value) {
			l.problem(s, "", faultResource(&m.key), false)
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
		return !l.stopped()
	})
}

// object finds out what an object is and reads it.
func (l *loader) object(s *source, d document, root *node) {
	form := formOf(s, d, root)
	if form != formEnvelope {
		l.manifest.Given.Providers = true
	}
	switch form {
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

// envelope reads {providers: ..., workflows: ..., ...}. Keys that start with x- are
// the user's own, for anchors.
func (l *loader) envelope(s *source, d document, root *node) {
	if s.layout == layoutSingle {
		l.problem(s, "", fault{
			line: root.line, column: root.column, code: CodeKind,
			message: "a file of a directory holds one provider, not " + envelopeKey(d, root),
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
			l.manifest.Given.Providers = true
			l.providers(s, d, m)
		case l.again != nil:
		case strings.HasPrefix(key, "x-"), l.resources(s, d, m):
		case isResource(key):
			l.problem(s, "", faultResource(&m.key), false)
		case hasType(d, &m.value):
			l.problem(s, key, fault{
				line: m.key.line, column: m.key.column, key: key, code: CodeMisplaced,
				message: "a provider beside " + envelopeKey(d, root), hint: "move it below `providers:`",
			}, false)
		default:
			l.unknownKey(s, "", &m.key, envelopeKeys, "only "+strings.Join(envelopeKeys, ", ")+", and keys that start with x- for anchors, may stand here")
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
		case isEnvelopeKey(key):
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

// envelopeKey names the first key that makes an object an envelope.
func envelopeKey(d document, root *node) string {
	found := ""
	d.children(root, false, func(m *member) bool {
		if isEnvelopeKey(m.key.text) && !hasType(d, &m.value) {
			found = m.key.text
		}
		return found == ""
	})
	return "`" + found + ":`"
}

// dashboards reads what KEEP_DASHBOARDS holds: a list.
func (l *loader) dashboards(s *source, d document, root *node) {
	if root.kind != kindList {
		l.problem(s, "", fault{
			line: root.line, column: root.column, code: CodeKind, kind: KindDashboard,
			message: "expected a list of dashboards, not " + root.kind.String(),
			hint:    `write [{"dashboard_name": ..., "dashboard_config": {...}}], or [] to mean none`,
		}, false)
		return
	}
	d.children(root, true, func(item *member) bool {
		l.dashboard(s, d, &item.value)
		return true
	})
}
