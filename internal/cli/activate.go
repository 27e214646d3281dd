package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/activate"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

const activateLong = `Ask a running Keep for what only Keep can do: install the webhooks that managed providers want
(install_webhook) in the outside systems. Calls are made one at a time, and each answer is recorded
in schema bootstrap: a second run does nothing, and a changed type, credential, address or key is
sent again. Run it after up, as the owner of Keep's tables. With --scopes, Keep also checks what the
credentials of the providers allow.

The API key must have the role admin. It comes from --api-key-file, from the variable KEEP_API_KEY,
or from the database, if up has created a key of that role. --wait waits for the database and Keep.

Exit codes: 0 done, 69 Keep or the database is unavailable, 75 calls were not answered, 78 something
was refused.`

// activateFlags are the flags of activate.
type activateFlags struct {
	keepURL       string
	apiKeyFile    string
	timeout       time.Duration
	allowLocalURL bool
	scopes        []string
}

func (f *activateFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.keepURL, "keep-url", "", "`address` of Keep's API, as http://keep-backend:8080")
	flags.StringVar(&f.apiKeyFile, "api-key-file", "", "`file` that holds an API key of role admin; wins over the variable KEEP_API_KEY")
	flags.DurationVar(&f.timeout, "timeout", 2*time.Minute, "how long Keep may take for one call")
	flags.BoolVar(&f.allowLocalURL, "allow-local-url", false, "install webhooks even if Keep gives outside systems a local address (KEEP_API_URL)")
	flags.StringArrayVar(&f.scopes, "scopes", nil, "validate the scopes of the managed provider with this `name`, may repeat; without a name of all, except where that raises alerts, sends mails or the like")
	flags.Lookup("scopes").NoOptDefVal = activate.AllScopes
}

// check reads the flags before anything is touched.
func (f *activateFlags) check(a *app) (base *url.URL, key string, err error) {
	if f.keepURL == "" {
		return nil, "", postgres.Usage("--keep-url is required", "give the address of Keep's API, as http://keep-backend:8080")
	}
	if f.timeout <= 0 {
		return nil, "", postgres.Usage("--timeout must be a positive duration such as 90s", "")
	}
	if base, err = activate.ParseURL(f.keepURL); err != nil {
		return nil, "", err
	}
	key = strings.TrimSpace(a.getenv("KEEP_API_KEY"))
	if f.apiKeyFile != "" {
		text, err := os.ReadFile(f.apiKeyFile)
		if err != nil {
			return nil, "", postgres.Usage("--api-key-file: the file cannot be read: "+f.apiKeyFile, "check its path and its permissions")
		}
		if key = strings.TrimSpace(string(text)); key == "" {
			return nil, "", postgres.Usage("--api-key-file: the file is empty: "+f.apiKeyFile, "write an API key of role admin into it")
		}
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, "", postgres.Usage("the API key holds a character that no HTTP header can carry", "give one key, without a name and without a second line")
	}
	return base, key, nil
}

// checkAfterUp is check for up --activate.
func (f *activateFlags) checkAfterUp(a *app, tenantOnly bool) (*url.URL, string, error) {
	if tenantOnly {
		return nil, "", postgres.Usage("--activate and --tenant-only exclude each other", "with --tenant-only, Keep provisions its providers itself")
	}
	if a.out.Format == report.Markdown {
		return nil, "", postgres.Usage("--activate has no Markdown", "give -o text or -o json, or run keep-bootstrap activate by itself")
	}
	return f.check(a)
}

func (a *app) activateCommand() *cobra.Command {
	var flags activateFlags
	var status bool
	cmd := &cobra.Command{
		Use:     "activate",
		Short:   "let a running Keep install the webhooks of managed providers",
		Long:    activateLong,
		Example: example("keep-bootstrap activate --keep-url http://keep-backend:8080 --wait"),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if status && len(flags.scopes) > 0 {
				return postgres.Usage("--status and --scopes exclude each other", "run activate twice")
			}
			base, key, err := flags.check(a)
			if err != nil {
				return err
			}
			t, err := a.target(cmd.Context(), "", false)
			if err != nil {
				return err
			}
			if status {
				run, view := a.newActivation(t, &flags, base, key)
				defer run.Close(cmd.Context())
				return view.consumers(run.Consumers(cmd.Context()))
			}
			return a.activate(cmd.Context(), t, &flags, base, key)
		},
	}
	flags.register(cmd)
	cmd.Flags().BoolVar(&status, "status", false, "only compare the consumers that Keep has started with the providers, and say whether it must be restarted")
	return cmd
}

// activate asks Keep for webhooks and scopes.
func (a *app) activate(ctx context.Context, t target, flags *activateFlags, base *url.URL, key string) error {
	run, view := a.newActivation(t, flags, base, key)
	defer run.Close(ctx)
	return view.webhooks(run.Do(ctx))
}

