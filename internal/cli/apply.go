package cli

import (
	"github.com/spf13/cobra"

	"keep-bootstrap/internal/planfile"
)

func (a *app) applyCommand() *cobra.Command {
	var options planfile.Options
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
			ctx := cmd.Context()
			var plan *planfile.Plan
			if planPath != "" {
				var err error
				if plan, err = planfile.Read(planPath); err != nil {
					return err
				}
				if err = plan.Check(a.tenant, options, cmd.Flags()); err != nil {
					return err
				}
				a.tenant, options = plan.Tenant, plan.Options
				options.PlanDigest = &plan.Digest
			}
			run, err := a.inputRun(ctx, options, false)
			if err != nil {
				return err
			}
			defer run.Close(ctx)
			install := func() error { return a.install(ctx, "apply", run, run.Apply) }
			if plan == nil {
				return install()
			}
			return plan.Apply(planfile.DatabaseOf(run.Config), install)
		},
	}
	inputFlags(cmd, &options)
	a.metricsFlag(cmd)
	cmd.Flags().StringVar(&planPath, "plan", "", "apply this plan `file` of plan --out, and nothing else")
	return cmd
}
