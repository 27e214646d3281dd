package cli

import (
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/postgres"
)

func (a *app) historyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history [RUN]",
		Short: "list the runs of the tenant, or the changes of one run",
		Long: `List the runs that changed something or failed, newest first. With the number of a run, list its
changes. Nothing is written.`,
		Example: "  keep-bootstrap history 12",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var runs []db.Run
			readRuns := func(batch *pgx.Batch) { batch.Queue(db.History, a.tenant).Query(postgres.All(&runs)) }
			if len(args) == 0 {
				if err := a.read(cmd.Context(), readRuns); err != nil {
					return err
				}
				a.out.History(runs)
				return nil
			}
			number, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return postgres.Usage(fmt.Sprintf("%q is not the number of a run", args[0]), "run keep-bootstrap history to list them")
			}
			var changes []db.Change
			err = a.read(cmd.Context(), func(batch *pgx.Batch) {
				readRuns(batch)
				batch.Queue(db.HistoryChanges, number).Query(postgres.All(&changes))
			})
			if err != nil {
				return err
			}
			for i := range runs {
				if runs[i].RunID == number {
					a.out.HistoryRun(&runs[i], changes)
					return nil
				}
			}
			return postgres.Usage(fmt.Sprintf("the journal of tenant %s has no run %d", a.tenant, number), "run keep-bootstrap history to list them")
		},
	}
}
