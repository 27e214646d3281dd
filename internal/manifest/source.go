package manifest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"path/filepath"
	"strings"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/file"
)

// The largest files that references name, in bytes.
const (
	MaxReferenceSize = 1 << 20  // one file named by $(file:...)
	MaxResolvedSize  = 64 << 20 // all resolved references together
)

// source is one file, variable or stdin that holds providers or other resources.
type source struct {
	name      string // as shown in positions
	directory string // what relative $(file:...) paths start from; "" is the working directory
	kind      string // one of the Kind constants; "" if it may hold any
	single    bool   // a file of a directory: it holds one of the kind
	format    document.Format
	number    int    // its place among the sources
	entry     string // the name of the provider in KEEP_PROVIDER_<NAME>; "" in other sources
	variable  bool   // the text is that of the variable called name

	provisioned string // the path that Keep stores; "" if there is none

	data []byte
}

// at is the position of a value of the source.
func (s *source) at(v *document.Value) Position {
	return Position{File: s.name, Line: int(v.Line), Column: int(v.Column)}
}

// provisionedFile is the member with the path that Keep stores of a resource; null where it has no file of its own.
func (s *source) provisionedFile() document.Member {
	if s.provisioned == "" {
		return member("provisioned_file", document.Value{})
	}
	return member("provisioned_file", text(s.provisioned))
}

// newSource numbers a source.
func (r *reader) newSource(s source) *source {
	r.sources++
	s.number = r.sources
	s.name = strings.ToValidUTF8(s.name, "\ufffd")
	return &s
}

// about is the item for a source that is not read.
func (r *reader) about(name string) *item { return r.of(r.newSource(source{name: name})) }

// of is the item for a source as a whole.
func (r *reader) of(s *source) *item {
	return &item{reader: r, source: s, kind: KindProvider, name: s.entry}
}

// formats are those of files by their extension; of others the content decides.
var formats = map[string]document.Format{
	".json": document.JSON, ".jsonl": document.JSONLines, ".ndjson": document.JSONLines,
	".yaml": document.YAML, ".yml": document.YAML,
}

// whole is a fault of a source as a whole.
func whole(code, message, hint string) document.Fault {
	return document.Fault{Code: code, Message: message, Hint: hint}
}

// loadFile reads a file. The variable is the one that names it, if any.
func (r *reader) loadFile(s *source, path, variable string) {
	s.directory = filepath.Dir(path)
	limit := s.format.MaxSize()
	data, err := file.Read(path, limit)
	if err != nil {
		r.unreadable(s, err, limit, variable)
		return
	}
	r.load(s, data)
}

func (r *reader) unreadable(s *source, err error, limit int64, variable string) {
	message, hint := file.Explain(err, limit)
	code := CodeUnreadable
	if errors.Is(err, file.ErrTooLarge) {
		code, hint = CodeTooLarge, "split it, or write it as JSON (up to 256 MiB)"
	}
	if variable != "" {
		message, hint = message+", given by "+variable, hint+", or correct "+variable
	}
	r.of(s).fail(whole(code, message, hint))
}

// load reads the text of one file or variable.
func (r *reader) load(s *source, data []byte) {
	r.read(s.name, data)
	s.data = data
	root, format, f := document.Parse(data, s.format)
	s.format = format
	i := r.of(s)
	switch {
	case f != nil && f.Code == document.CodeDocuments && i.foreign(firstDocument(data, int(f.Line))):
	case f != nil && f.Code == CodeSyntax && s.variable:
		i.fail(s.explain(*f))
	case f != nil:
		i.fail(*f)
	case root == nil:
		r.empty(s)
	default:
		i.document(root)
	}
	s.data = nil
}

// read lists a source. The digest is of the bytes as they were read, references unresolved.
func (r *reader) read(name string, data []byte) {
	r.manifest.Sources = append(r.manifest.Sources, Source{Name: name, SHA256: sha256.Sum256(data)})
}

// firstDocument is the first of several YAML documents, of which the second starts at a line; null where that is unclear.
func firstDocument(data []byte, second int) *document.Value {
	lines := bytes.SplitAfter(data, []byte{'\n'})
	text := bytes.Join(lines[:min(second, len(lines))], nil)
	if root, _, f := document.Parse(text[:max(0, bytes.LastIndex(text, []byte("\n---")))], document.YAML); f == nil && root != nil {
		return root
	}
	return &document.Value{}
}

// explain says more of the value of a variable that cannot be parsed.
func (s *source) explain(f document.Fault) document.Fault {
	text := string(s.data)
	if (s.name == providersVariable || s.name == dashboardsVariable) && !strings.ContainsAny(text, "{[") {
		f.Message = "neither JSON nor a path that Keep accepts"
		f.Hint = "a path starts with /, ./ or ../ and ends in .json"
	}
	first := strings.IndexByte(text, '"')
	switch {
	case first > 0 && text[first-1] == '\\' && s.format.IsJSON():
		f.Message = "the quotes in the value of " + s.name + ` are escaped (\"): write them without backslashes`
		f.Hint = "quote the whole value in the shell, not each quote"
	case literalLineEnds(text):
		f.Message = "the value of " + s.name + ` contains the characters \n but no newline`
		f.Hint = "write newlines: \"$(cat FILE)\" keeps them"
	}
	return f
}

// literalLineEnds reports whether a text has the characters \n where line ends should be.
func literalLineEnds(text string) bool {
	return !strings.Contains(strings.TrimRight(text, "\r\n"), "\n") && strings.Contains(text, `\n`)
}

// empty reports a source that holds nothing.
func (r *reader) empty(s *source) {
	message, hint := "the file is empty", "write `providers: []` to mean none"
	switch {
	case s.variable && s.name == providersVariable:
		message, hint = "the variable is blank", "unset it, or write {} to mean none"
	case s.variable:
		message, hint = "the variable is blank", "unset it"
	case s.single:
		hint = "write one " + called(s.kind) + " into it, or remove it"
	case s.kind == KindDashboard:
		hint = "write [] to mean none"
	}
	f := whole(CodeEmpty, message, hint)
	f.Place = document.Place{Line: 1, Column: 1}
	r.of(s).fail(f)
}
