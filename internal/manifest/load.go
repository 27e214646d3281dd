// Package manifest reads what a user wrote about providers and the other
// resources that Keep provisions: files, directories, standard input and Keep's
// environment variables, in all the forms that Keep itself accepts and a few more. It resolves references to variables and files
// and reports every mistake of the whole input at once, with its place.
//
// Types and authentication fields are checked against a catalogue, where one is
// given. What changes between the input and the database is decided there.
package manifest

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keep-bootstrap/internal/catalogue"
)

// Options says where the input is.
type Options struct {
	// Files are the values of -f in their order: a file, a directory, or "-" for
	// standard input. When there are any, Keep's variables are not read.
	Files []string
	// Environ is the environment as os.Environ gives it: Keep's own variables and
	// those that references name. The first of two equal names counts.
	Environ []string
	// Stdin is read for "-". It is read once, to its end.
	Stdin io.Reader
	// Strict makes every unknown key a problem. Without it only those are that
	// look like a slip of a known one; the others are warnings, since Keep
	// ignores them.
	Strict bool
	// Catalogue has the types of provider and their authentication fields. Without
	// one they are not checked.
	Catalogue *catalogue.Catalogue
	// AllowUnknownTypes lets types pass that the catalogue does not have.
	AllowUnknownTypes bool
	// SkipReferences leaves references unresolved, so that neither variables nor
	// files must be there. What is read so is for checks only, not for installing.
	SkipReferences bool

	// holds is the largest JSON source, in bytes, whose providers are kept as they were read; 0 means holdsUpTo.
	holds int
}

// Manifest is the whole input.
type Manifest struct {
	Providers Providers
	// Workflows, Dashboards, MappingRules and APIKeys are in the order of the input, too.
	Workflows    []Workflow
	Dashboards   []Dashboard
	MappingRules []MappingRule
	APIKeys      []APIKey
	// User is nil where the input has none.
	User *User
	// Given says which of these kinds the input is about.
	Given Kinds
	// Sources are the files and variables that were read, in the same order.
	Sources []Source
	// Warnings are remarks that do not make the input bad, at most MaxProblems
	// and one line that counts the others.
	Warnings []Problem
}

// Provider is one provider as the input declares it.
type Provider struct {
	// Name identifies the provider: at most MaxName bytes, anything but NUL in it.
	Name string
	// Type is a text of at most MaxType bytes that is not empty.
	Type string
	// Authentication is a JSON object as text, as Python's json.dumps writes it,
	// keys in the order of the manifest, references resolved: it holds secrets.
	// "{}" where the manifest has none.
	Authentication string
	// DeduplicationRules is a JSON object {rule name: rule} in the same form of
	// text, with the keys that Keep knows; nil where the manifest has none.
	DeduplicationRules *string
	// RenamedFrom are names that the provider had before.
	RenamedFrom []string
	// Description is nil where the manifest has none.
	Description *string
	// PullingEnabled is nil where the manifest does not say; Keep pulls then.
	PullingEnabled *bool
	// PreventDelete is nil where the manifest does not say.
	PreventDelete *bool
	// InstallWebhook is nil where the manifest does not say.
	InstallWebhook *bool
	// InstallWebhookDefault is what Keep does then: true for an entry of an object
	// {name: provider} and for KEEP_PROVIDER_<NAME>, false for one with `name:`.
	InstallWebhookDefault bool
	// Source is where the entry starts.
	Source Position
}

// Source is a file or variable that was read.
type Source struct {
	// Name is the path as given, "stdin", or the variable's name. A directory
	// with no YAML file in it is listed itself.
	Name string
	// SHA256 is taken of the bytes as they were, with references unresolved.
	// Since the bytes may hold secrets, store it only keyed.
	SHA256 [sha256.Size]byte
}

// Load reads the input. It returns an error that matches ErrNoSource when
// nothing says where the input is, and *Problems (errors.AsType) when there are
// mistakes; the manifest then has Sources and Warnings, and nothing else. An
// input that was given but is empty (`{}`, `[]`, `providers: []`, a directory
// without YAML files) is a manifest without providers and no error.
//
// Load reads files and nothing else; it can be repeated.
func Load(options Options) (*Manifest, error) {
	l := newLoader(options)
	if len(options.Files) > 0 {
		l.loadFiles(options.Files, options.Stdin)
	} else if err := l.loadEnvironment(); err != nil {
		return nil, err
	}
	return l.result()
}

// newLoader sets up the state of one Load.
func newLoader(options Options) *loader {
	l := &loader{
		strict:         options.Strict,
		catalogue:      options.Catalogue,
		allowUnknown:   options.AllowUnknownTypes,
		skipReferences: options.SkipReferences,
		holds:          cmp.Or(options.holds, holdsUpTo),
		environment:    make(map[string]string, len(options.Environ)),
		manifest:       &Manifest{},
		names:          nameIndex{seed: maphash.MakeSeed(), hashes: map[uint64]struct{}{}},
		claimed:        map[string]Position{},
		claims:         map[string]Position{},
		secrets:        map[string]string{},
		rules:          map[string]Position{},
		files:          map[string]reference{},
	}
	for _, variable := range options.Environ {
		name, value, _ := strings.Cut(variable, "=")
		if _, ok := l.environment[name]; !ok {
			l.environment[name] = value
		}
	}
	return l
}

