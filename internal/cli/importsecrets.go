package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
	"keep-bootstrap/internal/secretstore"
)

// importFlags are the flags of import-secrets.
type importFlags struct {
	from    string
	files   secretstore.Directory
	cluster secretstore.Access
	install.SecretImport
}

// The values of --from.
const (
	storeKubernetes = "k8s"
	storeFile       = "file"
)

func (a *app) importSecretsCommand() *cobra.Command {
	var input importFlags
	cmd := &cobra.Command{
		Use:   "import-secrets",
		Short: "copy Keep's secrets from Kubernetes or files into the database",
		Long: `Copy the secrets referenced by Keep's rows into Keep's table secret, so that Keep can run with
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
code is 78 if the database still lacks a secret that Keep needs: 0 means that Keep can be switched.`,
		Example: "  keep-bootstrap import-secrets --from k8s --namespace keep --dry-run",
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := input.open(a, cmd)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			run, err := a.newRun(ctx, false)
			if err != nil {
				return err
			}
			defer run.Close(ctx)
			input.Read = store.Read
			found, err := waiting(ctx, a, "reading "+store.String(), func(ctx context.Context) ([]db.FoundSecretsRow, error) {
				return run.ImportSecrets(ctx, input.SecretImport)
			})
			if err != nil {
				return err
			}
			shown := report.Secrets{Tenant: a.tenant, Store: store.String(), DryRun: input.DryRun, Found: found}
			a.out.Secrets(&shown)
			return incomplete(&shown)
		},
	}
	flags := cmd.Flags()
	choice(cmd, flags, &input.from, "from", "", "where Keep has its secrets now: `{k8s|file}`", storeKubernetes, storeFile)
	flags.StringVar(&input.files.Path, "directory", "", "`directory` of --from file (default SECRET_MANAGER_DIRECTORY)")
	flags.StringVar(&input.cluster.Namespace, "namespace", "",
		"`namespace` of --from k8s (default K8S_NAMESPACE, then that of the context or pod)")
	flags.StringVar(&input.cluster.Kubeconfig, "kubeconfig", "",
		"kubeconfig `file` of --from k8s (default KUBECONFIG, then the pod's service account)")
	flags.BoolVar(&input.Refresh, "refresh", false, "overwrite rows of table secret that differ from the store")
	flags.BoolVar(&input.DryRun, "dry-run", false, "show what would be copied, and roll back")
	return cmd
}

// secretStore is where the secrets are now.
type secretStore interface {
	Read(ctx context.Context, tenant string, keys []string) (secretstore.Contents, error)
	String() string
}

// open finds the store, before a database is touched.
func (f *importFlags) open(a *app, cmd *cobra.Command) (secretStore, error) {
	foreign := map[string][]string{storeFile: {"namespace", "kubeconfig"}, storeKubernetes: {"directory"}}
	for _, name := range foreign[f.from] {
		if cmd.Flags().Changed(name) && a.variables[variable(name)] == "" {
			return nil, postgres.Usage(fmt.Sprintf("--%s cannot be combined with --from %s", name, f.from),
				"run keep-bootstrap import-secrets --help for the flags")
		}
	}
	switch f.from {
	case storeFile:
		f.files.Path = cmp.Or(f.files.Path, a.variables["SECRET_MANAGER_DIRECTORY"])
		if f.files.Path == "" {
			return nil, postgres.Usage("--from file needs --directory", "give Keep's SECRET_MANAGER_DIRECTORY")
		}
		return f.files, nil
	case storeKubernetes:
		c := &f.cluster
		c.Kubeconfig = cmp.Or(c.Kubeconfig, a.variables["KUBECONFIG"])
		c.Namespace = cmp.Or(c.Namespace, a.variables["K8S_NAMESPACE"])
		c.ServiceAccount = secretstore.ServiceAccount
		c.Host, c.Port = a.variables["KUBERNETES_SERVICE_HOST"], a.variables["KUBERNETES_SERVICE_PORT"]
		return c.Open()
	}
	return nil, postgres.Usage("--from is required: k8s or file", "give the store that Keep uses now, its SECRET_MANAGER_TYPE")
}

// incomplete is the error for secrets that Keep will not find in the database, or cannot use; nil when there are none.
func incomplete(s *report.Secrets) error {
	counts := s.Counts()
	missing, refused := counts[install.SecretMissing], counts[install.SecretRefuse]
	if missing+refused == 0 {
		return nil
	}
	message := fmt.Sprintf("not every secret is in the database: %d missing, %d refused", missing, refused)
	if !s.DryRun && counts[install.SecretAdd]+counts[install.SecretUpdate] > 0 {
		message += "; the others were copied"
	}
	return postgres.New(postgres.CodeSecrets, message,
		"see the reason of each: correct the store, or enter the secret again in Keep; then run again (docs/secrets.md)")
}
