package report

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
)

// failed are the checks that are not as they should be: failures and warnings.
func failed(checks []db.CheckResult) []db.CheckResult {
	return slices.DeleteFunc(slices.Clone(checks), func(c db.CheckResult) bool { return c.Ok != nil && *c.Ok })
}

// checks shows checks for people.
func (w *Writer) checks(checks []db.CheckResult) {
	for _, check := range checks {
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
}

// Checks shows the result of verify; ok says that no check failed.
func (w *Writer) Checks(checks []db.CheckResult, ok bool) {
	w.details(nil, nil, checks)
	w.summary("verify", object{"ok", ok})
	w.checks(checks)
}

// Status shows the resources of a tenant.
func (w *Writer) Status(tenant string, resources []db.ProviderStatus) {
	rows := [][]string{{"NAME", "TYPE", "ID", "ORIGIN", "RUN", "GUARDED", "CONDITION"}}
	others := 0
	for _, r := range resources {
		row := []string{titled(r.Kind, Name(r.Name)), optionalName(r.Type), Name(r.ObjectID), r.Origin, "", "", r.Condition}
		if r.ChangedRun != nil {
			row[4] = strconv.FormatInt(*r.ChangedRun, 10)
		}
		if r.PreventDelete {
			row[5] = "yes"
		}
		rows = append(rows, row)
		if r.ChangedAt != nil {
			r.ChangedAt = new(r.ChangedAt.UTC())
		}
		if r.Kind == manifest.KindProvider {
			r.Kind = ""
			w.line("provider", r)
		} else {
			others++
			w.line("resource", r)
		}
	}
	w.summary("status", object{"tenant", tenant, "providers", len(resources) - others}.with("resources", others))
	if len(resources) == 0 {
		w.printf("tenant %s has no providers\n", Name(tenant))
	} else {
		w.table(rows)
	}
}

// run writes a run of the journal as JSON, and makes its times UTC.
func (w *Writer) run(r *db.Run) {
	r.StartedAt, r.FinishedAt = r.StartedAt.UTC(), r.FinishedAt.UTC()
	w.line("run", r)
}

// result says what a run did, or why it failed.
func result(r *db.Run) string {
	if r.ErrorCode != nil {
		return Line(strings.TrimSuffix(*r.ErrorCode+": "+text(r.ErrorMessage), ": "))
	}
	counts := Counts{
		Add: int(r.Added), Update: int(r.Updated), Rename: int(r.Renamed), Replace: int(r.Replaced), Prune: int(r.Pruned),
		Adopt: int(r.Adopted), Rules: int(r.RulesChanged), Resources: int(r.ResourcesChanged),
	}
	return counts.phrase(false) + "."
}

// History shows the runs of a tenant.
func (w *Writer) History(runs []db.Run) {
	rows := [][]string{{"RUN", "TIME (UTC)", "ROLE", "OUTCOME", "CHANGES"}}
	w.begin()
	for i := range runs {
		r := &runs[i]
		w.run(r)
		rows = append(rows, []string{
			strconv.FormatInt(r.RunID, 10), r.StartedAt.Format(time.DateTime), Name(r.RoleName), r.Outcome, result(r),
		})
	}
	if len(runs) == 0 {
		w.printf("no run has changed anything yet\n")
	} else {
		w.table(rows)
	}
}

// HistoryRun shows one run and what it changed.
func (w *Writer) HistoryRun(r *db.Run, journal []db.Change) {
	changes := Recorded(journal)
	w.run(r)
	w.details(changes, nil, nil)
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
	w.printf("%s\n", result(r))
}
