package report

import (
	"encoding/json"
	"log/slog"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/postgres"
)

// shownChanges is how many changes the text output lists. JSON lists all.
const shownChanges = 200

// Summary is the last JSON line of plan, apply and up.
type Summary struct {
	Command string `json:"command"`
	Tenant  string `json:"tenant"`
	Changed bool   `json:"changed"` // what a user asked about
	Counts
	// Of plan.
	RefusalCode *string `json:"refusal,omitempty"`
	// Of apply and up.
	Run           *int64 `json:"run,omitempty"`
	TenantCreated *bool  `json:"tenant_created,omitempty"`
	Providers     *int32 `json:"providers,omitempty"`
	Unchanged     *int32 `json:"unchanged,omitempty"`
	// Given are the other kinds in the manifest: how many objects of each are given, added, updated, adopted, pruned and
	// unchanged.
	Given map[string]map[string]int `json:"given,omitempty"`
	// Of up.
	SchemaFrom *int32 `json:"schema_from,omitempty"`
	SchemaTo   *int32 `json:"schema_to,omitempty"`
}

// noChanges is the last line of a plan or of a run without changes.
const noChanges = "No changes."

// Counted words the counts: those to come of a plan, those done of a run.
func (s *Summary) Counted() string {
	if !s.Changed {
		return noChanges
	}
	return s.phrase(s.Command == "plan")
}

// last is the last line of a plan or of a run.
func (s *Summary) last() string {
	switch {
	case !s.Changed:
		return noChanges
	case s.Command == "plan":
		return "Plan: " + s.Counted() + "."
	}
	return "Applied: " + s.Counted() + "."
}

// Result is what plan found, or what apply or up did. Its three forms are made of the same counts.
type Result struct {
	Summary
	Changes []Change
	Notes   []string
	Checks  []db.CheckResult // of a run
	Refusal *postgres.Error  // of a plan: with which apply would end; nil when it would not
}

// NewPlan adds to a plan what helps to judge it.
func NewPlan(tenant string, plan *install.Plan, related *install.Related) *Result {
	r := &Result{Changes: make([]Change, len(plan.Changes)), Refusal: plan.Refusal}
	for i := range plan.Changes {
		r.Changes[i] = planned(tenant, plan.Changes[i], related)
	}
	if related.NotCounted != "" {
		r.Notes = append(r.Notes, "the references to the providers were not counted: "+related.NotCounted)
	}
	counts := countsOf(r.Changes)
	r.Summary = Summary{Command: "plan", Tenant: tenant, Changed: counts.Sum() > 0, Counts: counts}
	if plan.Refusal != nil {
		r.RefusalCode = &plan.Refusal.Code
	}
	return r
}

// NewRun counts what a run did.
func NewRun(command, tenant string, outcome *install.Outcome) *Result {
	report := &outcome.Report
	r := &Result{Notes: report.Notes, Summary: Summary{
		Command: command, Tenant: tenant,
		Counts: Counts{
			Add: int(report.Added), Update: int(report.Updated), Rename: int(report.Renamed), Replace: int(report.Replaced),
			Prune: int(report.Pruned), Adopt: int(report.Adopted), Rules: int(report.RulesChanged),
		},
		Run: report.RunID, TenantCreated: &report.TenantCreated, Providers: &report.Providers, Unchanged: &report.Unchanged,
	}}
	if m := &outcome.Migrated; m.Changed() {
		r.SchemaFrom, r.SchemaTo = &m.From, &m.To
	}
	_ = json.Unmarshal(report.Resources, &r.Given) // the routine makes it
	for kind, g := range r.Given {
		r.add(kind, "add", g["added"])
		r.add(kind, "change", g["updated"])
		r.add(kind, "prune", g["pruned"])
		r.add(kind, "adopt", g["adopted"])
	}
	r.Changed = r.Sum() > 0 || report.TenantCreated
	return r
}

// Listed reports whether all changes of a run are listed in this format: in text only if they are not too many.
func (w *Writer) Listed(r *Result) bool { return w.Format != Text || r.Sum() <= shownChanges }

// Result shows a plan or a run.
func (w *Writer) Result(r *Result) {
	if w.Format == Markdown {
		w.markdown(r)
		return
	}
	w.details(r.Changes, r.Notes, r.Checks)
	w.line("summary", &r.Summary)
	w.changes(r.Changes)
	if r.Run != nil && !w.Listed(r) {
		w.printf("  %s: keep-bootstrap history %d lists them\n", Number(r.Sum(), "change"), *r.Run)
	}
	for _, note := range r.Notes {
		w.printf("note: %s\n", Line(note))
	}
	w.checks(failed(r.Checks))
	w.printf("%s\n", r.last())
}

// details are the JSON lines in front of a summary.
func (w *Writer) details(changes []Change, notes []string, checks []db.CheckResult) {
	for i := range changes {
		w.line("change", &changes[i])
	}
	for _, note := range notes {
		w.line("note", object{"text", note})
	}
	for _, check := range checks {
		w.line("check", check)
	}
}

// Log logs what a run did.
func (r *Result) Log(log *slog.Logger) {
	if *r.TenantCreated {
		log.Info("tenant created", "tenant", r.Tenant)
	}
	var counts []any
	if *r.Providers > 0 || len(r.Given) == 0 {
		counts = append(counts, "providers", *r.Providers)
	}
	given, unchanged := int(*r.Providers), int(*r.Unchanged)
	for _, k := range otherKinds() {
		if g, ok := r.Given[k.Word]; ok {
			counts = append(counts, k.Key, g["given"])
			given, unchanged = given+g["given"], unchanged+g["unchanged"]
		}
	}
	switch {
	case !r.Changed && given > 0 && unchanged == 0 && len(r.Notes) > 0:
		log.Warn("nothing installed", "because", r.Notes[0]) // an older generation
	case !r.Changed && given != unchanged:
		log.Info("nothing was written; what was changed outside of keep-bootstrap is kept",
			"given", given, "unchanged", unchanged)
	case !r.Changed:
		log.Info("up to date", counts...)
	default:
		counts = append(counts, "run", *r.Run, "added", r.Add, "changed", r.Update, "renamed", r.Rename,
			"replaced", r.Replace, "pruned", r.Prune, "adopted", r.Adopt)
		if r.Resources > 0 {
			counts = append(counts, "resources", r.Resources)
		}
		log.Info("installed", counts...)
	}
}

// Tenant shows the result of up --tenant-only.
func (w *Writer) Tenant(tenant string, outcome *install.Outcome) {
	created := &outcome.Report.TenantCreated
	w.line("summary", Summary{
		Command: "up", Tenant: tenant, TenantCreated: created, Changed: *created || outcome.Migrated.Changed(),
	})
	state := "exists"
	if *created {
		state = "created"
	}
	w.printf("tenant %s %s; Keep provisions its resources\n", Name(tenant), state)
}
