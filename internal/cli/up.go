package cli

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/planfile"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

func (a *app) upCommand() *cobra.Command {
	var options planfile.Options
	var activation activateFlags
	var tenantOnly, createTables, thenActivate bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "migrate, create the tenant, install the input, verify",
		Long: `Find the database, wait for it (--wait), migrate schema bootstrap, create the tenant if it does not
exist, install the input in one transaction, verify if something changed, and report. It is safe to
repeat. Keep should then run with PROVISION_RESOURCES=false and SECRET_MANAGER_TYPE=DB.

Keep's own tables are required: run Keep's migrations first, or wait for them with --wait. In the
local database, and elsewhere with --create-tables, up creates them if none of them exists.

The input is -f, or the variables that Keep reads: KEEP_PROVIDERS, KEEP_PROVIDERS_DIRECTORY,
KEEP_PROVIDER_<NAME>, KEEP_WORKFLOW, KEEP_WORKFLOWS_DIRECTORY, KEEP_DASHBOARDS,
KEEP_MAPPINGS_DIRECTORY, KEEP_DEFAULT_USERNAME, KEEP_DEFAULT_PASSWORD and KEEP_DEFAULT_API_KEYS.
Kinds of resources that are not given are left alone. For a given kind the input is complete:
managed objects that are missing from it are removed.

With --activate, it then does what keep-bootstrap activate does; Keep must be running by then, or
start within --wait.`,
		Example: "  keep-bootstrap up -f providers.yaml --wait",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			switch {
			case !thenActivate:
			case tenantOnly:
				return postgres.Usage("--activate and --tenant-only exclude each other",
					"with --tenant-only, Keep provisions its providers itself")
			case a.out.Format == report.Markdown:
				return postgres.Usage("--activate does not support --output markdown",
					"use -o text or -o json, or run keep-bootstrap activate separately")
			default:
				if err := activation.check(a); err != nil {
					return err
				}
			}
			if tenantOnly {
				return a.seedTenant(ctx, options.TenantName, createTables)
			}
			run, err := a.inputRun(ctx, options, true)
			if err != nil {
				return err
			}
			defer run.Close(ctx)
			run.CreateTables = createTables || a.isLocal
			if err := a.install(ctx, "up", run, run.Up); err != nil || !thenActivate {
				return err
			}
			run.Close(ctx)
			return a.activate(ctx, run.Config, &activation, false)
		},
	}
	inputFlags(cmd, &options)
	activation.register(cmd)
	a.metricsFlag(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&thenActivate, "activate", false,
		"then let a running Keep install webhooks, as keep-bootstrap activate does")
	flags.BoolVar(&tenantOnly, "tenant-only", false,
		"prepare the database and create the tenant only; leave provisioning to Keep")
	flags.BoolVar(&createTables, "create-tables", false,
		"create Keep's tables if none exists (Keep's own first migration then fails)")
	a.localVersionFlag(flags)
	return cmd
}

// install runs up or apply and shows what it did. A run that fails is recorded in the journal.
func (a *app) install(
	ctx context.Context, command string, run *install.Run, do func(context.Context) (install.Outcome, error),
) error {
	outcome, err := waiting(ctx, a, "installing "+report.Contents(run.Manifest), do)
	if err != nil {
		err = postgres.Interrupted(ctx, err)
		run.RecordFailure(ctx, err)
		return err
	}
	a.committed = outcome.Report.RunID
	result := report.NewRun(command, run.Tenant, &outcome)
	a.counts = &result.Counts
	result.Log(a.log)
	if err := run.Details(ctx, &outcome, a.out.Listed(result), command == "up"); err != nil {
		return err
	}
	result.Changes, result.Checks = report.Recorded(outcome.Changes), outcome.Checks
	a.out.Result(result)
	// Shown, and no failure: the next up makes the foreign key deferrable, and what is missing now was kept so (--on-drift=keep).
	return cmp.Or(a.out.Err(), failedChecks(slices.DeleteFunc(outcome.Checks, func(check db.CheckResult) bool {
		return check.Name == "foreign_key" || check.Name == "objects"
	})))
}

func (a *app) seedTenant(ctx context.Context, name string, createTables bool) error {
	run, err := a.newRun(ctx, true)
	if err != nil {
		return err
	}
	defer run.Close(ctx)
	run.CreateTables = createTables || a.isLocal
	if name == "" {
		name = run.Tenant
		if name == "keep" {
			name = "Single Tenant" // as Keep itself calls it
		}
	}
	outcome, err := waiting(ctx, a, "creating the tenant", func(ctx context.Context) (install.Outcome, error) {
		return run.SeedTenant(ctx, name)
	})
	if err == nil {
		a.out.Tenant(run.Tenant, &outcome)
	}
	return err
}
