package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"keep-bootstrap/internal/activate"
)

// states are in the order of the counts.
var states = []action{
	{name: string(activate.Installed), colour: green},
	{name: string(activate.Accepted), colour: green},
	{name: string(activate.Unchanged), colour: yellow},
	{name: string(activate.Valid), colour: green},
	{name: string(activate.Skipped), colour: yellow},
	{name: string(activate.Unsupported), colour: yellow},
	{name: string(activate.Invalid), colour: red},
	{name: string(activate.Refused), colour: red},
	{name: string(activate.Failed), colour: red},
	{name: string(activate.Unknown), colour: yellow},
	{name: string(activate.Waiting), colour: yellow},
	{name: string(activate.Consuming), colour: green},
	{name: string(activate.Missing), colour: yellow},
	{name: string(activate.Stale), colour: yellow},
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
	a.out.line("keep", object{"url", a.URL, "api_url", address})
	a.out.printf("Keep gives outside systems the address %s\n", Line(address))
}

// Each shows one result.
func (a *Activation) Each(r activate.Result) {
	lineType, counts := "webhook", a.Counts
	line := object{"name", r.Name, "provider_type", r.Type, "id", r.ID, "state", r.State}
	switch {
	case r.Scopes != nil:
		lineType, counts = "scopes", a.Scopes
		scopes := map[string]any{} // true, or why not
		for scope, text := range r.Scopes {
			if scopes[scope] = true; text != "" {
				scopes[scope] = text
			}
		}
		line = append(line, "scopes", scopes)
	case r.State == activate.Consuming, r.State == activate.Missing, r.State == activate.Stale:
		lineType = "consumer"
	}
	counts[r.State]++
	a.out.line(lineType, line.with("text", r.Text).with("hint", r.Hint).with("outside", r.Outside))
	if r.State != activate.Unchanged {
		a.text(r)
	}
}

// text shows one result in lines for people.
func (a *Activation) text(r activate.Result) {
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
	colour := actionNamed(states, string(r.State)).colour
	a.out.printf("%s  %s\n", a.out.paint(colour, fmt.Sprintf("%-11s", r.State)), line)
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

// counted shows the counts of webhooks, scopes or consumers, if there are any.
func (a *Activation) counted(what string, counts map[activate.State]int) {
	if len(counts) > 0 {
		all := words(states, false, func(s action) (int, bool) { return counts[activate.State(s.name)], false })
		a.out.printf("%s: %s.\n", what, strings.Join(all, ", "))
	}
}

// Webhooks shows the counts of webhooks and scopes, also of a run that was stopped.
func (a *Activation) Webhooks(stopped bool) {
	changed := a.Counts[activate.Installed]+a.Counts[activate.Accepted] > 0
	a.out.summary("activate", object{"tenant", a.Tenant, "changed", changed, "webhooks", a.Counts, "scopes", a.Scopes})
	switch {
	case len(a.Counts) == 0 && !stopped:
		a.out.printf("No managed provider has install_webhook.\n")
	case len(a.Counts) == 1 && a.Counts[activate.Unchanged] > 0 && !stopped:
		a.out.printf("No changes. Every webhook is installed.\n")
	default:
		a.counted("Webhooks", a.Counts)
	}
	a.counted("Scopes", a.Scopes)
}

// Consumers shows the counts of consumers, in text only if the comparison was not stopped.
func (a *Activation) Consumers(stopped bool) {
	a.out.summary("activate", object{"tenant", a.Tenant, "consumers", a.Counts})
	if len(a.Counts) == 0 && !stopped {
		a.out.printf("No provider is consumed from a queue.\n")
	}
	a.counted("Consumers", a.Counts)
}
