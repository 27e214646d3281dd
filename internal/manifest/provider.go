package manifest

import (
	"fmt"
	"slices"
	"strings"

	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/document"
)

// providerKeys are the keys of a provider: Keep's, then those of this program.
var providerKeys = []string{
	"name", "type", "authentication", "deduplication_rules", "install_webhook",
	"pulling_enabled", "renamed_from", "description", "prevent_delete", "id",
}

// unknownHint is the hint for unknown keys of a provider: most are fields of the connection with the wrong indentation.
const unknownHint = "remove it; the fields of the connection belong below `authentication:`"

// provider is a provider while it is being read.
type provider struct {
	*item
	result   Provider
	declared *catalogue.Type // nil if it is not known
	start    document.Value  // where it starts, and its key
	// What is checked against the catalogue: the value of `type:`, nil if it cannot be looked up, and `authentication:`,
	// nil if there is none.
	typeValue *document.Value
	fields    *document.Member
}

// readProvider reads one provider. Its name is the key of m when it is named, else the member `name`.
func readProvider(i *item, m *document.Member, named bool) {
	p := &provider{item: i, start: document.Value{Place: m.Value.Place}}
	p.result.InstallWebhook, p.result.Authentication = named, "{}"
	if named {
		p.start = m.Key
		i.name = m.Key.Text
	}
	p.result.Source = i.source.at(&p.start)
	i.check(&m.Value, document.Deep, "name")
	name, nameKey := m.Value.Member("name"), "name" // the key to show in snippets is the one that the name stands at
	if named {
		nameKey = m.Key.Text
		if name != nil && name.Kind == document.Text && name.Text != m.Key.Text {
			i.warn(at(name, "name", CodeMisplaced, "`name:` is ignored here: the name of the provider is its key, "+document.Quote(m.Key.Text),
				"rename the key, or remove `name:`"))
		}
		name = &m.Key
	}
	i.name = ""
	if name == nil {
		i.fail(at(&p.start, "", CodeMissing, "a provider without a name", "add `name:`"))
	} else if p.string(name, "the provider's name", MaxName, at(name, nameKey, CodeName, "", "give it a name")) {
		p.name, p.result.Name = name.Text, name.Text
		if p.literal(name, nameKey, "the provider's name") {
			p.take(name, nameKey)
		}
	}
	p.setType(m.Value.Member("type")) // first, because how the authentication is read depends on it
	for j := range m.Value.Members {
		p.member(&m.Value.Members[j])
	}
	p.lookUp()
	i.reader.manifest.Providers = append(i.reader.manifest.Providers, p.result)
}

// member reads one key of a provider.
func (p *provider) member(m *document.Member) {
	key, value := &m.Key, &m.Value
	switch {
	case key.Kind != document.Text:
		p.unknown(key, providerKeys, unknownHint)
		return
	case isResource(key.Text):
		p.fail(misplaced(key))
		return
	}
	switch key.Text {
	case "name", "type":
	case "authentication":
		p.fields = m
		p.authentication(value)
	case "deduplication_rules":
		p.deduplicationRules(value)
	case "install_webhook":
		if given := p.boolean(value, key.Text); given != nil {
			p.result.InstallWebhook = *given
		}
	case "pulling_enabled":
		p.result.PullingEnabled = p.boolean(value, key.Text)
	case "prevent_delete":
		p.result.PreventDelete = p.boolean(value, key.Text)
	case "renamed_from":
		p.renamedFrom(value)
	case "description":
		p.description(value)
	case "id":
		p.id(value)
	default:
		p.unknown(key, providerKeys, unknownHint)
	}
}

// setType checks and sets the type.
func (p *provider) setType(v *document.Value) {
	const what = "the provider's type"
	if v == nil {
		f := at(&p.start, p.start.Text, CodeMissing,
			"a provider without a type", "add `type:`, for example `type: prometheus`")
		if document.Similar(p.start.Text, []string{"providers"}) != "" {
			f.Hint = "add `type:`, or did you mean the key `providers`?"
		}
		p.fail(f)
		return
	}
	f := at(v, "type", CodeKind, "", "write one, for example `type: prometheus`")
	if p.string(v, what, MaxType, f) && p.literal(v, "type", what) {
		p.result.Type, p.typeValue = v.Text, v
		if types := p.reader.options.Catalogue; types != nil {
			p.declared, _ = types.Type(v.Text)
		}
	}
}

