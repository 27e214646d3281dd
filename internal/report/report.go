// Package report shows results: as text, as JSON lines and as Markdown. It decides nothing and asks no database.
//
// Names and texts of the database are shown so that no terminal and no reader of Markdown takes them for commands.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
)

// Format is the form of a result.
type Format string

// The formats. Markdown is one of plans and runs only.
const (
	Text     Format = "text"
	JSON     Format = "json"
	Markdown Format = "markdown"
)

// lineFormat is the version of the JSON lines. It rises when a line changes in a way that breaks its readers.
const lineFormat = 1

// Writer writes results. Its methods give the lines of JSON and those for people; the ones that the format does not want
// are dropped. So is everything after the first error of Out, which Err returns.
type Writer struct {
	Out     io.Writer
	Format  Format
	Colour  bool   // of text
	Version string // of the program, for the first JSON line
	begun   bool   // the first JSON line is written
	err     error
}

// printf writes for people.
func (w *Writer) printf(format string, values ...any) {
	if w.Format != JSON {
		fmt.Fprintf(w, format, values...)
	}
}

// begin writes the first JSON line, once.
func (w *Writer) begin() {
	if !w.begun {
		w.begun = true
		w.line("version", object{"format", lineFormat, "bootstrap", w.Version})
	}
}

// line writes a JSON line: the fields of a struct or an object, behind its type.
func (w *Writer) line(lineType string, fields any) {
	if w.Format == JSON {
		w.begin()
		fmt.Fprintf(w, "{\"type\":%q,%s\n", lineType, encoded(fields)[1:])
	}
}

// summary writes the last JSON line of a command.
func (w *Writer) summary(command string, fields object) {
	w.line("summary", append(object{"command", command}, fields...))
}

// object is a JSON object whose fields keep their order: names and values, one behind the other.
type object []any

// with adds a field unless its value is zero.
func (o object) with(name string, value any) object {
	if reflect.ValueOf(value).IsZero() {
		return o
	}
	return append(o, name, value)
}

// MarshalJSON is for package json.
func (o object) MarshalJSON() ([]byte, error) {
	var fields [][]byte
	for i := 0; i < len(o); i += 2 {
		fields = append(fields, fmt.Appendf(nil, "%s:%s", encoded(o[i]), encoded(o[i+1])))
	}
	return fmt.Appendf(nil, "{%s}", bytes.Join(fields, []byte{','})), nil
}

// encoded is a value as JSON that leaves the characters of HTML as they are.
func encoded(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // texts, numbers, booleans and what was JSON before
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

// Err is the first error of Out.
func (w *Writer) Err() error { return w.err }

// Write writes to Out.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.Out.Write(p)
	w.err = err
	return n, err
}
