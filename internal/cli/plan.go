package cli

import (
	"github.com/spf13/cobra"

	"keep-bootstrap/internal/planfile"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

func (a *app) planCommand() *cobra.Command {
	var options planfile.Options
	var detailed bool
	var out string
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "show the changes that apply would make",
		Long: `Show the changes that apply would make: + add, ~ update, > rename, -/+ replace, - prune, = adopt,
with the names of the differing fields but no values, the changes made outside of keep-bootstrap,
and the alerts and workflows that reference providers to be removed. Nothing is written. If a guard
would refuse the run, the plan is shown and the exit code is 78.

--out FILE also writes the plan to a file for apply --plan FILE. The file holds no secret. apply
reads the same sources again, and refuses if they or the database have changed since.`,
		Example: "  keep-bootstrap plan -f providers.yaml --detailed-exitcode",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			run, err := a.inputRun(ctx, options, false)
			if err != nil {
				return err
			}
			defer run.Close(ctx)
			plan, err := waiting(ctx, a, "planning "+report.Contents(run.Manifest), run.Plan)
			if err != nil {
				return err
			}
			related := run.Related(ctx, plan.Changes)
			shown := report.NewPlan(a.tenant, &plan, &related)
			if plan.Digest == "" && run.Options.Generation != nil {
				shown.Notes = append(shown.Notes, "a higher generation is installed: apply would do nothing")
			}
			if out != "" {
				options.SecretManager = run.Options.SecretManager
				file := planfile.Plan{
					Tenant: run.Tenant, Database: planfile.DatabaseOf(run.Config),
					Options: options, Digest: plan.Digest,
				}
				if err := file.Write(out, a.Version, shown); err != nil {
					return err
				}
				a.log.Info("plan written", "file", out)
			}
			a.counts = &shown.Counts
			a.out.Result(shown)
			if plan.Refusal != nil {
				return plan.Refusal
			}
			if detailed && shown.Counts.Sum() > 0 {
				a.exit = postgres.ExitChanges
			}
			return nil
		},
	}
	inputFlags(cmd, &options)
	a.metricsFlag(cmd)
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "end with exit code 2 if there are changes")
	cmd.Flags().StringVar(&out, "out", "", "write the plan to this `file`, for apply --plan")
	return cmd
}
