package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"keep-bootstrap/internal/manifest"
)

// otherKinds are the kinds other than providers and their rules, in the order in which they are shown.
func otherKinds() []manifest.Kind {
	var others []manifest.Kind
	for _, k := range manifest.Table {
		if k.Word != manifest.KindProvider {
			others = append(others, k)
		}
	}
	return others
}

// kindName is what people call a kind; "" for a provider, which needs no word.
func kindName(kind string) string {
	switch k := manifest.KindOf(kind); {
	case k == nil:
		return strings.ReplaceAll(kind, "_", " ")
	case kind == manifest.KindProvider:
		return ""
	default:
		return k.One
	}
}

// kindTally counts the changes of one kind other than providers.
type kindTally struct {
	Add    int `json:"add"`
	Update int `json:"change"`
	Prune  int `json:"prune"`
	Adopt  int `json:"adopt"`
}

func (k kindTally) sum() int { return k.Add + k.Update + k.Prune + k.Adopt }

// countKind counts a change of a kind other than providers.
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
	for _, k := range otherKinds() {
		counts := t.Kinds[k.Word]
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
			phrases = append(phrases, k.Many+": "+strings.Join(parts, ", "))
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

// addReported adds what a run did with the other kinds.
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
	for _, k := range otherKinds() {
		if n, ok := given[k.Word]; ok {
			parts = append(parts, count(n, k.One))
		}
	}
	return strings.Join(parts, ", ")
}

// manifestKinds are the other kinds that a manifest gives, with the number of objects of each.
func manifestKinds(m *manifest.Manifest) map[string]int {
	all := map[string]int{}
	for _, k := range otherKinds() {
		if m.Given[k.Word] {
			all[k.Word] = m.Count(k.Word)
		}
	}
	return all
}

// contents words what a manifest holds.
func contents(m *manifest.Manifest) string {
	kinds := manifestKinds(m)
	return givenCounts(len(m.Providers), m.Given[manifest.KindProvider] || len(kinds) == 0, kinds)
}
