package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"keep-bootstrap/internal/activate"
	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
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

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "check the database and the managed resources",
		Long: `Check Keep's tables, the foreign key, the tenant, privileges, the API key of webhooks (for roles
that may read it), and that managed objects and their secrets are unchanged since the last run.
Nothing is written. The exit code is 78 if a check fails, and 0 if there are warnings only.`,
		Example: example("keep-bootstrap verify -o json"),
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var checks []db.CheckResult
			mayReadKeys := false
			err := a.read(cmd.Context(), func(batch *pgx.Batch) {
				batch.Queue(db.Verify, a.tenant).Query(postgres.All(&checks))
				batch.Queue(db.MayReadKeys).QueryRow(func(row pgx.Row) error { return row.Scan(&mayReadKeys) })
			})
			// The check of the tenant comes after those that the tables fit and are trusted.
			if err == nil && mayReadKeys && slices.ContainsFunc(checks, func(check db.CheckResult) bool { return check.Name == "tenant" }) {
				checks, err = a.verifyKey(cmd.Context(), checks)
			}
			if err != nil {
				return err
			}
			failed := failedChecks(checks)
			return cmp.Or(a.out.Checks(checks, failed == nil), failed)
		},
	}
}

// verifyKey adds the check of the API key that Keep gives to outside systems, if this Keep has the tables for it.
func (a *app) verifyKey(ctx context.Context, checks []db.CheckResult) ([]db.CheckResult, error) {
	var key db.WebhookKeyRow
	err := a.read(ctx, func(batch *pgx.Batch) {
		batch.Queue(db.RequireTables)
		batch.Queue(db.WebhookKey, a.tenant).Query(postgres.One(&key))
	})
	if e := postgres.From(err); e != nil && strings.HasPrefix(e.Code, "KB0") {
		return checks, nil
	}
	return append(checks, activate.KeyCheck(a.tenant, key.State)), err
}

// failedChecks is the error for checks that failed; nil when none did.
func failedChecks(checks []db.CheckResult) error {
	failed := 0
	for _, check := range checks {
		if check.Ok != nil && !*check.Ok {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return &postgres.Error{
		Code: postgres.CodeVerify, Message: report.Number(failed, "check") + " failed", ExitCode: postgres.ExitRefused,
		Hint: "follow the hint of each failed check",
	}
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "list the resources of the tenant, their origin and condition",
		Long: `List the resources of the tenant: who created each (keep-bootstrap, Keep's own provisioning or a
user), the run that wrote it last, and its condition. Nothing is written.`,
		Example: example("keep-bootstrap status -o json"),
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var providers []db.ProviderStatus
			err := a.read(cmd.Context(), func(batch *pgx.Batch) { batch.Queue(db.Status, a.tenant).Query(postgres.All(&providers)) })
			if err != nil {
				return err
			}
			return a.out.Status(a.tenant, providers)
		},
	}
}

func (a *app) historyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history [RUN]",
		Short: "list the runs of the tenant, or the changes of one run",
		Long: `List the runs that changed something or failed, newest first. With the number of a run, list its
changes. Nothing is written.`,
		Example: example("keep-bootstrap history 12"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var runs []db.Run
			readRuns := func(batch *pgx.Batch) { batch.Queue(db.History, a.tenant).Query(postgres.All(&runs)) }
			if len(args) == 0 {
				if err := a.read(cmd.Context(), readRuns); err != nil {
					return err
				}
				return a.out.History(runs)
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
					return a.out.HistoryRun(runs[i], changes)
				}
			}
			return postgres.Usage(fmt.Sprintf("the journal of tenant %s has no run %d", a.tenant, number), "run keep-bootstrap history to list them")
		},
	}
}
