package install

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
)

// settings of the transaction, around the query that reads the version of the schema. They are set in the transaction
// because pgbouncer refuses them at the start of a session; the procedure sets its own for the locks that it takes. If
// this program vanishes without a word, the server ends the transaction after a minute instead of keeping rows locked.
// The transaction id is noted now, before COMMIT, so that a lost answer can be looked up.
const settings = `SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text,
	pg_catalog.set_config('lock_timeout', '500ms', true),
	pg_catalog.set_config('idle_in_transaction_session_timeout', '60s', true),
	version.* FROM (%s) AS version`

// opening adds settings to the one query that goes through it, and keeps the transaction id: one statement instead of
// two.
type opening struct {
	db.DBTX
	transaction *string
}

func (o opening) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return openingRow{o.DBTX.QueryRow(ctx, fmt.Sprintf(settings, sql), args...), o.transaction}
}

type openingRow struct {
	row         pgx.Row
	transaction *string
}

func (r openingRow) Scan(version ...any) error {
	var ignored string
	return r.row.Scan(append([]any{r.transaction, &ignored, &ignored}, version...)...)
}

// attempt is one try of the whole run, in four round trips: BEGIN and a look at the schema; COPY of the providers; COPY
// of the sources; CALL, report and COMMIT with what follows them.
func (r *Run) attempt(ctx context.Context, after ...postgres.Query) (Outcome, error) {
	conn, err := r.connection(ctx)
	if err != nil {
		return Outcome{}, err
	}
	transaction, err := r.begin(ctx, conn)
	if err != nil {
		return Outcome{}, err
	}
	if err := r.stage(ctx, conn); err != nil {
		rollback(ctx, conn)
		return Outcome{}, err
	}

	var outcome Outcome
	var committed bool
	queries := []postgres.Query{
		func(ctx context.Context, conn db.DBTX) error {
			return db.New(conn).InstallStaged(ctx, db.InstallStagedParams{TenantID: r.Tenant, Options: r.Options.document()})
		},
		func(ctx context.Context, conn db.DBTX) (err error) {
			outcome.Report, err = db.New(conn).Report(ctx)
			return err
		},
		func(ctx context.Context, conn db.DBTX) error {
			_, err := conn.Exec(ctx, "COMMIT")
			committed = err == nil
			return err
		},
	}
	err = postgres.Together(ctx, conn, append(queries, after...)...)
	switch {
	case err == nil:
		return outcome, nil
	case committed && postgres.Lost(err) && ctx.Err() == nil:
		r.Log.Warn("the connection was lost right after the providers were installed", "because", postgres.From(err).Message)
		return outcome, nil
	case committed:
		return outcome, AfterCommit(ctx, err)
	case postgres.Lost(err):
		return outcome, &lostCommit{transaction: transaction, err: err}
	}
	rollback(ctx, conn)
	return Outcome{}, fmt.Errorf("installing the providers: %w", r.explain(err))
}

// AfterCommit is the error of something that failed when the providers were installed already.
func AfterCommit(ctx context.Context, err error) error {
	e := *postgres.From(postgres.Interrupted(ctx, err))
	e.Message = "the providers are installed, but then: " + e.Message
	e.Hint = "run again, or bootstrap verify, to see that all is well"
	return &e
}

// begin opens the transaction and returns its id. It fails unless schema bootstrap is current.
func (r *Run) begin(ctx context.Context, conn *pgx.Conn) (transaction string, err error) {
	var version db.SchemaVersionRow
	err = postgres.Together(ctx, conn,
		postgres.Statement("BEGIN ISOLATION LEVEL READ COMMITTED"),
		func(ctx context.Context, conn db.DBTX) (err error) {
			version, err = db.New(opening{conn, &transaction}).SchemaVersion(ctx)
			return err
		})
	status, err := migrate.NewStatus(version, err)
	if err == nil {
		err = status.Require()
	}
	if err != nil {
		rollback(ctx, conn)
		return "", err
	}
	r.logReady(status)
	return transaction, nil
}

// rollback ends the transaction also when the context is over. Its error is of no interest: if it fails the connection
// is broken, and then the server rolls back.
func rollback(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = conn.Exec(ctx, "ROLLBACK")
}
