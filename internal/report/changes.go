package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"keep-bootstrap/internal/activate"
	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/manifest"
)

// Change is one planned or done change as it is shown.
type Change struct {
	db.PlannedChange
	PreviousID *string     `json:"previous_id,omitempty"`
	DriftSince *int64      `json:"drift_since_run,omitempty"` // the last run before a change outside of keep-bootstrap, if known
	Dependents []dependent `json:"dependents,omitempty"`      // what references a provider to be removed or renamed
}

// dependent counts the objects of one kind that reference a provider.
type dependent struct {
	Kind   string   `json:"kind"`
	Count  int32    `json:"count"`
	OrMore bool     `json:"or_more,omitempty"` // counted only up to Count
	Names  []string `json:"names,omitempty"`
}

// mostDependents is up to which number dependents are counted.
const mostDependents = 1000

// planned is a change of a plan.
func planned(tenant string, p db.PlannedChange, related *install.Related) Change {
	if p.Kind == manifest.KindProvider {
		p.ProviderName = nil
	}
	if p.Fields == nil {
		p.Fields = []string{}
	}
	c := Change{PlannedChange: p}
	id := cmp.Or(p.ObjectID, p.NewObjectID) // without an id, the row was deleted outside of keep-bootstrap
	if id == nil {
		return c
	}
	if run, ok := related.LastRuns[*id]; ok && len(c.Drift) > 0 {
		c.DriftSince = &run
	}
	for _, d := range related.Dependents[*id] {
		c.Dependents = append(c.Dependents, dependent{d.Kind, min(d.Count, mostDependents), d.Count > mostDependents, d.Names})
	}
	// What stays is named as it is called outside. Of a provider that is replaced, the former type is not known here.
	outside := activate.Outside(tenant, text(p.Type), *id)
	for i, note := range c.Notes {
		if p.Action == "prune" && outside != "" && note == "its webhook stays in the outside system" {
			c.Notes[i] = note + ": " + outside
		}
	}
	return c
}

// Recorded are the changes of the journal.
func Recorded(journal []db.Change) []Change {
	changes := make([]Change, len(journal))
	for i, c := range journal {
		changes[i] = Change{PreviousID: c.PreviousID, PlannedChange: db.PlannedChange{
			Action: c.Action, Kind: c.Kind, Name: c.Name, PreviousName: c.PreviousName, ObjectID: c.ObjectID,
			Fields: c.Fields, Reason: c.Reason, Drift: c.Drift,
		}}
	}
	return changes
}

// audible are the changes that users need to see, in text and Markdown: not those of bootstrap's own state alone.
func audible(changes []Change) []Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool {
		return c.Action == "unchanged" && len(c.Drift) == 0 && c.Refusal == nil && len(c.Notes) == 0
	})
}

// title is the name of what changes, on one line.
func (c *Change) title() string {
	name := Name(c.Name)
	if c.PreviousName != nil {
		name = Name(*c.PreviousName) + " -> " + name
	}
	if c.Kind != ruleKind {
		return titled(c.Kind, name)
	}
	name = "rule " + name
	if c.ProviderName != nil {
		name += " of " + Name(*c.ProviderName)
	}
	return name
}

// what says what differs and why, on one line.
func (c *Change) what() string {
	reason := Line(c.Reason)
	what := reason
	if len(c.Fields) > 0 {
		what = list(c.Fields)
		if reason != "" && (c.Action != "update" || len(c.Drift) > 0) {
			what += " (" + reason + ")"
		}
	}
	// A rename, replace, adopt or prune may have another reason.
	if len(c.Drift) > 0 && !strings.Contains(reason, "outside of keep-bootstrap") {
		what += "; changed outside of keep-bootstrap"
		if c.DriftSince != nil {
			what += fmt.Sprintf(" since run %d", *c.DriftSince)
		}
	}
	if c.Refusal != nil {
		what += "; refused: " + *c.Refusal
	}
	return what
}

// references says what references the provider: "1000+ alerts, 1 workflow: nightly"; "" if nothing is known to.
func (c *Change) references() string {
	parts := make([]string, len(c.Dependents))
	for i, d := range c.Dependents {
		more := ""
		if d.OrMore {
			more = "+"
		}
		kind := d.Kind
		if d.Count == 1 && !d.OrMore {
			kind = strings.Replace(strings.TrimSuffix(kind, "s"), "rules of user", "rule of user", 1)
		}
		parts[i] = fmt.Sprintf("%d%s %s", d.Count, more, kind)
		if len(d.Names) > 0 {
			parts[i] += ": " + list(d.Names)
		}
	}
	return strings.Join(parts, "; ")
}

// changes lists changes as text, at most shownChanges of them.
func (w *Writer) changes(changes []Change) {
	changes = audible(changes)
	more := len(changes) - shownChanges
	changes = changes[:min(len(changes), shownChanges)]
	rows := make([][]string, len(changes))
	for i := range changes {
		c := &changes[i]
		rows[i] = []string{actionNamed(actions, c.Action).sign, c.title(), optionalName(c.Type), c.what()}
	}
	for i, line := range aligned(rows) {
		c := &changes[i]
		w.signed(actionNamed(actions, c.Action).colour, line)
		if references := c.references(); references != "" {
			w.printf("       referenced by %s\n", references)
		}
		for _, note := range c.Notes {
			w.printf("       note: %s\n", Line(note))
		}
	}
	w.more(more)
}

// signed writes a line that begins with a sign of three characters.
func (w *Writer) signed(colour, line string) {
	sign := line[:min(3, len(line))]
	w.printf("%s%s\n", w.paint(colour, sign), line[len(sign):])
}

// more says how many lines text leaves out.
func (w *Writer) more(n int) {
	if n > 0 {
		w.printf("  ... and %d more (-o json lists all)\n", n)
	}
}
