package sqlfiles_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/test/pgtest"
)

// TestMain gives the property tests a seed, so that a failure in CI can be had again; -rapid.seed chooses another. It is another
// one on each version of PostgreSQL, so that five versions try more than one.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.seed", "202611"+version()); err != nil {
		panic(err)
	}
	pgtest.Main(m)
}

// migrated is Keep's database at its newest known revision, with schema bootstrap.
var migrated = pgtest.Template{
	Name: "sql-migrated",
	Build: func(ctx context.Context, url string) error {
		if err := pgtest.Keep("67ff7efffed4").Build(ctx, url); err != nil {
			return err
		}
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = migrate.Up(ctx, conn, slog.New(slog.DiscardHandler))
		return err
	},
}

// database is a migrated database of one test, and what its tests do with it.
type database struct {
	*pgx.Conn
	t *testing.T
}

func newDatabase(t *testing.T) database {
	t.Helper()
	t.Parallel()
	return database{pgtest.New(t, migrated).Conn(t), t}
}

// install calls install_providers and returns its error.
func (d database) install(manifest string, options ...string) error {
	return d.call("CALL bootstrap.install_providers('keep', $1::json, $2::jsonb)", manifest, strings.Join(append(options, "{}")[:1], ""))
}

func (d database) call(sql string, arguments ...any) error {
	_, err := d.Exec(context.Background(), sql, arguments...)
	return err
}

// mustInstall fails the test when the manifest is not installed.
func (d database) mustInstall(manifest string, options ...string) {
	d.t.Helper()
	if err := d.install(manifest, options...); err != nil {
		d.t.Fatalf("install %s: %v", manifest, err)
	}
}

// refused installs the manifest and wants the SQLSTATE; the rows of Keep must be as they were.
func (d database) refused(code, manifest string, options ...string) string {
	d.t.Helper()
	before := d.rowVersions()
	err := d.install(manifest, options...)
	if got := pgtest.SQLState(err); got != code {
		d.t.Fatalf("install %s: SQLSTATE %q (%v), want %s", manifest, got, err, code)
	}
	if diff := cmp.Diff(before, d.rowVersions()); diff != "" {
		d.t.Errorf("a refused run wrote:\n%s", diff)
	}
	return fmt.Sprint(describe(err))
}

// plan returns the changes that plan_providers shows, as "action name [previous] fields".
func (d database) plan(manifest string, options ...string) []string {
	d.t.Helper()
	rows, err := d.Query(context.Background(), `SELECT concat_ws(' ', kind || ':' || action, name, '(was ' || previous_name || ')', nullif(array_to_string(fields, ','), ''), '!' || refusal)
		FROM bootstrap.plan_providers('keep', $1::json, $2::jsonb) ORDER BY sequence`, manifest, strings.Join(append(options, "{}")[:1], ""))
	if err != nil {
		d.t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		d.t.Fatal(err)
	}
	return lines
}

// wantPlan compares the plan, line by line.
func (d database) wantPlan(manifest string, want ...string) {
	d.t.Helper()
	if got := d.plan(manifest); !slices.Equal(got, want) {
		d.t.Errorf("plan of %s:\n got %q\nwant %q", manifest, got, want)
	}
}

// text returns the first column of a query, row by row.
func (d database) text(sql string, arguments ...any) []string {
	d.t.Helper()
	rows, err := d.Query(context.Background(), sql, arguments...)
	if err != nil {
		d.t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		d.t.Fatal(err)
	}
	return lines
}

func (d database) one(sql string, arguments ...any) string {
	d.t.Helper()
	lines := d.text(sql, arguments...)
	if len(lines) != 1 {
		d.t.Fatalf("%s: %d rows, want 1", sql, len(lines))
	}
	return lines[0]
}

func (d database) exec(sql string, arguments ...any) {
	d.t.Helper()
	if _, err := d.Exec(context.Background(), sql, arguments...); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
}

// providers returns "name=id" of all providers of tenant keep.
func (d database) providers() map[string]string {
	d.t.Helper()
	providers := map[string]string{}
	for _, line := range d.text("SELECT json_build_array(name, id)::text FROM public.provider WHERE tenant_id = 'keep'") {
		var pair [2]string
		if err := json.Unmarshal([]byte(line), &pair); err != nil {
			d.t.Fatal(err)
		}
		providers[pair[0]] = pair[1]
	}
	return providers
}

// rowVersions identifies every row version of Keep's tables and of all tables in schema bootstrap: a write changes it.
func (d database) rowVersions() []string {
	d.t.Helper()
	return d.text(d.one(`
		SELECT string_agg(format('SELECT %L || t.ctid || %L || t.xmin FROM %s AS t', c.oid::regclass || ' ', ' ', c.oid::regclass), ' UNION ALL ') || ' ORDER BY 1'
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname IN ('public', 'bootstrap') AND c.relkind = 'r'`))
}

// secret returns the secret's text of a provider.
func (d database) secret(name string) string {
	d.t.Helper()
	return d.one("SELECT s.value FROM public.provider AS p JOIN public.secret AS s ON s.key = p.configuration_key WHERE p.name = $1", name)
}
