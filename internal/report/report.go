// Package report shows results: as text, as JSON lines and as Markdown. It decides nothing and asks no database.
//
// Names and texts of the database are shown so that no terminal and no reader of Markdown takes them for commands.
package report

import (
	"encoding/json"
	"fmt"
	"io"
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

// head begins the last JSON line of a command.
type head struct {
	Type    string `json:"type"` // "summary"
	Command string `json:"command"`
}

func summaryOf(command string) head { return head{"summary", command} }

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
	w.line(struct {
		Type      string `json:"type"`
		Format    int    `json:"format"`
		Bootstrap string `json:"bootstrap"`
	}{"version", lineFormat, w.Version})
}

func (w *Writer) printf(format string, values ...any) { fmt.Fprintf(w, format, values...) }

// end writes a result of one line: as JSON, or as text.
func (w *Writer) end(line any, format string, values ...any) error {
	if w.Format == JSON {
		w.line(line)
	} else {
		w.printf(format+"\n", values...)
	}
	return w.err
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
