package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	ternmigrate "github.com/jackc/tern/v2/migrate"

	"keep-bootstrap/internal/postgres"
)

// ternLock is the session lock that tern takes. When a migration fails, tern cannot release it, because the transaction
// is aborted by then.
const ternLock = 9628173550095224

// begin opens the outer transaction and takes its lock: class 19266 is ours, 0 means migrations. The lock of another
// program that migrates is waited for, other locks only briefly; migrations set their own timeouts.
const begin = `
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL lock_timeout = '60s';
SELECT pg_catalog.pg_advisory_xact_lock(19266, 0);
SET LOCAL lock_timeout = '5s';
SELECT pg_catalog.to_regclass('bootstrap.schema_version') IS NOT NULL, pg_catalog.to_regnamespace('bootstrap') IS NOT NULL;
`

// settings are those of begin for one migration: tern resets all settings after each. prepare_keep_later is for migration
// 005, see there.
const settings = `SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '60s'; SET LOCAL lock_timeout = '5s'; SET LOCAL bootstrap.prepare_keep_later = on;
`

// createSchema makes what tern needs before its first statement.
const createSchema = `
CREATE SCHEMA bootstrap;
COMMENT ON SCHEMA bootstrap IS '` + schemaComment + `';
`

// commentVersionTable documents the table that tern makes.
const commentVersionTable = `
COMMENT ON TABLE bootstrap.schema_version IS '` + versionTableComment + `';
COMMENT ON COLUMN bootstrap.schema_version.version IS '` + versionColumnComment + `';
COMMENT ON CONSTRAINT schema_version_pkey ON bootstrap.schema_version IS '` + versionKeyComment + `';
`

const (
	schemaComment        = `keep-bootstrap: installs the provisioned providers of Keep. Nothing in here depends on a table of Keep. Remove with bootstrap migrate --to 0.`
	versionTableComment  = `Number of the newest installed migration of schema bootstrap; kept by tern. bootstrap.migration has the details.`
	versionColumnComment = `Number of the newest installed migration.`
	versionKeyComment    = `One row.`
)

// retryFor limits how long a migration is repeated that finds a table of Keep locked.
var retryFor = 20 * time.Second

// run migrates in one transaction to the version that target chooses, given the one that the database is at once the
// lock is held. It starts over when a lock was not to be had.
func run(ctx context.Context, conn *pgx.Conn, log *slog.Logger, target func(at int32) int32) (Result, error) {
	return again(ctx, log, func() (Result, error) { return once(ctx, conn, log, target) })
}

// again repeats what finds a lock taken.
func again(ctx context.Context, log *slog.Logger, operation func() (Result, error)) (Result, error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 100*time.Millisecond, 2*time.Second
	return backoff.Retry(ctx, func() (Result, error) {
		result, err := operation()
		if err == nil || postgres.Is(err, "55P03", "40P01", "40001") {
			return result, err
		}
		return result, backoff.Permanent(err)
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(retryFor), backoff.WithNotify(func(err error, pause time.Duration) {
		log.Warn("migrating again", "because", postgres.From(err).Message, "after", pause.Round(time.Millisecond).String())
	}))
}

// once is one try of run.
func once(ctx context.Context, conn *pgx.Conn, log *slog.Logger, target func(at int32) int32) (result Result, err error) {
	exists, hasSchema, err := lock(ctx, conn)
	if err != nil {
		return Result{}, errors.Join(err, rollback(ctx, conn))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, rollback(ctx, conn))
		}
	}()
	if exists {
		status, err := Read(ctx, conn)
		if err != nil {
			return Result{}, err
		}
		result.From = status.Version
	}
	result.To = target(result.From)
	removing := exists && result.To == 0
	if result.To == result.From && !removing {
		return result, rollback(ctx, conn) // another program was faster, or there is nothing to remove
	}
	if !hasSchema {
		if err := execute(ctx, conn, createSchema); err != nil {
			return Result{}, fmt.Errorf("creating schema bootstrap: %w", err)
		}
	}
	tenantBefore, err := hasTenant(ctx, conn)
	if err != nil {
		return Result{}, err
	}
	if err := tern(ctx, conn, log, result.To); err != nil {
		return Result{}, err
	}
	tenantAfter, err := hasTenant(ctx, conn)
	if err != nil {
		return Result{}, err
	}
	result.TenantSeeded = tenantAfter && !tenantBefore
	if result.To == 0 {
		err = removeSchema(ctx, conn, log)
	} else if !exists {
		err = execute(ctx, conn, commentVersionTable)
	}
	if err != nil {
		return Result{}, err
	}
	if err := execute(ctx, conn, "COMMIT"); postgres.Lost(err) {
		return Result{}, &postgres.Error{
			Code: postgres.CodeUnknown, ExitCode: postgres.ExitTemporary, Retry: true, Err: err,
			Message: "the connection was lost during COMMIT of the migration", Hint: "run again: what is migrated is not repeated",
		}
	} else if err != nil {
		return Result{}, fmt.Errorf("committing the migration: %w", err)
	}
	if result.To == Known() {
		// The callers judge, and repeat, when the lock is not to be had.
		if err := execute(ctx, conn, "SELECT bootstrap.prepare_keep()"); err != nil && !postgres.Is(err, "55P03", "40P01") {
			return result, fmt.Errorf("making the foreign key of provider deferrable (schema bootstrap is migrated): %w", err)
		}
	}
	return result, nil
}

