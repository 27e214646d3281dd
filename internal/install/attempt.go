package install

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
	sqlfiles "keep-bootstrap/sql"
)

// settings are set in the transaction because pgbouncer refuses them at the start of a session; the procedure sets its own for the
// locks that it takes. If this program vanishes without a word, the server ends the transaction after a minute instead of keeping
// rows locked. The transaction id is noted before COMMIT, so that the outcome is known if the answer is lost.
const settings = `SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text,
	pg_catalog.set_config('lock_timeout', '500ms', true), pg_catalog.set_config('idle_in_transaction_session_timeout', '60s', true)`

// attempt is one try of the whole run: BEGIN and a look at the schema; COPY, which asks for the types of the columns first; CALL,
// report and COMMIT. With prepare, whatever is missing of the schema is migrated in the same transaction, and the foreign key is
// made deferrable right before COMMIT: a failed run leaves nothing.
func (r *Run) attempt(ctx context.Context, prepare bool) (Outcome, error) {
	conn, err := r.Connection(ctx)
	if err != nil {
		return Outcome{}, err
	}
	transaction, prepared, err := r.open(ctx, conn, prepare)
	if err == nil {
		err = r.stage(ctx, conn)
	}
	if err != nil {
		postgres.Rollback(ctx, conn)
		return Outcome{}, err
	}

	outcome := Outcome{Migrated: prepared.migrated}
	var foreignKey string
	var committed bool
	batch := &pgx.Batch{}
	batch.Queue(db.InstallStaged, r.Tenant, r.Options.document())
	batch.Queue(db.Report).Query(postgres.One(&outcome.Report))
	if prepare {
		batch.Queue(db.PrepareKeep).QueryRow(func(row pgx.Row) error { return row.Scan(&foreignKey) })
	}
	batch.Queue("COMMIT").Exec(func(pgconn.CommandTag) error {
		committed = true
		return nil
	})
	err = conn.SendBatch(ctx, batch).Close()
	switch {
	case err == nil, committed && postgres.Lost(err) && ctx.Err() == nil:
		r.logPrepared(prepared, foreignKey)
		return outcome, nil
	case committed:
		return outcome, AfterCommit(ctx, err)
	case postgres.Lost(err):
		return outcome, &lostCommit{transaction: transaction, err: err}
	}
	postgres.Rollback(ctx, conn)
	return Outcome{}, fmt.Errorf("installing: %w", r.explain(ctx, conn, prepare, err))
}

// AfterCommit is the error of something that failed after the run was committed.
func AfterCommit(ctx context.Context, err error) error {
	e := *postgres.From(postgres.Interrupted(ctx, err))
	e.Message = "the run was committed, but then: " + e.Message
	e.Hint = "run again, or run keep-bootstrap verify, to check the result"
	return &e
}

// prepared is what was made ready in the transaction of a run.
type prepared struct {
	migrated migrate.Result
	tables   bool // Keep's tables were created
}

// open begins the transaction and returns its id. It fails unless schema bootstrap is current; with prepare, it is migrated.
func (r *Run) open(ctx context.Context, conn *pgx.Conn, prepare bool) (transaction string, done prepared, err error) {
	var version db.SchemaVersionRow
	batch := opening(&transaction)
	batch.Queue(db.SchemaVersion).Query(postgres.One(&version))
	status, err := migrate.NewStatus(version, conn.SendBatch(ctx, batch).Close())
	if err == nil {
		err = status.Require()
	}
	if err == nil && !(prepare && r.CreateTables) {
		return transaction, prepared{migrated: migrate.Result{From: status.Version, To: status.Version}}, nil
	}
	if err != nil && !(prepare && outdated(err)) {
		return "", done, err
	}
	postgres.Rollback(ctx, conn)

	if err := conn.SendBatch(ctx, opening(&transaction)).Close(); err != nil {
		return "", done, err
	}
	if done.migrated, err = migrate.Within(ctx, conn, r.Log); err != nil {
		return "", done, err
	}
	if r.CreateTables {
		if done.tables, err = createTables(ctx, conn); err != nil {
			return "", done, fmt.Errorf("creating Keep's tables: %w", err)
		}
	}
	batch = &pgx.Batch{} // migrations reset all settings
	batch.Queue(postgres.Settings)
	batch.Queue(settings)
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return "", done, err
	}
	return transaction, done, nil
}

// outdated reports whether an error says that schema bootstrap is missing or old.
func outdated(err error) bool {
	code := postgres.From(err).Code
	return code == postgres.CodeNoSchema || code == postgres.CodeOldSchema
}

// opening begins a transaction, and looks whose schema it is before anything of it is read.
func opening(transaction *string) *pgx.Batch {
	batch := &pgx.Batch{}
	batch.Queue("BEGIN ISOLATION LEVEL READ COMMITTED")
	batch.Queue(postgres.Settings)
	batch.Queue(sqlfiles.Guard)
	batch.Queue(settings).QueryRow(func(row pgx.Row) error {
		var ignored string
		return row.Scan(transaction, &ignored, &ignored)
	})
	return batch
}

// createTables creates Keep's tables if none of them exists, and returns whether it did. Two programs at once are kept apart by an advisory lock.
func createTables(ctx context.Context, conn *pgx.Conn) (created bool, err error) {
	var exist bool
	batch := &pgx.Batch{}
	batch.Queue("SELECT pg_catalog.pg_advisory_xact_lock(19266, 1)")
	batch.Queue(`SELECT EXISTS (SELECT FROM bootstrap.keep_column AS k
		WHERE pg_catalog.to_regclass(pg_catalog.format('public.%I', k.table_name)) IS NOT NULL)`).
		QueryRow(func(row pgx.Row) error { return row.Scan(&exist) })
	if err := conn.SendBatch(ctx, batch).Close(); err != nil || exist {
		return false, err
	}
	return true, conn.PgConn().Exec(ctx, sqlfiles.KeepTables).Close()
}