// authentication resolves what is below authentication and writes it as text.
func (p *provider) authentication(v *document.Value) {
	const hint = "write `key: value` pairs below it, in JSON {\"key\": \"value\"} without quotes around the braces"
	if v.Kind == document.Null {
		return
	}
	if !p.is(document.Object, v, "authentication", hint) {
		p.typeValue = nil // what fields it lacks is not known
		return
	}
	if rules := v.Member("deduplication_rules"); rules != nil {
		p.suspect(at(rules, "deduplication_rules", CodeMisplaced,
			"`deduplication_rules` inside `authentication` is stored as a field that Keep ignores",
			"move it next to `authentication`, where Keep reads it"))
	}
	p.resolveAll(v, "")
	addSchemes(v)
	if p.reader.resolved <= MaxResolvedSize {
		p.result.Authentication = string(v.AppendJSON(nil))
	}
}

// addSchemes adds to the hosts of Kibana and OpenObserve the scheme that they lack, as Keep does when it loads the provider: the
// secret would differ from the manifest from then on. _manifest_rows.sql does so for psql.
func addSchemes(authentication *document.Value) {
	for _, key := range []string{"kibana_host", "openObserveHost"} {
		host := authentication.Member(key)
		if host == nil || host.Kind != document.Text || host.Flaw != document.Sound || host.Text == "" || hasScheme().MatchString(host.Text) {
			continue
		}
		scheme := "https://"
		if strings.Contains(host.Text, "localhost") || strings.Contains(host.Text, "127.0.0.1") {
			scheme = "http://"
		}
		host.Text = scheme + host.Text
	}
}

// hasScheme matches what Keep adds no scheme to, or only when it has filled in a template.
var hasScheme = document.Pattern(`^(https?://|\{\{)`)

// lookUp checks type and authentication against the catalogue.
func (p *provider) lookUp() {
	options := &p.reader.options
	if options.Catalogue == nil || p.typeValue == nil || p.declared == nil && options.AllowUnknownTypes {
		return
	}
	below, fields := &p.start, (*document.Value)(nil)
	if p.fields != nil {
		below, fields = &p.fields.Key, &p.fields.Value
	}
	for _, found := range options.Catalogue.Check(p.typeValue, below, fields) {
		switch {
		case found.Code == CodeType:
			p.show(found.Fault)
		case !found.Ignored:
			p.fail(found.Fault)
		case found.Key != "deduplication_rules": // already reported
			p.suspect(found.Fault)
		}
	}
}

// wantsBoolean reports whether the type declares the field as a boolean.
func (p *provider) wantsBoolean(field string) bool {
	if p.declared == nil {
		return false
	}
	f, ok := p.declared.Field(field)
	return ok && f.Kind == catalogue.KindBoolean
}

// traps say what is wrong with values that fell into one.
var traps = map[document.Trap]string{
	document.Octal:       "a plain number with a leading zero is octal in YAML",
	document.Sexagesimal: "plain numbers with colons are counted in sixties in YAML: 1:30 is 90",
	document.Switch:      "a plain yes, no, on or off is a boolean in YAML",
	document.Anchor:      "an unquoted string that starts with & names an anchor, and the value is null",
}

// resolveAll resolves the references below a value, and warns of placeholders and of YAML's traps.
func (p *provider) resolveAll(v *document.Value, key string) {
	switch {
	case v.Kind == document.Text:
		p.placeholder(v, key)
		p.resolve(v, key)
	case v.Trap == document.Switch && p.wantsBoolean(key): // as intended
	case v.Trap != document.NoTrap:
		p.warn(at(v, key, CodeTrap, traps[v.Trap], "for a string, use quotes: "+document.Example(key)))
	}
	for j := range v.Members {
		m := &v.Members[j]
		below := key
		if v.Kind == document.Object {
			below = m.Key.Text
			if m.Key.Trap == document.Switch {
				p.warn(at(&m.Key, "", CodeTrap, "a plain yes, no, on or off as a key is the boolean "+m.Key.Text, "put the key in quotes"))
			}
		}
		p.resolveAll(&m.Value, below)
	}
}

