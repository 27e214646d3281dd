package cli

import (
	"fmt"
	"strings"
)

// tally counts the changes of providers by action. Those of deduplication rules and of other kinds are counted apart.
type tally struct {
	Add     int `json:"add"`
	Update  int `json:"change"`
	Rename  int `json:"rename"`
	Replace int `json:"replace"`
	Prune   int `json:"prune"`
	Adopt   int `json:"adopt"`
	Rules   int `json:"deduplication_rules"`
	// Resources are the changes of all other kinds, and Kinds those of each. Of a run in the journal there is only the
	// number.
	Resources int                  `json:"resources,omitempty"`
	Kinds     map[string]kindTally `json:"kinds,omitempty"`
}

func tallyOf(changes []change) tally {
	var t tally
	for i := range changes {
		t.count(&changes[i])
	}
	return t
}

func (t *tally) count(c *change) {
	if c.Action == "unchanged" {
		return // left as it is: someone else's change that is kept, or only remembered
	}
	if c.Kind == "deduplication_rule" {
		t.Rules++
		return
	}
	if c.Kind != "provider" {
		t.countKind(c.Kind, c.Action)
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
	return t.providers() + t.Resources
}

// providers is the number of changes of providers and their rules.
func (t *tally) providers() int {
	return t.Add + t.Update + t.Rename + t.Replace + t.Prune + t.Adopt + t.Rules
}

// phrase lists the counts: words are those for add, change, rename, prune, replace, adopt. The last two, the rules, and
// other kinds are named only where there are any, and providers where nothing else is.
func (t *tally) phrase(words [6]string) string {
	kinds := t.kindPhrases(words)
	if t.providers() == 0 && len(kinds) > 0 {
		return strings.Join(kinds, "; ")
	}
	return strings.Join(append([]string{t.providerPhrase(words)}, kinds...), "; ")
}

func (t *tally) providerPhrase(words [6]string) string {
	parts := []string{
		fmt.Sprintf("%d %s", t.Add, words[0]), fmt.Sprintf("%d %s", t.Update, words[1]),
		fmt.Sprintf("%d %s", t.Rename, words[2]), fmt.Sprintf("%d %s", t.Prune, words[3]),
	}
	if t.Replace > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", t.Replace, words[4]))
	}
	if t.Adopt > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", t.Adopt, words[5]))
	}
	if t.Rules > 0 {
		parts = append(parts, count(t.Rules, "deduplication rule"))
	}
	return strings.Join(parts, ", ")
}

// noChanges is the last line of a plan or of a run without changes.
const noChanges = "No changes."

// plan is the last line of a plan.
func (t *tally) plan() string {
	if t.sum() == 0 {
		return noChanges
	}
	return "Plan: " + t.phrase(wordsPlanned) + "."
}

var (
	wordsPlanned = [6]string{"to add", "to change", "to rename", "to prune", "to replace", "to adopt"}
	wordsDone    = [6]string{"added", "changed", "renamed", "pruned", "replaced", "adopted"}
)
