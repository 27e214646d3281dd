// Package export writes providers and other resources of a database as the YAML that package manifest reads.
//
// What is written leads to the same rows again: text is quoted so that a reader of YAML 1.1, as Keep's is, takes it for
// the same text, and numbers keep their value. The result is read again and compared before it is returned.
package export

import (
	"bytes"
	"encoding/json"
	"fmt"

	yaml "go.yaml.in/yaml/v4"

	"keep-bootstrap/internal/db"
)

// Options say what becomes of secrets.
type Options struct {
	// WithSecrets writes them out. Without it each is a reference $(NAME).
	WithSecrets bool
}

// Variable is a variable that the text refers to.
type Variable struct {
	Name  string
	Value string // a secret
}

// Result is an export.
type Result struct {
	// Text is the YAML: a list of providers and, at its end, a comment with the names of the variables. It holds
	// secrets when they were asked for.
	Text []byte
	// Variables are those that the text refers to, in its order. With secrets written out there are only those that a
	// text needs which cannot be written out, because it looks like an escaped reference.
	Variables []Variable
	// Warnings say what the text cannot express, or what this program would refuse in it. They hold no secret.
	Warnings []string
}

// All writes providers and what is installed beside them. The error holds no secret; it means that a row is not what the
// database promises.
func All(providers []db.ExportedProvider, resources []db.ExportedResource, options Options) (Result, error) {
	w := writer{options: options, names: map[string]bool{}}
	if len(providers) == 0 {
		w.out.WriteString("providers: []\n")
	} else {
		w.out.WriteString("providers:\n")
	}
	for i := range providers {
		if err := w.provider(&providers[i]); err != nil {
			return Result{}, fmt.Errorf("provider %q: %w", text(providers[i].Name), err)
		}
	}
	if err := w.resources(resources); err != nil {
		return Result{}, err
	}
	w.footer()
	result := Result{Text: w.out.Bytes(), Variables: w.variables}
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

func (w *writer) provider(p *db.ExportedProvider) error {
	entry := &yaml.Node{Kind: yaml.MappingNode}
	put := func(key string, value *yaml.Node) { entry.Content = append(entry.Content, plain(key), value) }
	put("name", textNode(text(p.Name)))
	put("type", textNode(text(p.Type)))
	if p.Description != nil {
		put("description", w.text(*p.Description, place{provider: text(p.Name), path: []string{"description"}}))
	}
	if p.PullingEnabled != nil && !*p.PullingEnabled {
		put("pulling_enabled", plain("false"))
	}
	if p.PreventDelete != nil && *p.PreventDelete {
		put("prevent_delete", plain("true"))
	}
	if p.InstallWebhook != nil && *p.InstallWebhook {
		put("install_webhook", plain("true"))
	}

	authentication, err := parse(text(p.Authentication))
	if err != nil || authentication.object == nil {
		return fmt.Errorf("its authentication is no JSON object")
	}
	secret := map[string]bool{}
	for _, key := range p.SecretKeys {
		secret[key] = true
	}
	object := &yaml.Node{Kind: yaml.MappingNode}
	for _, m := range authentication.object {
		at := place{provider: text(p.Name), path: []string{m.key}, secret: secret[m.key]}
		object.Content = append(object.Content, textNode(m.key), w.value(m.value, at))
	}
	put("authentication", object)

	if p.DeduplicationRules != nil {
		rules, err := parse(*p.DeduplicationRules)
		if err != nil {
			return fmt.Errorf("its deduplication rules are no JSON")
		}
		put("deduplication_rules", w.value(withoutDefaults(rules), place{provider: text(p.Name), path: []string{"deduplication_rules"}}))
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{entry}}
	encoded, err := yaml.Dump(list, yaml.WithLineWidth(-1))
	if err != nil {
		return fmt.Errorf("it cannot be written as YAML")
	}
	w.out.Write(encoded)
	return nil
}

// withoutDefaults leaves out of each rule what Keep assumes anyway.
func withoutDefaults(rules value) value {
	for i := range rules.object {
		rule := &rules.object[i].value
		kept := rule.object[:0]
		for _, m := range rule.object {
			switch v := m.value; {
			case v.scalar == nil && v.object == nil && len(v.list) == 0: // null, []
			case v.scalar == "" || v.scalar == false || v.scalar == json.Number("0"):
			default:
				kept = append(kept, m)
			}
		}
		rule.object = kept
	}
	return rules
}

// value writes a value of JSON.
func (w *writer) value(v value, at place) *yaml.Node {
	switch {
	case v.object != nil:
		node := &yaml.Node{Kind: yaml.MappingNode}
		for _, m := range v.object {
			node.Content = append(node.Content, textNode(m.key), w.value(m.value, at.below(m.key)))
		}
		return node
	case v.isList:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		for i, item := range v.list {
			node.Content = append(node.Content, w.value(item, at.below(fmt.Sprint(i+1))))
		}
		return node
	}
	switch scalar := v.scalar.(type) {
	case string:
		return w.text(scalar, at)
	case json.Number:
		return plain(number(scalar.String()))
	case bool:
		return plain(fmt.Sprint(scalar))
	}
	return plain("null")
}

// text writes a text: as a reference when it is secret, and so that it is not taken for one when it is not.
func (w *writer) text(s string, at place) *yaml.Node {
	if at.secret && s != "" || isEscape(s) {
		name := w.variable(at) // the same name whether secrets are written out or not
		if !w.options.WithSecrets || isEscape(s) {
			w.variables = append(w.variables, Variable{name, s})
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
