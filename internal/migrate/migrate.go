// Package migrate brings schema bootstrap of a database to the version that this program knows, and takes it away again.
//
// The migrations have tern's form. They run in one transaction, serialised by an advisory lock of the transaction: any
// number of programs may migrate an empty database at once, also through pgbouncer in transaction mode, and a migration
// that fails or is killed leaves the database as it was.
package migrate

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/postgres"
	sqlfiles "keep-bootstrap/sql"
)

// Status says which migrations a database has; 0 when schema bootstrap is not there.
type Status db.SchemaVersionRow

// Current reports whether this program can work on the database as it is. A database that is ahead is current, unless
// one of the migrations that the program does not know is breaking: that is an error of code "old-program" (78).
func (s Status) Current() (bool, error) {
	if s.BreakingVersion > Known() {
		return false, postgres.New(postgres.CodeOldProgram,
			fmt.Sprintf("the database was migrated by a newer, incompatible version of this program "+
				"(to %d; this one knows %d)", s.Version, Known()),
			"use the newer version")
	}
	return s.Version >= Known(), nil
}

// Require is the error for a database that is not current, for commands that do not migrate; nil when it is current.
func (s Status) Require() error {
	current, err := s.Current()
	switch {
	case err != nil:
		return err
	case current:
		return nil
	case s.Version == 0:
		return postgres.New(postgres.CodeNoSchema, "schema bootstrap is not installed in this database",
			"run `keep-bootstrap migrate` (or `keep-bootstrap up`) first")
	}
	return postgres.New(postgres.CodeOldSchema,
		fmt.Sprintf("schema bootstrap is at version %d, this program needs %d", s.Version, Known()),
		"run `keep-bootstrap migrate` first")
}

// Read returns the status of the database. It writes nothing, takes no lock and works on a standby. Inside a
// transaction, a database without the schema leaves the transaction aborted. A schema of another owner is an error (KB013).
func Read(ctx context.Context, conn *pgx.Conn) (Status, error) {
	return query(ctx, conn, func(*pgx.Batch) {})
}

// Query sends queries to a database whose schema is current, in one round trip and one transaction, after the guard.
//
// Errors: those of Status.Require; KB013 if the schema belongs to another role.
func Query(ctx context.Context, conn *pgx.Conn, queue func(*pgx.Batch)) error {
	status, err := query(ctx, conn, queue)
	if unfit := status.Require(); unfit != nil && (err == nil || status.Version > 0) {
		return unfit
	}
	return err
}

func query(ctx context.Context, conn *pgx.Conn, queue func(*pgx.Batch)) (status Status, err error) {
	batch := &pgx.Batch{}
	batch.Queue(postgres.Settings)
	batch.Queue(sqlfiles.Guard)
	batch.Queue(db.SchemaVersion).Query(postgres.One(&status))
	queue(batch)
	err = conn.SendBatch(ctx, batch).Close()
	return status, status.Missing(err)
}

// Missing is the error of a batch that reads the status by the query SchemaVersion. A missing schema is not an error.
func (s Status) Missing(err error) error {
	if s.Version == 0 && postgres.Is(err, pgerrcode.UndefinedTable, pgerrcode.InvalidSchemaName, pgerrcode.UndefinedColumn) {
		return nil
	}
	if s.Version == 0 && err != nil {
		return fmt.Errorf("reading the version of schema bootstrap: %w", err)
	}
	return err
}

// Result says what a migration changed.
type Result struct{ From, To int32 }

// Changed reports whether anything was done.
func (r Result) Changed() bool { return r.From != r.To }

// Up installs the missing migrations, all or none, creates tenant keep and makes the foreign key of Keep's table provider
// deferrable, if Keep's tables exist. Safe to repeat, and from many sessions at once: on an up-to-date database it writes nothing. It
// waits up to 60 s for another program that migrates. If the lock of the foreign key cannot be acquired within 200 ms, the key
// stays as it is, and the next run tries again.
//
// Errors: 55P03 (75) if a lock cannot be acquired within 20 s, 42501 (77) without CREATE on the database, KB013 (78) if the schema
// belongs to another role, "old-program" (78).
func Up(ctx context.Context, conn *pgx.Conn, log *slog.Logger) (Result, error) {
	status, err := Read(ctx, conn)
	if err != nil {
		return Result{}, err
	}
	if current, err := status.Current(); err != nil || current {
		return Result{From: status.Version, To: status.Version}, err
	}
	result, err := run(ctx, conn, log, Known())
	return result, explain(err, status.Version)
}

// explain replaces the hint for a role that may only install: a grant would not help.
func explain(err error, version int32) error {
	if !postgres.Is(err, pgerrcode.InsufficientPrivilege) {
		return err
	}
	e := *postgres.From(err)
	e.Err = err
	e.Hint = fmt.Sprintf("schema bootstrap is at version %d, this program needs %d: run `keep-bootstrap migrate` "+
		"as the owner of Keep's tables, with CREATE on the database", version, Known())
	return &e
}

// To migrates forward or back to version. Version 0 removes everything of schema bootstrap, restores the foreign key of
// Keep's table provider, and never touches a row or another table of Keep. Safe to repeat.
//
// Errors as for Up; 64 for a version that does not exist; 78 when the database is newer than the program.
func To(ctx context.Context, conn *pgx.Conn, log *slog.Logger, version int32) (Result, error) {
	status, err := Read(ctx, conn)
	if err != nil {
		return Result{}, err
	}
	if version < 0 || version > Known() {
		text := fmt.Sprintf("there is no migration %d: this program knows 0 to %d", version, Known())
		return Result{}, postgres.Usage(text, "")
	}
	if status.Version > Known() {
		return Result{}, postgres.New(postgres.CodeOldProgram,
			fmt.Sprintf("the database is at version %d, this program knows only %d: "+
				"it cannot undo what it does not know", status.Version, Known()),
			"use the newer version of the program")
	}
	if status.Version == version {
		return Result{From: version, To: version}, nil
	}
	return run(ctx, conn, log, version)
}
