package manifest

import (
	"slices"
	"strings"

	"keep-bootstrap/internal/document"
)

// elsewhere are words for other kinds: what users might write for a key here, with the key, and Keep's other resources,
// which are not installed. Ignoring them would suggest that they were.
var elsewhere = map[string]string{
	"alert": "workflows", "apikeys": "api_keys", "dashboard": "dashboards", "mapping": "mapping_rules", "mappings": "mapping_rules",
	"user": "default_user", "users": "default_user", "workflow": "workflows",

	"correlation_rules": "", "extraction_rules": "", "extractions": "", "incidents": "", "maintenance": "",
	"maintenance_windows": "", "rules": "", "tenant": "", "tenants": "", "topology": "",
}

// isResource reports whether a key names a kind other than providers.
func isResource(key string) bool {
	_, other := elsewhere[key]
	kind := kindOfKey(key)
	return other || kind != nil && kind.Word != KindProvider
}

// misplaced is a fault of the key of another resource where only providers can be.
func misplaced(key *document.Value) document.Fault {
	f := at(key, key.Text, CodeMisplaced, "the key "+document.Quote(key.Text)+" is not allowed here",
		"write it at the top level of a file given with -f, next to `providers:`")
	switch meant, other := elsewhere[key.Text]; {
	case other && meant == "":
		f.Code = CodeNotBuilt
		f.Message = "the key " + document.Quote(key.Text) + " is not supported: keep-bootstrap does not install such resources"
		f.Hint = "move it to a file of its own"
	case other:
		f.Hint = "write it below `" + meant + ":`, next to `providers:` in a file given with -f"
	}
	return f
}

// document finds out what a source holds and reads it.
func (i *item) document(root *document.Value) {
	s, isObject := i.source, root.Kind == document.Object
	switch {
	case i.foreign(root):
	case s.variable && literalLineEnds(string(s.data)) &&
		(!isObject || len(root.Members) > 0 && strings.Contains(root.Members[0].Key.Text, `\n`)):
		i.fail(s.explain(at(root, "", CodeValue, "", "")))
	case s.kind == KindWorkflow, s.kind == KindMappingRule:
		if entry := i.entry(s.kind); !entry.otherThan(root, false) {
			KindOf(s.kind).read(entry, root)
		}
	case s.kind == KindDashboard && root.Kind == document.List:
		i.entries(KindOf(KindDashboard), root, false)
	case s.kind == KindDashboard:
		if entry := i.entry(KindDashboard); !entry.otherThan(root, false) {
			entry.fail(at(root, "", CodeKind, "expected a list of dashboards, not "+root.Kind.String(),
				`write [{"dashboard_name": ..., "dashboard_config": {...}}], or [] to mean none`))
		}
	case s.entry != "" && isObject:
		key := document.Value{Kind: document.Text, Text: s.entry, Place: root.Place}
		readProvider(i.entry(KindProvider), &document.Member{Key: key, Value: *root}, true)
	case s.entry != "":
		i.fail(at(root, "", CodeKind, "expected an object, not "+root.Kind.String(), `write {"type": ..., "authentication": {...}}`))
	case root.Omitted() && s.format == document.YAML:
		i.reader.empty(s)
	case s.single && (!isObject || envelopeKey(root) != ""):
		i.fail(at(root, "", CodeKind, "a file of a directory must hold one provider, an object with `name:` and `type:`",
			"write one file for each, or give this file with -f"))
	case root.Kind == document.List:
		i.reader.manifest.Given[KindProvider] = true
		i.entries(KindOf(KindProvider), root, true)
	case isObject:
		i.providersOrAll(root)
	default:
		i.fail(at(root, "", CodeKind, "expected an object or a list of providers, not "+root.Kind.String(),
			"write `providers:` with a list below it, or {} to mean none"))
	}
}

// providersOrAll finds out which form an object has, by its keys: Keep's own are {name: provider} in KEEP_PROVIDERS and a single provider
// with `name:` in a file of a directory. A provider may be called "providers", "name" or "type", but then there is an object
// with a type behind it.
func (i *item) providersOrAll(root *document.Value) {
	if envelopeKey(root) != "" {
		i.envelope(root)
		return
	}
	i.reader.manifest.Given[KindProvider] = true
	if i.entry(KindProvider).otherThan(root, !i.source.single) {
		return
	}
	single := i.source.single
	for m := range root.Members {
		switch key, value := root.Members[m].Key.Text, &root.Members[m].Value; {
		case key == "name" || key == "type":
			single = single || value.Scalar()
		case slices.Contains(providerKeys, key):
			single = single || !hasType(value)
		}
	}
	if single {
		readProvider(i.entry(KindProvider), &document.Member{Value: *root}, false)
		return
	}
	i.byName(root)
}

