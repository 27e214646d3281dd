package manifest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"
)

// The largest inputs that are read, in bytes. YAML takes a tree of nodes many
// times its size, JSON is read in place.
const (
	MaxJSONSize      = 256 << 20
	MaxYAMLSize      = 16 << 20
	MaxReferenceSize = 1 << 20  // one file named by $(file:...)
	MaxResolvedSize  = 64 << 20 // all that references stand for, together
)

// format says how the text of a source is to be read.
type format uint8

const (
	formatSniff format = iota // JSON if it is valid JSON, else YAML
	formatJSON
	formatLines // JSON lines: one provider after the other, without brackets and commas around
	formatYAML
)

// layout says what a source may hold.
type layout uint8

const (
	layoutAny        layout = iota // any of the forms
	layoutSingle                   // a file of a directory: one provider
	layoutEntry                    // KEEP_PROVIDER_<NAME>: one provider without a name
	layoutWorkflow                 // one workflow
	layoutMapping                  // one mapping rule
	layoutDashboards               // a list of dashboards
)

// source is one file, variable or stdin that holds providers or other resources.
type source struct {
	name      string // as shown in positions
	directory string // what relative $(file:...) paths start from; "" is the working directory
	layout    layout
	format    format
	number    int    // its place among the sources
	entry     string // the provider's name, with layoutEntry

	provisioned string // the path that Keep stores; "" where there is none

	// released says that its providers are not kept: they are read again from the data when they are needed.
	released bool

	data  []byte
	lines []int // offsets of line starts, made when first needed
}

// at is the position of a node of the source.
func (s *source) at(n *node) Position {
	return Position{File: s.name, Line: int(n.line), Column: int(n.column)}
}

// provisionedFile is the path that Keep stores of a resource that has a file of its own.
func (s *source) provisionedFile() *string {
	if s.provisioned == "" {
		return nil
	}
	return &s.provisioned
}

// formatOf goes by the extension; anything else is sniffed.
func formatOf(path string) format {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return formatJSON
	case ".jsonl", ".ndjson":
		return formatLines
	case ".yaml", ".yml":
		return formatYAML
	}
	return formatSniff
}

// isJSON holds for one value and for lines.
func (f format) isJSON() bool { return f == formatJSON || f == formatLines }

// limit is how many bytes of the format are read.
func (f format) limit() int64 {
	if f == formatYAML {
		return MaxYAMLSize
	}
	return MaxJSONSize
}

// errTooLarge is returned by readAll where there is more than the limit.
var errTooLarge = errors.New("too large")

// readAll reads up to limit bytes.
func readAll(r io.Reader, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, errTooLarge
	}
	buffer := bytes.NewBuffer(make([]byte, 0, max(size, 0)+bytes.MinRead))
	if _, err := buffer.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, err
	}
	if int64(buffer.Len()) > limit {
		return nil, errTooLarge
	}
	return buffer.Bytes(), nil
}

// readFile reads a file that is no directory.
func readFile(path string, limit int64, regularOnly bool) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, syscall.EISDIR
	}
	if regularOnly && !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(file, info.Size(), limit)
}

// errNotRegular is returned by readFile for a pipe, socket or device.
var errNotRegular = errors.New("not a regular file")

// explainFile words why a file cannot be read.
func explainFile(err error, limit int64) (message, hint string) {
	switch {
	case errors.Is(err, errTooLarge):
		return fmt.Sprintf("the file is larger than %d MiB", limit>>20), "split it, or write it as JSON (up to 256 MiB)"
	case errors.Is(err, errNotRegular):
		return "this is a pipe, socket or device, not a file", "remove it from the directory"
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file", "check the path"
	case errors.Is(err, fs.ErrPermission):
		return "no permission to read this", "check owner and mode, and the securityContext in Kubernetes"
	case errors.Is(err, syscall.ELOOP):
		return "the symbolic links lead in a circle", "remove or correct the link"
	case errors.Is(err, syscall.EISDIR):
		return "this is a directory, not a file", "give the path of a file"
	case errors.Is(err, syscall.ENOTDIR):
		return "a part of this path is a file, not a directory", "check the path"
	case errors.Is(err, syscall.ENAMETOOLONG):
		return "this path is longer than the system allows", "check the path"
	}
	return "the file cannot be read", "check the path and the disk"
}

// decode checks the encoding of the source's bytes and drops a byte order mark.
func (s *source) decode() *fault {
	s.data = bytes.TrimPrefix(s.data, []byte("\xef\xbb\xbf"))
	f := &fault{line: 1, column: 1, code: CodeEncoding, message: "the text is not UTF-8", hint: "save it as UTF-8"}
	if bytes.HasPrefix(s.data, []byte{0xff, 0xfe}) || bytes.HasPrefix(s.data, []byte{0xfe, 0xff}) {
		f.message = "the text is UTF-16, not UTF-8"
		return f
	}
	offset := bytes.IndexByte(s.data, 0)
	if offset >= 0 {
		f.message, f.hint = "the text holds a NUL byte", "remove it, and check that this is a text file"
	}
	if !utf8.Valid(s.data) {
		at := 0
		for at < len(s.data) {
			r, size := utf8.DecodeRune(s.data[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
		if offset < 0 || at < offset {
			offset = at
			f.message, f.hint = "the text is not UTF-8", "save it as UTF-8"
		}
	}
	if offset < 0 {
		return nil
	}
	at := place{line: 1, column: 1}
	at.advance(s.data, offset)
	f.line, f.column = at.line, at.column
	return f
}

// open parses the source. Neither document nor fault means that it is empty.
func (s *source) open(report func(fault)) (document, *fault) {
	if f := s.decode(); f != nil {
		return nil, f
	}
	text := bytes.TrimLeft(s.data, " \t\r\n")
	if len(text) == 0 {
		return nil, nil
	}
	if s.format == formatSniff {
		s.format = formatYAML
		if text[0] == '{' || text[0] == '[' {
			opened, jsonFault := openJSON(s.data, report, false)
			if jsonFault == nil {
				s.format = formatJSON
				return opened, nil
			}
			if lines, f := openJSON(s.data, report, true); f == nil && text[0] == '{' {
				s.format = formatLines
				return lines, nil
			}
			if len(s.data) > MaxYAMLSize {
				return nil, jsonFault
			}
			if opened, f := openYAML(s.data, report); f == nil && opened != nil {
				return opened, nil
			}
			s.format = formatJSON
			return nil, jsonFault
		}
	}
	if s.format.isJSON() {
		opened, f := openJSON(s.data, report, s.format == formatLines)
		if f != nil {
			return nil, f
		}
		return opened, nil
	}
	if len(s.data) > MaxYAMLSize {
		message, hint := explainFile(errTooLarge, MaxYAMLSize)
		return nil, &fault{line: 1, column: 1, code: CodeTooLarge, message: message, hint: hint}
	}
	opened, f := openYAML(s.data, report)
	if f != nil || opened == nil {
		return nil, f
	}
	return opened, nil
}

// digest is the SHA-256 of the bytes as they were read, references unresolved.
func digest(data []byte) [sha256.Size]byte { return sha256.Sum256(data) }