// description takes any scalar: Keep ignores the key, so whatever is there has worked so far.
func (p *provider) description(v *document.Value) {
	p.resolve(v, "description")
	switch {
	case v.Kind == document.Null:
	case !v.Scalar():
		p.is(document.Text, v, "description", `write description: "..."`)
	default:
		text := v.AsWritten()
		p.result.Description = &text
	}
}

// idPattern is an id as Keep makes it.
var idPattern = document.Pattern(`^[0-9a-f]{32}$`)

// id reads the id that the provider is to have, so that the URL of its webhook survives a rebuild.
func (p *provider) id(v *document.Value) {
	p.resolve(v, "id")
	if v.Kind == document.Null || v.Flaw == document.Unresolved {
		return
	}
	if v.Kind != document.Text || !idPattern().MatchString(v.Text) {
		p.fail(at(v, "id", CodeValue, "`id` must be 32 hexadecimal digits", "write them in lower case, in quotes and without dashes, as in Keep's column provider.id"))
		return
	}
	if first, free := p.reader.take("id", v.Text, p.result.Source); !free {
		p.fail(at(v, "id", CodeDuplicate, "duplicate `id`, already used by the provider at "+first.String(), "give each provider its own id, or none"))
		return
	}
	p.result.ID = v.Text
}

// renamedFrom reads one old name or a list of them.
func (p *provider) renamedFrom(v *document.Value) {
	switch v.Kind {
	case document.Null:
	case document.List:
		for m := range v.Members {
			p.oldName(&v.Members[m].Value)
		}
	default:
		p.oldName(v)
	}
}

func (p *provider) oldName(v *document.Value) {
	p.resolve(v, "renamed_from")
	f := at(v, "renamed_from", CodeName, "", "write renamed_from: [old-name]")
	if v.Flaw == document.Unresolved || !p.string(v, "a name in `renamed_from`", MaxName, f) {
		return
	}
	f.Code = CodeConflict
	switch {
	case v.Text == p.result.Name:
		f.Message = "`renamed_from` names the provider itself"
		f.Hint = "write the name that it had before, or remove the line"
	case slices.Contains(p.result.RenamedFrom, v.Text):
		return
	default:
		first, free := p.reader.take("renamed_from", v.Text, p.result.Source)
		if free {
			p.result.RenamedFrom = append(p.result.RenamedFrom, v.Text)
			p.reader.renames = append(p.reader.renames, rename{item: p.item, from: v.Text, at: f})
			return
		}
		f.Message = "the former name " + document.Quote(v.Text) + " is also claimed by the provider at " + first.String()
		f.Hint = "only one provider can claim a former name"
	}
	p.fail(f)
}

// string reports whether a value is a text of at most so many bytes that is not empty. The fault has a code and a hint.
func (p *provider) string(v *document.Value, what string, longest int, f document.Fault) bool {
	f.Message = what + " must be a string, not " + v.Kind.String()
	switch {
	case v.Empty():
		f.Code, f.Message = CodeMissing, what+" is empty"
	case v.Kind != document.Text && v.Scalar():
		f.Hint = "write " + asText(v) + ", in quotes"
	case v.Kind != document.Text:
	case len(v.Text) > longest:
		f.Message, f.Hint = fmt.Sprintf("%s has %d bytes", what, len(v.Text)), fmt.Sprintf("use at most %d", longest)
	default:
		return true
	}
	p.show(f)
	return false
}

// literal reports whether a text is not a reference.
func (p *provider) literal(v *document.Value, key, what string) bool {
	_, reference := referenceOf(v.Text)
	if reference {
		p.show(at(v, key, CodeReference, what+" cannot be a reference", "write it out"))
	}
	return !reference
}
