package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keep-bootstrap/internal/local"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

// notKeep are the codes of a database that is not Keep's. Its server is named with them.
var notKeep = []string{"KB010", "KB011", "KB012", "KB014"}

// fail prints err on stderr and returns its exit code.
func (a *app) fail(err error) int {
	e := explain(err)
	if a.server != "" && slices.Contains(notKeep, e.Code) {
		located := *e
		located.Message += " (server " + a.server + ")"
		e = &located
	}
	var problems *manifest.Problems
	errors.As(err, &problems)
	if a.output == formatJSON {
		a.failJSON(e, problems)
	} else {
		a.failText(e, problems)
	}
	return e.ExitCode
}

// explain maps the errors of the packages that do not know of exit codes.
func explain(err error) *postgres.Error {
	var known *postgres.Error
	var problems *manifest.Problems
	var server *local.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, manifest.ErrNoSource):
		return &postgres.Error{
			Code: postgres.CodeNoSource, Message: err.Error(), ExitCode: postgres.ExitUsage, Err: err,
			Hint: "set KEEP_PROVIDERS, KEEP_PROVIDERS_DIRECTORY or another variable as for Keep, or give -f FILE",
		}
	case errors.As(err, &problems):
		return &postgres.Error{
			Code: postgres.CodeInput, Message: fmt.Sprintf("the input has %s; nothing was written", count(problems.Total, "problem")),
			ExitCode: postgres.ExitInput, Err: err,
		}
	case errors.As(err, &server):
		return &postgres.Error{
			Code: "local", Message: "local PostgreSQL: " + server.Error(), Hint: server.Hint,
			ExitCode: postgres.ExitUnavailable, Retry: true, Err: err,
		}
	}
	return postgres.From(err)
}

func (a *app) failText(e *postgres.Error, problems *manifest.Problems) {
	var text strings.Builder
	if problems != nil {
		for _, problem := range problems.List {
			a.writeProblem(&text, "", problem)
		}
		if more := problems.Total - len(problems.List); more > 0 {
			fmt.Fprintf(&text, "and %d more\n", more)
		}
	}
	fmt.Fprintf(&text, "error: %s: %s\n", e.Code, oneLine(e.Message))
	if e.File != "" {
		fmt.Fprintf(&text, "at: %s\n", oneLine(place(e)))
	}
	if e.Excerpt != "" {
		text.WriteString(indent(e.Excerpt))
	}
	for _, part := range []struct{ name, text string }{{"detail", e.Detail}, {"hint", e.Hint}} {
		if part.text != "" {
			for i, line := range strings.Split(part.text, "\n") {
				text.WriteString([]string{part.name + ": ", "        "}[min(i, 1)] + oneLine(line) + "\n")
			}
		}
	}
	fmt.Fprint(a.Stderr, text.String())
}

// writeProblem writes a problem of the input, on a terminal with its line and a caret below the place.
func (a *app) writeProblem(text *strings.Builder, prefix string, problem manifest.Problem) {
	text.WriteString(prefix + oneLine(problem.String()) + "\n")
	if problem.Snippet == "" || !terminal(a.Stderr) {
		return
	}
	text.WriteString("    " + oneLine(strings.ReplaceAll(problem.Snippet, "\t", " ")) + "\n")
	if column := problem.Column; column > 0 && column <= len([]rune(problem.Snippet))+1 {
		text.WriteString("    " + strings.Repeat(" ", column-1) + "^\n")
	}
}

// problemsOf returns the mistakes of the input that err stands for, or nil.
func problemsOf(err error) *manifest.Problems {
	problems, _ := errors.AsType[*manifest.Problems](err)
	return problems
}

func place(e *postgres.Error) string {
	if e.Line == 0 {
		return e.File
	}
	return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
}

// errorLine is an error in JSON mode: one line on stderr.
type errorLine struct {
	Type     string             `json:"type"`
	Code     string             `json:"code"`
	Message  string             `json:"message"`
	Detail   string             `json:"detail,omitempty"`
	Hint     string             `json:"hint,omitempty"`
	File     string             `json:"file,omitempty"`
	Line     int                `json:"line,omitempty"`
	Column   int                `json:"column,omitempty"`
	ExitCode int                `json:"exit_code"`
	Retry    bool               `json:"retry"`
	Problems []manifest.Problem `json:"problems,omitempty"`
	Total    int                `json:"problems_total,omitempty"`
}

func (a *app) failJSON(e *postgres.Error, problems *manifest.Problems) {
	line := errorLine{
		Type: "error", Code: e.Code, Message: e.Message, Detail: e.Detail, Hint: e.Hint,
		File: e.File, Line: e.Line, Column: e.Column, ExitCode: e.ExitCode, Retry: e.Retry,
	}
	if problems != nil {
		line.Problems, line.Total = problems.List, problems.Total
	}
	_ = json.NewEncoder(a.Stderr).Encode(line) // a closed stderr leaves the exit code
}