// unprepare restores the foreign key of provider before a migration back: in a transaction of its own, so that its lock
// is not held while the rest is taken away. Nothing to do without the routine.
func unprepare(ctx context.Context, conn *pgx.Conn, log *slog.Logger) error {
	_, err := again(ctx, log, func() (Result, error) {
		return Result{}, execute(ctx, conn, "SELECT bootstrap.unprepare_keep()")
	})
	if postgres.Is(err, "42883", undefinedSchema) {
		return nil
	}
	return err
}

// lock begins the transaction. exists is about the version table, hasSchema about the schema.
func lock(ctx context.Context, conn *pgx.Conn) (exists, hasSchema bool, err error) {
	results, err := conn.PgConn().Exec(ctx, begin).ReadAll()
	if err != nil {
		return false, false, fmt.Errorf("waiting for the lock of the migrations: %w", err)
	}
	row := results[len(results)-1].Rows[0]
	return string(row[0]) == "t", string(row[1]) == "t", nil
}

// hasTenant reports whether the tenant that the migrations seed exists. It is false without Keep's tables.
func hasTenant(ctx context.Context, conn *pgx.Conn) (exists bool, err error) {
	err = conn.QueryRow(ctx, "SELECT pg_catalog.to_regclass('public.tenant') IS NOT NULL").Scan(&exists)
	if err == nil && exists {
		err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM public.tenant WHERE id = 'keep')").Scan(&exists)
	}
	if err != nil {
		return false, fmt.Errorf("looking for the tenant: %w", err)
	}
	return exists, nil
}

// tern runs the migrations between where the database is and version. Each is sent as one message, so the position of
// an error is one in the whole file, and any SQL is possible that may run in a transaction.
func tern(ctx context.Context, conn *pgx.Conn, log *slog.Logger, version int32) error {
	if err := execute(ctx, conn, "SAVEPOINT tern"); err != nil {
		return err
	}
	err := func() error {
		migrations, err := load()
		if err != nil {
			return err
		}
		migrator, err := ternmigrate.NewMigratorEx(ctx, conn, versionTable, &ternmigrate.MigratorOptions{DisableTx: true})
		if err != nil {
			return err
		}
		for _, migration := range migrations {
			migrator.Migrations = append(migrator.Migrations, asOneMessage(migration))
		}
		migrator.OnStart = func(sequence int32, name, direction, _ string) {
			log.Debug("migration", "number", sequence, "name", name, "direction", direction)
		}
		return migrator.MigrateTo(ctx, version)
	}()
	if err == nil {
		return execute(ctx, conn, settings+"RELEASE SAVEPOINT tern")
	}
	// Through a pooler the session goes on to serve others: tern's lock must not stay on it.
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, ignoreClosed(conn, execute(clean, conn,
		fmt.Sprintf("ROLLBACK TO SAVEPOINT tern; SELECT pg_catalog.pg_advisory_unlock(%d)", int64(ternLock)))))
}

func asOneMessage(m *ternmigrate.Migration) *ternmigrate.Migration {
	send := func(sql string) ternmigrate.MigrationFunc {
		if strings.TrimSpace(sql) == "" {
			return nil
		}
		return func(ctx context.Context, conn *pgx.Conn) error {
			err := execute(ctx, conn, settings+sql)
			if server, ok := errors.AsType[*pgconn.PgError](err); ok {
				if server.Position > int32(len(settings)) {
					server.Position -= int32(len(settings)) // characters, but settings are ASCII
				}
				return failure(m.Name, sql, server)
			}
			return err
		}
	}
	return &ternmigrate.Migration{
		Sequence: m.Sequence, Name: m.Name, UpFunc: send(m.UpSQL), DownFunc: send(m.DownSQL), DisableFuncTx: true,
	}
}

// failure is the error of a migration, with the file and line that it comes from.
func failure(name, sql string, server *pgconn.PgError) error {
	e := postgres.From(server)
	e.File = "sql/migrations/" + name
	if server.Position > 0 {
		e.File, e.Line, e.Column, e.Excerpt = place(name, sql, int(server.Position))
	}
	return e
}

// removeSchema drops the version table and then the schema, unless somebody else keeps something in it.
func removeSchema(ctx context.Context, conn *pgx.Conn, log *slog.Logger) error {
	if err := execute(ctx, conn, "DROP TABLE bootstrap.schema_version"); err != nil {
		return fmt.Errorf("removing the version table: %w", err)
	}
	rows, err := conn.Query(ctx, `
		SELECT pg_catalog.pg_describe_object(classid, objid, objsubid)
		FROM pg_catalog.pg_depend
		WHERE refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND refobjid = 'bootstrap'::pg_catalog.regnamespace
		  AND deptype = 'n'
		ORDER BY 1`)
	if err != nil {
		return fmt.Errorf("looking for what else is in schema bootstrap: %w", err)
	}
	foreign, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("looking for what else is in schema bootstrap: %w", err)
	}
	if len(foreign) > 0 {
		log.Warn("schema bootstrap stays: it holds something that is not ours", "objects", strings.Join(foreign, ", "))
		return nil
	}
	if err := execute(ctx, conn, "DROP SCHEMA bootstrap"); err != nil {
		return fmt.Errorf("removing schema bootstrap: %w", err)
	}
	return nil
}

// execute sends SQL without parameters as one message.
func execute(ctx context.Context, conn *pgx.Conn, sql string) error {
	return conn.PgConn().Exec(ctx, sql).Close()
}

// rollback ends the transaction also when the context is over.
func rollback(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return ignoreClosed(conn, execute(ctx, conn, "ROLLBACK"))
}

// ignoreClosed drops the error of cleaning up a connection that is gone: the server has cleaned up itself.
func ignoreClosed(conn *pgx.Conn, err error) error {
	if conn.IsClosed() {
		return nil
	}
	return err
}
