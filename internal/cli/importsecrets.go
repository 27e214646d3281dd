package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
	"keep-bootstrap/internal/secretstore"
)

const importSecretsLong = `Copy the secrets referenced by Keep's rows into Keep's table secret, so that Keep can run with
SECRET_MANAGER_TYPE=DB: those of all providers (created by users too), API keys and workflows, and
the SMTP settings. docs/secrets.md describes how to move a running Keep.

--from file reads a directory as Keep's FILE secret manager writes it (--directory, or
SECRET_MANAGER_DIRECTORY).

--from k8s reads the Secrets of a namespace as Keep's K8S secret manager writes them. The API is
that of the current context of the kubeconfig (--kubeconfig, or KUBECONFIG), or of the pod's service
account. The namespace is that of --namespace, K8S_NAMESPACE, the context or the pod. The role needs
the verb list on secrets.

An existing row of table secret is never overwritten without --refresh, and then only if it differs.
Each secret is checked: that of a provider must be JSON with its authentication, that of an API key
must match the digest that Keep stored. All usable secrets are copied in one transaction. The exit
code is 78 if the database still lacks a secret that Keep needs: 0 means that Keep can be switched.`

// importFlags are the flags of import-secrets.
type importFlags struct {
	from       storeFlag
	directory  string
	namespace  string
	kubeconfig string
	refresh    bool
	dryRun     bool
}

// storeFlag is the value of --from.
type storeFlag string

const (
	storeKubernetes storeFlag = "k8s"
	storeFile       storeFlag = "file"
)

func (s *storeFlag) String() string { return string(*s) }
func (s *storeFlag) Type() string   { return "store" }

// Set takes the values of Keep's SECRET_MANAGER_TYPE, in any case.
func (s *storeFlag) Set(text string) error {
	switch store := storeFlag(strings.ToLower(text)); store {
	case storeKubernetes, storeFile:
		*s = store
		return nil
	}
	return fmt.Errorf("must be k8s or file")
}

func (a *app) importSecretsCommand() *cobra.Command {
	var input importFlags
	cmd := &cobra.Command{
		Use:     "import-secrets",
		Short:   "copy Keep's secrets from Kubernetes or files into the database",
		Long:    importSecretsLong,
		Example: example("keep-bootstrap import-secrets --from k8s --namespace keep --dry-run"),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := input.open(a, cmd)
			if err != nil {
				return err
			}
			return a.importSecrets(cmd.Context(), store, &input)
		},
	}
	flags := cmd.Flags()
	flags.Var(&input.from, "from", "where Keep has its secrets now: {k8s|file}")
	flags.StringVar(&input.directory, "directory", "", "`directory` of --from file (default SECRET_MANAGER_DIRECTORY)")
	flags.StringVar(&input.namespace, "namespace", "", "`namespace` of --from k8s (default K8S_NAMESPACE, then that of the context or pod)")
	flags.StringVar(&input.kubeconfig, "kubeconfig", "", "kubeconfig `file` of --from k8s (default KUBECONFIG, then the pod's service account)")
	flags.BoolVar(&input.refresh, "refresh", false, "overwrite rows of table secret that differ from the store")
	flags.BoolVar(&input.dryRun, "dry-run", false, "show what would be copied, and roll back")
	if err := cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions([]string{string(storeKubernetes), string(storeFile)}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is there
	}
	return cmd
}

// secretStore is where the secrets are now.
type secretStore interface {
	Read(ctx context.Context, tenant string, keys []string) (secretstore.Contents, error)
	String() string
}

