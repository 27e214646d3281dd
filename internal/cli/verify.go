package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"keep-bootstrap/internal/activate"
	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "check the database and the managed resources",
		Long: `Check Keep's tables, the foreign key, the tenant, privileges, the API key of webhooks (for roles
that may read it), and that managed objects and their secrets are unchanged since the last run.
Nothing is written. The exit code is 78 if a check fails, and 0 if there are warnings only.`,
		Example: "  keep-bootstrap verify -o json",
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
			a.out.Checks(checks, failed == nil)
			return failed
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
	return postgres.New(postgres.CodeVerify, report.Number(failed, "check")+" failed",
		"follow the hint of each failed check")
}
