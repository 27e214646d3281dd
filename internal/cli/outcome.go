package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
)

// summary is the last JSON line of plan, apply and up.
type summary struct {
	Type    string `json:"type"` // "summary"
	Command string `json:"command"`
	Tenant  string `json:"tenant"`
	Changed bool   `json:"changed"`
	tally
	// Of plan.
	Refusal *string `json:"refusal,omitempty"`
	// Of apply and up.
	Run           *int64 `json:"run,omitempty"`
	TenantCreated *bool  `json:"tenant_created,omitempty"`
	Providers     *int32 `json:"providers,omitempty"`
	Unchanged     *int32 `json:"unchanged,omitempty"`
	// Given are the other kinds in the manifest, with the outcome of each.
	Given map[string]resourceReport `json:"given,omitempty"`
	// Of up.
	SchemaFrom *int32 `json:"schema_from,omitempty"`
	SchemaTo   *int32 `json:"schema_to,omitempty"`
}

// noteLine is what the operator should know, as JSON.
type noteLine struct {
	Type string `json:"type"` // "note"
	Text string `json:"text"`
}

// planView is a plan as it is shown. Its three forms are made of the same counts.
type planView struct {
	tenant  string
	changes []change
	total   tally
	notes   []string
	refusal *postgres.Error // with which apply would end; nil when it would not
}

func newPlanView(tenant string, plan *install.Plan, related *install.Related) planView {
	view := planView{tenant: tenant, changes: make([]change, len(plan.Changes)), refusal: plan.Refusal}
	for i := range plan.Changes {
		view.changes[i] = planned(&plan.Changes[i], related)
	}
	view.total = tallyOf(view.changes)
	if related.NotCounted != "" {
		view.notes = append(view.notes, "the references to the providers were not counted: "+related.NotCounted)
	}
	return view
}

// showPlan prints a plan in the form that was asked for.
func (a *app) showPlan(view *planView) error {
	a.metrics.changes = &view.total
	switch a.output {
	case formatJSON:
		return view.json(a.lines())
	case formatMarkdown:
		_, err := io.WriteString(a.Stdout, view.markdown())
		return err
	}
	a.writeChanges(view.changes)
	for _, note := range view.notes {
		fmt.Fprintln(a.Stdout, "note: "+oneLine(note))
	}
	_, err := fmt.Fprintln(a.Stdout, view.total.plan())
	return err
}

func (v *planView) json(lines *lineWriter) error {
	for i := range v.changes {
		lines.write(&v.changes[i])
	}
	for _, note := range v.notes {
		lines.write(noteLine{"note", note})
	}
	last := summary{Type: "summary", Command: "plan", Tenant: v.tenant, Changed: v.total.sum() > 0, tally: v.total}
	if v.refusal != nil {
		last.Refusal = &v.refusal.Code
	}
	return lines.last(last)
}

// runView is what apply or up did, as it is shown.
type runView struct {
	command string
	tenant  string
	install.Outcome
	changes []change // all, or none when there are too many for the form
	total   tally
	changed bool // anything that a user asked about
	// resources are the other kinds that were given.
	resources map[string]resourceReport
}

func newRunView(command, tenant string, outcome install.Outcome) runView {
	report := &outcome.Report
	view := runView{command: command, tenant: tenant, Outcome: outcome}
	view.total = tally{
		Add: number(report.Added), Update: number(report.Updated), Rename: number(report.Renamed), Replace: number(report.Replaced),
		Prune: number(report.Pruned), Adopt: number(report.Adopted), Rules: number(report.RulesChanged),
	}
	view.resources = reportedResources(report.Resources)
	view.total.addReported(view.resources)
	view.changed = view.total.sum() > 0 || report.TenantCreated != nil && *report.TenantCreated
	return view
}

// setChanges sets the changes that were read after the run.
func (v *runView) setChanges(changes []db.Change) {
	v.changes = make([]change, len(changes))
	for i := range changes {
		v.changes[i] = done(&changes[i])
	}
}

// applied is the last line of a run.
func (v *runView) applied() string {
	if !v.changed {
		return noChanges
	}
	return "Applied: " + v.total.phrase(wordsDone) + "."
}

// showOutcome logs what a run did in the order in which it did it, and prints the changes, what the operator should
// know, and the counts.
func (a *app) showOutcome(ctx context.Context, command string, run *install.Run, outcome install.Outcome) error {
	view := newRunView(command, run.Tenant, outcome)
	a.metrics.changes = &view.total
	a.logOutcome(&view)
	listed := a.output != formatText || view.total.sum() <= shownChanges
	if err := run.Details(ctx, &view.Outcome, listed, command == "up"); err != nil {
		return err
	}
	view.setChanges(view.Changes)
	if err := a.writeOutcome(&view); err != nil {
		return err
	}
	// Shown, and no failure: the next up makes the foreign key deferrable, and what is missing now was kept so (--on-drift=keep).
	return failedChecks(slices.DeleteFunc(view.Checks, func(check db.CheckResult) bool {
		return text(check.Name) == "foreign_key" || text(check.Name) == "objects"
	}))
}

