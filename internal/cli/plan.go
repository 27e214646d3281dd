package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/pgerr"
)

func (a *app) planCommand() *cobra.Command {
	var input inputFlags
	var detailed bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "show what apply would write, and write nothing",
		Long: `plan shows the changes that apply would make: + add, ~ update, > rename, -/+ replace, - prune, = adopt, with the
names of the fields that differ and never a value. When a guard would refuse, the plan is shown and the exit code is 78.

Flags win over variables (BOOTSTRAP_FILE, BOOTSTRAP_MAX_PRUNE, ...), variables over defaults.`,
		Example: example(
			"bootstrap plan -f providers.yaml",
			"bootstrap plan -f providers.yaml --detailed-exitcode -o json"),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			m, err := input.load(a)
			if err != nil {
				return err
			}
			t, err := a.target(ctx, "", false)
			if err != nil {
				return err
			}
			run := a.newRun(t)
			defer run.Close(ctx)
			run.Manifest, run.Options = m, input.options(cmd, a)
			var changes []db.PlannedChange
			done := a.progress("planning " + count(len(m.Providers), "provider"))
			err = a.waiting(ctx, func(ctx context.Context) (err error) {
				changes, err = run.Plan(ctx)
				return err
			})
			done()
			if err != nil {
				return err
			}
			changed, err := a.showPlan(changes)
			if err != nil {
				return err
			}
			if err := install.Refusal(changes); err != nil {
				return err
			}
			if detailed && changed {
				a.exit = pgerr.ExitChanges
			}
			return nil
		},
	}
	input.register(cmd)
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit code 2 when there are changes")
	return cmd
}
