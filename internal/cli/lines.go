package cli

import "encoding/json"

// lineFormat is the version of the JSON lines. It rises when a line changes in a way that breaks its readers.
const lineFormat = 1

// lines writes JSON lines: first the version line, then one object a line. A command with two parts has one version line.
func (a *app) lines() *lineWriter {
	encoder := json.NewEncoder(a.Stdout)
	encoder.SetEscapeHTML(false)
	w := &lineWriter{encoder: encoder}
	if a.versionShown {
		return w
	}
	a.versionShown = true
	w.err = encoder.Encode(struct {
		Type      string `json:"type"`
		Format    int    `json:"format"`
		Bootstrap string `json:"bootstrap"`
	}{"version", lineFormat, a.Version})
	return w
}

// lineWriter keeps the first error in err; what is written after it is dropped.
type lineWriter struct {
	encoder *json.Encoder
	err     error
}

func (w *lineWriter) write(line any) {
	if w.err == nil {
		w.err = w.encoder.Encode(line)
	}
}

// last writes the last line and returns the first error of all.
func (w *lineWriter) last(line any) error {
	w.write(line)
	return w.err
}
