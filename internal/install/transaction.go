package install

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
	sqlfiles "keep-bootstrap/sql"
)

// settings are set in the transaction because pgbouncer refuses them at the start of a session; the procedure sets its
// own for the locks that it takes. If this program vanishes without a word, the server ends the transaction after a
// minute instead of keeping rows locked. The transaction id is noted before COMMIT, so that the outcome is known if the
// answer is lost.
const settings = `SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text,
	pg_catalog.set_config('lock_timeout', '500ms', true), pg_catalog.set_config('idle_in_transaction_session_timeout', '60s', true)`

// transaction is one transaction of a run: BEGIN and a look at the schema; COPY, which asks for the types of the
// columns first; then the statements with COMMIT.
type transaction struct {
	// prepare migrates what is missing of schema bootstrap in the same transaction, and makes the foreign key
	// deferrable right before COMMIT.
	prepare bool
	// dry ends the transaction with ROLLBACK.
	dry bool
	// stage are the rows for staging, which no other session sees.
	stage []db.StageParams
	// queue adds the statements.
	queue func(*pgx.Batch)
	// report, if given, is filled after them. Once it is, a transaction that has committed need not be repeated.
	report *db.RunReport
}

// try is one try of a transaction. A failed one leaves nothing.
func (r *Run) try(ctx context.Context, t transaction) (migrate.Result, error) {
	conn, err := r.Connection(ctx)
	if err != nil {
		return migrate.Result{}, err
	}
	opened, err := r.open(ctx, conn, t.prepare)
	if err == nil && len(t.stage) > 0 {
		_, err = db.New(conn).Stage(ctx, t.stage)
	}
	if err != nil {
		postgres.Rollback(ctx, conn)
		return migrate.Result{}, encodable(conn, err)
	}
	batch := &pgx.Batch{}
	t.queue(batch)
	if t.report != nil {
		*t.report = db.RunReport{} // not that of an earlier try
		batch.Queue(db.Report).Query(postgres.One(t.report))
	}
	var foreignKey string
	var committed bool
	if t.dry {
		batch.Queue("ROLLBACK")
	} else {
		if t.prepare {
			batch.Queue(db.PrepareKeep).QueryRow(func(row pgx.Row) error { return row.Scan(&foreignKey) })
		}
		batch.Queue("COMMIT").Exec(func(pgconn.CommandTag) error {
			committed = true
			return nil
		})
	}
	err = conn.SendBatch(ctx, batch).Close()
	switch {
	case committed && (err == nil || postgres.Lost(err) && ctx.Err() == nil):
		r.logPrepared(opened, foreignKey)
		return opened.migrated, nil
	case committed:
		return opened.migrated, AfterCommit(ctx, err)
	case err != nil:
		postgres.Rollback(ctx, conn) // an interrupted batch need not have been sent, and then the connection lives
	}
	if !t.dry && postgres.Lost(err) {
		return opened.migrated, &lostCommit{transaction: opened.transaction, err: err}
	}
	return opened.migrated, encodable(conn, err)
}

// AfterCommit is the error of something that failed after the run was committed.
func AfterCommit(ctx context.Context, err error) error {
	e := *postgres.From(postgres.Interrupted(ctx, err))
	e.Message = "the run was committed, but then: " + e.Message
	e.Hint = "run again, or run keep-bootstrap verify, to check the result"
	return &e
}

// opened is an open transaction, and what was made ready in it.
type opened struct {
	transaction string // its id
	migrated    migrate.Result
	tables      bool // Keep's tables were created
}

// open begins the transaction. It fails unless schema bootstrap is current; with prepare, it is migrated.
func (r *Run) open(ctx context.Context, conn *pgx.Conn, prepare bool) (done opened, err error) {
	var status migrate.Status
	batch := done.begin()
	batch.Queue(db.SchemaVersion).Query(postgres.One(&status))
	err = status.Missing(conn.SendBatch(ctx, batch).Close())
	current, incompatible := status.Current()
	if err = cmp.Or(err, incompatible); err != nil {
		return done, err
	}
	if !prepare || current && !r.CreateTables {
		done.migrated = migrate.Result{From: status.Version, To: status.Version}
		return done, status.Require()
	}
	postgres.Rollback(ctx, conn)

	if err := conn.SendBatch(ctx, done.begin()).Close(); err != nil {
		return done, err
	}
	if done.migrated, err = migrate.Within(ctx, conn, r.Log); err != nil {
		return done, err
	}
	if r.CreateTables {
		if done.tables, err = createTables(ctx, conn); err != nil {
			return done, fmt.Errorf("creating Keep's tables: %w", err)
		}
	}
	_, err = conn.Exec(ctx, settings) // the migration has its own
	return done, err
}

// begin begins a transaction, and looks whose schema it is before anything of it is read.
func (o *opened) begin() *pgx.Batch {
	batch := &pgx.Batch{}
	batch.Queue("BEGIN ISOLATION LEVEL READ COMMITTED")
	batch.Queue(postgres.Settings)
	batch.Queue(sqlfiles.Guard)
	batch.Queue(settings).QueryRow(func(row pgx.Row) error { return row.Scan(&o.transaction, nil, nil) })
	return batch
}

// createTables creates Keep's tables if none of them exists, and returns whether it did. Two programs at once are kept
// apart by an advisory lock.
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
