package cli

import (
	"cmp"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/planfile"
)

func (a *app) applyCommand() *cobra.Command {
	var input inputFlags
	var planPath string
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "install the input in a migrated database",
		Long: `Install the input for the tenant: add, update, rename, replace and prune in one transaction. Create
the tenant if it does not exist. apply does not migrate, unlike keep-bootstrap up. It is safe to
repeat.

--plan FILE applies a plan file of keep-bootstrap plan --out, with its sources and options. It is
refused if the input or the database has changed since, and for another tenant or database.`,
		Example: "  keep-bootstrap apply --plan plan.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, options := cmd.Context(), input.options(cmd, a)
			if planPath == "" {
				run, err := a.inputRun(ctx, &input, options, false)
				if err != nil {
					return err
				}
				defer run.Close(ctx)
				return a.install(ctx, "apply", run, run.Apply)
			}
			plan, err := planfile.Read(planPath)
			if err != nil {
				return err
			}
			if err := plan.Check(a.tenant, input.recorded(options), cmd.Flags()); err != nil {
				return err
			}
			a.tenant = plan.Tenant
			run, err := a.inputRun(ctx, &input, input.use(plan, options), false)
			if err != nil {
				return err
			}
			defer run.Close(ctx)
			at := planfile.DatabaseOf(run.Config)
			if err := plan.RequireDatabase(at); err != nil {
				return err
			}
			return plan.Explain(a.install(ctx, "apply", run, run.Apply), at)
		},
	}
	input.register(cmd)
	a.metricsFlag(cmd)
	cmd.Flags().StringVar(&planPath, "plan", "", "apply this plan `file` of plan --out, and nothing else")
	return cmd
}

// use takes the sources of the plan, and returns its options. What the environment says is not of the plan.
func (f *inputFlags) use(plan *planfile.Plan, given install.Options) install.Options {
	options := plan.Options.Options
	f.source.Files, f.source.Strict, f.catalogue = plan.Options.File, plan.Options.Strict, plan.Options.Catalogue
	f.source.AllowUnknownTypes = options.AllowUnknownTypes != nil && *options.AllowUnknownTypes
	options.PlanDigest = &plan.Digest
	options.ToolVersion = given.ToolVersion
	options.ProvisionResources = given.ProvisionResources
	options.SecretManager = cmp.Or(given.SecretManager, options.SecretManager)
	return options
}