// activation shows what activate does.
type activation struct {
	app    *app
	base   *url.URL
	lines  *report.Writer         // of JSON
	counts map[activate.State]int // of webhooks
	scopes map[activate.State]int
	err    error // of stdout
}

// newActivation prepares a run whose results are shown as soon as they are known.
func (a *app) newActivation(t target, flags *activateFlags, base *url.URL, key string) (*activate.Run, *activation) {
	v := &activation{app: a, base: base, counts: map[activate.State]int{}, scopes: map[activate.State]int{}}
	if a.out.Format == report.JSON {
		v.lines = &a.out
	}
	return &activate.Run{
		Session: postgres.Session{Config: t.config},
		Wait:    postgres.NewWait(time.Duration(a.wait), a.log),
		Log:     a.log, Tenant: a.tenant, Version: a.Version,
		KeepURL: base, Key: key, Timeout: flags.timeout, AllowLocalURL: flags.allowLocalURL, Scopes: flags.scopes,
		Address: v.address, Each: v.each,
	}, v
}

// webhookLine is what became of the webhook of one provider, or of its consumer, as JSON.
type webhookLine struct {
	Type         string         `json:"type"` // "webhook" or "consumer"
	Name         string         `json:"name"`
	ProviderType string         `json:"provider_type"`
	ID           string         `json:"id"`
	State        activate.State `json:"state"`
	Text         string         `json:"text,omitempty"`
	Hint         string         `json:"hint,omitempty"`
	Outside      string         `json:"outside,omitempty"`
}

// scopesLine is what became of the scopes of one provider, as JSON.
type scopesLine struct {
	Type         string         `json:"type"` // "scopes"
	Name         string         `json:"name"`
	ProviderType string         `json:"provider_type"`
	ID           string         `json:"id"`
	State        activate.State `json:"state"`
	Scopes       map[string]any `json:"scopes"` // true, or why not
	Text         string         `json:"text,omitempty"`
	Hint         string         `json:"hint,omitempty"`
}

// activationSummary is the last JSON line of activate.
type activationSummary struct {
	Type     string                 `json:"type"` // "summary"
	Command  string                 `json:"command"`
	Tenant   string                 `json:"tenant"`
	Changed  bool                   `json:"changed"`
	Webhooks map[activate.State]int `json:"webhooks"`
	Scopes   map[activate.State]int `json:"scopes"`
}

// address shows the address that Keep gives to outside systems.
func (v *activation) address(address string) {
	if v.lines != nil {
		_ = v.lines.JSONLine(struct {
			Type   string `json:"type"`
			URL    string `json:"url"`
			APIURL string `json:"api_url"`
		}{"keep", v.base.String(), address})
		return
	}
	v.print("Keep gives outside systems the address %s\n", report.Line(address))
}

// each shows one result.
func (v *activation) each(r activate.Result) {
	counts := v.counts
	if r.Scopes != nil {
		counts = v.scopes
	}
	counts[r.State]++
	switch {
	case v.lines != nil && r.Scopes != nil:
		scopes := map[string]any{}
		for scope, text := range r.Scopes {
			if scopes[scope] = true; text != "" {
				scopes[scope] = text
			}
		}
		_ = v.lines.JSONLine(scopesLine{"scopes", r.Name, r.Type, r.ID, r.State, scopes, r.Text, r.Hint})
	case v.lines != nil && (r.State == activate.Consuming || r.State == activate.Missing || r.State == activate.Stale):
		_ = v.lines.JSONLine(webhookLine{"consumer", r.Name, r.Type, r.ID, r.State, r.Text, r.Hint, r.Outside})
	case v.lines != nil:
		_ = v.lines.JSONLine(webhookLine{"webhook", r.Name, r.Type, r.ID, r.State, r.Text, r.Hint, r.Outside})
	case r.State != activate.Unchanged:
		v.text(r)
	}
}

// colours of states; yellow is that of the others.
var stateColours = map[activate.State]string{
	activate.Installed: report.Green, activate.Accepted: report.Green, activate.Valid: report.Green, activate.Consuming: report.Green,
	activate.Refused: report.Red, activate.Failed: report.Red, activate.Invalid: report.Red,
}

