package report

import (
	"slices"
	"strconv"
	"time"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
)

// checkLine is one check as JSON. ok is null for a warning.
type checkLine struct {
	Type string `json:"type"` // "check"
	db.CheckResult
}

// failed are the checks that are not as they should be: failures and warnings.
func failed(checks []db.CheckResult) []db.CheckResult {
	return slices.DeleteFunc(slices.Clone(checks), func(c db.CheckResult) bool { return c.Ok != nil && *c.Ok })
}

func (w *Writer) check(check db.CheckResult) {
	state, colour := "warn", yellow
	switch {
	case check.Ok == nil:
	case *check.Ok:
		state, colour = "ok  ", green
	default:
		state, colour = "FAIL", red
	}
	w.printf("%s  %s: %s\n", w.paint(colour, state), check.Name, Line(check.Detail))
	if check.Hint != nil {
		w.printf("      %s\n", *check.Hint)
	}
}

// Checks shows the result of verify; ok says that no check failed.
func (w *Writer) Checks(checks []db.CheckResult, ok bool) error {
	if w.Format == JSON {
		w.details(nil, nil, checks)
		return w.summary("verify", object{"ok", ok})
	}
	for _, check := range checks {
		w.check(check)
	}
	return w.err
}

// Status shows the resources of a tenant.
func (w *Writer) Status(tenant string, resources []db.ProviderStatus) error {
	rows := [][]string{{"NAME", "TYPE", "ID", "ORIGIN", "RUN", "GUARDED", "CONDITION"}}
	others := 0
	for _, r := range resources {
		line := struct {
			Line string `json:"type"`
			db.ProviderStatus
		}{"resource", r}
		if r.Kind == manifest.KindProvider {
			line.Line, line.Kind = "provider", ""
		} else {
			others++
		}
		row := []string{titled(r.Kind, Name(r.Name)), Name(text(r.Type)), Name(r.ObjectID), r.Origin, "", "", r.Condition}
		if r.ChangedAt != nil {
			line.ChangedAt = new(r.ChangedAt.UTC())
		}
		if r.ChangedRun != nil {
			row[4] = strconv.FormatInt(*r.ChangedRun, 10)
		}
		if r.PreventDelete {
			row[5] = "yes"
		}
		rows = append(rows, row)
		if w.Format == JSON {
			w.line(line)
		}
	}
	switch {
	case w.Format == JSON:
		return w.summary("status", object{"tenant", tenant, "providers", len(resources) - others}.with("resources", others))
	case len(resources) == 0:
		w.printf("tenant %s has no providers\n", Name(tenant))
	default:
		return w.table(rows)
	}
	return w.err
}

// runLine is one run of history as JSON.
type runLine struct {
	Type string `json:"type"` // "run"
	db.Run
}

func runLineOf(r db.Run) runLine {
	r.StartedAt, r.FinishedAt = r.StartedAt.UTC(), r.FinishedAt.UTC()
	return runLine{"run", r}
}

// result says what a run did, or why it failed.
func (r *runLine) result() string {
	switch {
	case r.ErrorCode == nil:
		counts := Counts{
			Add: int(r.Added), Update: int(r.Updated), Rename: int(r.Renamed), Replace: int(r.Replaced), Prune: int(r.Pruned),
			Adopt: int(r.Adopted), Rules: int(r.RulesChanged), Resources: int(r.ResourcesChanged),
		}
		return counts.phrase(true) + "."
	case text(r.ErrorMessage) != "":
		return Line(*r.ErrorCode + ": " + *r.ErrorMessage)
	}
	return Line(*r.ErrorCode)
}

// History shows the runs of a tenant.
func (w *Writer) History(runs []db.Run) error {
	rows := [][]string{{"RUN", "TIME (UTC)", "ROLE", "OUTCOME", "CHANGES"}}
	for i := range runs {
		r := runLineOf(runs[i])
		if w.Format == JSON {
			w.line(r)
		}
		rows = append(rows, []string{strconv.FormatInt(r.RunID, 10), r.StartedAt.Format(time.DateTime), Name(r.RoleName), r.Outcome, r.result()})
	}
	switch {
	case w.Format == JSON:
		w.begin()
		return w.err
	case len(runs) == 0:
		w.printf("no run has changed anything yet\n")
		return w.err
	}
	return w.table(rows)
}

// HistoryRun shows one run and what it changed.
func (w *Writer) HistoryRun(run db.Run, journal []db.Change) error {
	r, changes := runLineOf(run), recorded(journal)
	if w.Format == JSON {
		w.line(r)
		w.details(changes, nil, nil)
		return w.err
	}
	by := Name(r.RoleName)
	if r.ToolVersion != nil {
		by += " with keep-bootstrap " + Name(*r.ToolVersion)
	}
	if r.Application != "" {
		by += " (" + Name(r.Application) + ")"
	}
	w.printf("run %d %s, %s UTC, by %s\n", r.RunID, r.Outcome, r.FinishedAt.Format(time.DateTime), by)
	if len(r.InputNames) > 0 {
		w.printf("from %s\n", list(r.InputNames))
	}
	w.changes(changes)
	w.printf("%s\n", r.result())
	return w.err
}
