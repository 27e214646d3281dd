package cli

import (
	"errors"
	"fmt"
	"slices"

	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
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
	problems, _ := errors.AsType[*manifest.Problems](err)
	if a.out.Format == report.JSON {
		report.ErrorJSON(a.Stderr, e, problems)
	} else {
		report.ErrorText(a.Stderr, e, problems, terminal(a.Stderr))
	}
	return e.ExitCode
}

// explain maps the errors of the packages that do not know of exit codes.
func explain(err error) *postgres.Error {
	var known *postgres.Error
	var problems *manifest.Problems
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, manifest.ErrNoSource):
		return &postgres.Error{
			Code: postgres.CodeNoSource, Message: err.Error(), ExitCode: postgres.ExitUsage, Err: err,
			Hint: "give -f FILE, or set KEEP_PROVIDERS or another of Keep's variables",
		}
	case errors.As(err, &problems):
		return &postgres.Error{
			Code: postgres.CodeInput, Message: fmt.Sprintf("the input has %s; nothing was written", report.Number(problems.Total, "problem")),
			ExitCode: postgres.ExitInput, Err: err,
		}
	}
	return postgres.From(err)
}
