// Package export writes providers and other resources of a database as the YAML that package manifest reads.
//
// What is written leads to the same rows again: text is quoted so that a reader of YAML 1.1, as Keep's is, takes it for
// the same text, and numbers keep their value. The result is read again and compared before it is returned.
package export

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/pyyaml"
)

// Variable is a variable that the text refers to.
type Variable struct {
	Name string
	// Value is what the variable must hold, a secret: with one line end more where the text ends with one, because that
	// is cut.
	Value string
}

// Result is an export.
type Result struct {
	// Text is the YAML: a list of providers and, at its end, a comment with the names of the variables. It holds
	// secrets when they were asked for.
	Text []byte
	// Variables are those that the text refers to, in its order. There are none if secrets are written out.
	Variables []Variable
	// Providers and Others are how many there are, of providers and of other kinds.
	Providers, Others int
	// Warnings say what the text cannot express, or what this program would refuse in it. They hold no secret.
	Warnings []string
}

// All writes what bootstrap.export() returned, with secrets or with a reference $(NAME) instead of each. The error
// holds no secret; it means that a row is not what the database promises.
func All(rows []db.ExportedObject, withSecrets bool) (Result, error) {
	w := writer{withSecrets: withSecrets, names: map[string]bool{}}
	kinds := map[string][]db.ExportedObject{}
	rules := map[string][]db.ExportedObject{} // by provider
	for _, r := range rows {
		if r.Kind == "deduplication_rule" {
			rules[text(r.Type)] = append(rules[text(r.Type)], r)
		} else {
			kinds[r.Kind] = append(kinds[r.Kind], r)
			w.result.Others++
		}
	}
	providers := kinds[manifest.KindProvider]
	w.result.Providers = len(providers)
	w.result.Others -= len(providers)
	if len(providers) == 0 {
		w.out.WriteString("providers: []\n")
	}
	for i := range manifest.Table {
		kind := &manifest.Table[i]
		for n := range kinds[kind.Word] {
			r := &kinds[kind.Word][n]
			if err := w.resource(kind, r, n == 0, rules[r.Name]); err != nil {
				return Result{}, fmt.Errorf("%s %q: %w", kind.One, r.Name, err)
			}
		}
	}
	for i, v := range w.result.Variables {
		if i == 0 {
			w.out.WriteString("# Variables that this file refers to:\n")
		}
		w.out.WriteString("#   " + v.Name + "\n")
	}
	w.result.Text = w.out.Bytes()
	w.compare(providers)
	return w.result, nil
}

// writer is the state of one export.
type writer struct {
	withSecrets bool
	out         bytes.Buffer
	names       map[string]bool // of variables
	result      Result
}

func (w *writer) warn(format string, values ...any) {
	w.result.Warnings = append(w.result.Warnings, fmt.Sprintf(format, values...))
}

// resource writes a resource: the first of its kind, or a further one.
func (w *writer) resource(kind *manifest.Kind, r *db.ExportedObject, first bool, rules []db.ExportedObject) error {
	content, err := object(r.Content)
	if err != nil {
		return err
	}
	if first && kind.Word != manifest.KindUser {
		w.out.WriteString(kind.Key + ":\n")
	}
	switch kind.Word {
	case manifest.KindProvider:
		if content, err = w.provider(r, content, rules); err != nil {
			return err
		}
	case manifest.KindWorkflow:
		w.workflow(r, content.Member("raw").Text)
		return nil
	case manifest.KindUser:
		if first {
			w.contents(r, content)
			w.dump(document.Value{Kind: document.Object, Members: []document.Member{{Key: scalar(kind.Key), Value: *content}}})
		} else {
			w.warn("user %q is left out: a file has one default user", r.Name)
		}
		return nil
	default:
		w.contents(r, content)
	}
	w.dump(document.Value{Kind: document.List, Members: []document.Member{{Value: *content}}})
	return nil
}

// object reads an object of a row.
func object(text string) (*document.Value, error) {
	v, _, f := document.Parse([]byte(text), document.JSON)
	if f != nil || v == nil || v.Kind != document.Object {
		return nil, errors.New("not a JSON object in the database") // the fault may quote
	}
	return v, nil
}

func (w *writer) dump(v document.Value) { w.out.WriteString(withoutEnd(pyyaml.Dump(&v))) }

// withoutEnd removes the sign for the end of a document.
func withoutEnd(text string) string {
	if before, ok := strings.CutSuffix(text, "\n...\n"); ok {
		return before + "\n"
	}
	return text
}

// impliedOptions are the values that an option has without being written.
var impliedOptions = map[string]string{"pulling_enabled": "true", "prevent_delete": "false", "install_webhook": "false"}

// provider is the entry of a provider.
func (w *writer) provider(
	r *db.ExportedObject, authentication *document.Value, rules []db.ExportedObject,
) (*document.Value, error) {
	entry := &document.Value{Kind: document.Object}
	put := func(key string, value document.Value) {
		entry.Members = append(entry.Members, document.Member{Key: scalar(key), Value: value})
	}
	put("name", scalar(r.Name))
	put("type", scalar(text(r.Type)))
	options, err := object(text(r.Options))
	if err != nil {
		return nil, err
	}
	for _, m := range options.Members {
		if implied, ok := impliedOptions[m.Key.Text]; !ok || m.Value.Text != implied {
			w.value(&m.Value, origin{owner: r.Name, path: []string{m.Key.Text}})
			put(m.Key.Text, m.Value)
		}
	}
	for i := range authentication.Members {
		m := &authentication.Members[i]
		w.member(m, origin{owner: r.Name, path: []string{m.Key.Text}, secret: secretField(text(r.Type), m.Key.Text)})
	}
	put("authentication", *authentication)
	all := document.Value{Kind: document.Object}
	for i := range rules {
		rule, err := object(rules[i].Content)
		if err != nil {
			return nil, err
		}
		rule.Members = slices.DeleteFunc(rule.Members, isDefault)
		w.value(rule, origin{owner: r.Name, path: []string{"deduplication_rules", rules[i].Name}})
		all.Members = append(all.Members, document.Member{Key: scalar(rules[i].Name), Value: *rule})
	}
	if len(rules) > 0 {
		put("deduplication_rules", all)
	}
	return entry, nil
}

