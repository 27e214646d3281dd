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

// summary is the last JSON line of plan, apply and up.
type summary struct {
	Type    string `json:"type"` // "summary"
	Command string `json:"command"`
	Tenant  string `json:"tenant"`
	Changed bool   `json:"changed"`
	Counts
	// Of plan.
	Refusal *string `json:"refusal,omitempty"`
	// Of apply and up.
	Run           *int64 `json:"run,omitempty"`
	TenantCreated *bool  `json:"tenant_created,omitempty"`
	Providers     *int32 `json:"providers,omitempty"`
	Unchanged     *int32 `json:"unchanged,omitempty"`
	// Given are the other kinds in the manifest, with the outcome of each.
	Given map[string]given `json:"given,omitempty"`
	// Of up.
	SchemaFrom *int32 `json:"schema_from,omitempty"`
	SchemaTo   *int32 `json:"schema_to,omitempty"`
}

// given is what the database says of one kind after a run.
type given struct {
	Given     int `json:"given"`
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Adopted   int `json:"adopted"`
	Pruned    int `json:"pruned"`
	Unchanged int `json:"unchanged"`
}

// Plan is a plan as it is shown. Its three forms are made of the same counts.
type Plan struct {
	Tenant  string
	Changes []Change
	Counts  Counts
	Notes   []string
	Refusal *postgres.Error // with which apply would end; nil when it would not
}

// NewPlan adds to a plan what helps to judge it.
func NewPlan(tenant string, plan *install.Plan, related *install.Related) *Plan {
	p := &Plan{Tenant: tenant, Changes: make([]Change, len(plan.Changes)), Refusal: plan.Refusal}
	for i := range plan.Changes {
		p.Changes[i] = planned(plan.Changes[i], related)
		p.Changes[i].nameWebhook(tenant)
	}
	p.Counts = countsOf(p.Changes)
	if related.NotCounted != "" {
		p.Notes = append(p.Notes, "the references to the providers were not counted: "+related.NotCounted)
	}
	return p
}

// Plan shows a plan.
func (w *Writer) Plan(p *Plan) error {
	switch w.Format {
	case JSON:
		w.details(p.Changes, p.Notes, nil)
		last := summary{Type: "summary", Command: "plan", Tenant: p.Tenant, Changed: p.Counts.Sum() > 0, Counts: p.Counts}
		if p.Refusal != nil {
			last.Refusal = &p.Refusal.Code
		}
		w.line(last)
	case Markdown:
		w.markdownPlan(p)
	default:
		w.changes(p.Changes)
		w.notes(p.Notes)
		w.printf("%s\n", p.Counts.planned())
	}
	return w.err
}

// details are the JSON lines in front of a summary.
func (w *Writer) details(changes []Change, notes []string, checks []db.CheckResult) {
	for i := range changes {
		w.line(&changes[i])
	}
	for _, note := range notes {
		w.line(object{"type", "note", "text", note})
	}
	for _, check := range checks {
		w.line(checkLine{"check", check})
	}
}

func (w *Writer) notes(notes []string) {
	for _, note := range notes {
		w.printf("note: %s\n", Line(note))
	}
}

// Run is what apply or up did, as it is shown.
type Run struct {
	Command, Tenant string
	Outcome         install.Outcome
	Counts          Counts
	given           map[string]given // the other kinds that were given
}

// NewRun counts what a run did.
func NewRun(command, tenant string, outcome install.Outcome) *Run {
	report := &outcome.Report
	r := &Run{Command: command, Tenant: tenant, Outcome: outcome, Counts: Counts{
		Add: int(report.Added), Update: int(report.Updated), Rename: int(report.Renamed), Replace: int(report.Replaced),
		Prune: int(report.Pruned), Adopt: int(report.Adopted), Rules: int(report.RulesChanged),
	}}
	if err := json.Unmarshal(report.Resources, &r.given); err != nil {
		r.given = nil // the routine makes it
	}
	for kind, g := range r.given {
		r.Counts.add(kind, "add", g.Added)
		r.Counts.add(kind, "change", g.Updated)
		r.Counts.add(kind, "prune", g.Pruned)
		r.Counts.add(kind, "adopt", g.Adopted)
	}
	return r
}

