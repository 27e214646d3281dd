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
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/manifest"
)

// Options say what becomes of secrets.
type Options struct {
	// WithSecrets writes them out. Without it each is a reference $(NAME).
	WithSecrets bool
}

// Variable is a variable that the text refers to.
type Variable struct {
	Name string
	// Value is what the variable must hold, a secret: with one line end more where the text ends with one, because that is cut.
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

// All writes what bootstrap.export() returned. The error holds no secret; it means that a row is not what the
// database promises.
func All(rows []db.ExportedObject, options Options) (Result, error) {
	providers, resources, err := split(rows)
	if err != nil {
		return Result{}, err
	}
	w := writer{options: options, names: map[string]bool{}}
	if len(providers) == 0 {
		w.out.WriteString("providers: []\n")
	} else {
		w.out.WriteString("providers:\n")
	}
	for i := range providers {
		if err := w.provider(&providers[i]); err != nil {
			return Result{}, fmt.Errorf("provider %q: %w", providers[i].Name, err)
		}
	}
	if err := w.resources(resources); err != nil {
		return Result{}, err
	}
	w.footer()
	result := Result{Text: w.out.Bytes(), Variables: w.variables, Providers: len(providers), Others: len(resources)}
	result.Warnings = append(w.warnings, compare(&result, providers, resources)...)
	return result, nil
}

// writer is the state of one export.
type writer struct {
	options   Options
	out       bytes.Buffer
	names     map[string]bool // of variables
	variables []Variable
	warnings  []string
}

func (w *writer) provider(p *provider) error {
	entry := &yaml.Node{Kind: yaml.MappingNode}
	put := func(key string, value *yaml.Node) { entry.Content = append(entry.Content, plain(key), value) }
	put("name", textNode(p.Name))
	put("type", textNode(text(p.Type)))
	if p.options.Description != nil {
		put("description", w.text(*p.options.Description, origin{owner: p.Name, path: []string{"description"}}))
	}
	if p.options.PullingEnabled != nil && !*p.options.PullingEnabled {
		put("pulling_enabled", plain("false"))
	}
	if p.options.PreventDelete {
		put("prevent_delete", plain("true"))
	}
	if p.options.InstallWebhook {
		put("install_webhook", plain("true"))
	}

	authentication, ok := parse(p.Content)
	if !ok || authentication.Kind != document.Object {
		return errors.New("its authentication is not a JSON object")
	}
	object := &yaml.Node{Kind: yaml.MappingNode}
	for i := range authentication.Members {
		m := &authentication.Members[i]
		name := m.Key.Text
		at := origin{owner: p.Name, path: []string{name}, secret: secretField(text(p.Type), name)}
		object.Content = append(object.Content, textNode(name), w.value(&m.Value, at))
	}
	put("authentication", object)

	rules := &yaml.Node{Kind: yaml.MappingNode}
	for _, r := range p.rules {
		rule, ok := parse(r.Content)
		if !ok {
			return errors.New("its deduplication rules are not JSON")
		}
		rule.Members = slices.DeleteFunc(rule.Members, isDefault)
		rules.Content = append(rules.Content, textNode(r.Name), w.value(rule, origin{owner: p.Name, path: []string{"deduplication_rules", r.Name}}))
	}
	if len(p.rules) > 0 {
		put("deduplication_rules", rules)
	}
	encoded, err := encode(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{entry}})
	w.out.Write(encoded)
	return err
}

// encode writes YAML.
func encode(node *yaml.Node) ([]byte, error) {
	encoded, err := yaml.Dump(node, yaml.WithLineWidth(-1))
	if err != nil {
		return nil, errors.New("it cannot be written as YAML") // the library's error may quote a secret
	}
	return encoded, nil
}

// parse reads JSON.
func parse(text string) (*document.Value, bool) {
	v, _, f := document.Parse([]byte(text), document.JSON)
	return v, f == nil && v != nil
}

// isDefault reports whether Keep assumes a member of a rule anyway.
func isDefault(m document.Member) bool {
	v := &m.Value
	return v.Empty() || v.Kind == document.List && len(v.Members) == 0 || v.Kind == document.Boolean && v.Text == "false" && m.Key.Text != "enabled" ||
		v.Kind == document.Number && v.Text == "0"
}

// value writes a value of JSON.
func (w *writer) value(v *document.Value, at origin) *yaml.Node {
	switch v.Kind {
	case document.Object:
		node := &yaml.Node{Kind: yaml.MappingNode}
		for i := range v.Members {
			m := &v.Members[i]
			node.Content = append(node.Content, textNode(m.Key.Text), w.value(&m.Value, at.below(m.Key.Text)))
		}
		return node
	case document.List:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Members {
			node.Content = append(node.Content, w.value(&v.Members[i].Value, at.below(fmt.Sprint(i+1))))
		}
		return node
	case document.Text:
		return w.text(v.Text, at)
	case document.Number:
		return plain(number(v.Text))
	case document.Boolean:
		return plain(v.Text)
	}
	return plain("null")
}

// text writes a text: as a reference when it is secret, and so that it is not taken for one when it is not.
func (w *writer) text(s string, at origin) *yaml.Node {
	if at.literal {
		return textNode(s)
	}
	if !manifest.Blank(s) && (at.secret || hasCredential(s)) {
		name := w.variable(at) // the same name whether secrets are written out or not
		if !w.options.WithSecrets {
			value := s
			if strings.HasSuffix(s, "\n") {
				value += "\n" // one is cut when it is read
			}
			w.variables = append(w.variables, Variable{name, value})
			return plain("$(" + name + ")")
		}
	}
	if looksLikeReference(s) {
		return textNode("$" + s)
	}
	return textNode(s)
}

func (w *writer) footer() {
	if len(w.variables) == 0 {
		return
	}
	w.out.WriteString("# Variables that this file refers to:\n")
	for _, v := range w.variables {
		w.out.WriteString("#   " + v.Name + "\n")
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
