package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
)

// read sends queries to a database that is migrated, in one round trip. Reads only, so it works on a standby.
func (a *app) read(ctx context.Context, queue func(*pgx.Batch)) error {
	t, err := a.target(ctx, "", false)
	if err != nil {
		return err
	}
	return a.waiting(ctx, func(ctx context.Context) error {
		conn, err := postgres.Connect(ctx, t.config)
		if err != nil {
			return err
		}
		defer postgres.Close(ctx, conn)
		return migrate.Query(ctx, conn, queue)
	})
}

// rows reads the rows of a query.
func rows[T any](into *[]T) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		return err
	}
}

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "check what the software relies on and what it installed",
		Long: `verify checks Keep's tables, the foreign key, the tenant, and that the installed providers and their secrets are as the
last run left them. It writes nothing. The exit code is 78 when a check fails; a warning alone leaves it 0.

Flags win over variables (BOOTSTRAP_TENANT, ...), variables over defaults.`,
		Example: example(
			"keep-bootstrap verify",
			"keep-bootstrap verify -o json"),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var checks []db.CheckResult
			err := a.read(cmd.Context(), func(batch *pgx.Batch) { batch.Queue(db.Verify, a.tenant).Query(rows(&checks)) })
			if err != nil {
				return err
			}
			if err := a.showChecks(checks); err != nil {
				return err
			}
			return failedChecks(checks)
		},
	}
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "show the providers of the tenant and where each came from",
		Long: `status lists the providers of the tenant: installed by this software, by Keep's own provisioning, or by a user, the run
that wrote each last, and what became of it since. It writes nothing.

Flags win over variables (BOOTSTRAP_TENANT, ...), variables over defaults.`,
		Example: example(
			"keep-bootstrap status",
			"keep-bootstrap status --tenant keep -o json"),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var providers []db.ProviderStatus
			err := a.read(cmd.Context(), func(batch *pgx.Batch) { batch.Queue(db.Status, a.tenant).Query(rows(&providers)) })
			if err != nil {
				return err
			}
			return a.showStatus(providers)
		},
	}
}

func (a *app) historyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history [RUN]",
		Short: "show the runs of the tenant, or what one run changed",
		Long: `history lists the runs that changed something or failed, newest first. With the number of a run it lists what that run
changed. It writes nothing.

Flags win over variables (BOOTSTRAP_TENANT, ...), variables over defaults.`,
		Example: example(
			"keep-bootstrap history",
			"keep-bootstrap history 12"),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var runs []db.Run
			readRuns := func(batch *pgx.Batch) { batch.Queue(db.History, a.tenant).Query(rows(&runs)) }
			if len(args) == 0 {
				if err := a.read(cmd.Context(), readRuns); err != nil {
					return err
				}
				return a.showRuns(runs)
			}
			number, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return postgres.Usage(fmt.Sprintf("%q is not the number of a run", args[0]), "keep-bootstrap history lists them")
			}
			var changes []db.Change
			err = a.read(cmd.Context(), func(batch *pgx.Batch) {
				readRuns(batch)
				batch.Queue(db.HistoryChanges, number).Query(rows(&changes))
			})
			if err != nil {
				return err
			}
			for i := range runs {
				if runs[i].RunID == number {
					return a.showRun(&runs[i], changes)
				}
			}
			return postgres.Usage(fmt.Sprintf("the journal of tenant %s has no run %d", a.tenant, number), "keep-bootstrap history lists them")
		},
	}
}
