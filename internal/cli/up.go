package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/local"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

const upLong = `up does everything that is needed, in this order: find the database, wait for it (--wait), migrate schema bootstrap,
make sure that the tenant exists, install what is given in one transaction, verify when something changed, report.
Running it again changes nothing. Keep should then run with PROVISION_RESOURCES=false and SECRET_MANAGER_TYPE=DB.

Keep's own tables must be there: run Keep's migrations first, or wait for them with --wait. In the local database, and
elsewhere with --create-tables, up creates them when none of them exists.

up --tenant-only only prepares the database and seeds the tenant; Keep provisions its providers itself.

What to install comes from -f, or from the variables that Keep reads: KEEP_PROVIDERS, KEEP_PROVIDERS_DIRECTORY,
KEEP_PROVIDER_<NAME>, KEEP_WORKFLOW, KEEP_WORKFLOWS_DIRECTORY, KEEP_DASHBOARDS, KEEP_MAPPINGS_DIRECTORY,
KEEP_DEFAULT_USERNAME, KEEP_DEFAULT_PASSWORD and KEEP_DEFAULT_API_KEYS. What is not given is left alone. Flags win over variables (BOOTSTRAP_FILE, BOOTSTRAP_MAX_PRUNE, ...), variables over defaults.`

func (a *app) upCommand() *cobra.Command {
	var input inputFlags
	var tenantOnly, createTables bool
	var localVersion string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "do everything: migrate, seed the tenant, install what is given, verify",
		Long:  upLong,
		Example: example(
			"keep-bootstrap up -f providers.yaml",
			"DATABASE_URL=postgresql://keep@db/keep keep-bootstrap up --wait --tenant-only"),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			var m *manifest.Manifest
			if !tenantOnly {
				var err error
				if m, err = input.load(a); err != nil {
					return err
				}
			}
			t, err := a.target(ctx, localVersion, true)
			if err != nil {
				return err
			}
			run := a.newRun(t)
			defer run.Close(ctx)
			run.Manifest, run.Options = m, t.options(input.options(cmd, a))
			run.CreateTables = createTables || t.local
			if tenantOnly {
				return a.seedTenant(ctx, run, input.tenantName)
			}
			return a.install(ctx, "up", run, run.Up)
		},
	}
	input.register(cmd)
	a.metricsFlag(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&tenantOnly, "tenant-only", false, "prepare the database and seed the tenant; leave the providers to Keep")
	flags.BoolVar(&createTables, "create-tables", false, "create Keep's tables when none of them exists (Keep's own first migration then fails)")
	flags.StringVar(&localVersion, "local-version", local.DefaultVersion, "major `version` of the local PostgreSQL")
	return cmd
}

// install runs up or apply and shows what it did. A run that fails is recorded in the journal.
func (a *app) install(ctx context.Context, command string, run *install.Run, do func(context.Context) (install.Outcome, error)) error {
	var outcome install.Outcome
	done := a.progress("installing " + contents(run.Manifest))
	err := a.waiting(ctx, func(ctx context.Context) (err error) {
		outcome, err = do(ctx)
		return err
	})
	done()
	if err != nil {
		err = postgres.Interrupted(ctx, err)
		run.RecordFailure(ctx, err)
		return err
	}
	return a.showOutcome(ctx, command, run, outcome)
}

func (a *app) seedTenant(ctx context.Context, run *install.Run, name string) error {
	if name == "" {
		name = run.Tenant
		if name == "keep" {
			name = "Single Tenant" // as Keep itself calls it
		}
	}
	var outcome install.Outcome
	var created bool
	err := a.waiting(ctx, func(ctx context.Context) (err error) {
		outcome, created, err = run.SeedTenant(ctx, name)
		return err
	})
	if err != nil {
		return err
	}
	return a.showTenant(outcome, created)
}