// isDefault reports whether Keep assumes a member of a rule anyway.
func isDefault(m document.Member) bool {
	switch v := &m.Value; v.Kind {
	case document.List:
		return len(v.Members) == 0
	case document.Boolean:
		return v.Text == "false" && m.Key.Text != "enabled"
	case document.Number:
		return v.Text == "0"
	default:
		return v.Empty()
	}
}

// contents prepares the entry of a resource of another kind. Only the secret of an API key may be a reference there.
func (w *writer) contents(r *db.ExportedObject, entry *document.Value) {
	entry.Members = slices.DeleteFunc(entry.Members, func(m document.Member) bool { return m.Value.Kind == document.Null })
	for i := range entry.Members {
		m := &entry.Members[i]
		secret := r.Kind == manifest.KindAPIKey && m.Key.Text == "secret"
		if !secret && hasCredential(string(m.Value.AppendJSON(nil))) {
			w.exposes(r)
		}
		w.member(m, origin{owner: r.Name, path: []string{m.Key.Text}, secret: secret, literal: !secret})
	}
}

// exposes warns of a credential in a place where references are not read.
func (w *writer) exposes(r *db.ExportedObject) {
	w.warn("%s %q: a URL with what looks like a credential is written out, because it cannot be a reference there",
		manifest.KindOf(r.Kind).One, r.Name)
}

var startOfLine = document.Pattern(`(?m)^.`)

// workflow writes a workflow below a dash, as Keep writes its text. That is block YAML, so all lines can be indented.
func (w *writer) workflow(r *db.ExportedObject, raw string) {
	read, err := manifest.Load(manifest.Options{Environ: []string{"KEEP_WORKFLOW=" + raw}})
	if err != nil || len(read.Resources) != 1 {
		w.warn("workflow %q is left out: this program cannot read its text", r.Name)
		return
	}
	content, err := object(read.Resources[0].Content)
	if err != nil {
		panic(err) // it was made by this program
	}
	kept := content.Member("raw").Text
	if kept != raw {
		w.warn("workflow %q: its text in the database is not as Keep writes it; the next run writes it anew", r.Name)
	}
	if hasCredential(raw) {
		w.exposes(r)
	}
	indented := startOfLine().ReplaceAllString(withoutEnd(kept), "  $0")
	w.out.WriteString("-" + indented[1:])
}

// member prepares a member of an object for writing.
func (w *writer) member(m *document.Member, at origin) {
	m.Key = scalar(m.Key.Text)
	w.value(&m.Value, at)
}

// value prepares a value of JSON for writing.
func (w *writer) value(v *document.Value, at origin) {
	for i := range v.Members {
		m := &v.Members[i]
		if v.Kind == document.Object {
			w.member(m, at.below(m.Key.Text))
		} else {
			w.value(&m.Value, at.below(strconv.Itoa(i+1)))
		}
	}
	switch v.Kind {
	case document.Text:
		*v = scalar(w.text(v.Text, at))
	case document.Number:
		v.Text = number(v.Text)
	}
}

// text is a reference to a text when that is secret, and escaped when it would be taken for a reference.
func (w *writer) text(s string, at origin) string {
	if at.literal {
		return s
	}
	if !manifest.Blank(s) && (at.secret || hasCredential(s)) {
		name := w.variable(at) // the same name whether secrets are written out or not
		if !w.withSecrets {
			value := s
			if strings.HasSuffix(s, "\n") {
				value += "\n" // one is cut when it is read
			}
			w.result.Variables = append(w.result.Variables, Variable{name, value})
			return "$(" + name + ")"
		}
	}
	if strings.HasPrefix(s, "$(") && strings.HasSuffix(s, ")") || manifest.IsEscaped(s) {
		return "$" + s
	}
	return s
}

var (
	plainPattern = document.Pattern(`^(?:\$\([A-Z0-9_]+\)` +
		`|[A-Za-z/](?:[A-Za-z0-9_./@%+=~,-]|:[A-Za-z0-9_./@%+=~-]| [A-Za-z0-9_./@%+=~(])*)$`)
	// words that some reader takes for a boolean or null.
	words = document.Pattern(`^(?i:y|n|yes|no|on|off|true|false|null|none|nan|inf)$`)
)

// scalar is a text that every reader takes for that text: plain if nothing else can be meant, as a block of several
// lines, and in double quotes otherwise.
func scalar(s string) document.Value {
	style := document.DoubleQuoted
	switch {
	case plainPattern().MatchString(s) && !words().MatchString(s):
		style = document.Plain
	case strings.Contains(strings.TrimRight(s, "\n"), "\n"):
		style = document.Literal
	}
	return document.Value{Kind: document.Text, Text: s, Style: style}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
