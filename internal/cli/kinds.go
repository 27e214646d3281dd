package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"keep-bootstrap/internal/manifest"
)

// otherKinds are the kinds beside providers and their rules, in the order in which they are shown, with their names for
// people.
var otherKinds = []struct{ kind, one string }{
	{manifest.KindUser, "user"},
	{manifest.KindAPIKey, "API key"},
	{manifest.KindWorkflow, "workflow"},
	{manifest.KindDashboard, "dashboard"},
	{manifest.KindMappingRule, "mapping rule"},
}

// kindName is what people call a kind; "" for a provider, which needs no word.
func kindName(kind string) string {
	for _, k := range otherKinds {
		if k.kind == kind {
			return k.one
		}
	}
	if kind == "provider" {
		return ""
	}
	return strings.ReplaceAll(kind, "_", " ")
}

// kindTally counts the changes of one kind beside providers.
type kindTally struct {
	Add    int `json:"add"`
	Update int `json:"change"`
	Prune  int `json:"prune"`
	Adopt  int `json:"adopt"`
}

func (k kindTally) sum() int { return k.Add + k.Update + k.Prune + k.Adopt }

// countKind counts a change of a kind beside providers.
func (t *tally) countKind(kind, action string) {
	k := t.Kinds[kind]
	switch action {
	case "add":
		k.Add++
	case "update", "rename", "replace":
		k.Update++
	case "prune":
		k.Prune++
	case "adopt":
		k.Adopt++
	default:
		return
	}
	t.setKind(kind, k)
	t.Resources++
}

func (t *tally) setKind(kind string, k kindTally) {
	if t.Kinds == nil {
		t.Kinds = map[string]kindTally{}
	}
	t.Kinds[kind] = k
}

// kindPhrases list the counts of the kinds that have changes: "workflows: 1 to add, 2 to change". Words are those of
// phrase.
func (t *tally) kindPhrases(words [6]string) []string {
	var phrases []string
	known := 0
	for _, k := range otherKinds {
		counts := t.Kinds[k.kind]
		known += counts.sum()
		var parts []string
		for _, part := range []struct {
			count int
			word  string
		}{{counts.Add, words[0]}, {counts.Update, words[1]}, {counts.Prune, words[3]}, {counts.Adopt, words[5]}} {
			if part.count > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", part.count, part.word))
			}
		}
		if len(parts) > 0 {
			phrases = append(phrases, k.one+"s: "+strings.Join(parts, ", "))
		}
	}
	if rest := t.Resources - known; rest > 0 {
		phrases = append(phrases, count(rest, "other resource")) // of the journal only their number is kept
	}
	return phrases
}

// resourceReport is what the database says of one kind after a run.
type resourceReport struct {
	Given     int `json:"given"`
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Adopted   int `json:"adopted"`
	Pruned    int `json:"pruned"`
	Unchanged int `json:"unchanged"`
}

// reportedResources reads the column resources of a report.
func reportedResources(document json.RawMessage) map[string]resourceReport {
	var kinds map[string]resourceReport
	if len(document) > 0 {
		if err := json.Unmarshal(document, &kinds); err != nil {
			return nil
		}
	}
	return kinds
}

// addReported adds what a run did with the kinds beside providers.
func (t *tally) addReported(kinds map[string]resourceReport) {
	for kind, r := range kinds {
		k := kindTally{Add: r.Added, Update: r.Updated, Prune: r.Pruned, Adopt: r.Adopted}
		if k.sum() > 0 {
			t.setKind(kind, k)
			t.Resources += k.sum()
		}
	}
}

// givenCounts words how much a manifest or report has of each kind: "2 providers, 1 workflow".
func givenCounts(providers int, showProviders bool, given map[string]int) string {
	var parts []string
	if showProviders {
		parts = append(parts, count(providers, "provider"))
	}
	for _, k := range otherKinds {
		if n, ok := given[k.kind]; ok {
			parts = append(parts, count(n, k.one))
		}
	}
	return strings.Join(parts, ", ")
}

// manifestKinds are the kinds beside providers that a manifest gives, with how much there is of each.
func manifestKinds(m *manifest.Manifest) map[string]int {
	users := 0
	if m.User != nil {
		users = 1
	}
	all := map[string]int{}
	for _, k := range []struct {
		kind  string
		given bool
		count int
	}{
		{manifest.KindUser, m.Given.User, users},
		{manifest.KindAPIKey, m.Given.APIKeys, len(m.APIKeys)},
		{manifest.KindWorkflow, m.Given.Workflows, len(m.Workflows)},
		{manifest.KindDashboard, m.Given.Dashboards, len(m.Dashboards)},
		{manifest.KindMappingRule, m.Given.MappingRules, len(m.MappingRules)},
	} {
		if k.given {
			all[k.kind] = k.count
		}
	}
	return all
}

// contents words what a manifest holds.
func contents(m *manifest.Manifest) string {
	kinds := manifestKinds(m)
	return givenCounts(m.Providers.Len(), m.Given.Providers || len(kinds) == 0, kinds)
}