// result puts together what was read.
func (l *loader) result() (*Manifest, error) {
	l.manifest.Warnings = l.warnings.sorted()
	if more := l.warnings.total - len(l.manifest.Warnings); more > 0 {
		l.manifest.Warnings = append(l.manifest.Warnings, Problem{
			Position: Position{File: l.manifest.Sources[0].Name}, Code: CodeTooLarge,
			Message: fmt.Sprintf("and %d more warnings", more),
		})
	}
	if l.problems.total > 0 {
		m := l.manifest
		m.Providers, m.Workflows, m.Dashboards, m.MappingRules, m.APIKeys, m.User = Providers{}, nil, nil, nil, nil, nil
		return l.manifest, &Problems{List: l.problems.sorted(), Total: l.problems.total}
	}
	return l.manifest, nil
}

// loader is the state of one Load.
type loader struct {
	strict         bool
	catalogue      *catalogue.Catalogue // nil: not checked
	allowUnknown   bool
	skipReferences bool
	holds          int
	environment    map[string]string
	manifest       *Manifest

	problems, warnings problemList
	sources            int // numbered so far

	again   *again // set when a large source is read once more
	names   nameIndex
	claimed map[string]Position // old name to the entry that claims it
	rules   map[string]Position // rule name to the first that has it
	claims  map[string]Position // kind and name of a resource to where it is
	secrets map[string]string   // secret of an API key to the key's name

	files    map[string]reference // files named by references
	resolved int                  // bytes that references stand for

	reading   bool    // an entry is being read
	found     []fault // and this was found in it
	foundMore int
	buffer    []byte
	given     []catalogue.Given
}

// problem notes a mistake. The snippet shows the value of the fault's key only
// when show is set.
func (l *loader) problem(s *source, provider string, f fault, show bool) {
	l.note(&l.problems, s, provider, f, show)
}

// warning notes a remark.
func (l *loader) warning(s *source, provider string, f fault) {
	l.note(&l.warnings, s, provider, f, false)
}

func (l *loader) note(list *problemList, s *source, provider string, f fault, show bool) {
	if l.again != nil {
		return // said already
	}
	at := Position{File: s.name, Line: int(f.line), Column: int(f.column)}
	if !list.room(at, s.number) {
		return
	}
	p := Problem{
		Position: at,
		Provider: provider, Kind: f.kind, Name: f.name, Code: f.code, Message: f.message, Hint: f.hint,
	}
	switch f.code {
	case CodeSyntax, CodeDocuments:
		p.Snippet = s.brokenSnippet(p.Line)
	case CodeEncoding:
	default:
		p.Snippet = s.snippet(p.Line, f.key, show)
	}
	list.list = append(list.list, noted{p, s.number})
}

// newSource numbers a source.
func (l *loader) newSource(name, directory string, layout layout, format format) *source {
	l.sources++
	return &source{name: name, directory: directory, layout: layout, format: format, number: l.sources}
}

// whole is a fault of a source as a whole.
func whole(code, message, hint string) fault {
	return fault{code: code, message: message, hint: hint}
}

func (l *loader) loadFiles(files []string, stdin io.Reader) {
	var ignored []string
	for name, value := range l.environment {
		if value != "" && (slices.Contains(sourceVariables, name) || l.providerVariable(name)) {
			ignored = append(ignored, name)
		}
	}
	if len(ignored) > 0 {
		slices.Sort(ignored)
		l.warning(l.newSource(ignored[0], "", layoutAny, formatJSON), "", whole(CodeIgnored,
			"not read, because -f was given: "+strings.Join(ignored, ", "), "give one or the other"))
	}

	stdinRead := false
	for _, path := range files {
		switch {
		case path == "":
			l.problem(l.newSource("-f", "", layoutAny, formatSniff), "", whole(CodeUnreadable,
				"the name of the file is empty", "give a file, a directory, or - for standard input"), false)
		case path == "-" && stdinRead:
			l.problem(l.newSource("stdin", "", layoutAny, formatSniff), "", whole(CodeConflict,
				"standard input is named twice", "give -f - once"), false)
		case path == "-":
			stdinRead = true
			s := l.newSource("stdin", "", layoutAny, formatSniff)
			if stdin == nil {
				stdin = strings.NewReader("")
			}
			data, err := readAll(stdin, 0, MaxJSONSize)
			if err != nil {
				l.unreadable(s, err, MaxJSONSize, "")
				continue
			}
			l.loadSource(s, data)
		default:
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				l.manifest.Given.Providers = true
				l.loadDirectory(path, layoutSingle)
				continue
			}
			l.loadFile(l.newSource(path, filepath.Dir(path), layoutAny, formatOf(path)), false, "")
		}
	}
}

