package migrate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	ternmigrate "github.com/jackc/tern/v2/migrate"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/postgres"
	sqlfiles "keep-bootstrap/sql"
)

// takeLock waits for another program that migrates, and other locks only briefly: class 19266 belongs to
// keep-bootstrap, 0 means migrations. It reads the catalogue tables, because to_regclass may answer from a cache that
// is older than the wait.
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

// createSchema makes the schema, which belongs to the role that the guard has chosen. That role need not be allowed to
// create it if the session is.
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
` + commentSchema

const commentSchema = `    COMMENT ON SCHEMA bootstrap IS 'keep-bootstrap: installs the provisioned providers of Keep. ` +
	`Nothing in here depends on a table of Keep. Remove with keep-bootstrap migrate --to 0.';
`

// createVersionTable makes the table of the installed version, as tern would.
const createVersionTable = `    CREATE TABLE bootstrap.schema_version (version int4 NOT NULL PRIMARY KEY);
    COMMENT ON TABLE bootstrap.schema_version IS 'Number of the newest installed migration of schema bootstrap.';
    COMMENT ON COLUMN bootstrap.schema_version.version IS 'Number of the newest installed migration.';
    COMMENT ON CONSTRAINT schema_version_pkey ON bootstrap.schema_version IS 'One row.';
    INSERT INTO bootstrap.schema_version (version) VALUES (0);
`

// retryFor limits how long a migration is repeated that finds a table of Keep locked.
var retryFor = 20 * time.Second

// run migrates in one transaction to a version. It starts over when a lock could not be acquired.
func run(ctx context.Context, conn *pgx.Conn, log *slog.Logger, version int32) (Result, error) {
	policy := postgres.Policy{Limit: retryFor, Notify: postgres.LogRetry(log)}
	return postgres.Retry(ctx, policy, func() (result Result, err error) {
		defer func() {
			if err != nil {
				postgres.Rollback(ctx, conn)
			}
		}()
		begin := "BEGIN ISOLATION LEVEL READ COMMITTED; " + postgres.Settings + "; " + sqlfiles.Guard
		if err := execute(ctx, conn, begin); err != nil {
			return Result{}, err
		}
		if result, err = within(ctx, conn, log, version); err != nil {
			return Result{}, err
		}
		err = execute(ctx, conn, "COMMIT")
		if postgres.Lost(err) {
			return Result{}, postgres.New(postgres.CodeUnknown,
				"the connection was lost during COMMIT of the migration",
				"run again: what is migrated is not repeated", err)
		}
		return result, err
	})
}

// Within installs the missing migrations in the open transaction, after the guard. Keep's tenant and foreign key are
// left to the caller (see migration 004). It changes timeouts of the transaction: set them again. On an error the
// transaction must be rolled back.
//
// Errors: 55P03 if another program migrates for longer than 60 s, 42501 without CREATE on the database, "old-program".
func Within(ctx context.Context, conn *pgx.Conn, log *slog.Logger) (result Result, err error) {
	if err = execute(ctx, conn, "SET LOCAL bootstrap.keep_later = on"); err == nil {
		result, err = within(ctx, conn, log, Known())
	}
	return result, explain(err, result.From)
}

func within(ctx context.Context, conn *pgx.Conn, log *slog.Logger, version int32) (Result, error) {
	results, err := conn.PgConn().Exec(ctx, takeLock).ReadAll()
	if err != nil {
		return Result{}, fmt.Errorf("waiting for the lock of the migrations: %w", err)
	}
	row := results[len(results)-1].Rows[0]
	exists, hasSchema := string(row[0]) == "t", string(row[1]) == "t"
	var status Status
	if exists {
		if status, err = Read(ctx, conn); err != nil {
			return Result{}, err
		}
	}
	if status.Version < 0 {
		return Result{}, fmt.Errorf("bootstrap.schema_version says version %d, which does not exist", status.Version)
	}
	result := Result{From: status.Version, To: version}
	if status.Version == version || status.Version > Known() {
		result.To = status.Version // a concurrent program did it, or a newer one more
		return result, nil
	}
	var missing string
	if !hasSchema {
		missing = createSchema
	}
	if !exists {
		missing += createVersionTable
	}
	if err := execute(ctx, conn, missing); err != nil {
		return result, fmt.Errorf("creating schema bootstrap: %w", err)
	}
	if err := step(ctx, conn, log, result); err != nil {
		return result, err
	}
	if version == 0 {
		return result, removeSchema(ctx, conn, log)
	}
	return result, nil
}

// step runs the migrations from one version to another. Each is sent as one message, so the position of an error is one
// in the whole file, and any SQL is possible that may run in a transaction. Tern itself would take a lock of the
// session, which stays on it after an error, for others behind a pooler.
func step(ctx context.Context, conn *pgx.Conn, log *slog.Logger, way Result) error {
	migrations, err := load()
	if err != nil {
		return err
	}
	move := func(m *ternmigrate.Migration, direction, sql string, version int32) error {
		log.Debug("migration", "number", m.Sequence, "name", m.Name, "direction", direction)
		err := execute(ctx, conn, fmt.Sprintf("%s\nUPDATE bootstrap.schema_version SET version = %d;", sql, version))
		if server, ok := errors.AsType[*pgconn.PgError](err); ok && ctx.Err() == nil { // or it was cancelled by ourselves
			return failure(m.Name, sql, server)
		}
		return err
	}
	for version := way.From; version < way.To && err == nil; version++ {
		err = move(migrations[version], "up", migrations[version].UpSQL, version+1)
	}
	for version := way.From; version > way.To && err == nil; version-- {
		err = move(migrations[version-1], "down", migrations[version-1].DownSQL, version-1)
	}
	return err
}

// failure is the error of a migration, with the file and the place in it: of the migration, or of one of the routines
// in it.
func failure(migration, sql string, server *pgconn.PgError) *postgres.Error {
	e := postgres.From(server)
	e.File = "sql/migrations/" + migration
	characters := []rune(sql)
	if server.Position < 1 || int(server.Position) > len(characters) {
		return e
	}
	offset := len(string(characters[:server.Position-1]))
	place := document.PlaceAt([]byte(sql), offset)
	e.Line, e.Column = int(place.Line), int(place.Column)
	names, _ := fs.Glob(sqlfiles.Files, "functions/*.sql") // the pattern is good
	for _, name := range names {
		routine, _ := sqlfiles.Files.ReadFile(name) // it is embedded
		start := strings.Index(sql, string(routine))
		if start >= 0 && offset >= start && offset < start+len(routine) {
			e.File = "sql/" + name
			e.Line -= strings.Count(sql[:start], "\n")
		}
	}
	return e
}

// removeSchema drops the version table and then the schema, unless it contains objects of others.
func removeSchema(ctx context.Context, conn *pgx.Conn, log *slog.Logger) error {
	if err := execute(ctx, conn, "DROP TABLE bootstrap.schema_version"); err != nil {
		return fmt.Errorf("removing the version table: %w", err)
	}
	rows, _ := conn.Query(ctx, `
		SELECT pg_catalog.pg_describe_object(classid, objid, objsubid)
		FROM pg_catalog.pg_depend
		WHERE refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
		  AND refobjid = 'bootstrap'::pg_catalog.regnamespace AND deptype = 'n'
		ORDER BY 1`)
	foreign, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("looking for what else is in schema bootstrap: %w", err)
	}
	if len(foreign) > 0 {
		log.Warn("schema bootstrap not removed: it contains objects that keep-bootstrap did not create",
			"objects", strings.Join(foreign, ", "))
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
