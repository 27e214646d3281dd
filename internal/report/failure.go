package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

// ErrorJSON writes an error, and the mistakes of the input that it stands for, as one line. problems may be nil.
func ErrorJSON(out io.Writer, e *postgres.Error, problems *manifest.Problems) {
	if problems == nil {
		problems = &manifest.Problems{}
	}
	_ = json.NewEncoder(out).Encode(struct { // a closed stderr leaves the exit code
		Type string `json:"type"`
		*postgres.Error
		Problems []manifest.Problem `json:"problems,omitempty"`
		Total    int                `json:"problems_total,omitempty"`
	}{"error", e, problems.List, problems.Total})
}

// ErrorText writes an error for people, and the mistakes of the input that it stands for; carets show their places. problems may
// be nil.
func ErrorText(out io.Writer, e *postgres.Error, problems *manifest.Problems, carets bool) {
	var text strings.Builder
	if problems != nil {
		for _, problem := range problems.List {
			text.WriteString(problemText(problem, carets))
		}
		if more := problems.Total - len(problems.List); more > 0 {
			fmt.Fprintf(&text, "and %d more\n", more)
		}
	}
	fmt.Fprintf(&text, "error: %s: %s\n", e.Code, Line(e.Message))
	if e.File != "" {
		fmt.Fprintf(&text, "at: %s\n", Line(manifest.Position{File: e.File, Line: e.Line, Column: e.Column}.String()))
	}
	for _, part := range []struct{ name, text string }{{"detail", e.Detail}, {"hint", e.Hint}} {
		if part.text != "" && part.text != e.Message {
			begin := part.name + ": "
			for line := range strings.SplitSeq(part.text, "\n") {
				text.WriteString(begin + Line(line) + "\n")
				begin = "        "
			}
		}
	}
	_, _ = io.WriteString(out, text.String())
}

// problemText is a problem of the input, with its line and a caret below the place.
func problemText(problem manifest.Problem, caret bool) string {
	text := Line(problem.String()) + "\n"
	if problem.Snippet == "" || !caret {
		return text
	}
	text += "    " + Line(strings.ReplaceAll(problem.Snippet, "\t", " ")) + "\n"
	if column := problem.Column; column > 0 && column <= len([]rune(problem.Snippet))+1 {
		text += "    " + strings.Repeat(" ", column-1) + "^\n"
	}
	return text
}
