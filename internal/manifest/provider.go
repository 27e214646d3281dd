package manifest

import (
	"fmt"
	"slices"
	"strings"

	"keep-bootstrap/internal/catalogue"
)

// MaxName is how long a provider's name may be, in bytes. Longer ones do not fit
// the unique index of Keep's table.
const MaxName = 1000

// MaxType is how long a provider's type may be, in bytes.
const MaxType = 200

// providerKeys are the keys of a provider: Keep's, then ours.
var providerKeys = []string{
	"name", "type", "authentication", "deduplication_rules", "install_webhook",
	"pulling_enabled", "renamed_from", "description", "prevent_delete",
}

func isProviderKey(key string) bool { return slices.Contains(providerKeys, key) }

// entry is a provider while it is being read.
type entry struct {
	*loader
	source   *source
	provider Provider
	declared *catalogue.Type // nil where it is not known
	resource *resource       // instead of a provider, where a reference of another resource is resolved
}

func (e *entry) fail(f fault) {
	if e.resource != nil {
		f = e.resource.of(f)
	}
	e.loader.problem(e.source, e.provider.Name, f, false)
}

func (e *entry) warn(f fault) {
	if e.resource != nil {
		f = e.resource.of(f)
	}
	e.loader.warning(e.source, e.provider.Name, f)
}

func (e *entry) shown(f fault) { e.loader.problem(e.source, e.provider.Name, f, true) }

// provider reads one provider. Its name is the key of m when it is named, else
// the member `name`.
func (l *loader) provider(s *source, m *member, named bool) {
	at := &m.value
	if named {
		at = &m.key
	}
	e := &entry{loader: l, source: s}
	e.provider.Source = s.at(at)
	e.provider.InstallWebhookDefault = named
	e.provider.Authentication = "{}"

	e.declare(m.value.member("type"))

	// The key to show in snippets is the one that the name stands at.
	name, nameKey := m.value.member("name"), "name"
	if named {
		nameKey = m.key.text
		if name != nil && name.kind == kindText && name.text != m.key.text {
			e.provider.Name = m.key.text
			e.warn(fault{
				line: name.line, column: name.column, key: "name", code: CodeMisplaced,
				message: "`name:` is ignored here: the provider is called by its key, " + quote(m.key.text),
				hint:    "rename the key, or remove `name:`",
			})
		}
		name = &m.key
	}
	if !named && name == nil && m.value.member("type") == nil && hasResource(&m.value) {
		e.otherResource(&m.value)
		return
	}
	if name == nil {
		e.fail(fault{
			line: at.line, column: at.column, code: CodeMissing,
			message: "a provider without a name", hint: "add `name:`",
		})
	} else if e.name(name, nameKey) {
		e.unique(name, nameKey)
	}

	kindSeen := false
	var look lookup
	for i := range m.value.members {
		key, value := &m.value.members[i].key, &m.value.members[i].value
		if key.kind != kindText {
			e.unknownKey(s, e.provider.Name, key, providerKeys, unknownHint)
			continue
		}
		switch key.text {
		case "name":
		case "type":
			kindSeen = true
			if e.kind(value) {
				look.kind = value
			}
		case "authentication":
			look.key, look.authentication = key, value
			e.authentication(value)
		case "deduplication_rules":
			e.deduplicationRules(value)
		case "install_webhook":
			e.provider.InstallWebhook = e.boolean(key.text, value)
		case "pulling_enabled":
			e.provider.PullingEnabled = e.boolean(key.text, value)
		case "prevent_delete":
			e.provider.PreventDelete = e.boolean(key.text, value)
		case "renamed_from":
			e.renamedFrom(value)
		case "description":
			e.description(value)
		default:
			if isResource(key.text) {
				e.fail(faultResource(key))
				continue
			}
			e.unknownKey(s, e.provider.Name, key, providerKeys, unknownHint)
		}
	}
	if !kindSeen {
		f := fault{
			line: at.line, column: at.column, code: CodeMissing,
			key: keyOf(m, named), message: "a provider without a type", hint: "add `type:`, for example `type: prometheus`",
		}
		if named && similar(m.key.text, []string{"providers"}) != "" {
			f.hint = "add `type:`; or is the key meant to be `providers`?"
		}
		e.fail(f)
	}
	if l.again != nil {
		l.again.stopped = !l.again.yield(e.provider)
		return
	}
	look.entry, look.entryKey = at, keyOf(m, named)
	e.lookUp(&look)
	l.names.add(&e.provider)
	if s.released {
		l.manifest.Providers.count++
	} else {
		l.manifest.Providers.hold(e.provider)
	}
}

// keyOf is the key of an entry, for its snippet.
func keyOf(m *member, named bool) string {
	if !named {
		return ""
	}
	return m.key.text
}

func hasResource(object *node) bool {
	return slices.ContainsFunc(object.members, func(m member) bool { return isResource(m.key.text) })
}