// text shows one result in lines for people.
func (v *activation) text(r activate.Result) {
	line := v.app.out.Paint(cmp.Or(stateColours[r.State], report.Yellow), fmt.Sprintf("%-11s", r.State)) + "  "
	if r.State == activate.Stale {
		line += "provider " + report.Name(r.ID) + ", which is gone"
	} else {
		line += fmt.Sprintf("%s (%s)", report.Name(r.Name), report.Name(r.Type))
	}
	if r.Scopes != nil {
		line += " scopes"
	}
	if r.Text != "" {
		line += ": " + report.Line(r.Text)
	}
	v.print("%s\n", line)
	for _, scope := range slices.Sorted(maps.Keys(r.Scopes)) {
		if text := r.Scopes[scope]; text != "" {
			v.print("             %s: %s\n", report.Line(scope), report.Line(text))
		}
	}
	if r.Outside != "" && (r.State == activate.Installed || r.State == activate.Accepted) {
		v.print("             creates: %s\n", report.Line(r.Outside))
	}
	if r.Hint != "" {
		v.print("             %s\n", report.Line(r.Hint))
	}
}

func (v *activation) print(format string, values ...any) {
	if _, err := fmt.Fprintf(&v.app.out, format, values...); v.err == nil {
		v.err = err
	}
}

// order is that of the counts.
var order = []activate.State{
	activate.Installed, activate.Accepted, activate.Unchanged, activate.Valid, activate.Skipped, activate.Unsupported, activate.Invalid,
	activate.Refused, activate.Failed, activate.Unknown, activate.Waiting, activate.Consuming, activate.Missing, activate.Stale,
}

// phrase words counts.
func phrase(counts map[activate.State]int) string {
	var parts []string
	for _, state := range order {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(parts, ", ")
}

// webhooks ends a run that may have been stopped by an error, and returns the error of what is left to do.
func (v *activation) webhooks(stopped error) error {
	if err := v.end(stopped); err != nil {
		return err
	}
	if stopped != nil {
		return stopped
	}
	return v.left()
}

// end shows the counts, also of a run that was stopped.
func (v *activation) end(stopped error) error {
	if v.lines != nil {
		return v.lines.JSONLine(activationSummary{
			"summary", "activate", v.app.tenant, v.counts[activate.Installed]+v.counts[activate.Accepted] > 0, v.counts, v.scopes,
		})
	}
	switch {
	case len(v.counts) == 0 && stopped == nil:
		v.print("No managed provider wants a webhook.\n")
	case len(v.counts) == 1 && v.counts[activate.Unchanged] > 0 && stopped == nil:
		v.print("No changes. Every webhook is installed.\n")
	case len(v.counts) > 0:
		v.print("Webhooks: %s.\n", phrase(v.counts))
	}
	if len(v.scopes) > 0 {
		v.print("Scopes: %s.\n", phrase(v.scopes))
	}
	return v.err
}

// left is the error of what is left to do; nil if nothing is.
func (v *activation) left() error {
	if n := v.counts[activate.Unknown] + v.scopes[activate.Unknown]; n > 0 {
		return &postgres.Error{
			Code: postgres.CodeIncomplete, Message: report.Number(n, "call") + " not answered by Keep", ExitCode: postgres.ExitTemporary, Retry: true,
			Hint: "run activate again later: Keep may still be working on the last call",
		}
	}
	var failed []string
	if n := v.counts[activate.Refused] + v.counts[activate.Failed]; n > 0 {
		failed = append(failed, report.Number(n, "webhook")+" not installed")
	}
	if n := v.scopes[activate.Invalid] + v.scopes[activate.Failed]; n > 0 {
		failed = append(failed, "scopes of "+report.Number(n, "provider")+" not valid")
	}
	if len(failed) == 0 {
		return nil
	}
	return &postgres.Error{
		Code: postgres.CodeNotActive, Message: strings.Join(failed, ", "), ExitCode: postgres.ExitRefused,
		Hint: "correct what each line says, then run activate again",
	}
}

// consumers ends a comparison of consumers.
func (v *activation) consumers(stopped error) error {
	restart := v.counts[activate.Missing] + v.counts[activate.Stale]
	if v.lines != nil {
		if err := v.lines.JSONLine(struct {
			Type      string                 `json:"type"`
			Command   string                 `json:"command"`
			Tenant    string                 `json:"tenant"`
			Consumers map[activate.State]int `json:"consumers"`
		}{"summary", "activate", v.app.tenant, v.counts}); err != nil {
			return err
		}
	} else if stopped == nil {
		if len(v.counts) == 0 {
			v.print("No provider is consumed from a queue.\n")
		} else {
			v.print("Consumers: %s.\n", phrase(v.counts))
		}
	}
	switch {
	case v.err != nil:
		return v.err
	case stopped != nil || restart == 0:
		return stopped
	}
	return &postgres.Error{
		Code: postgres.CodeNotActive, Message: report.Number(restart, "consumer") + " not as the database says", ExitCode: postgres.ExitRefused,
		Hint: "restart Keep, or send SIGHUP to the master process of gunicorn",
	}
}
