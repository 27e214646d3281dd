// Package manifest reads what a user wrote about providers and the other resources that Keep provisions: files, directories,
// standard input and Keep's environment variables, in all the forms that Keep itself accepts and a few more. It resolves
// references to variables and files and reports every mistake of the whole input at once, with its place.
//
// Types and authentication fields are checked against a catalogue, if one is given. What changes between the input and the
// database is decided there.
package manifest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/document"
)

// Options says where the input is.
type Options struct {
	// Files are the values of -f in their order: a file, a directory, or "-" for standard input. When there are any, Keep's
	// variables are not read.
	Files []string
	// Environ is the environment as os.Environ gives it: Keep's own variables and those that references name. The first of two
	// equal names counts.
	Environ []string
	// Stdin is read for "-", and needed then. It is read once, to its end.
	Stdin io.Reader
	// Strict makes every unknown key a problem. Without it only those are that look like a slip of a known one; the others are
	// warnings, since Keep ignores them.
	Strict bool
	// Catalogue has the types of provider and their authentication fields. Without one they are not checked.
	Catalogue *catalogue.Catalogue
	// AllowUnknownTypes lets types pass that the catalogue does not have.
	AllowUnknownTypes bool
	// SkipReferences leaves references unresolved, so that variables and files need not exist. The result is for
	// checks only, not for installing.
	SkipReferences bool
}

// Manifest is the whole input.
type Manifest struct {
	// Providers and Resources, those of the other kinds, are in the order of the input: as the sources were given, files of a
	// directory and variables sorted by name, entries as written.
	Providers []Provider
	Resources []Resource
	// Given has the kinds that the input names. The objects of a kind of which it has none, but which it names (`workflows: []`,
	// an empty directory), are removed. A kind that is not given is left alone.
	Given map[string]bool
	// Sources are the files and variables that were read, in the same order.
	Sources []Source
	// Warnings are remarks that do not make the input bad, at most MaxProblems and one line that counts the others.
	Warnings []Problem
}

// Provider is one provider as the input declares it.
type Provider struct {
	// Name identifies the provider: at most MaxName bytes, anything but NUL in it.
	Name string
	// Type is a text of at most MaxType bytes that is not empty.
	Type string
	// ID is the id for a new provider, 32 hexadecimal digits; if "", the database chooses one.
	ID string
	// Authentication is a JSON object as text, as Python's json.dumps writes it, keys in the order of the manifest, references
	// resolved: it holds secrets. "{}" where the manifest has none.
	Authentication string
	// DeduplicationRules are in the order of the manifest; nil if it has none.
	DeduplicationRules []Rule
	// RenamedFrom are names that the provider had before.
	RenamedFrom []string
	// Description is nil if the manifest has none.
	Description *string
	// PullingEnabled is nil if the manifest does not say; Keep pulls then.
	PullingEnabled *bool
	// PreventDelete is nil if the manifest does not say.
	PreventDelete *bool
	// InstallWebhook is, if the manifest does not say, what Keep does then: true for an entry of an object
	// {name: provider} and for KEEP_PROVIDER_<NAME>, false for one with `name:`.
	InstallWebhook bool
	// Source is where the entry starts.
	Source Position
}

// Rule is a deduplication rule. Content is a JSON object in the form of Authentication, with the keys that Keep knows.
type Rule struct{ Name, Content string }

// Resource is a workflow, dashboard, mapping rule, API key or the default user, as the input declares it.
type Resource struct {
	Kind string
	// Name identifies the resource among those of its kind.
	Name string
	// Content is a JSON object in the same form of text. It may hold secrets.
	//
	//   - workflow: definition, what is inside of `workflow:` or `alert:`, or the whole, in which dates and infinite numbers are
	//     texts; raw, the text as Keep stores it; provisioned_file, the path as Keep stores it, null without a file of its own
	//   - dashboard: its configuration
	//   - mapping_rule: definition, with the keys of Keep's manifest that are given, numbers and booleans as such; provisioned_file
	//   - api_key: role, secret
	//   - user: password, and reset_password, which also sets that of an existing user
	Content string
	Source  Position
}