// otherResource reports an object that is no provider but another resource.
func (e *entry) otherResource(object *node) {
	for i := range object.members {
		if isResource(object.members[i].key.text) {
			e.fail(faultResource(&object.members[i].key))
		}
	}
}

// name checks and sets the name and says whether it can be used.
func (e *entry) name(n *node, key string) bool {
	f := fault{line: n.line, column: n.column, key: key, code: CodeName}
	switch {
	case n.kind == kindNull && n.written == "" || n.kind == kindText && n.text == "":
		f.message, f.hint = "the provider's name is empty", "give it a name"
		f.code = CodeMissing
	case n.kind != kindText && n.scalar():
		f.message, f.hint = "the provider's name must be a text, not "+n.kind.String(), "write "+asText(n)+", in quotes"
	case n.kind != kindText:
		f.message, f.hint = "the provider's name must be a text, not "+n.kind.String(), "give it a name"
	case len(n.text) > MaxName:
		f.message = fmt.Sprintf("the provider's name has %d bytes", len(n.text))
		f.hint = fmt.Sprintf("at most %d fit", MaxName)
	default:
		e.provider.Name = n.text
		if _, ok := referenceOf(n.text); !ok {
			return true
		}
		f.message, f.hint = "a name cannot be a reference", "write the name out"
		f.code = CodeReference
		e.shown(f)
		return false
	}
	e.shown(f)
	return false
}

// asText shows a scalar that is not secret in quotes.
func asText(n *node) string {
	written := n.written
	if written == "" {
		written = n.text
	}
	return quote(written)
}

// unique reports a name that another provider has.
func (e *entry) unique(n *node, key string) {
	if e.again != nil || !e.names.has(n.text) {
		return
	}
	e.shown(fault{
		line: n.line, column: n.column, key: key, code: CodeDuplicate,
		message: "the name " + quote(n.text) + " is already used at " + e.firstPlace(n.text).String(),
		hint:    "give each provider a name of its own",
	})
}

// kind sets the type and says whether it can be looked up.
func (e *entry) kind(n *node) bool {
	f := fault{line: n.line, column: n.column, key: "type", code: CodeKind}
	switch {
	case n.kind == kindNull || n.kind == kindText && n.text == "":
		f.code = CodeMissing
		f.message, f.hint = "the provider's type is empty", "write one, for example `type: prometheus`"
	case n.kind != kindText && n.scalar():
		f.message, f.hint = "the provider's type must be a text, not "+n.kind.String(), "write "+asText(n)+", in quotes"
	case n.kind != kindText:
		f.message, f.hint = "the provider's type must be a text, not "+n.kind.String(), "write one, for example `type: prometheus`"
	case len(n.text) > MaxType:
		f.message = fmt.Sprintf("the provider's type has %d bytes", len(n.text))
		f.hint = fmt.Sprintf("at most %d fit", MaxType)
	default:
		e.provider.Type = n.text
		if _, ok := referenceOf(n.text); !ok {
			return true
		}
		f.code, f.message, f.hint = CodeReference, "a type cannot be a reference", "write the type out"
	}
	e.shown(f)
	return false
}

// authentication resolves what is below authentication and writes it as text.
func (e *entry) authentication(n *node) {
	switch n.kind {
	case kindNull:
		return
	case kindObject:
	default:
		f := fault{
			line: n.line, column: n.column, key: "authentication", code: CodeKind,
			message: "authentication must be an object, not " + n.kind.String(),
			hint:    "write `key: value` pairs below it",
		}
		if n.kind == kindText && e.source.format.isJSON() {
			f.hint = `write {"key": "value"}, without quotes around the braces`
		}
		e.fail(f)
		return
	}
	if rules := n.member("deduplication_rules"); rules != nil {
		e.warn(fault{
			line: rules.line, column: rules.column, key: "deduplication_rules", code: CodeMisplaced,
			message: "`deduplication_rules` inside `authentication` is stored as a field that Keep ignores",
			hint:    "move it beside `authentication`, where Keep reads it",
		})
	}
	e.resolveAll(n, "")
	if e.resolved > MaxResolvedSize || e.source.released && e.again == nil {
		return // the latter is written when it is read again
	}
	e.buffer = n.encode(e.buffer[:0])
	e.provider.Authentication = string(e.buffer)
}

// resolveAll resolves the references below n and warns of YAML's traps.
func (e *entry) resolveAll(n *node, key string) {
	switch {
	case n.kind == kindText:
		e.resolve(n, key)
	case n.trap == trapSwitch && e.wantsBoolean(key): // that is what is meant
	case n.trap != trapNone:
		e.warn(faultTrap(n, key))
	}
	for i := range n.members {
		m := &n.members[i]
		below := key
		if n.kind == kindObject {
			below = m.key.text
			if m.key.trap == trapSwitch {
				e.warn(fault{
					line: m.key.line, column: m.key.column, code: CodeTrap,
					message: "a plain yes, no, on or off as a key is the boolean " + m.key.text,
					hint:    "put the key in quotes",
				})
			}
		}
		e.resolveAll(&m.value, below)
	}
}

