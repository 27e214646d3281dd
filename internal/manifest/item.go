package manifest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"keep-bootstrap/internal/document"
)

// item is a provider or another resource while it is being read, or a source as a whole. Problems are reported as its own.
type item struct {
	reader *reader
	source *source
	kind   string // one of the Kind constants
	name   string // "" until it is known
	before int    // how many problems there were when it began
}

// entry is the item of a value inside of another.
func (i *item) entry(kind string) *item {
	return &item{reader: i.reader, source: i.source, kind: kind, before: i.reader.problems.Total}
}

// check reports what cannot be stored of a value and everything below it. The name of the item, if it is not known, is
// the text below nameKey.
func (i *item) check(v *document.Value, what document.Checked, nameKey string) {
	if name := v.Member(nameKey); i.name == "" && name != nil && name.Kind == document.Text {
		i.name = name.Text
	}
	v.Check(what, func(f document.Fault) {
		if f.Code == document.CodeDuplicateKey && i.secretive() {
			f.Key, f.Message = "", "a duplicate key"
		}
		i.fail(f)
	})
}

// secretive reports whether keys that are not known must not be shown: after a missing space or quote a value is a key.
func (i *item) secretive() bool { return i.kind == KindAPIKey || i.kind == KindUser }

// object reports whether a value is an object, as a resource is.
func (i *item) object(v *document.Value) bool {
	if v.Kind == document.Object {
		return true
	}
	hint := "write its keys below each other"
	if i.kind == KindProvider {
		hint = "write `- name: ...` with the provider's other keys below it"
	}
	i.fail(at(v, "", CodeKind, "expected "+aKind(i.kind)+", an object, not "+v.Kind.String(), hint))
	return false
}

// is reports whether the value of a key is of a kind, and a problem if it is not.
func (i *item) is(kind document.Kind, v *document.Value, key, hint string) bool {
	if v.Kind != kind {
		i.fail(at(v, key, CodeKind, "`"+key+"` must be "+kind.String()+", not "+v.Kind.String(), hint))
	}
	return v.Kind == kind
}

// take reports a name that a resource of the kind has already.
func (i *item) take(v *document.Value, key string) {
	if first, free := i.reader.take(i.kind, i.name, i.source.at(v)); !free {
		i.show(at(v, key, CodeDuplicate, "duplicate name "+document.Quote(i.name)+", already used at "+first.String(),
			"use a unique name for each "+called(i.kind)))
	}
}

// sound reports whether nothing is wrong with the item so far.
func (i *item) sound() bool { return i.reader.problems.Total == i.before }

// add adds the resource, unless something is wrong with it.
func (i *item) add(start *document.Value, content document.Value) {
	if i.sound() {
		i.reader.manifest.Resources = append(i.reader.manifest.Resources, Resource{
			Kind: i.kind, Name: i.name, Content: string(content.AppendJSON(nil)), Source: i.source.at(start),
		})
	}
}

// object puts an object together.
func object(members ...document.Member) document.Value {
	return document.Value{Kind: document.Object, Members: members}
}

func member(key string, value document.Value) document.Member {
	return document.Member{Key: text(key), Value: value}
}

func text(s string) document.Value { return document.Value{Kind: document.Text, Text: s} }

func boolean(b bool) document.Value {
	return document.Value{Kind: document.Boolean, Text: strconv.FormatBool(b)}
}

// text makes a text of limited length of what Keep takes for one.
func (i *item) text(v *document.Value, key string, longest int) bool {
	text := pythonText(v)
	runes := utf8.RuneCountInString(text)
	switch {
	case !v.Scalar() || v.Kind == document.Null:
		return i.is(document.Text, v, key, "write "+key+`: "..."`)
	case runes > longest:
		i.fail(at(v, key, CodeTooLarge, fmt.Sprintf("`%s` has %d characters", key, runes),
			fmt.Sprintf("use at most %d", longest)))
	default:
		v.Kind, v.Text = document.Text, text
		return true
	}
	return false
}

// optional is text for a value that may be null.
func (i *item) optional(v *document.Value, key string, longest int) {
	if v.Kind != document.Null {
		i.text(v, key, longest)
	}
}

