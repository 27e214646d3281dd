package cli

import (
	"fmt"
	"strings"

	"keep-bootstrap/internal/db"
)

// shownChanges is how many changes the text output lists. JSON lists all.
const shownChanges = 200

// change is one planned or done change as it is shown.
type change struct {
	Type         string   `json:"type"` // "change"
	Action       string   `json:"action"`
	Kind         string   `json:"kind"`
	Name         string   `json:"name"`
	PreviousName *string  `json:"previous_name,omitempty"`
	ProviderType *string  `json:"provider_type,omitempty"`
	Provider     *string  `json:"provider,omitempty"`
	ID           *string  `json:"id,omitempty"`
	PreviousID   *string  `json:"previous_id,omitempty"`
	Fields       []string `json:"fields"`
	Reason       string   `json:"reason"`
	Drift        []string `json:"drift,omitempty"` // of the fields, those that someone else changed
	Refusal      *string  `json:"refusal,omitempty"`
	StateOnly    bool     `json:"state_only,omitempty"`
}

func planned(p *db.PlannedChange) change {
	return change{
		Type: "change", Action: p.Action, Kind: p.Kind, Name: p.Name, PreviousName: p.PreviousName, ProviderType: p.Type,
		Provider: p.ProviderName, ID: p.ObjectID, Fields: p.Fields, Reason: p.Reason, Drift: p.Drift, Refusal: p.Refusal, StateOnly: p.StateOnly,
	}
}

func done(c *db.Change) change {
	return change{
		Type: "change", Action: c.Action, Kind: c.Kind, Name: c.Name, PreviousName: c.PreviousName, ID: c.ObjectID,
		PreviousID: c.PreviousID, Fields: c.Fields, Reason: c.Reason, Drift: c.Drift,
	}
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

// row is the change as columns: symbol, name, type, what differs.
func (c *change) row() []string {
	name := shown(c.Name)
	if c.PreviousName != nil {
		name = shown(*c.PreviousName) + " -> " + name
	}
	if c.Kind == "deduplication_rule" {
		name = "rule " + name
		if c.Provider != nil {
			name += " of " + shown(*c.Provider)
		}
	}
	var kind string
	if c.ProviderType != nil {
		kind = shown(*c.ProviderType)
	}
	what := c.Reason
	if len(c.Fields) > 0 {
		what = shownList(c.Fields)
		if c.Reason != "" && c.Action != "update" {
			what += " (" + c.Reason + ")"
		}
	}
	if len(c.Drift) > 0 {
		what += "; changed by someone else: " + shownList(c.Drift)
	}
	if c.Refusal != nil {
		what += "; refused: " + *c.Refusal
	}
	symbol := symbols[c.Action].text
	if symbol == "" {
		symbol = "   "
	}
	return []string{symbol, name, kind, what}
}

// shownList makes a list of names fit for one line.
func shownList(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = shown(name)
	}
	return strings.Join(list, ", ")
}

// writeChanges lists changes as text, at most shownChanges of them.
func (a *app) writeChanges(changes []change) {
	listed := changes[:min(len(changes), shownChanges)]
	rows := make([][]string, len(listed))
	for i := range listed {
		rows[i] = listed[i].row()
	}
	colour := a.colours()
	for i, line := range table(rows) {
		symbol := symbols[listed[i].Action]
		fmt.Fprintln(a.Stdout, paint(symbol.colour, line[:min(3, len(line))], colour)+line[min(3, len(line)):])
	}
	if more := len(changes) - len(listed); more > 0 {
		fmt.Fprintf(a.Stdout, "  ... and %d more (-o json lists all)\n", more)
	}
}

// tally counts changes by action. Changes of deduplication rules are counted apart.
type tally struct {
	Add     int `json:"add"`
	Update  int `json:"change"`
	Rename  int `json:"rename"`
	Replace int `json:"replace"`
	Prune   int `json:"prune"`
	Adopt   int `json:"adopt"`
	Rules   int `json:"deduplication_rules"`
}

func (t *tally) count(c *change) {
	if c.Action == "unchanged" {
		return // shown because of what a user changed, and left as it is
	}
	if c.Kind == "deduplication_rule" {
		t.Rules++
		return
	}
	switch c.Action {
	case "add":
		t.Add++
	case "update":
		t.Update++
	case "rename":
		t.Rename++
	case "replace":
		t.Replace++
	case "prune":
		t.Prune++
	case "adopt":
		t.Adopt++
	}
}

// sum is the number of changes.
func (t *tally) sum() int {
	return t.Add + t.Update + t.Rename + t.Replace + t.Prune + t.Adopt + t.Rules
}

// sentence is the last line of a plan or of a run: words are those for add, change, rename, prune, replace, adopt.
func (t *tally) sentence(words [6]string) string {
	text := fmt.Sprintf("%d %s, %d %s, %d %s, %d %s", t.Add, words[0], t.Update, words[1], t.Rename, words[2], t.Prune, words[3])
	for _, rest := range []struct {
		n    int
		word string
	}{{t.Replace, words[4]}, {t.Adopt, words[5]}} {
		if rest.n > 0 {
			text += fmt.Sprintf(", %d %s", rest.n, rest.word)
		}
	}
	if t.Rules > 0 {
		text += ", " + count(t.Rules, "deduplication rule")
	}
	return text + "."
}

var (
	wordsPlanned = [6]string{"to add", "to change", "to rename", "to prune", "to replace", "to adopt"}
	wordsDone    = [6]string{"added", "changed", "renamed", "pruned", "replaced", "adopted"}
)

// summary is the last JSON line of plan, apply and up.
type summary struct {
	Type    string `json:"type"` // "summary"
	Command string `json:"command"`
	Tenant  string `json:"tenant"`
	Changed bool   `json:"changed"`
	tally
	// Of apply and up.
	Run           *int64 `json:"run,omitempty"`
	TenantCreated *bool  `json:"tenant_created,omitempty"`
	Providers     *int32 `json:"providers,omitempty"`
	Unchanged     *int32 `json:"unchanged,omitempty"`
	// Of up.
	SchemaFrom *int32 `json:"schema_from,omitempty"`
	SchemaTo   *int32 `json:"schema_to,omitempty"`
}
