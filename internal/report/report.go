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

// Writer writes results. Its methods return the first error of Out; what is written after it is dropped.
type Writer struct {
	Out     io.Writer
	Format  Format
	Colour  bool   // of text
	Version string // of the program, for the first JSON line
	begun   bool   // the first JSON line is written
	err     error
}

// line writes a JSON line.
func (w *Writer) line(line any) {
	w.begin()
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(line) // Write keeps the error
}

// begin writes the first JSON line, once.
func (w *Writer) begin() {
	if w.begun {
		return
	}
	w.begun = true
	w.line(object{"type", "version", "format", lineFormat, "bootstrap", w.Version})
}

func (w *Writer) printf(format string, values ...any) { fmt.Fprintf(w, format, values...) }

// summary writes the last JSON line of a command.
func (w *Writer) summary(command string, fields object) error {
	w.line(append(object{"type", "summary", "command", command}, fields...))
	return w.err
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
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	separator := byte('{')
	for i := 0; i < len(o); i += 2 {
		text.WriteByte(separator)
		separator = ','
		if err := encoder.Encode(o[i]); err != nil {
			return nil, err
		}
		text.WriteByte(':')
		if err := encoder.Encode(o[i+1]); err != nil {
			return nil, err
		}
	}
	text.WriteByte('}')
	return text.Bytes(), nil
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
