package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/manifest"
)

// resources writes other kinds than providers. A kind of which there is nothing is left out.
func (w *writer) resources(resources []db.ExportedObject) error {
	for _, k := range manifest.Table {
		if k.Word == manifest.KindProvider {
			continue
		}
		first := true
		for i := range resources {
			r := &resources[i]
			if r.Kind != k.Word {
				continue
			}
			if first {
				w.out.WriteString(k.Key + ":\n")
			} else if k.Word == manifest.KindUser {
				w.warnings = append(w.warnings, fmt.Sprintf("user %q is left out: a file has one default user", r.Name))
				continue
			}
			first = false
			if err := w.resource(r); err != nil {
				return fmt.Errorf("%s %q: %w", k.One, r.Name, err)
			}
		}
	}
	return nil
}

func (w *writer) resource(r *db.ExportedObject) error {
	if r.Kind == manifest.KindWorkflow {
		raw, err := rawOf(r.Content)
		if err != nil {
			return err
		}
		w.workflow(r.Name, raw)
		return nil
	}
	content, ok := parse(r.Content)
	if !ok || content.Kind != document.Object {
		return errors.New("it is not a JSON object")
	}
	entry := &yaml.Node{Kind: yaml.MappingNode}
	for i := range content.Members {
		m := &content.Members[i]
		if m.Value.Kind == document.Null {
			continue
		}
		key := m.Key.Text
		at := origin{owner: r.Name, path: []string{key}, secret: r.Kind == manifest.KindAPIKey && key == "secret"}
		if at.literal = !at.secret; at.literal && hasCredential(string(m.Value.AppendJSON(nil))) {
			w.exposes(r.Kind, r.Name)
		}
		entry.Content = append(entry.Content, plain(key), w.value(&m.Value, at))
	}
	node := entry
	if r.Kind != manifest.KindUser {
		node = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{entry}}
	}
	encoded, err := encode(node)
	w.indented(string(encoded), "  ", "  ")
	return err
}

// exposes warns of a credential in a place where references are not read.
func (w *writer) exposes(kind, name string) {
	w.warnings = append(w.warnings, fmt.Sprintf("%s %q: a URL with what looks like a credential is written out, because it cannot be a reference there", manifest.KindOf(kind).One, name))
}

// workflow writes the text of a workflow below a dash. It is block YAML, so all its lines can go further in.
func (w *writer) workflow(name, raw string) {
	raw = strings.TrimSuffix(raw, "...\n") // the end of a document, but not of this one
	read, err := manifest.Load(manifest.Options{Environ: []string{"KEEP_WORKFLOW=" + raw}})
	if err != nil || len(read.Resources) != 1 {
		w.warnings = append(w.warnings, fmt.Sprintf("workflow %q is left out: this program cannot read its text", name))
		return
	}
	if hasCredential(raw) {
		w.exposes(manifest.KindWorkflow, name)
	}
	w.indented(raw, "  - ", "    ")
}

// indented writes lines, the first with a different prefix.
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

// rawOf is the text of a workflow.
func rawOf(text string) (string, error) {
	var content struct{ Raw string }
	if err := json.Unmarshal([]byte(text), &content); err != nil {
		return "", errors.New("its text is missing")
	}
	return content.Raw, nil
}