func faultTrap(n *node, key string) fault {
	f := fault{line: n.line, column: n.column, key: key, code: CodeTrap, hint: "if a text is meant, put it in quotes: " + quoted(key)}
	switch n.trap {
	case trapOctal:
		f.message = "a plain number with a leading zero is octal in YAML"
	case trapSexagesimal:
		f.message = "plain numbers with colons are counted in sixties in YAML: 1:30 is 90"
	case trapSwitch:
		f.message = "a plain yes, no, on or off is a boolean in YAML"
	case trapAnchor:
		f.message = "a plain text that starts with & names an anchor, and the value is null"
	}
	return f
}

// boolean reads true, false, and the same as text; null is as absent.
func (e *entry) boolean(key string, n *node) *bool {
	if n.kind == kindText {
		e.resolve(n, key)
	}
	value := strings.EqualFold(n.text, "true")
	switch {
	case n.kind == kindNull, n.unresolved:
		return nil
	case n.kind == kindBool, n.kind == kindText && (value || strings.EqualFold(n.text, "false")):
		return &value
	}
	e.fail(fault{
		line: n.line, column: n.column, key: key, code: CodeKind,
		message: "`" + key + "` must be true or false, not " + otherThan(n),
		hint:    "write true or false",
	})
	return nil
}

// otherThan names the kind of a value where some texts would do.
func otherThan(n *node) string {
	if n.kind == kindText {
		return "another text"
	}
	return n.kind.String()
}

// description takes any scalar: Keep ignores the key, so whatever is there has
// worked so far.
func (e *entry) description(n *node) {
	if !n.scalar() {
		e.fail(fault{
			line: n.line, column: n.column, key: "description", code: CodeKind,
			message: "`description` must be a text, not " + n.kind.String(), hint: `write description: "..."`,
		})
		return
	}
	if n.kind == kindNull {
		return
	}
	text := n.text
	if n.written != "" {
		text = n.written
	}
	if n.kind == kindText {
		e.resolve(n, "description")
		text = n.text
	}
	e.provider.Description = &text
}

// renamedFrom reads one old name or a list of them.
func (e *entry) renamedFrom(n *node) {
	switch n.kind {
	case kindNull:
	case kindList:
		for i := range n.members {
			e.oldName(&n.members[i].value)
		}
	default:
		e.oldName(n)
	}
}

func (e *entry) oldName(n *node) {
	f := fault{line: n.line, column: n.column, key: "renamed_from", code: CodeName}
	if n.kind == kindText {
		e.resolve(n, "renamed_from")
	}
	switch {
	case n.unresolved:
		return
	case n.kind == kindNull || n.kind == kindText && n.text == "":
		f.message, f.hint = "an empty name in `renamed_from`", "remove it"
	case n.kind != kindText && n.scalar():
		f.message, f.hint = "`renamed_from` must be a name or a list of names, not "+n.kind.String(), "write "+asText(n)+", in quotes"
	case n.kind != kindText:
		f.message, f.hint = "`renamed_from` must be a name or a list of names, not "+n.kind.String(), "write renamed_from: [old-name]"
	case len(n.text) > MaxName:
		f.message = fmt.Sprintf("the name in `renamed_from` has %d bytes", len(n.text))
		f.hint = fmt.Sprintf("no provider can have had it: at most %d fit", MaxName)
	case n.text == e.provider.Name:
		f.code = CodeConflict
		f.message, f.hint = "`renamed_from` names the provider itself", "write the name that it had before, or remove the line"
	case slices.Contains(e.provider.RenamedFrom, n.text):
		return
	default:
		if first, ok := e.claimed[n.text]; ok {
			f.code = CodeConflict
			f.message = "`renamed_from` names " + quote(n.text) + ", which the provider at " + first.String() + " names, too"
			f.hint = "one provider can have one successor"
			break
		}
		e.claimed[n.text] = e.provider.Source
		e.provider.RenamedFrom = append(e.provider.RenamedFrom, n.text)
		return
	}
	e.fail(f)
}

// unknownHint goes with a key that a provider does not have: most of them are
// fields of the connection, wrongly indented.
const unknownHint = "remove it; the fields of the connection stand below `authentication:`"

// unknownKey reports a key without a meaning: a problem where it is probably a
// slip, since then what was meant does not happen; else a warning, since Keep
// ignores such keys.
func (l *loader) unknownKey(s *source, provider string, key *node, known []string, hint string) {
	name := key.text
	if key.written != "" {
		name = key.written
	}
	f := fault{
		line: key.line, column: key.column, key: name, code: CodeUnknownKey,
		message: "unknown key " + quote(name), hint: hint,
	}
	meant := similar(name, known)
	switch {
	case meant != "":
		f.hint = "did you mean `" + meant + "`?"
		l.problem(s, provider, f, false)
	case l.strict:
		l.problem(s, provider, f, false)
	default:
		f.message += " is ignored"
		l.warning(s, provider, f)
	}
}
