package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"keep-bootstrap/internal/manifest"
)

// action is what becomes of an object: its name in the database and in JSON, the key of its count in JSON, the words for a
// count, and the sign, three characters wide.
type action struct{ name, key, planned, done, sign, colour string }

// actions are in the order in which counts are written.
var actions = []action{
	{"add", "add", "to add", "added", "  +", green},
	{"update", "change", "to change", "changed", "  ~", yellow},
	{"rename", "rename", "to rename", "renamed", "  >", cyan},
	{"prune", "prune", "to prune", "pruned", "  -", red},
	{"replace", "replace", "to replace", "replaced", "-/+", red},
	{"adopt", "adopt", "to adopt", "adopted", "  =", cyan},
}

// actionNamed is the action of that name; of unchanged, one without words.
func actionNamed(actions []action, name string) action {
	if i := slices.IndexFunc(actions, func(a action) bool { return a.name == name }); i >= 0 {
		return actions[i]
	}
	return action{sign: "   "}
}

// ruleKind is the kind of deduplication rules, which belong to providers.
const ruleKind = "deduplication_rule"

// Counts are numbers of changes: of providers by action, of rules, and of the other kinds.
type Counts struct {
	Add     int `json:"add"`
	Update  int `json:"change"`
	Rename  int `json:"rename"`
	Replace int `json:"replace"`
	Prune   int `json:"prune"`
	Adopt   int `json:"adopt"`
	Rules   int `json:"deduplication_rules"`
	// Resources are the changes of all other kinds, and Kinds those of each, by the keys of actions. Of a run in the journal
	// there is only the number.
	Resources int                       `json:"resources,omitempty"`
	Kinds     map[string]map[string]int `json:"kinds,omitempty"`
}

// countsOf counts changes. What is left as it is counts for nothing, and a resource other than a provider that is renamed or
// replaced counts as changed.
func countsOf(changes []Change) Counts {
	var c Counts
	for i := range changes {
		kind, action := changes[i].Kind, changes[i].Action
		switch key := actionNamed(actions, action).key; {
		case key == "":
		case kind == ruleKind:
			c.Rules++
		case kind == manifest.KindProvider:
			*c.provider(key)++
		case key == "rename" || key == "replace":
			c.add(kind, "change", 1)
		default:
			c.add(kind, key, 1)
		}
	}
	return c
}

// provider is the count of the providers of an action.
func (c *Counts) provider(key string) *int {
	return map[string]*int{
		"add": &c.Add, "change": &c.Update, "rename": &c.Rename, "replace": &c.Replace, "prune": &c.Prune, "adopt": &c.Adopt,
	}[key]
}

// add counts n changes of a kind other than providers.
func (c *Counts) add(kind, key string, n int) {
	if n == 0 {
		return
	}
	if c.Kinds == nil {
		c.Kinds = map[string]map[string]int{}
	}
	if c.Kinds[kind] == nil {
		c.Kinds[kind] = map[string]int{"add": 0, "change": 0, "prune": 0, "adopt": 0}
	}
	c.Kinds[kind][key] += n
	c.Resources += n
}

// providers is the number of changes of providers and their rules.
func (c *Counts) providers() int {
	return c.Add + c.Update + c.Rename + c.Replace + c.Prune + c.Adopt + c.Rules
}

// Sum is the number of changes.
func (c *Counts) Sum() int { return c.providers() + c.Resources }

// CutSummary returns the counts of a text that is the last line of a plan or of a run, as Summary words them.
func CutSummary(text string) (counts string, found bool) {
	for _, begin := range []string{"Plan: ", "Applied: "} {
		if counts, found = strings.CutPrefix(text, begin); found {
			return strings.TrimSuffix(counts, "."), true
		}
	}
	return strings.TrimSuffix(text, "."), text == noChanges
}

// phrase words the counts: "1 added, 0 changed, 0 renamed, 0 pruned; workflows: 1 added". Providers are left out if only other
// kinds change.
func (c *Counts) phrase(isPlan bool) string {
	var phrases []string
	if c.providers() > 0 || c.Resources == 0 {
		parts := words(actions, isPlan, func(a action) (int, bool) {
			return *c.provider(a.key), a.key != "replace" && a.key != "adopt"
		})
		if c.Rules > 0 {
			parts = append(parts, Number(c.Rules, "deduplication rule"))
		}
		phrases = append(phrases, strings.Join(parts, ", "))
	}
	known := 0
	for _, k := range otherKinds() {
		counts := c.Kinds[k.Word]
		if parts := words(actions, isPlan, func(a action) (int, bool) { return counts[a.key], false }); parts != nil {
			phrases = append(phrases, k.Many+": "+strings.Join(parts, ", "))
		}
		for _, n := range counts {
			known += n
		}
	}
	if rest := c.Resources - known; rest > 0 {
		phrases = append(phrases, Number(rest, "other resource")) // of the journal only their number is kept
	}
	return strings.Join(phrases, "; ")
}

// words lists the counts of actions, those to come or those done. An action without a count is named only if it always
// is.
func words(actions []action, isPlan bool, count func(action) (n int, always bool)) []string {
	var parts []string
	for _, a := range actions {
		word := a.done
		if isPlan {
			word = cmp.Or(a.planned, word)
		}
		if n, always := count(a); n > 0 || always {
			parts = append(parts, fmt.Sprintf("%d %s", n, cmp.Or(word, a.name)))
		}
	}
	return parts
}
