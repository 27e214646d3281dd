package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

// keepRevision is the revision of Keep's tables that are measured.
const keepRevision = "67ff7efffed4"

// runDatabase is the copy of a template that one side works on.
const runDatabase = "bench_run"

// server is the PostgreSQL of the PG* variables.
type server struct {
	admin   *pgx.Conn
	version int // as 150018
}

func newServer(ctx context.Context) (*server, error) {
	conn, err := connect(ctx, "postgres")
	if err != nil {
		return nil, err
	}
	s := &server{admin: conn}
	if err := conn.QueryRow(ctx, "select current_setting('server_version_num')::int").Scan(&s.version); err != nil {
		return nil, err
	}
	return s, s.dropAll(ctx)
}

func (s *server) close() {
	ctx := context.Background()
	if err := s.dropAll(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench: databases are left over:", err)
	}
	s.admin.Close(ctx)
}

func (s *server) dropAll(ctx context.Context) error {
	rows, err := s.admin.Query(ctx, `select datname from pg_database where datname like 'bench\_%'`)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.drop(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) drop(ctx context.Context, name string) error {
	_, err := s.admin.Exec(ctx, "drop database if exists "+pgx.Identifier{name}.Sanitize()+" with (force)")
	return err
}

// create makes a database as a copy of another. Its pages are read once, so that no side finds them cold.
func (s *server) create(ctx context.Context, name, template string) error {
	if err := s.drop(ctx, name); err != nil {
		return err
	}
	sql := fmt.Sprintf("create database %s template %s", pgx.Identifier{name}.Sanitize(), pgx.Identifier{template}.Sanitize())
	if s.version >= 150000 {
		sql += " strategy file_copy"
	}
	if _, err := s.admin.Exec(ctx, sql); err != nil {
		return err
	}
	if template == "template0" {
		return nil
	}
	return execute(ctx, name, `do $$
		declare t text;
		begin
			for t in select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public', 'bootstrap') loop
				execute 'select count(*) from ' || t;
			end loop;
		end $$`)
}

// keep makes a database with Keep's tables.
func (s *server) keep(ctx context.Context, name string) error {
	if err := s.create(ctx, name, "template0"); err != nil {
		return err
	}
	return pgtest.Keep(keepRevision).Build(ctx, "dbname="+name)
}

// connect uses the PG* variables, except for the name of the database.
func connect(ctx context.Context, database string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, "dbname="+database)
}

func execute(ctx context.Context, database, sql string) error {
	conn, err := connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// environment is that of a side: which database, and nothing else that would change what psql and the program do.
func environment(database string, more ...string) []string {
	all := []string{"PGDATABASE=" + database, "NO_COLOR=1", "LC_ALL=C.UTF-8"}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "PGHOST", "PGPORT", "PGUSER", "PATH", "HOME", "TMPDIR":
			all = append(all, variable)
		}
	}
	return append(all, more...)
}
