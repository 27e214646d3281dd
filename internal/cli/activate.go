package cli

import (
	"cmp"
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/activate"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

// activateFlags are the flags of activate.
type activateFlags struct {
	activate.Run
	keepURL    string
	apiKeyFile string
}

func (f *activateFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.keepURL, "keep-url", "", "`address` of Keep's API, as http://keep-backend:8080")
	flags.StringVar(&f.apiKeyFile, "api-key-file", "", "`file` that holds an API key of role admin; wins over the variable KEEP_API_KEY")
	flags.DurationVar(&f.Timeout, "timeout", 2*time.Minute, "how long Keep may take for one call")
	flags.BoolVar(&f.AllowLocalURL, "allow-local-url", false,
		"install webhooks even if Keep gives outside systems a local address (KEEP_API_URL)")
	flags.StringArrayVar(&f.Scopes, "scopes", nil,
		"validate the scopes of the managed provider with this `name`, may repeat; "+
			"without a name of all, except where that raises alerts, sends mails or the like")
	flags.Lookup("scopes").NoOptDefVal = activate.AllScopes
}

// check reads the flags before anything is touched.
func (f *activateFlags) check(a *app) (err error) {
	if f.keepURL == "" {
		return postgres.Usage("--keep-url is required", "give the address of Keep's API, as http://keep-backend:8080")
	}
	if f.Timeout <= 0 {
		return postgres.Usage("--timeout must be a positive duration such as 90s", "")
	}
	if f.KeepURL, err = activate.ParseURL(f.keepURL); err != nil {
		return err
	}
	f.Key = strings.TrimSpace(a.variables["KEEP_API_KEY"])
	if f.apiKeyFile != "" {
		text, err := os.ReadFile(f.apiKeyFile)
		if err != nil {
			return postgres.Usage("--api-key-file: the file cannot be read: "+f.apiKeyFile, "check its path and its permissions")
		}
		if f.Key = strings.TrimSpace(string(text)); f.Key == "" {
			return postgres.Usage("--api-key-file: the file is empty: "+f.apiKeyFile, "write an API key of role admin into it")
		}
	}
	if strings.ContainsFunc(f.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return postgres.Usage("the API key contains a character that is not allowed in an HTTP header", "give only the key, on one line")
	}
	return nil
}

func (a *app) activateCommand() *cobra.Command {
	var flags activateFlags
	var status bool
	cmd := &cobra.Command{
		Use:   "activate",
		Short: "let a running Keep install the webhooks of managed providers",
		Long: `Ask a running Keep for what only Keep can do: install the webhooks that managed providers want
(install_webhook) in the outside systems. Calls are made one at a time, and each answer is recorded
in schema bootstrap: a second run does nothing, and a changed type, credential, address or key is
sent again. Run it after up, as the owner of Keep's tables. With --scopes, Keep also checks what the
credentials of the providers allow.

The API key must have the role admin. It comes from --api-key-file, from the variable KEEP_API_KEY,
or from the database, if up has created a key of that role. --wait waits for the database and Keep.

Exit codes: 0 done, 69 Keep or the database is unavailable, 75 calls were not answered, 78 something
was refused.`,
		Example: "  keep-bootstrap activate --keep-url http://keep-backend:8080 --wait",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if status && len(flags.Scopes) > 0 {
				return postgres.Usage("--status and --scopes exclude each other", "run activate once with each")
			}
			if err := flags.check(a); err != nil {
				return err
			}
			config, err := a.database(cmd.Context(), false)
			if err != nil {
				return err
			}
			return a.activate(cmd.Context(), config, &flags, status)
		},
	}
	flags.register(cmd)
	cmd.Flags().BoolVar(&status, "status", false, "only compare the consumers that Keep has started with the providers, and say whether it must be restarted")
	return cmd
}

// activate asks Keep for webhooks and scopes; with status, it only compares the consumers that Keep has started with the
// providers.
func (a *app) activate(ctx context.Context, config *postgres.Config, flags *activateFlags, status bool) error {
	run := &flags.Run
	shown := a.out.Activation(a.tenant, run.KeepURL.String())
	run.Session.Config = config
	run.Wait = postgres.NewWait(a.wait, a.log)
	run.Log, run.Tenant, run.Version = a.log, a.tenant, a.Version
	run.Address, run.Each = shown.Address, shown.Each
	defer run.Close(ctx)
	do, show := run.Do, shown.Webhooks
	if status {
		do, show = run.Consumers, shown.Consumers
	}
	stopped := do(ctx)
	show(stopped != nil)
	return cmp.Or(stopped, leftToDo(shown))
}

// leftToDo is the error of what is left to do; nil if nothing is.
func leftToDo(v *report.Activation) error {
	if n := v.Counts[activate.Unknown] + v.Scopes[activate.Unknown]; n > 0 {
		return postgres.New(postgres.CodeIncomplete, report.Number(n, "call")+" not answered by Keep", "")
	}
	var failed []string
	hint := "" // that of the code
	if n := v.Counts[activate.Refused] + v.Counts[activate.Failed]; n > 0 {
		failed = append(failed, report.Number(n, "webhook")+" not installed")
	}
	if n := v.Scopes[activate.Invalid] + v.Scopes[activate.Failed]; n > 0 {
		failed = append(failed, "scopes of "+report.Number(n, "provider")+" not valid")
	}
	if n := v.Counts[activate.Missing] + v.Counts[activate.Stale]; n > 0 {
		failed = append(failed, report.Number(n, "consumer")+" out of date")
		hint = activate.RestartKeep
	}
	if len(failed) == 0 {
		return nil
	}
	return postgres.New(postgres.CodeNotActive, strings.Join(failed, ", "), hint)
}
