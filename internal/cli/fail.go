package cli

import (
	"errors"
	"slices"
	"strings"

	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

// notKeep are the codes of a database that is not Keep's. Its server is named with them.
var notKeep = []string{"KB010", "KB011", "KB012", "KB014"}

// fail prints err on stderr and returns its exit code.
func (a *app) fail(err error) int {
	var e *postgres.Error
	problems, _ := errors.AsType[*manifest.Problems](err)
	switch {
	case errors.As(err, &e):
	case a.command == "": // an error of cobra
		message, similar, _ := strings.Cut(err.Error(), "\n\nDid you mean this?")
		hint := "run keep-bootstrap --help for the commands, keep-bootstrap COMMAND --help for the flags"
		if similar != "" {
			hint = "did you mean " + strings.Join(strings.Fields(similar), " or ") + "?"
		}
		e = postgres.Usage(message, hint)
	case errors.Is(err, manifest.ErrNoSource):
		e = postgres.New(postgres.CodeNoSource, err.Error(),
			"give -f FILE, or set KEEP_PROVIDERS or another of Keep's variables")
	case problems != nil:
		number := report.Number(problems.Total, "problem")
		e = postgres.New(postgres.CodeInput, "the input has "+number+"; nothing was written", "")
	default:
		e = postgres.From(err)
	}
	if a.server != "" && slices.Contains(notKeep, e.Code) {
		located := *e
		located.Message += " (server " + a.server + ")"
		e = &located
	}
	if a.out.Format == report.JSON {
		report.ErrorJSON(a.Stderr, e, problems)
	} else {
		report.ErrorText(a.Stderr, e, problems, terminal(a.Stderr))
	}
	return e.ExitCode
}