// open finds the store, before a database is touched.
func (f *importFlags) open(a *app, cmd *cobra.Command) (secretStore, error) {
	foreign := map[storeFlag][]string{storeFile: {"namespace", "kubeconfig"}, storeKubernetes: {"directory"}}
	for _, name := range foreign[f.from] {
		if cmd.Flags().Changed(name) && !a.fromVariable[name] {
			return nil, postgres.Usage(fmt.Sprintf("--%s does not go with --from %s", name, f.from), "keep-bootstrap import-secrets --help shows the flags")
		}
	}
	switch f.from {
	case storeFile:
		directory := cmp.Or(f.directory, a.getenv("SECRET_MANAGER_DIRECTORY"))
		if directory == "" {
			return nil, postgres.Usage("--from file needs --directory", "give the directory that Keep has as SECRET_MANAGER_DIRECTORY")
		}
		return secretstore.Directory{Path: directory}, nil
	case storeKubernetes:
		return secretstore.Access{
			Kubeconfig: cmp.Or(f.kubeconfig, a.getenv("KUBECONFIG")), Namespace: cmp.Or(f.namespace, a.getenv("K8S_NAMESPACE")),
			ServiceAccount: secretstore.ServiceAccount, Host: a.getenv("KUBERNETES_SERVICE_HOST"), Port: a.getenv("KUBERNETES_SERVICE_PORT"),
		}.Open()
	}
	return nil, postgres.Usage("--from is required: k8s or file", "give the store that Keep uses now, its SECRET_MANAGER_TYPE")
}

func (a *app) importSecrets(ctx context.Context, store secretStore, input *importFlags) error {
	t, err := a.target(ctx, "", false)
	if err != nil {
		return err
	}
	run := a.newRun(t)
	defer run.Close(ctx)
	var secrets install.Secrets
	err = a.working(ctx, "reading "+store.String(), func(ctx context.Context) (err error) {
		secrets, err = run.ImportSecrets(ctx, install.SecretImport{Read: store.Read, Refresh: input.refresh, DryRun: input.dryRun})
		return err
	})
	if err != nil {
		return postgres.Interrupted(ctx, err)
	}
	view := newSecretsView(a.tenant, store.String(), input.dryRun, secrets)
	if err := a.showSecrets(&view); err != nil {
		return err
	}
	return view.incomplete()
}

// secretLine is one secret as JSON.
type secretLine struct {
	Type   string `json:"type"` // "secret"
	Action string `json:"action"`
	Kind   string `json:"kind,omitempty"` // absent if action is unused
	Name   string `json:"name"`
	Key    string `json:"key,omitempty"`
	Reason string `json:"reason"`
}

// secretUnused is the action of a secret of the store that no row names.
const secretUnused = "unused"

// secretsView is what became of the secrets, as it is shown.
type secretsView struct {
	tenant, store string
	dryRun        bool
	lines         []secretLine
	counts        map[string]int // by action
}

func newSecretsView(tenant, store string, dryRun bool, secrets install.Secrets) secretsView {
	view := secretsView{tenant: tenant, store: store, dryRun: dryRun, counts: map[string]int{}}
	add := func(line secretLine) {
		line.Type = "secret"
		view.lines = append(view.lines, line)
		view.counts[line.Action]++
	}
	for _, s := range secrets.Found {
		add(newSecretLine(s))
	}
	for _, name := range secrets.Unused {
		add(secretLine{Action: secretUnused, Name: name, Reason: "no row of Keep names it"})
	}
	return view
}

func newSecretLine(s db.FoundSecretsRow) secretLine {
	return secretLine{Action: s.Action, Kind: s.Kind, Name: s.Name, Key: s.Key, Reason: s.Reason}
}

// secretSymbols are those of the actions in text, and their colours. What is unchanged is only counted.
var secretSymbols = map[string]struct{ text, colour string }{
	install.SecretAdd:     {"  +", report.Green},
	install.SecretUpdate:  {"  ~", report.Yellow},
	install.SecretKeep:    {"  =", report.Cyan},
	install.SecretMissing: {"  ?", report.Red},
	install.SecretRefuse:  {"  !", report.Red},
	secretUnused:          {"  .", ""},
}

// title is the name of a secret, on one line.
func (s *secretLine) title() string {
	if s.Kind == "smtp" {
		return report.Name(s.Name)
	}
	return report.Titled(s.Kind, report.Name(s.Name))
}

