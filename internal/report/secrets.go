package report

import (
	"strings"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
)

// secretActions are what can become of a secret, in the order in which they are shown: what is amiss comes last, in red.
// What has no sign is only counted.
var secretActions = []action{
	{name: install.SecretAdd, planned: "to copy", done: "copied", sign: "  +", colour: green},
	{name: install.SecretUpdate, planned: "to overwrite", done: "overwritten", sign: "  ~", colour: yellow},
	{name: install.SecretKeep, done: "kept although the store differs", sign: "  =", colour: cyan},
	{name: install.SecretUnchanged},
	{name: install.SecretUnused, done: "unused in the store", sign: "  ."},
	{name: install.SecretMissing, sign: "  ?", colour: red},
	{name: install.SecretRefuse, done: "refused", sign: "  !", colour: red},
}

// Secrets is the result of import-secrets.
type Secrets struct {
	Tenant, Store string
	DryRun        bool
	Found         []db.FoundSecretsRow
}

// Counts are the numbers of secrets by action.
func (s *Secrets) Counts() map[string]int {
	counts := map[string]int{}
	for i := range s.Found {
		counts[s.Found[i].Action]++
	}
	return counts
}

// Secrets shows what became of secrets; in text, at most shownChanges of each action.
func (w *Writer) Secrets(s *Secrets) {
	n := s.Counts()
	for _, secret := range s.Found {
		line := append(object{"action", secret.Action}.with("kind", secret.Kind), "name", secret.Name)
		w.line("secret", append(line.with("key", secret.Key), "reason", secret.Reason))
	}
	changed := n[install.SecretAdd]+n[install.SecretUpdate] > 0
	summary := object{"tenant", s.Tenant, "store", s.Store, "dry_run", s.DryRun, "changed", changed}
	for _, action := range secretActions {
		summary = append(summary, action.name, n[action.name])
		if action.sign == "" {
			continue
		}
		var rows [][]string
		for _, secret := range s.Found {
			if secret.Action != action.name || len(rows) == shownChanges {
				continue
			}
			name, reason := Name(secret.Name), Line(secret.Reason)
			if secret.Kind != "smtp" {
				name = titled(secret.Kind, name)
			}
			if action.colour == red {
				reason += " (" + Line(secret.Key) + ")"
			}
			rows = append(rows, []string{action.sign, name, reason})
		}
		for _, line := range aligned(rows) {
			w.signed(action.colour, line)
		}
		w.more(n[action.name] - len(rows))
	}
	w.summary("import-secrets", summary)
	if parts := words(secretActions, s.DryRun, func(a action) (int, bool) { return n[a.name], false }); parts != nil {
		w.printf("Secrets from %s: %s.\n", s.Store, strings.Join(parts, ", "))
	} else {
		w.printf("tenant %s references no secrets\n", Name(s.Tenant))
	}
}