// loadDirectory reads the YAML files of a directory as Keep does, but sorted: one
// provider, workflow or mapping rule each, not recursive. Names that start with a dot are skipped, which
// leaves out the ..data links of a Kubernetes volume and keeps the links to them.
func (l *loader) loadDirectory(directory string, layout layout) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		l.unreadable(l.newSource(directory, "", layoutAny, formatYAML), err, 0, "")
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
				l.warning(l.newSource(path, "", layoutAny, formatYAML), "", whole(CodeIgnored,
					"this file is not read: of a directory only .yaml and .yml files are", "rename it, or give it with -f"))
			}
			continue
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			continue
		}
		s := l.newSource(path, directory, layout, formatYAML)
		s.provisioned = provisionedPath(layout, directory, name)
		l.loadFile(s, true, "")
		read = true
	}
	if !read {
		l.manifest.Sources = append(l.manifest.Sources, Source{Name: directory, SHA256: digest(nil)})
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

// loadFile reads a file. The variable is the one that names it, if any.
func (l *loader) loadFile(s *source, regularOnly bool, variable string) {
	limit := s.format.limit()
	data, err := readFile(s.name, limit, regularOnly)
	if err != nil {
		l.unreadable(s, err, limit, variable)
		return
	}
	l.loadSource(s, data)
}

func (l *loader) unreadable(s *source, err error, limit int64, variable string) {
	message, hint := explainFile(err, limit)
	code := CodeUnreadable
	if errors.Is(err, errTooLarge) {
		code = CodeTooLarge
	}
	if variable != "" {
		message += ", and " + variable + " names it"
	}
	l.problem(s, "", whole(code, message, hint), false)
}

// loadSource reads the providers of one file or variable.
func (l *loader) loadSource(s *source, data []byte) {
	l.manifest.Sources = append(l.manifest.Sources, Source{Name: s.name, SHA256: digest(data)})
	s.data = data
	opened, f := s.open(l.reader(s))
	switch {
	case f != nil:
		if (s.name == providersVariable || s.name == dashboardsVariable) && f.code == CodeSyntax && !strings.ContainsAny(string(data), "{[") {
			f.message = "this is neither JSON nor a path as Keep knows it"
			f.hint = "a path starts with /, ./ or ../ and ends in .json"
		}
		l.problem(s, s.entry, *f, false)
	case opened == nil:
		l.empty(s)
	default:
		s.released = s.layout == layoutAny && s.format.isJSON() && len(data) > l.holds
		if s.released {
			releaseGarbage(len(data))
		} else {
			const usualSize = 200 // bytes of a provider
			l.manifest.Providers.grow(len(data) / usualSize)
		}
		l.loadDocument(s, opened)
		if s.released {
			l.manifest.Providers.addReleased(l.readAgain(*s))
		}
	}
	s.data, s.lines = nil, nil
}

// empty reports a source that holds nothing.
func (l *loader) empty(s *source) {
	f := fault{line: 1, column: 1, code: CodeEmpty, message: "the file is empty", hint: "write `providers: []` to mean none"}
	switch {
	case s.layout == layoutSingle:
		f.hint = "write one provider into it, or remove it"
	case s.layout == layoutWorkflow && s.name == workflowVariable:
		f.message, f.hint = "the variable is blank", "unset it"
	case s.layout == layoutWorkflow:
		f.hint = "write one workflow into it, or remove it"
	case s.layout == layoutMapping:
		f.hint = "write one mapping rule into it, or remove it"
	case s.layout == layoutDashboards:
		f.message, f.hint = "there is nothing in it", "unset "+dashboardsVariable+", or write [] to mean none"
	case s.layout == layoutEntry:
		f.message, f.hint = "the variable is empty", `unset it, or write {"type": ..., "authentication": {...}}`
	case s.name == providersVariable:
		f.message, f.hint = "the variable is blank", "unset it, or write {} to mean none"
	}
	l.problem(s, s.entry, f, false)
}

// read reads everything below an entry. What the reader finds is reported with
// the provider's name, which is known only afterwards where it stands inside.
func (l *loader) read(s *source, d document, n *node, name string) {
	l.reading, l.found, l.foundMore = true, l.found[:0], 0
	d.read(n)
	l.reading = false
	if inside := n.member("name"); name == "" && inside != nil && inside.kind == kindText {
		name = inside.text
	}
	for _, f := range l.found {
		l.problem(s, name, f, false)
	}
	l.problems.total += l.foundMore
}

// reader returns what a document reports to.
func (l *loader) reader(s *source) func(fault) {
	return func(f fault) {
		switch {
		case !l.reading:
			l.problem(s, s.entry, f, false)
		case len(l.found) < MaxProblems:
			l.found = append(l.found, f)
		default:
			l.foundMore++
		}
	}
}
