package manifest

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/file"
)

// files reads what -f names.
func (r *reader) files(paths []string, stdin io.Reader) {
	var ignored []string
	for name, value := range r.environment {
		if value != "" && (slices.Contains(sourceVariables(), name) || r.providerVariable(name)) {
			ignored = append(ignored, name)
		}
	}
	if len(ignored) > 0 {
		slices.Sort(ignored)
		r.of(r.newSource(ignored[0], layoutAny, document.JSON)).warn(whole(CodeIgnored,
			"not read, because -f was given: "+strings.Join(ignored, ", "), "give one or the other"))
	}
	stdinRead := false
	for _, path := range paths {
		switch {
		case path == "":
			r.of(r.newSource("-f", layoutAny, document.Sniffed)).fail(whole(CodeUnreadable,
				"the name of the file is empty", "give a file, a directory, or - for standard input"))
		case path == "-" && stdinRead:
			r.of(r.newSource("stdin", layoutAny, document.Sniffed)).fail(whole(CodeConflict, "standard input is named twice", "give -f - once"))
		case path == "-":
			stdinRead = true
			r.stdin(stdin)
		default:
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				r.manifest.Given.Providers = true
				r.directory(path, layoutSingle)
				continue
			}
			r.loadFile(r.fileSource(path, layoutAny, formatOf(path)), path, "")
		}
	}
}

func (r *reader) stdin(stdin io.Reader) {
	s := r.newSource("stdin", layoutAny, document.Sniffed)
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	data, err := file.ReadAll(stdin, 0, document.MaxJSONSize)
	if err != nil {
		r.unreadable(s, err, document.MaxJSONSize, "")
		return
	}
	r.load(s, data)
}

// directory reads the YAML files of a directory as Keep does, but sorted: one provider, workflow or mapping rule each, not
// recursive. Names that start with a dot are skipped, which leaves out the ..data links of a Kubernetes volume and keeps the
// links to them.
func (r *reader) directory(directory string, layout layout) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		r.unreadable(r.newSource(directory, layoutAny, document.YAML), err, 0, "")
		return
	}
	read := false
	for _, entry := range entries {
		name := entry.Name()
		path := filepath.Join(directory, name)
		if strings.HasPrefix(name, ".") || entry.IsDir() {
			continue
		}
		if !strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, ".yml") {
			switch strings.ToLower(filepath.Ext(name)) {
			case ".json", ".jsonl", ".ndjson", ".yaml", ".yml":
				r.of(r.newSource(path, layoutAny, document.YAML)).warn(whole(CodeIgnored,
					"this file is not read: of a directory only .yaml and .yml files are", "rename it, or give it with -f"))
			}
			continue
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			continue
		}
		s := r.fileSource(path, layout, document.YAML)
		s.provisioned = provisionedPath(layout, directory, name)
		r.loadFile(s, path, "")
		read = true
	}
	if !read {
		r.read(directory, nil)
	}
}

// provisionedPath is the path that Keep stores of a file: of a workflow the directory as it was given and the file, of a
// mapping rule that in full.
func provisionedPath(layout layout, directory, name string) string {
	switch layout {
	case layoutMapping:
		if absolute, err := filepath.Abs(directory); err == nil {
			directory = absolute
		}
	case layoutWorkflow:
	default:
		return ""
	}
	return strings.TrimSuffix(directory, "/") + "/" + name
}
