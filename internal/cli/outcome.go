package cli

import (
	"context"
	"fmt"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/migrate"
)

// showPlan prints a plan and returns whether there is anything to change.
func (a *app) showPlan(changes []db.PlannedChange) (changed bool, err error) {
	var total tally
	shown := make([]change, 0, len(changes))
	for i := range changes {
		c := planned(&changes[i])
		total.count(&c)
		shown = append(shown, c)
	}
	if a.output == formatJSON {
		lines := a.lines()
		for i := range shown {
			lines.write(&shown[i])
		}
		changed = total.sum() > 0
		return changed, lines.last(summary{Type: "summary", Command: "plan", Tenant: a.tenant, Changed: changed, tally: total})
	}
	a.writeChanges(shown)
	last := "No changes."
	if total.sum() > 0 {
		last = "Plan: " + total.sentence(wordsPlanned)
	}
	_, err = fmt.Fprintln(a.Stdout, last)
	return total.sum() > 0, err
}

// showOutcome logs what a run did in the order in which it did it, and prints the changes, what the operator should
// know, and the counts.
func (a *app) showOutcome(ctx context.Context, command string, run *install.Run, outcome install.Outcome) error {
	report := outcome.Report
	total := tally{
		Add: number(report.Added), Update: number(report.Updated), Rename: number(report.Renamed), Replace: number(report.Replaced),
		Prune: number(report.Pruned), Adopt: number(report.Adopted), Rules: number(report.RulesChanged),
	}
	changed := report.Changed != nil && *report.Changed
	a.logOutcome(report, total, changed)

	sum := total.sum()
	if err := run.Details(ctx, &outcome, a.output == formatJSON || sum <= shownChanges, command == "up"); err != nil {
		return err
	}
	changes := make([]change, len(outcome.Changes))
	for i := range outcome.Changes {
		changes[i] = done(&outcome.Changes[i])
	}
	if a.output == formatJSON {
		return a.outcomeLines(command, outcome, total, changed, changes)
	}
	a.writeChanges(changes)
	if sum > shownChanges {
		fmt.Fprintf(a.Stdout, "  %s: bootstrap history %d lists them\n", count(sum, "change"), *report.RunID)
	}
	for _, note := range report.Notes {
		fmt.Fprintln(a.Stdout, "note: "+note)
	}
	for _, check := range outcome.Checks {
		if check.Ok == nil || !*check.Ok {
			a.writeCheck(check)
		}
	}
	if !changed {
		fmt.Fprintln(a.Stdout, "No changes.")
	} else {
		fmt.Fprintln(a.Stdout, "Applied: "+total.sentence(wordsDone))
	}
	return failedChecks(outcome.Checks)
}

func (a *app) logOutcome(report db.RunReport, total tally, changed bool) {
	if report.TenantCreated != nil && *report.TenantCreated {
		a.log.Info("tenant " + a.tenant + " created")
	}
	providers := count(number(report.Providers), "provider")
	if !changed {
		a.log.Info("nothing to do, " + providers + " as wanted")
		return
	}
	a.log.Info(providers+" installed", "run", *report.RunID, "added", total.Add, "changed", total.Update, "renamed", total.Rename,
		"replaced", total.Replace, "pruned", total.Prune, "adopted", total.Adopt)
}

func (a *app) outcomeLines(command string, outcome install.Outcome, total tally, changed bool, changes []change) error {
	lines := a.lines()
	for i := range changes {
		lines.write(&changes[i])
	}
	for _, note := range outcome.Report.Notes {
		lines.write(noteLine{"note", note})
	}
	for _, check := range outcome.Checks {
		lines.write(newCheckLine(check))
	}
	report := outcome.Report
	last := summary{
		Type: "summary", Command: command, Tenant: a.tenant, Changed: changed, tally: total,
		Run: report.RunID, TenantCreated: report.TenantCreated, Providers: report.Providers, Unchanged: report.Unchanged,
	}
	if outcome.Migrated.TenantSeeded && a.tenant == "keep" {
		created := true
		last.TenantCreated = &created
	}
	if outcome.Migrated.Changed() {
		last.SchemaFrom, last.SchemaTo = &outcome.Migrated.From, &outcome.Migrated.To
	}
	if err := lines.last(last); err != nil {
		return err
	}
	return failedChecks(outcome.Checks)
}

type noteLine struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// showTenant prints the result of up --tenant-only.
func (a *app) showTenant(outcome install.Outcome, created bool) error {
	created = created || outcome.Migrated.TenantSeeded && a.tenant == "keep"
	if a.output == formatJSON {
		lines := a.lines()
		for _, check := range outcome.Checks {
			lines.write(newCheckLine(check))
		}
		return lines.last(summary{
			Type: "summary", Command: "up", Tenant: a.tenant, TenantCreated: &created,
			Changed: created || outcome.Migrated.Changed(),
		})
	}
	state := "exists"
	if created {
		state = "created"
	}
	_, err := fmt.Fprintf(a.Stdout, "tenant %s %s; its providers are left to Keep\n", shown(a.tenant), state)
	return err
}

// showMigration prints the result of migrate.
func (a *app) showMigration(result migrate.Result) error {
	if a.output == formatJSON {
		return a.lines().last(struct {
			Type    string `json:"type"`
			Command string `json:"command"`
			Changed bool   `json:"changed"`
			From    int32  `json:"schema_from"`
			To      int32  `json:"schema_to"`
		}{"summary", "migrate", result.Changed(), result.From, result.To})
	}
	text := fmt.Sprintf("schema bootstrap is at version %d, nothing to do", result.To)
	switch {
	case result.Changed() && result.To == 0:
		text = "schema bootstrap removed"
	case result.Changed():
		text = fmt.Sprintf("schema bootstrap migrated from version %d to %d", result.From, result.To)
	case result.To == 0:
		text = "schema bootstrap is not installed, nothing to do"
	}
	_, err := fmt.Fprintln(a.Stdout, text)
	return err
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func number(n *int32) int {
	if n == nil {
		return 0
	}
	return int(*n)
}
