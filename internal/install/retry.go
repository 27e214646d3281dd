package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
)

// policy repeats an operation that conflicts with another session.
func (r *Run) policy() postgres.Policy {
	return postgres.Policy{Limit: cmp.Or(r.RetryFor, DefaultRetryFor), Notify: postgres.LogRetry(r.Log)}
}

// retry repeats a transaction that conflicts with another session, and after a lost connection once it is known that
// nothing was written.
func (r *Run) retry(ctx context.Context, t transaction) (migrate.Result, error) {
	var broken error // of a connection that worked at first
	var again bool
	policy := r.policy()
	policy.Again = func(error) bool { return again }
	return postgres.Retry(ctx, policy, func() (migrate.Result, error) {
		migrated, err := r.try(ctx, t)
		again = postgres.Conflict(err)
		var lost *lostCommit
		switch {
		case err == nil || again:
		case errors.As(err, &lost):
			broken = err
			again, err = r.resolve(ctx, t, lost)
		case postgres.Lost(err) && ctx.Err() == nil:
			broken, again = err, true
		case broken != nil && postgres.From(err).ExitCode == postgres.ExitUnavailable:
			again, err = true, broken // the server restarts
		}
		return migrated, err
	})
}

// lostCommit is the error of a run whose connection broke when its COMMIT may have been on the way.
type lostCommit struct {
	transaction string
	err         error
}

func (e *lostCommit) Error() string {
	return "the connection was lost before the answer to COMMIT came: " + e.err.Error()
}

func (e *lostCommit) Unwrap() error { return e.err }

// resolve asks the server what became of the transaction. Committed: the run repeats, finds nothing to do, and reports
// that. Aborted: nothing was written, and retry starts over. Unknown: exit code 75, and the message says that nobody knows.
func (r *Run) resolve(ctx context.Context, t transaction, lost *lostCommit) (again bool, err error) {
	status, err := r.transactionStatus(ctx, lost.transaction)
	switch {
	case err == nil && status == "committed":
		r.Log.Warn("the answer to COMMIT was lost; the server says that the transaction committed",
			"transaction", lost.transaction)
		if ctx.Err() != nil {
			return false, AfterCommit(ctx, context.Cause(ctx))
		}
		if t.report != nil && t.report.TenantID != "" {
			return false, nil
		}
		return true, errRepeatForReport
	case err == nil && status == "aborted" && ctx.Err() != nil:
		return false, postgres.Interrupted(ctx, lost)
	case err == nil && status == "aborted":
		r.Log.Warn("the connection was lost; the server says that nothing was written", "transaction", lost.transaction)
		return true, postgres.New(postgres.CodeLost, "the connection to the database was lost",
			"the server confirmed that nothing was written: run again", lost)
	}
	message := fmt.Sprintf("the connection was lost during COMMIT, "+
		"and the server cannot say whether transaction %s committed", lost.transaction)
	return false, postgres.New(postgres.CodeUnknown, message,
		"run again: a run that is up to date writes nothing", lost, err)
}

// errRepeatForReport makes retry repeat a run that has committed, because only its report is missing.
var errRepeatForReport = postgres.New(postgres.CodeLost, "the report was lost, the providers are installed",
	"run again to see the state")

// transactionStatus returns committed or aborted. Otherwise nothing can be said: the transaction is too old, or an
// error says that the server still has not noticed after a few seconds that the connection is gone.
func (r *Run) transactionStatus(ctx context.Context, transaction string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	policy := postgres.Policy{Limit: 8 * time.Second, Again: func(error) bool { return true }}
	return postgres.Retry(ctx, policy, func() (string, error) {
		conn, err := r.Connection(ctx)
		if err != nil {
			return "", err
		}
		var status *string // NULL if the transaction is too old
		err = conn.QueryRow(ctx, "SELECT pg_catalog.pg_xact_status($1::pg_catalog.text::pg_catalog.xid8)", transaction).Scan(&status)
		if err == nil && text(status) == "in progress" {
			err = errors.New("still in progress")
		}
		return text(status), err
	})
}