// showSecrets prints the result of import-secrets.
func (a *app) showSecrets(view *secretsView) error {
	n := view.counts
	if a.out.Format == report.JSON {
		for i := range view.lines {
			_ = a.out.JSONLine(&view.lines[i])
		}
		return a.out.JSONLine(struct {
			Type      string `json:"type"`
			Command   string `json:"command"`
			Tenant    string `json:"tenant"`
			Store     string `json:"store"`
			DryRun    bool   `json:"dry_run"`
			Changed   bool   `json:"changed"`
			Add       int    `json:"add"`
			Update    int    `json:"update"`
			Keep      int    `json:"keep"`
			Unchanged int    `json:"unchanged"`
			Missing   int    `json:"missing"`
			Refuse    int    `json:"refuse"`
			Unused    int    `json:"unused"`
		}{
			"summary", "import-secrets", view.tenant, view.store, view.dryRun, n[install.SecretAdd]+n[install.SecretUpdate] > 0,
			n[install.SecretAdd], n[install.SecretUpdate], n[install.SecretKeep], n[install.SecretUnchanged], n[install.SecretMissing],
			n[install.SecretRefuse], n[secretUnused],
		})
	}
	a.writeSecrets(view)
	_, err := fmt.Fprintln(&a.out, view.summary())
	return err
}

// writeSecrets lists what is not unchanged, by action: at most shownChanges of each, and what needs a look last.
func (a *app) writeSecrets(view *secretsView) {
	for _, action := range []string{install.SecretAdd, install.SecretUpdate, install.SecretKeep, secretUnused, install.SecretMissing, install.SecretRefuse} {
		var rows [][]string
		for i := range view.lines {
			line := &view.lines[i]
			if line.Action != action || len(rows) == report.ShownChanges {
				continue
			}
			reason := report.Line(line.Reason)
			if action == install.SecretMissing || action == install.SecretRefuse {
				reason += " (" + report.Line(line.Key) + ")"
			}
			rows = append(rows, []string{secretSymbols[action].text, line.title(), reason})
		}
		if rows == nil {
			continue
		}
		for _, text := range report.Table(rows) {
			fmt.Fprintln(&a.out, a.out.Paint(secretSymbols[action].colour, text[:3])+text[3:])
		}
		if more := view.counts[action] - len(rows); more > 0 {
			fmt.Fprintf(&a.out, "  ... and %d more (-o json lists all)\n", more)
		}
	}
}

// summary is the last line of text.
func (v *secretsView) summary() string {
	words := []struct{ action, done, planned string }{
		{install.SecretAdd, "copied", "to copy"},
		{install.SecretUpdate, "overwritten", "to overwrite"},
		{install.SecretKeep, "kept although the store differs", "kept although the store differs"},
		{install.SecretUnchanged, "unchanged", "unchanged"},
		{install.SecretMissing, "missing", "missing"},
		{install.SecretRefuse, "refused", "refused"},
		{secretUnused, "unused in the store", "unused in the store"},
	}
	var parts []string
	for _, word := range words {
		if n := v.counts[word.action]; n > 0 {
			text := word.done
			if v.dryRun {
				text = word.planned
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, text))
		}
	}
	if parts == nil {
		return fmt.Sprintf("tenant %s names no secrets", report.Name(v.tenant))
	}
	from := "Secrets from " + v.store + ": "
	return from + strings.Join(parts, ", ") + "."
}

// incomplete is the error for secrets that Keep will not find in the database, or cannot use; nil when there are none.
func (v *secretsView) incomplete() error {
	var parts []string
	for _, action := range []struct{ name, word string }{{install.SecretMissing, "missing"}, {install.SecretRefuse, "refused"}} {
		if n := v.counts[action.name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, action.word))
		}
	}
	if parts == nil {
		return nil
	}
	message := "not every secret is in the database: " + strings.Join(parts, ", ")
	if !v.dryRun && slices.ContainsFunc(v.lines, func(s secretLine) bool { return s.Action == install.SecretAdd || s.Action == install.SecretUpdate }) {
		message += "; the others were copied"
	}
	return &postgres.Error{
		Code: postgres.CodeSecrets, Message: message, ExitCode: postgres.ExitRefused,
		Hint: "see the reason of each: correct the store, or enter the secret again in Keep; then run again (docs/secrets.md)",
	}
}