// hasType reports whether a value is an object with a type, as a provider is.
func hasType(v *document.Value) bool {
	typeName := v.Member("type")
	return typeName != nil && typeName.Scalar()
}

// envelopeKey is the first key that makes an object one that holds all kinds; "" if there is none.
func envelopeKey(root *document.Value) string {
	for m := range root.Members {
		if key := root.Members[m].Key.Text; kindOfKey(key) != nil && !hasType(&root.Members[m].Value) {
			return key
		}
	}
	return ""
}

// envelope reads {providers: ..., workflows: ..., ...}. Keys that start with x- are the user's own, for anchors.
func (i *item) envelope(root *document.Value) {
	if i.source.kind == KindProvider && !root.Has("providers") {
		i.fail(at(root, "", CodeMissing, "no `providers`, which "+providersVariable+" requires",
			"write `providers: []` to mean none, or give the file with -f"))
	}
	root.Check(document.Shallow, i.fail)
	for m := range root.Members {
		key, value := &root.Members[m].Key, &root.Members[m].Value
		kind := kindOfKey(key.Text)
		switch {
		case kind != nil:
			i.below(kind, key, value)
		case strings.HasPrefix(key.Text, "x-"):
		case isResource(key.Text):
			i.fail(misplaced(key))
		case hasType(value):
			provider := i.entry(KindProvider)
			provider.name = key.Text
			provider.fail(at(key, key.Text, CodeMisplaced, "a provider next to `"+envelopeKey(root)+":`", "move it below `providers:`"))
		default:
			i.unknown(key, envelopeKeys(), "only "+strings.Join(envelopeKeys(), ", ")+", and keys that start with x- for anchors, are allowed here")
		}
	}
}

func envelopeKeys() (keys []string) {
	for i := range Table {
		keys = append(keys, Table[i].Key)
	}
	return keys
}

// below reads the value of the key of a kind.
func (i *item) below(kind *Kind, key, value *document.Value) {
	i.reader.manifest.Given[kind.Word] = true
	switch {
	case kind.Word == KindUser:
		readUser(i.entry(KindUser), key, value)
	case kind.Word == KindProvider && value.Kind == document.Object:
		i.byName(value)
	case value.Kind == document.Null:
		i.fail(at(key, key.Text, CodeEmpty, "`"+key.Text+":` is empty", "write `"+key.Text+": []` to mean none"))
	case i.is(document.List, value, key.Text, "write `- ` before each "+kind.One+" below it"):
		i.entries(kind, value, true)
	}
}

// entries reads a list of resources; below the key of a kind when keyed is set. A large input is let go as it is read.
func (i *item) entries(kind *Kind, list *document.Value, keyed bool) {
	list.Check(document.Shallow, i.fail)
	for m := range list.Members {
		v := &list.Members[m].Value
		if entry := i.entry(kind.Word); !entry.otherThan(v, keyed) {
			kind.read(entry, v)
		}
		v.Members = nil
	}
}

// byName reads providers that have their names as keys.
func (i *item) byName(object *document.Value) {
	object.Check(document.Shallow, i.fail)
	i.reader.manifest.Providers = slices.Grow(i.reader.manifest.Providers, len(object.Members)) // a large list once
	for m := range object.Members {
		member := &object.Members[m]
		key, value := &member.Key, &member.Value
		provider := i.entry(KindProvider)
		switch {
		case isResource(key.Text) && !hasType(value):
			i.fail(misplaced(key))
		case value.Kind != document.Object && document.Similar(key.Text, envelopeKeys()) != "":
			i.unknown(key, envelopeKeys(), "")
		case value.Kind != document.Object:
			provider.name = key.Text
			provider.fail(at(key, key.Text, CodeKind, "expected a provider, an object, not "+value.Kind.String(),
				"write `type:` and `authentication:` below the provider's name"))
		default:
			readProvider(provider, member, true)
			value.Members = nil
		}
	}
}
