package cli

import (
	"errors"
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
		return postgres.New(postgres.CodeNoSource, err.Error(), "give -f FILE, or set KEEP_PROVIDERS or another of Keep's variables")
	case errors.As(err, &problems):
		return postgres.New(postgres.CodeInput, "the input has "+report.Number(problems.Total, "problem")+"; nothing was written", "")
	}
	return postgres.From(err)
}
