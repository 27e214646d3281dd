package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/migrate"
)

func (a *app) migrateCommand() *cobra.Command {
	var to int32
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "install or remove schema bootstrap",
		Long: `Migrate schema bootstrap to the version of this program, in one transaction, and make the foreign
key of Keep's table provider deferrable. If Keep's tables do not exist yet, the next run does the
latter. It is safe to repeat and to run concurrently.

--to N migrates to another version. --to 0 removes schema bootstrap and restores the foreign key. No
row and no other table of Keep is touched.`,
		Example: "  keep-bootstrap migrate",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			run, err := a.newRun(ctx, true)
			if err != nil {
				return err
			}
			defer run.Close(ctx)
			result, err := waiting(ctx, a, "migrating", func(ctx context.Context) (migrate.Result, error) {
				conn, err := run.Connection(ctx)
				if err != nil {
					return migrate.Result{}, err
				}
				if cmd.Flags().Changed("to") {
					return migrate.To(ctx, conn, a.log, to)
				}
				result, err := migrate.Up(ctx, conn, a.log)
				if err == nil {
					err = run.PrepareKeep(ctx)
				}
				return result, err
			})
			if err == nil {
				a.out.Migration(result)
			}
			return err
		},
	}
	cmd.Flags().Int32Var(&to, "to", 0, "migrate to this `version`; 0 removes everything (default the newest)")
	return cmd
}
