package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"keep-bootstrap/internal/activate"
)

// states are in the order of the counts.
var states = []activate.State{
	activate.Installed, activate.Accepted, activate.Unchanged, activate.Valid, activate.Skipped, activate.Unsupported, activate.Invalid,
	activate.Refused, activate.Failed, activate.Unknown, activate.Waiting, activate.Consuming, activate.Missing, activate.Stale,
}

func stateColour(state activate.State) string {
	switch state {
	case activate.Installed, activate.Accepted, activate.Valid, activate.Consuming:
		return green
	case activate.Refused, activate.Failed, activate.Invalid:
		return red
	}
	return yellow
}

// Activation shows what activate does, as soon as it is known, and counts it.
type Activation struct {
	Tenant string
	URL    string // of Keep
	// Counts are those of webhooks or consumers, and Scopes those of scopes.
	Counts, Scopes map[activate.State]int

	out *Writer
}

// Activation begins to show an activation.
func (w *Writer) Activation(tenant, url string) *Activation {
	return &Activation{tenant, url, map[activate.State]int{}, map[activate.State]int{}, w}
}

// Address shows the address that Keep gives to outside systems.
func (a *Activation) Address(address string) {
	if a.out.Format == JSON {
		a.out.line(object{"type", "keep", "url", a.URL, "api_url", address})
	} else {
		a.out.printf("Keep gives outside systems the address %s\n", Line(address))
	}
}

// Each shows one result.
func (a *Activation) Each(r activate.Result) {
	counts := a.Counts
	if r.Scopes != nil {
		counts = a.Scopes
	}
	counts[r.State]++
	switch {
	case a.out.Format == JSON:
		a.result(r)
	case r.State != activate.Unchanged:
		a.resultText(r)
	}
}

// result shows one result as JSON.
func (a *Activation) result(r activate.Result) {
	line := object{"type", "webhook", "name", r.Name, "provider_type", r.Type, "id", r.ID, "state", r.State}
	switch {
	case r.Scopes != nil:
		scopes := map[string]any{} // true, or why not
		for scope, text := range r.Scopes {
			if scopes[scope] = true; text != "" {
				scopes[scope] = text
			}
		}
		line[1] = "scopes"
		line = append(line, "scopes", scopes)
	case r.State == activate.Consuming, r.State == activate.Missing, r.State == activate.Stale:
		line[1] = "consumer"
	}
	a.out.line(line.with("text", r.Text).with("hint", r.Hint).with("outside", r.Outside))
}

// resultText shows one result in lines for people.
func (a *Activation) resultText(r activate.Result) {
	line := fmt.Sprintf("%s (%s)", Name(r.Name), Name(r.Type))
	if r.State == activate.Stale {
		line = "provider " + Name(r.ID) + ", which is gone"
	}
	if r.Scopes != nil {
		line += " scopes"
	}
	if r.Text != "" {
		line += ": " + Line(r.Text)
	}
	a.out.printf("%s  %s\n", a.out.paint(stateColour(r.State), fmt.Sprintf("%-11s", r.State)), line)
	const indent = "             "
	for _, scope := range slices.Sorted(maps.Keys(r.Scopes)) {
		if text := r.Scopes[scope]; text != "" {
			a.out.printf(indent+"%s: %s\n", Line(scope), Line(text))
		}
	}
	if r.Outside != "" && (r.State == activate.Installed || r.State == activate.Accepted) {
		a.out.printf(indent+"creates: %s\n", Line(r.Outside))
	}
	if r.Hint != "" {
		a.out.printf(indent+"%s\n", Line(r.Hint))
	}
}

// stateCounts words counts.
func stateCounts(counts map[activate.State]int) string {
	var parts []string
	for _, state := range states {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(parts, ", ")
}

// Webhooks shows the counts of webhooks and scopes, also of a run that was stopped.
func (a *Activation) Webhooks(stopped bool) error {
	if a.out.Format == JSON {
		changed := a.Counts[activate.Installed]+a.Counts[activate.Accepted] > 0
		return a.out.summary("activate", object{"tenant", a.Tenant, "changed", changed, "webhooks", a.Counts, "scopes", a.Scopes})
	}
	switch {
	case len(a.Counts) == 0 && !stopped:
		a.out.printf("No managed provider has install_webhook.\n")
	case len(a.Counts) == 1 && a.Counts[activate.Unchanged] > 0 && !stopped:
		a.out.printf("No changes. Every webhook is installed.\n")
	case len(a.Counts) > 0:
		a.out.printf("Webhooks: %s.\n", stateCounts(a.Counts))
	}
	if len(a.Scopes) > 0 {
		a.out.printf("Scopes: %s.\n", stateCounts(a.Scopes))
	}
	return a.out.err
}

// Consumers shows the counts of consumers, in text only if the comparison was not stopped.
func (a *Activation) Consumers(stopped bool) error {
	switch {
	case a.out.Format == JSON:
		return a.out.summary("activate", object{"tenant", a.Tenant, "consumers", a.Counts})
	case stopped:
	case len(a.Counts) == 0:
		a.out.printf("No provider is consumed from a queue.\n")
	default:
		a.out.printf("Consumers: %s.\n", stateCounts(a.Counts))
	}
	return a.out.err
}