// Count is how many objects of a kind there are.
func (m *Manifest) Count(kind string) int {
	if kind == KindProvider {
		return len(m.Providers)
	}
	count := 0
	for i := range m.Resources {
		if m.Resources[i].Kind == kind {
			count++
		}
	}
	return count
}

// Source is a file or variable that was read.
type Source struct {
	// Name is the path as given, "stdin", or the variable's name. A directory with no YAML file in it is listed itself.
	Name string
	// SHA256 is taken of the bytes as they were, with references unresolved. Since the bytes may hold secrets, store it only
	// keyed.
	SHA256 [sha256.Size]byte
}

// Load reads the input. It returns an error that matches ErrNoSource when nothing says where the input is, and *Problems
// (errors.AsType) when there are mistakes; the manifest then has Sources and Warnings, and nothing else. An input that was
// given but is empty (`{}`, `[]`, `providers: []`, an empty directory) is a manifest without providers and no error.
//
// Load reads files and nothing else; it can be repeated.
func Load(options Options) (*Manifest, error) {
	r := newReader(options)
	if len(options.Files) > 0 {
		r.files(options.Files, options.Stdin)
	} else if err := r.variables(); err != nil {
		return nil, err
	}
	return r.result()
}

// reader is the state of one Load.
type reader struct {
	options     Options
	environment map[string]string
	manifest    *Manifest
	problems    Problems
	warnings    Problems
	resolved    int // bytes that references stood for
	sources     int // numbered so far

	// taken are the names that cannot be used again, by kind and name, with the first place of each.
	taken map[[2]string]Position
	// secrets are the names of the API keys by secret.
	secrets map[string]string
	// renames are checked when all names are known.
	renames []rename
}

func newReader(options Options) *reader {
	r := &reader{
		options: options, environment: make(map[string]string, len(options.Environ)), manifest: &Manifest{Given: map[string]bool{}},
		taken: map[[2]string]Position{}, secrets: map[string]string{},
	}
	for _, variable := range options.Environ {
		name, value, _ := strings.Cut(variable, "=")
		if _, ok := r.environment[name]; !ok {
			r.environment[name] = value
		}
	}
	return r
}

// rename is an old name that a provider claims.
type rename struct {
	*item
	from string
	at   document.Fault
}

// checkRenames reports old names that another provider has now: names cannot be handed on in one run.
func (r *reader) checkRenames() {
	for _, n := range r.renames {
		if first, taken := r.taken[[2]string{KindProvider, n.from}]; taken {
			n.at.Code = CodeConflict
			n.at.Message = "`renamed_from` names " + document.Quote(n.from) +
				", which is the name of the provider at " + first.String()
			n.at.Hint = "rename in two runs: first rename the provider that has the name, then this one"
			n.fail(n.at)
		}
	}
}

// take remembers a name of a kind, or says where it was used first.
func (r *reader) take(kind, name string, at Position) (first Position, free bool) {
	if first, taken := r.taken[[2]string{kind, name}]; taken {
		return first, false
	}
	r.taken[[2]string{kind, name}] = at
	return Position{}, true
}

// result puts together what was read.
func (r *reader) result() (*Manifest, error) {
	r.checkRenames()
	m := r.manifest
	m.Warnings = r.warnings.List
	if more := r.warnings.Total - len(m.Warnings); more > 0 {
		m.Warnings = append(m.Warnings, Problem{
			Position: Position{File: m.Sources[0].Name}, Code: CodeTooLarge, Message: fmt.Sprintf("and %d more warnings", more),
		})
	}
	if r.problems.Total > 0 {
		return &Manifest{Given: m.Given, Sources: m.Sources, Warnings: m.Warnings}, &r.problems
	}
	return m, nil
}
