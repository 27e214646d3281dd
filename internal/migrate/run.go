package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	ternmigrate "github.com/jackc/tern/v2/migrate"

	"keep-bootstrap/internal/postgres"
	sqlfiles "keep-bootstrap/sql"
)

// ternLock is the session lock that tern takes. When a migration fails, tern cannot release it, because the transaction
// is aborted by then.
const ternLock = 9628173550095224

// takeLock waits for another program that migrates, and other locks only briefly: class 19266 belongs to keep-bootstrap, 0 means migrations. It
// reads the catalogue tables, because to_regclass may answer from a cache that is older than the wait.
const takeLock = `
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL lock_timeout = '60s';
SELECT pg_catalog.pg_advisory_xact_lock(19266, 0);
SET LOCAL lock_timeout = '5s';
SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
               WHERE n.nspname = 'bootstrap' AND c.relname = 'schema_version'),
       EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'bootstrap');
`

// settings are those of takeLock for one migration: tern resets all settings after each.
const settings = `SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '60s'; SET LOCAL lock_timeout = '5s'; `

// keepLater leaves Keep's tenant and foreign key to the run that follows in the same transaction: see migration 004.
const keepLater = `SET LOCAL bootstrap.keep_later = on; `

// createSchema makes what tern needs before its first statement. The schema belongs to the role that the guard has chosen,
// which need not be allowed to create it if the session is.
const createSchema = `
DO $$
DECLARE
	v_owner name := current_user;
BEGIN
	PERFORM pg_catalog.set_config('role', 'none', true);
	EXECUTE pg_catalog.format('CREATE SCHEMA bootstrap AUTHORIZATION %I', v_owner);
	PERFORM pg_catalog.set_config('role', v_owner, true);
END
$$;
COMMENT ON SCHEMA bootstrap IS '` + schemaComment + `';
`

// commentVersionTable documents the table that tern makes.
const commentVersionTable = `
COMMENT ON TABLE bootstrap.schema_version IS '` + versionTableComment + `';
COMMENT ON COLUMN bootstrap.schema_version.version IS '` + versionColumnComment + `';
COMMENT ON CONSTRAINT schema_version_pkey ON bootstrap.schema_version IS '` + versionKeyComment + `';
`

const (
	schemaComment        = `keep-bootstrap: installs the provisioned providers of Keep. Nothing in here depends on a table of Keep. Remove with keep-bootstrap migrate --to 0.`
	versionTableComment  = `Number of the newest installed migration of schema bootstrap; kept by tern.`
	versionColumnComment = `Number of the newest installed migration.`
	versionKeyComment    = `One row.`
)

// retryFor limits how long a migration is repeated that finds a table of Keep locked.
var retryFor = 20 * time.Second

// run migrates in one transaction to the version that target chooses, given the one that the database is at once the lock is
// held. It starts over when a lock could not be acquired.
func run(ctx context.Context, conn *pgx.Conn, log *slog.Logger, target func(at int32) int32) (Result, error) {
	return postgres.Retry(ctx, postgres.Policy{
		First: 100 * time.Millisecond, Most: 2 * time.Second, Limit: retryFor,
		Notify: func(err error, pause time.Duration) {
			log.Warn("migrating again", "because", postgres.From(err).Message, "after", pause.Round(time.Millisecond).String())
		},
	}, func() (Result, error) { return once(ctx, conn, log, target) })
}

// once is one try of run.
func once(ctx context.Context, conn *pgx.Conn, log *slog.Logger, target func(at int32) int32) (result Result, err error) {
	defer func() {
		if err != nil {
			postgres.Rollback(ctx, conn)
		}
	}()
	if err := execute(ctx, conn, "BEGIN ISOLATION LEVEL READ COMMITTED; "+postgres.Settings+"; "+sqlfiles.Guard); err != nil {
		return Result{}, err
	}
	if result, err = within(ctx, conn, log, target, settings); err != nil {
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
	return result, nil
}

// Within installs the missing migrations in the open transaction, after the guard. Keep's tenant and foreign key are left to the
// caller. It changes settings of the transaction: set them again. On an error the transaction must be rolled back.
//
// Errors: 55P03 if another program migrates for longer than 60 s, 42501 without CREATE on the database, "old-program".
func Within(ctx context.Context, conn *pgx.Conn, log *slog.Logger) (Result, error) {
	result, err := within(ctx, conn, log, func(at int32) int32 { return max(at, Known()) }, settings+keepLater)
	return result, explain(err, result.From)
}

func within(ctx context.Context, conn *pgx.Conn, log *slog.Logger, target func(at int32) int32, settings string) (Result, error) {
	results, err := conn.PgConn().Exec(ctx, takeLock).ReadAll()
	if err != nil {
		return Result{}, fmt.Errorf("waiting for the lock of the migrations: %w", err)
	}
	row := results[len(results)-1].Rows[0]
	exists, hasSchema := string(row[0]) == "t", string(row[1]) == "t"
	var result Result
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
		return result, nil // a concurrent program did it, or there is nothing to remove
	}
	if !hasSchema {
		if err := execute(ctx, conn, createSchema); err != nil {
			return Result{}, fmt.Errorf("creating schema bootstrap: %w", err)
		}
	}
	if err := tern(ctx, conn, log, result.To, settings); err != nil {
		return result, err
	}
	if removing {
		return result, removeSchema(ctx, conn, log)
	}
	if !exists {
		return result, execute(ctx, conn, commentVersionTable)
	}
	return result, nil
}

// tern runs the migrations between where the database is and version. Each is sent as one message, so the position of
// an error is one in the whole file, and any SQL is possible that may run in a transaction.
func tern(ctx context.Context, conn *pgx.Conn, log *slog.Logger, version int32, settings string) error {
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
			migrator.Migrations = append(migrator.Migrations, asOneMessage(migration, settings))
		}
		migrator.OnStart = func(sequence int32, name, direction, _ string) {
			log.Debug("migration", "number", sequence, "name", name, "direction", direction)
		}
		return migrator.MigrateTo(ctx, version)
	}()
	if err == nil {
		return execute(ctx, conn, settings+"RELEASE SAVEPOINT tern")
	}
	// Through a pooler the session continues to serve others: tern's lock must not stay on it.
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, ignoreClosed(conn, execute(clean, conn,
		fmt.Sprintf("ROLLBACK TO SAVEPOINT tern; SELECT pg_catalog.pg_advisory_unlock(%d)", int64(ternLock)))))
}

func asOneMessage(m *ternmigrate.Migration, settings string) *ternmigrate.Migration {
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

// removeSchema drops the version table and then the schema, unless it contains objects of others.
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
		log.Warn("schema bootstrap not removed: it contains objects that keep-bootstrap did not create", "objects", strings.Join(foreign, ", "))
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

// ignoreClosed drops the error of cleaning up a connection that is gone: the server has cleaned up itself.
func ignoreClosed(conn *pgx.Conn, err error) error {
	if conn.IsClosed() {
		return nil
	}
	return err
}
