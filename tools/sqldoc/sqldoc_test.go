package sqldoc_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/tools/sqldoc"
)

var update = flag.Bool("update", false, "write docs/sql.md")

func TestReferenceIsFresh(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "sql.md")
	want := sqldoc.Markdown(read(t, migrated(t)))
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/sql.md is not what the database says; run: go test ./tools/sqldoc -update")
		a, b := strings.Split(string(got), "\n"), strings.Split(want, "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("line %d\nfile:     %s\ndatabase: %s", i+1, a[i], b[i])
			}
		}
	}
}

// Columns and constraints have one where their name does not say what they mean; private routines have the header of their file.
func TestComments(t *testing.T) {
	t.Parallel()
	schema := read(t, migrated(t))
	for _, table := range schema.Tables {
		if table.Comment == "" {
			t.Errorf("no COMMENT ON %s %s", table.Kind, table.Name)
		}
	}
	for _, r := range schema.Routines {
		if !r.Private() && r.Comment == "" {
			t.Errorf("no COMMENT ON %s %s", r.Kind, r.Signature())
		}
	}
}

func TestRoutinesAreSafe(t *testing.T) {
	t.Parallel()
	routines := read(t, migrated(t)).Routines
	if len(routines) == 0 {
		t.Fatal("no routine in schema bootstrap")
	}
	seen := map[string]bool{}
	for _, r := range routines {
		if seen[r.Name] {
			t.Errorf("%s is overloaded: sqlc takes the first, and a call with NULL is ambiguous", r.Name)
		}
		seen[r.Name] = true
		if r.PublicExecute {
			t.Errorf("%s may be executed by PUBLIC", r.Name)
		}
		// A private routine in SQL becomes part of the statement that calls it, and runs with the settings of that.
		if r.Language == "sql" && r.Private() && !r.SecurityDefiner {
			continue
		}
		if r.Language != "plpgsql" {
			t.Errorf("%s is written in %s: only plpgsql bodies are bound when they run", r.Name, r.Language)
		}
		if !slices.Contains(r.Config, "search_path=pg_catalog, pg_temp") {
			t.Errorf("%s: search_path is not pinned to pg_catalog, pg_temp: %v", r.Name, r.Config)
		}
	}
}

func TestNothingDependsOnKeep(t *testing.T) {
	t.Parallel()
	conn := migrated(t)
	ctx := t.Context()
	foreign, err := sqldoc.Foreign(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range foreign {
		t.Error(f)
	}

	// Each kind of dependency is one that the check would see.
	for name, sql := range map[string]string{
		"view":        "CREATE VIEW bootstrap.probe AS SELECT id FROM public.tenant",
		"foreign key": "CREATE TABLE bootstrap.probe (id varchar CONSTRAINT probe_fkey REFERENCES public.tenant (id))",
		"row type":    "CREATE TABLE bootstrap.probe (id public.tenant)",
		"result":      "CREATE FUNCTION bootstrap.probe() RETURNS SETOF public.tenant LANGUAGE plpgsql AS 'BEGIN END'",
		"body":        "CREATE FUNCTION bootstrap.probe() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT id FROM public.tenant; END",
		"default":     "CREATE TABLE bootstrap.probe (id bigint DEFAULT nextval('public.user_id_seq'))",
		"inheritance": "CREATE TABLE bootstrap.probe () INHERITS (public.tenant)",
		"trigger":     "CREATE FUNCTION bootstrap.probe() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE TRIGGER probe BEFORE INSERT ON public.tenant EXECUTE FUNCTION bootstrap.probe()",
	} {
		tx, err := conn.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, sql); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if found, err := sqldoc.Foreign(ctx, conn); err != nil || len(found) == 0 {
			t.Errorf("a %s that depends on a table of Keep is not noticed: %v", name, err)
		}
		if err := tx.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, conn *pgx.Conn) sqldoc.Schema {
	t.Helper()
	schema, err := sqldoc.Read(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
