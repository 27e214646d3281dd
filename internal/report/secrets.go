package report

import (
	"fmt"
	"strings"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
)

// secretUnused is the action of a secret of the store that no row names.
const secretUnused = "unused"

// secretActions are what can become of a secret, in the order of the counts: words, sign and colour. What has no sign is only
// counted.
var secretActions = []struct{ name, done, planned, sign, colour string }{
	{install.SecretAdd, "copied", "to copy", "  +", green},
	{install.SecretUpdate, "overwritten", "to overwrite", "  ~", yellow},
	{install.SecretKeep, "kept although the store differs", "kept although the store differs", "  =", cyan},
	{install.SecretUnchanged, "unchanged", "unchanged", "", ""},
	{install.SecretMissing, "missing", "missing", "  ?", red},
	{install.SecretRefuse, "refused", "refused", "  !", red},
	{secretUnused, "unused in the store", "unused in the store", "  .", ""},
}

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
func (w *Writer) Secrets(s *Secrets) error {
	found := s.Found
	for _, name := range s.Unused {
		found = append(found[:len(found):len(found)], db.FoundSecretsRow{Action: secretUnused, Name: name, Reason: "no row of Keep references it"})
	}
	n := s.Counts()
	if w.Format != JSON {
		w.secrets(found, n, false)
		w.secrets(found, n, true)
		w.printf("%s\n", s.summary(n))
		return w.err
	}
	for _, secret := range found {
		line := append(object{"type", "secret", "action", secret.Action}.with("kind", secret.Kind), "name", secret.Name)
		w.line(append(line.with("key", secret.Key), "reason", secret.Reason))
	}
	summary := object{"tenant", s.Tenant, "store", s.Store, "dry_run", s.DryRun, "changed", n[install.SecretAdd]+n[install.SecretUpdate] > 0}
	for _, action := range secretActions {
		summary = append(summary, action.name, n[action.name])
	}
	return w.summary("import-secrets", summary)
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

// summary is the last line of text.
func (s *Secrets) summary(counts map[string]int) string {
	var parts []string
	for _, action := range secretActions {
		word := action.done
		if s.DryRun {
			word = action.planned
		}
		if n := counts[action.name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	if parts == nil {
		return fmt.Sprintf("tenant %s references no secrets", Name(s.Tenant))
	}
	return "Secrets from " + s.Store + ": " + strings.Join(parts, ", ") + "."
}
