package manifest

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

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
		r.about(ignored[0]).warn(whole(CodeIgnored,
			"ignored because of -f: "+strings.Join(ignored, ", "), "use one or the other"))
	}
	stdinRead := false
	for _, path := range paths {
		switch {
		case path == "":
			r.about("-f").fail(whole(CodeUnreadable,
				"the name of the file is empty", "give a file, a directory, or - for standard input"))
		case path == "-" && stdinRead:
			r.about("stdin").fail(whole(CodeConflict, "standard input is named twice", "give -f - once"))
		case path == "-":
			stdinRead = true
			r.stdin(stdin)
		default:
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				r.manifest.Given[KindProvider] = true
				r.directory(path, KindProvider)
				continue
			}
			r.loadFile(r.newSource(source{name: path, format: formatOf(path)}), path, "")
		}
	}
}

func (r *reader) stdin(stdin io.Reader) {
	s := r.newSource(source{name: "stdin"})
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
// recursive. What is passed over is said; a directory that has nothing else is a mistake.
func (r *reader) directory(directory, kind string) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		r.unreadable(r.about(directory).source, err, 0, "")
		return
	}
	read, passed := false, 0
	for _, entry := range entries {
		name := entry.Name()
		path := filepath.Join(directory, name)
		why, hint := passedOver(path, name)
		switch s := r.newSource(source{name: path, kind: kind, single: true, format: document.YAML}); {
		case hint != "":
			passed++
			r.of(s).warn(whole(CodeIgnored, why, hint))
		case why != "":
		case !utf8.ValidString(path):
			r.of(s).fail(whole(CodeEncoding, "the name of this file is not UTF-8", "rename it"))
			read = true
		default:
			s.provisioned = provisionedPath(kind, directory, name)
			r.loadFile(s, path, "")
			read = true
		}
	}
	switch {
	case read:
	case passed > 0:
		r.about(directory).fail(whole(CodeEmpty,
			"this directory has no .yaml or .yml file", "give the directory that contains the files; an empty directory means none"))
	default:
		r.read(directory, nil)
	}
}

// passedOver says why a thing in a directory is not read, "" where it is, and what to do, "" where nothing needs to be said: of
// what Kubernetes puts into a volume, and of what is there for people and for git.
func passedOver(path, name string) (why, hint string) {
	yaml := strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
	info, err := os.Stat(path) // follows links
	isDirectory := err == nil && info.IsDir()
	switch {
	case strings.HasPrefix(name, ".."), strings.HasPrefix(name, ".git"), strings.HasPrefix(name, "README"), name == "lost+found":
		return "not of the input", ""
	case strings.HasPrefix(name, ".") && !yaml:
		return "hidden", ""
	case isDirectory && strings.HasPrefix(name, "."):
		return "hidden", ""
	case isDirectory:
		return "this directory is not read: sub-directories are ignored", "move its files up, or give the directory itself"
	case strings.HasPrefix(name, "."):
		return "this file is not read: its name begins with a dot", "rename it"
	case !yaml:
		return "this file is not read: only .yaml and .yml files of a directory are", "rename it, or give it with -f"
	}
	return "", ""
}

// provisionedPath is the path that Keep stores of a file: of a workflow the directory as it was given and the file, of a
// mapping rule that in full.
func provisionedPath(kind, directory, name string) string {
	switch kind {
	case KindMappingRule:
		if absolute, err := filepath.Abs(directory); err == nil {
			directory = absolute
		}
	case KindWorkflow:
	default:
		return ""
	}
	return strings.TrimSuffix(directory, "/") + "/" + name
}
