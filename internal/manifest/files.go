package manifest

import (
	"errors"
	"io"
	"io/fs"
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
	ignored := append(r.single(), sourceVariables()...)
	ignored = slices.DeleteFunc(ignored, func(name string) bool { return r.environment[name] == "" })
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
				r.directory(path, KindProvider, "")
				continue
			}
			r.loadFile(r.newSource(source{name: path, format: formats[strings.ToLower(filepath.Ext(path))]}), path, "")
		}
	}
}

func (r *reader) stdin(stdin io.Reader) {
	s := r.newSource(source{name: "stdin"})
	data, err := file.ReadAll(stdin, 0, document.MaxJSONSize)
	if err != nil {
		r.unreadable(s, err, document.MaxJSONSize, "")
		return
	}
	r.load(s, data)
}

// directory reads the YAML files of a directory as Keep does, but sorted: one provider, workflow or mapping rule each, not
// recursive. What is passed over is said; a directory that has nothing else is a mistake. The variable is the one that
// names it, if any.
func (r *reader) directory(directory, kind, variable string) {
	entries, err := os.ReadDir(directory)
	if errors.Is(err, fs.ErrNotExist) {
		r.about(directory).fail(whole(CodeUnreadable,
			"the directory in "+variable+" does not exist", "check the path and the volume's mount"))
		return
	}
	if err != nil {
		r.unreadable(r.about(directory).source, err, 0, variable)
		return
	}
	stored := directory // Keep stores the path of a workflow as it is given, and that of a mapping rule in full
	if absolute, err := filepath.Abs(directory); err == nil && kind == KindMappingRule {
		stored = absolute
	}
	read, passed := false, false
	for _, entry := range entries {
		name := entry.Name()
		path := filepath.Join(directory, name)
		info, err := os.Stat(path) // follows links
		isDirectory, hidden := err == nil && info.IsDir(), strings.HasPrefix(name, ".")
		yaml := strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
		switch s := r.newSource(source{name: path, kind: kind, single: true, format: document.YAML}); {
		case strings.HasPrefix(name, ".."), strings.HasPrefix(name, ".git"), strings.HasPrefix(name, "README"),
			name == "lost+found", hidden && (isDirectory || !yaml):
			// What Kubernetes puts into a volume, and what is there for people and for git.
		case isDirectory || hidden || !yaml:
			passed = true
			r.of(s).warn(whole(CodeIgnored,
				"this is not read: only .yaml and .yml files of the directory itself are, without a dot in front",
				"rename or move it, or give it with -f"))
		case !utf8.ValidString(path):
			read = true
			r.of(s).fail(whole(CodeEncoding, "the name of this file is not UTF-8", "rename it"))
		default:
			read = true
			s.provisioned = strings.TrimSuffix(stored, "/") + "/" + name
			r.loadFile(s, path, "")
		}
	}
	switch {
	case read:
	case passed:
		r.about(directory).fail(whole(CodeEmpty,
			"this directory has no .yaml or .yml file", "give the directory that contains the files; an empty directory means none"))
	default:
		r.read(directory, nil)
	}
}
