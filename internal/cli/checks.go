package cli

import (
	"fmt"
	"strings"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/postgres"
)

// checkLine is one check as JSON. ok is null for a warning.
type checkLine struct {
	Type   string  `json:"type"`
	Name   string  `json:"name"`
	OK     *bool   `json:"ok"`
	Detail string  `json:"detail"`
	Hint   *string `json:"hint,omitempty"`
}

func newCheckLine(check db.CheckResult) checkLine {
	return checkLine{"check", text(check.Name), check.Ok, text(check.Detail), check.Hint}
}

func (a *app) writeCheck(check db.CheckResult) {
	state, colour := "warn", yellow
	if check.Ok != nil {
		state, colour = "ok", green
		if !*check.Ok {
			state, colour = "FAIL", red
		}
	}
	fmt.Fprintf(a.Stdout, "%s%s  %s: %s\n", paint(colour, state, a.colours()), strings.Repeat(" ", 4-len(state)), text(check.Name), oneLine(text(check.Detail)))
	if check.Hint != nil {
		fmt.Fprintf(a.Stdout, "      %s\n", *check.Hint)
	}
}

// showChecks prints the result of verify.
func (a *app) showChecks(checks []db.CheckResult) error {
	if a.output == formatJSON {
		lines := a.lines()
		for _, check := range checks {
			lines.write(newCheckLine(check))
		}
		return lines.last(struct {
			Type    string `json:"type"`
			Command string `json:"command"`
			OK      bool   `json:"ok"`
		}{"summary", "verify", failedChecks(checks) == nil})
	}
	for _, check := range checks {
		a.writeCheck(check)
	}
	return nil
}

// failedChecks is the error for checks that failed; nil when none did.
func failedChecks(checks []db.CheckResult) error {
	failed := 0
	for _, check := range checks {
		if check.Ok != nil && !*check.Ok {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return &postgres.Error{
		Code: postgres.CodeVerify, Message: count(failed, "check") + " failed", ExitCode: postgres.ExitRefused,
		Hint: "each check that failed says what to do",
	}
}
