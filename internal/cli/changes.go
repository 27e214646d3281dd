package cli

import (
	"fmt"
	"slices"
	"strings"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
)

// shownChanges is how many changes the text output lists. JSON lists all.
const shownChanges = 200

// change is one planned or done change as it is shown.
type change struct {
	Type         string      `json:"type"` // "change"
	Action       string      `json:"action"`
	Kind         string      `json:"kind"`
	Name         string      `json:"name"`
	PreviousName *string     `json:"previous_name,omitempty"`
	ProviderType *string     `json:"provider_type,omitempty"`
	Provider     *string     `json:"provider,omitempty"`
	ID           *string     `json:"id,omitempty"`
	PreviousID   *string     `json:"previous_id,omitempty"`
	Fields       []string    `json:"fields"`
	Reason       string      `json:"reason"`
	Drift        []string    `json:"drift,omitempty"`           // changed outside of keep-bootstrap: overwritten, lost or kept
	DriftSince   *int64      `json:"drift_since_run,omitempty"` // the last run before that change, if known
	Refusal      *string     `json:"refusal,omitempty"`
	Notes        []string    `json:"notes,omitempty"` // what to know about it
	StateOnly    bool        `json:"state_only,omitempty"`
	Dependents   []dependent `json:"dependents,omitempty"` // what references a provider to be removed or renamed
}

// dependent counts the objects of one kind that reference a provider.
type dependent struct {
	Kind   string   `json:"kind"`
	Count  int      `json:"count"`
	OrMore bool     `json:"or_more,omitempty"` // counted only up to Count
	Names  []string `json:"names,omitempty"`
}

// mostDependents is up to which number dependents are counted.
const mostDependents = 1000

func planned(p *db.PlannedChange, related *install.Related) change {
	c := change{
		Type: "change", Action: p.Action, Kind: p.Kind, Name: p.Name, PreviousName: p.PreviousName, ProviderType: p.Type,
		Provider: p.ProviderName, ID: p.ObjectID, Fields: orNone(p.Fields), Reason: p.Reason, Drift: p.Drift, Refusal: p.Refusal, StateOnly: p.StateOnly,
		Notes: p.Notes,
	}
	if c.Kind == "provider" {
		c.Provider = nil
	}
	id := p.ObjectID
	if id == nil {
		id = p.NewObjectID // the row was deleted outside of keep-bootstrap
	}
	if id == nil {
		return c
	}
	if run, ok := related.LastRuns[*id]; ok && len(c.Drift) > 0 {
		c.DriftSince = &run
	}
	for _, d := range related.Dependents[*id] {
		c.Dependents = append(c.Dependents, dependent{
			Kind: text(d.Kind), Count: min(number(d.Count), mostDependents), OrMore: number(d.Count) > mostDependents, Names: d.Names,
		})
	}
	return c
}

func done(c *db.Change) change {
	return change{
		Type: "change", Action: c.Action, Kind: c.Kind, Name: c.Name, PreviousName: c.PreviousName, ID: c.ObjectID,
		PreviousID: c.PreviousID, Fields: orNone(c.Fields), Reason: c.Reason, Drift: c.Drift,
	}
}

// orNone makes a list that JSON shows as [] also when it is nil.
func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// silent reports whether only bootstrap's own state changes, which users need not see: such a change appears in JSON only.
func (c *change) silent() bool {
	return c.Action == "unchanged" && len(c.Drift) == 0 && c.Refusal == nil && len(c.Notes) == 0
}

// symbols of the actions, three characters wide, and their colours.
var symbols = map[string]struct{ text, colour string }{
	"add":     {"  +", green},
	"update":  {"  ~", yellow},
	"rename":  {"  >", cyan},
	"replace": {"-/+", red},
	"prune":   {"  -", red},
	"adopt":   {"  =", cyan},
}

// title is the name of what changes, on one line.
func (c *change) title() string {
	name := shown(c.Name)
	if c.PreviousName != nil {
		name = shown(*c.PreviousName) + " -> " + name
	}
	if c.Kind == "deduplication_rule" {
		name = "rule " + name
		if c.Provider != nil {
			name += " of " + shown(*c.Provider)
		}
	} else if kind := kindName(c.Kind); kind != "" {
		name = kind + " " + name
	}
	return name
}

// what says what differs and why, on one line.
func (c *change) what() string {
	reason := oneLine(c.Reason)
	what := reason
	if len(c.Fields) > 0 {
		what = shownList(c.Fields)
		if reason != "" && (c.Action != "update" || len(c.Drift) > 0) {
			what += " (" + reason + ")"
		}
	}
	// The reason of a rename, replace, adopt or prune is another one.
	if len(c.Drift) > 0 && !slices.Contains([]string{"add", "update", "unchanged"}, c.Action) {
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

// row is the change as columns: symbol, name, type, what differs.
func (c *change) row() []string {
	symbol := symbols[c.Action].text
	if symbol == "" {
		symbol = "   "
	}
	return []string{symbol, c.title(), shownOrEmpty(c.ProviderType), c.what()}
}

func shownOrEmpty(name *string) string {
	if name == nil {
		return ""
	}
	return shown(*name)
}

// references says what references the provider: "1000+ alerts, 1 workflow: nightly"; "" if nothing is known to.
func (c *change) references() string {
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
			parts[i] += ": " + shownList(d.Names)
		}
	}
	return strings.Join(parts, "; ")
}

// shownList makes a list of names fit for one line.
func shownList(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = shown(name)
	}
	return strings.Join(list, ", ")
}

// audible are the changes that are not silent.
func audible(changes []change) []change {
	all := make([]change, 0, len(changes))
	for i := range changes {
		if !changes[i].silent() {
			all = append(all, changes[i])
		}
	}
	return all
}

// writeChanges lists changes as text, at most shownChanges of them.
func (a *app) writeChanges(changes []change) {
	changes = audible(changes)
	listed := changes[:min(len(changes), shownChanges)]
	rows := make([][]string, len(listed))
	for i := range listed {
		rows[i] = listed[i].row()
	}
	colour := a.colours()
	for i, line := range table(rows) {
		symbol := symbols[listed[i].Action]
		fmt.Fprintln(a.Stdout, paint(symbol.colour, line[:min(3, len(line))], colour)+line[min(3, len(line)):])
		if references := listed[i].references(); references != "" {
			fmt.Fprintf(a.Stdout, "       referenced by %s\n", references)
		}
		for _, note := range listed[i].Notes {
			fmt.Fprintln(a.Stdout, "       note: "+oneLine(note))
		}
	}
	if more := len(changes) - len(listed); more > 0 {
		fmt.Fprintf(a.Stdout, "  ... and %d more (-o json lists all)\n", more)
	}
}
