package export

import (
	"encoding/json"
	"fmt"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
)

// keys are those of the file, in its order, and the kinds below them.
var keys = []struct{ key, kind string }{
	{"default_user", manifest.KindUser},
	{"api_keys", manifest.KindAPIKey},
	{"workflows", manifest.KindWorkflow},
	{"dashboards", manifest.KindDashboard},
	{"mapping_rules", manifest.KindMappingRule},
}

// resources writes what is installed beside providers. A kind of which there is nothing is left out.
func (w *writer) resources(resources []db.ExportedResource) error {
	for _, k := range keys {
		first := true
		for i := range resources {
			r := &resources[i]
			if text(r.Kind) != k.kind {
				continue
			}
			if first {
				w.out.WriteString(k.key + ":\n")
			} else if k.kind == manifest.KindUser {
				w.warnings = append(w.warnings, fmt.Sprintf("user %q is left out: a file has one default user", text(r.Name)))
				continue
			}
			first = false
			if err := w.resource(r); err != nil {
				return fmt.Errorf("%s %q: %w", strings.ReplaceAll(k.kind, "_", " "), text(r.Name), err)
			}
		}
	}
	return nil
}

func (w *writer) resource(r *db.ExportedResource) error {
	if text(r.Kind) == manifest.KindWorkflow {
		raw, err := rawOf(r)
		if err != nil {
			return err
		}
		w.workflow(text(r.Name), raw)
		return nil
	}
	document, err := parse(text(r.Content))
	if err != nil || document.object == nil {
		return fmt.Errorf("it is no JSON object")
	}
	secret := map[string]bool{}
	for _, key := range r.SecretKeys {
		secret[key] = true
	}
	entry := &yaml.Node{Kind: yaml.MappingNode}
	for _, m := range document.object {
		if m.value.scalar == nil && m.value.object == nil && !m.value.isList {
			continue // null
		}
		value := literal(m.value)
		if s, ok := m.value.scalar.(string); ok && secret[m.key] {
			value = w.text(s, place{provider: text(r.Name), path: []string{m.key}, secret: true})
		}
		entry.Content = append(entry.Content, plain(m.key), value)
	}
	node := entry
	if text(r.Kind) != manifest.KindUser {
		node = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{entry}}
	}
	encoded, err := yaml.Dump(node, yaml.WithLineWidth(-1))
	if err != nil {
		return fmt.Errorf("it cannot be written as YAML")
	}
	w.indented(string(encoded), "  ", "  ")
	return nil
}

// workflow writes the text of a workflow below a dash. It is block YAML, so all its lines can go further in.
func (w *writer) workflow(name, raw string) {
	raw = strings.TrimSuffix(raw, "...\n") // the end of the document, which is none here
	read, err := manifest.Load(manifest.Options{Environ: []string{"KEEP_WORKFLOW=" + raw}})
	if err != nil || len(read.Workflows) != 1 {
		w.warnings = append(w.warnings, fmt.Sprintf("workflow %q is left out: this program cannot read its text", name))
		return
	}
	w.indented(raw, "  - ", "    ")
}

// indented writes lines, the first with a prefix of its own.
func (w *writer) indented(lines, first, others string) {
	prefix := first
	for line := range strings.Lines(lines) {
		if line != "\n" {
			w.out.WriteString(prefix)
		}
		w.out.WriteString(line)
		prefix = others
	}
	if !strings.HasSuffix(lines, "\n") {
		w.out.WriteByte('\n')
	}
}

// literal writes a value in which nothing is a reference.
func literal(v value) *yaml.Node {
	switch {
	case v.object != nil:
		node := &yaml.Node{Kind: yaml.MappingNode}
		for _, m := range v.object {
			node.Content = append(node.Content, textNode(m.key), literal(m.value))
		}
		return node
	case v.isList:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v.list {
			node.Content = append(node.Content, literal(item))
		}
		return node
	}
	switch scalar := v.scalar.(type) {
	case string:
		return textNode(scalar)
	case json.Number:
		return plain(number(scalar.String()))
	case bool:
		return plain(fmt.Sprint(scalar))
	}
	return plain("null")
}

// rawOf is the text of a workflow.
func rawOf(r *db.ExportedResource) (string, error) {
	var content struct{ Raw string }
	if err := json.Unmarshal([]byte(text(r.Content)), &content); err != nil {
		return "", fmt.Errorf("its text is not there")
	}
	return content.Raw, nil
}