// changed reports whether anything changed that a user asked about.
func (r *Run) changed() bool { return r.Counts.Sum() > 0 || r.Outcome.Report.TenantCreated }

// last is the last line of a run.
func (r *Run) last() string {
	if !r.changed() {
		return noChanges
	}
	return "Applied: " + r.Counts.phrase(true) + "."
}

// Lists reports whether the changes of a run are listed one by one: in text only if they are not too many.
func (w *Writer) Lists(r *Run) bool { return w.Format != Text || r.Counts.Sum() <= shownChanges }

// Run shows what a run did.
func (w *Writer) Run(r *Run) error {
	report, changes := &r.Outcome.Report, recorded(r.Outcome.Changes)
	switch w.Format {
	case JSON:
		w.details(changes, report.Notes, r.Outcome.Checks)
		last := summary{
			Type: "summary", Command: r.Command, Tenant: r.Tenant, Changed: r.changed(), Counts: r.Counts, Run: report.RunID,
			TenantCreated: &report.TenantCreated, Providers: &report.Providers, Unchanged: &report.Unchanged, Given: r.given,
		}
		if m := &r.Outcome.Migrated; m.Changed() {
			last.SchemaFrom, last.SchemaTo = &m.From, &m.To
		}
		w.line(last)
	case Markdown:
		w.markdownRun(r, changes)
	default:
		w.changes(changes)
		if sum := r.Counts.Sum(); sum > shownChanges {
			w.printf("  %s: keep-bootstrap history %d lists them\n", Number(sum, "change"), *report.RunID)
		}
		w.notes(report.Notes)
		for _, check := range failed(r.Outcome.Checks) {
			w.check(check)
		}
		w.printf("%s\n", r.last())
	}
	return w.err
}

// Log logs what a run did.
func (r *Run) Log(log *slog.Logger) {
	report, c := &r.Outcome.Report, &r.Counts
	if report.TenantCreated {
		log.Info("tenant created", "tenant", r.Tenant)
	}
	var counts []any
	if report.Providers > 0 || len(r.given) == 0 {
		counts = append(counts, "providers", report.Providers)
	}
	given, unchanged := int(report.Providers), int(report.Unchanged)
	for _, k := range otherKinds() {
		if g, ok := r.given[k.Word]; ok {
			counts = append(counts, k.Key, g.Given)
			given, unchanged = given+g.Given, unchanged+g.Unchanged
		}
	}
	switch {
	case !r.changed() && given > 0 && unchanged == 0 && len(report.Notes) > 0:
		log.Warn("nothing installed", "because", report.Notes[0]) // an older generation
	case !r.changed() && given != unchanged:
		log.Info("nothing was written; what was changed outside of keep-bootstrap is kept", "given", given, "unchanged", unchanged)
	case !r.changed():
		log.Info("up to date", counts...)
	default:
		counts = append(counts, "run", *report.RunID, "added", c.Add, "changed", c.Update, "renamed", c.Rename,
			"replaced", c.Replace, "pruned", c.Prune, "adopted", c.Adopt)
		if c.Resources > 0 {
			counts = append(counts, "resources", c.Resources)
		}
		log.Info("installed", counts...)
	}
}

// Tenant shows the result of up --tenant-only.
func (w *Writer) Tenant(tenant string, created bool, outcome *install.Outcome) error {
	state := "exists"
	if created {
		state = "created"
	}
	if w.Format == JSON {
		w.line(summary{
			Type: "summary", Command: "up", Tenant: tenant, TenantCreated: &created, Changed: created || outcome.Migrated.Changed(),
		})
	} else {
		w.printf("tenant %s %s; Keep provisions its resources\n", Name(tenant), state)
	}
	return w.err
}