func (a *app) writeOutcome(view *runView) error {
	switch a.output {
	case formatJSON:
		return view.json(a.lines())
	case formatMarkdown:
		_, err := io.WriteString(a.Stdout, view.markdown())
		return err
	}
	a.writeChanges(view.changes)
	if sum := view.total.sum(); sum > shownChanges {
		fmt.Fprintf(a.Stdout, "  %s: keep-bootstrap history %d lists them\n", count(sum, "change"), *view.Report.RunID)
	}
	for _, note := range view.Report.Notes {
		fmt.Fprintln(a.Stdout, "note: "+oneLine(note))
	}
	for _, check := range view.Checks {
		if check.Ok == nil || !*check.Ok {
			a.writeCheck(check)
		}
	}
	_, err := fmt.Fprintln(a.Stdout, view.applied())
	return err
}

func (a *app) logOutcome(view *runView) {
	report, total := &view.Report, &view.total
	if report.TenantCreated != nil && *report.TenantCreated {
		a.log.Info("tenant created", "tenant", view.tenant)
	}
	given := view.given()
	if view.stale() && len(report.Notes) > 0 {
		a.log.Warn("nothing installed", "because", report.Notes[0]) // an older generation
		return
	}
	if given, unchanged := view.unchanged(); !view.changed && given != unchanged {
		a.log.Info("nothing was written; what was changed outside of keep-bootstrap is kept", "given", given, "as_wanted", unchanged)
		return
	}
	if !view.changed {
		a.log.Info("up to date", given...)
		return
	}
	attributes := append(given, "run", *report.RunID, "added", total.Add, "changed", total.Update, "renamed", total.Rename,
		"replaced", total.Replace, "pruned", total.Prune, "adopted", total.Adopt)
	if total.Resources > 0 {
		attributes = append(attributes, "resources", total.Resources)
	}
	a.log.Info("installed", attributes...)
}

// given are the counts of the manifest as attributes of the log.
func (v *runView) given() []any {
	var counts []any
	if number(v.Report.Providers) > 0 || len(v.resources) == 0 {
		counts = append(counts, "providers", number(v.Report.Providers))
	}
	for _, k := range otherKinds() {
		if r, ok := v.resources[k.Word]; ok {
			counts = append(counts, k.Key, r.Given)
		}
	}
	return counts
}

// stale says whether the run did nothing because a newer generation is installed: then nothing is known to be unchanged.
func (v *runView) stale() bool {
	given, unchanged := v.unchanged()
	return !v.changed && given > 0 && unchanged == 0
}

// unchanged counts what the manifest had, and what of it is as it says.
func (v *runView) unchanged() (given, unchanged int) {
	given, unchanged = number(v.Report.Providers), number(v.Report.Unchanged)
	for _, r := range v.resources {
		given, unchanged = given+r.Given, unchanged+r.Unchanged
	}
	return given, unchanged
}

func (v *runView) json(lines *lineWriter) error {
	for i := range v.changes {
		lines.write(&v.changes[i])
	}
	for _, note := range v.Report.Notes {
		lines.write(noteLine{"note", note})
	}
	for _, check := range v.Checks {
		lines.write(newCheckLine(check))
	}
	report := &v.Report
	last := summary{
		Type: "summary", Command: v.command, Tenant: v.tenant, Changed: v.changed, tally: v.total,
		Run: report.RunID, TenantCreated: report.TenantCreated, Providers: report.Providers, Unchanged: report.Unchanged,
		Given: v.resources,
	}
	if v.Migrated.Changed() {
		last.SchemaFrom, last.SchemaTo = &v.Migrated.From, &v.Migrated.To
	}
	return lines.last(last)
}

// showTenant prints the result of up --tenant-only.
func (a *app) showTenant(outcome install.Outcome, created bool) error {
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
	_, err := fmt.Fprintf(a.Stdout, "tenant %s %s; Keep provisions its resources\n", shown(a.tenant), state)
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
	text := fmt.Sprintf("schema bootstrap is up to date (version %d)", result.To)
	switch {
	case result.Changed() && result.To == 0:
		text = "schema bootstrap removed"
	case result.Changed():
		text = fmt.Sprintf("schema bootstrap migrated from version %d to %d", result.From, result.To)
	case result.To == 0:
		text = "schema bootstrap is not installed"
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