// pythonText is the text that Keep makes of a scalar.
func pythonText(v *document.Value) string {
	switch v.Kind {
	case document.Boolean:
		return strings.ToUpper(v.Text[:1]) + v.Text[1:]
	case document.Number:
		return document.PythonNumber(v.Text)
	}
	return v.Text
}

// asText shows a scalar that is not secret in quotes.
func asText(v *document.Value) string { return document.Quote(v.AsWritten()) }

// named checks the name of a resource and sets it. At most so many characters, and MaxName bytes, fit.
func (i *item) named(whole, v *document.Value, key string, longest int) bool {
	switch {
	case v == nil:
		i.fail(at(whole, "", CodeMissing, aKind(i.kind)+" without `"+key+"`", "add `"+key+":`"))
		return false
	case v.Kind == document.Null || v.Kind == document.Text && strings.TrimSpace(v.Text) == "":
		i.fail(at(v, key, CodeMissing, "the name is empty", "give it a name"))
		return false
	case v.Kind == document.Boolean && i.kind != KindMappingRule, v.Kind == document.Number && i.kind == KindWorkflow:
		return i.is(document.Text, v, key, "write "+asText(v)+", in quotes")
	}
	if !i.text(v, key, longest) {
		return false
	}
	if len(v.Text) > MaxName {
		i.fail(at(v, key, CodeName, fmt.Sprintf("the name has %d bytes", len(v.Text)),
			fmt.Sprintf("use at most %d", MaxName)))
		return false
	}
	i.name = v.Text
	return true
}

// integer makes a whole number of what Keep converts to one, if it fits the database: texts, booleans, and fractions cut off.
func (i *item) integer(v *document.Value, key string) {
	text := v.Text
	switch v.Kind {
	case document.Text:
		text = strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(text), "+"), "_", "")
	case document.Boolean:
		text = map[string]string{"true": "1", "false": "0"}[text]
	case document.Number:
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			text = strconv.FormatFloat(math.Trunc(value), 'f', -1, 64)
		}
	}
	value, err := strconv.ParseInt(text, 10, 32)
	if !v.Scalar() || err != nil {
		i.fail(at(v, key, CodeValue,
			fmt.Sprintf("`%s` must be a whole number from %d to %d", key, math.MinInt32, math.MaxInt32),
			"write a number such as 10"))
	}
	v.Kind, v.Text = document.Number, strconv.FormatInt(value, 10)
}

// boolean reads true and false, and the texts and numbers for them; null, and what cannot be resolved, is as absent.
func (i *item) boolean(v *document.Value, key string) *bool {
	i.resolve(v, key)
	if v.Kind == document.Null || v.Flaw == document.Unresolved {
		return nil
	}
	value, ok := Boolean(v.Text)
	if !ok || !v.Scalar() {
		i.notBoolean(v, key)
		return nil
	}
	return &value
}

// notBoolean reports a value that is neither true nor false.
func (i *item) notBoolean(v *document.Value, key string) {
	found := v.Kind.String()
	if v.Kind == document.Text {
		found = "another string"
	}
	i.fail(at(v, key, CodeKind, "`"+key+"` must be true or false, not "+found, "write true or false"))
}

// noSuchKey is the hint for keys that a resource does not have.
const noSuchKey = "Keep has no such key here: remove it"

// known reports the keys that an object does not have.
func (i *item) known(v *document.Value, keys []string) {
	for m := range v.Members {
		key := &v.Members[m].Key
		if key.Kind != document.Text || !slices.Contains(keys, key.Text) {
			i.unknown(key, keys, noSuchKey)
		}
	}
}

// unknown reports an unknown key: a problem if it is probably misspelt, because its setting would be lost;
// else a warning, since Keep ignores such keys.
func (i *item) unknown(key *document.Value, known []string, hint string) {
	name := key.AsWritten()
	f := at(key, name, CodeUnknownKey, "unknown key "+document.Quote(name), hint)
	meant := document.Similar(name, known)
	if i.secretive() && meant == "" {
		f.Key, f.Message = "", "an unknown key"
	}
	switch {
	case meant != "":
		f.Hint = "did you mean `" + meant + "`?"
		i.fail(f)
	case i.reader.options.Strict:
		i.fail(f)
	default:
		f.Message += " is ignored"
		i.warn(f)
	}
}
