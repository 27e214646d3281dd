package report

import (
	"strings"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
)

// secretUnused is the action of a secret of the store that no row names.
const secretUnused = "unused"

// secretActions are what can become of a secret, in the order of the counts. What has no sign is only counted.
var secretActions = []action{
	{name: install.SecretAdd, planned: "to copy", done: "copied", sign: "  +", colour: green},
	{name: install.SecretUpdate, planned: "to overwrite", done: "overwritten", sign: "  ~", colour: yellow},
	{name: install.SecretKeep, planned: keptSecret, done: keptSecret, sign: "  =", colour: cyan},
	{name: install.SecretUnchanged},
	{name: install.SecretMissing, sign: "  ?", colour: red},
	{name: install.SecretRefuse, planned: "refused", done: "refused", sign: "  !", colour: red},
	{name: secretUnused, planned: unusedSecret, done: unusedSecret, sign: "  ."},
}

const (
	keptSecret   = "kept although the store differs"
	unusedSecret = "unused in the store"
)

// Secrets is the result of import-secrets.
type Secrets struct {
	Tenant, Store string
	DryRun        bool
	install.Secrets
}

// Counts are the numbers of secrets by action.
func (s *Secrets) Counts() map[string]int {
	counts := map[string]int{secretUnused: len(s.Unused)}
	for i := range s.Found {
		counts[s.Found[i].Action]++
	}
	return counts
}

// Secrets shows what became of secrets.
func (w *Writer) Secrets(s *Secrets) {
	found := s.Found
	for _, name := range s.Unused {
		found = append(found[:len(found):len(found)], db.FoundSecretsRow{Action: secretUnused, Name: name, Reason: "no row of Keep references it"})
	}
	n := s.Counts()
	for _, secret := range found {
		line := append(object{"action", secret.Action}.with("kind", secret.Kind), "name", secret.Name)
		w.line("secret", append(line.with("key", secret.Key), "reason", secret.Reason))
	}
	summary := object{"tenant", s.Tenant, "store", s.Store, "dry_run", s.DryRun, "changed", n[install.SecretAdd]+n[install.SecretUpdate] > 0}
	for _, action := range secretActions {
		summary = append(summary, action.name, n[action.name])
	}
	w.summary("import-secrets", summary)
	w.secrets(found, n, false)
	w.secrets(found, n, true)
	if parts := words(secretActions, s.DryRun, func(a action) (int, bool) { return n[a.name], false }); parts != nil {
		w.printf("Secrets from %s: %s.\n", s.Store, strings.Join(parts, ", "))
	} else {
		w.printf("tenant %s references no secrets\n", Name(s.Tenant))
	}
}

// secrets lists secrets by action, at most shownChanges of each: those that are amiss, or the others.
func (w *Writer) secrets(found []db.FoundSecretsRow, counts map[string]int, amiss bool) {
	for _, action := range secretActions {
		if action.sign == "" || amiss != (action.colour == red) {
			continue
		}
		var rows [][]string
		for _, secret := range found {
			if secret.Action != action.name || len(rows) == shownChanges {
				continue
			}
			name, reason := Name(secret.Name), Line(secret.Reason)
			if secret.Kind != "smtp" {
				name = titled(secret.Kind, name)
			}
			if amiss {
				reason += " (" + Line(secret.Key) + ")"
			}
			rows = append(rows, []string{action.sign, name, reason})
		}
		for _, line := range aligned(rows) {
			w.signed(action.colour, line)
		}
		w.more(counts[action.name] - len(rows))
	}
}
