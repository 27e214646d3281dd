package cli_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/test/pgtest"
)

// keepTable is a table of Keep at one revision, as test/pgtest/keep/tables.json has it.
type keepTable struct {
	Columns     []keepColumn
	Indexes     []string
	Constraints []struct{ Name, Def string }
}

type keepColumn struct {
	Name    string
	Type    string
	Default *string
	NotNull bool `json:"not_null"`
}

func keepRevisions(t testing.TB) map[string]map[string]keepTable {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "test", "pgtest", "keep", "tables.json"))
	if err != nil {
		t.Fatal(err)
	}
	var revisions map[string]map[string]keepTable
	if err := json.Unmarshal(text, &revisions); err != nil {
		t.Fatal(err)
	}
	return revisions
}

// keepMigration is what Keep's own migration between two revisions does, as far as tables.json tells.
func keepMigration(from, to map[string]keepTable, revision string) []string {
	var early, late []string
	quoted := func(name string) string { return `"` + name + `"` }
	alter := func(list *[]string, table, format string, values ...any) {
		*list = append(*list, "ALTER TABLE public."+quoted(table)+" "+fmt.Sprintf(format, values...))
	}
	for name, old := range from {
		if _, ok := to[name]; !ok {
			late = append(late, "DROP TABLE public."+quoted(name))
			continue
		}
		for _, c := range old.Constraints {
			if !slices.ContainsFunc(to[name].Constraints, func(o struct{ Name, Def string }) bool { return o == c }) {
				alter(&early, name, "DROP CONSTRAINT %s", quoted(c.Name))
			}
		}
		for _, c := range old.Columns {
			if !slices.ContainsFunc(to[name].Columns, func(o keepColumn) bool { return o.Name == c.Name }) {
				alter(&late, name, "DROP COLUMN %s", quoted(c.Name))
			}
		}
	}
	for name, table := range to {
		old, exists := from[name]
		if !exists {
			early = append(early, "CREATE TABLE public."+quoted(name)+" ()")
		}
		for _, c := range table.Columns {
			at := slices.IndexFunc(old.Columns, func(o keepColumn) bool { return o.Name == c.Name })
			change := "SET"
			if !c.NotNull {
				change = "DROP"
			}
			if at < 0 {
				alter(&early, name, "ADD COLUMN %s %s", quoted(c.Name), c.Type)
			} else if old.Columns[at].Type != c.Type {
				alter(&early, name, "ALTER COLUMN %s TYPE %s USING %[1]s::%[2]s", quoted(c.Name), c.Type)
			}
			if c.Default != nil {
				alter(&early, name, "ALTER COLUMN %s SET DEFAULT %s", quoted(c.Name), *c.Default)
				early = append(early, fmt.Sprintf("UPDATE public.%s SET %s = DEFAULT WHERE %[2]s IS NULL", quoted(name), quoted(c.Name)))
			} else if at >= 0 && old.Columns[at].Default != nil {
				alter(&early, name, "ALTER COLUMN %s DROP DEFAULT", quoted(c.Name))
			}
			alter(&early, name, "ALTER COLUMN %s %s NOT NULL", quoted(c.Name), change)
		}
		for _, c := range table.Constraints {
			if !slices.ContainsFunc(old.Constraints, func(o struct{ Name, Def string }) bool { return o == c }) {
				alter(&late, name, "ADD CONSTRAINT %s %s", quoted(c.Name), c.Def)
			}
		}
		for _, index := range table.Indexes {
			if !slices.Contains(old.Indexes, index) {
				late = append(late, index)
			}
		}
	}
	// Keys before what refers to them.
	slices.SortStableFunc(late, func(a, b string) int {
		return cmp.Compare(strings.Count(a, "FOREIGN KEY"), strings.Count(b, "FOREIGN KEY"))
	})
	return append(append(early, late...), "UPDATE public.alembic_version SET version_num = '"+revision+"'")
}

// publicSchema is everything in schema public, as far as a dump shows it; the order of columns is no difference.
func publicSchema(t testing.TB, d *pgtest.Database) string {
	t.Helper()
	var all strings.Builder
	for _, query := range []string{
		`select c.relkind, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(f.adbin, f.adrelid)
			from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
			left join pg_attrdef as f on f.adrelid = c.oid and f.adnum = a.attnum
			where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'S') order by 2, 3`,
		`select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n' order by 1, 2`,
		`select pg_get_indexdef(indexrelid) from pg_index where indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace) order by 1`,
		`select tgrelid::regclass, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by 1, 2`,
		`select oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace order by 1`,
		`select typname from pg_type where typnamespace = 'public'::regnamespace order by 1`,
	} {
		for _, row := range pgtest.Table(t, d.Conn(t), query) {
			fmt.Fprintln(&all, row)
		}
	}
	return all.String()
}

// publicRows is every row in schema public.
func publicRows(t testing.TB, d *pgtest.Database) string {
	t.Helper()
	var all strings.Builder
	for _, table := range pgtest.Table(t, d.Conn(t), "select oid::regclass from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname") {
		for _, row := range pgtest.Table(t, d.Conn(t), "select to_jsonb(x) from "+table[0]+" as x order by to_jsonb(x)::text") {
			fmt.Fprintln(&all, table[0], row)
		}
	}
	return all.String()
}

// notDeferrable undoes in a description what prepare_keep changes.
func notDeferrable(schema string) string {
	return strings.ReplaceAll(schema, "FOREIGN KEY (tenant_id) REFERENCES tenant(id) DEFERRABLE]", "FOREIGN KEY (tenant_id) REFERENCES tenant(id)]")
}

// TestKeepMigratesForwardAndBack: Keep's tables go through all known revisions and back while our schema is there, with
// state and journal filled, and nothing of ours is in the way or stops to work where it can work.
func TestKeepMigratesForwardAndBack(t *testing.T) {
	t.Parallel()
	const oldest, middle, newest = "4f8c4b185d5b", "9dd1be4539e0", newestKeep
	revisions := keepRevisions(t)
	d := pgtest.New(t, pgtest.Keep(oldest))
	env := environment{"DATABASE_URL": d.URL}
	want := map[string]string{}
	for _, revision := range []string{oldest, middle, newest} {
		want[revision] = publicSchema(t, pgtest.New(t, pgtest.Keep(revision)))
	}
	input := file(t, twoProviders)
	run(t, env, "migrate").want(t, 0) // installs beside tables that are too old
	statements := 0
	at := oldest
	for step, next := range []string{oldest, middle, newest, middle, oldest, newest, oldest, middle} {
		migration := keepMigration(revisions[at], revisions[next], next)
		d.Exec(t, strings.Join(migration, ";\n")) // in one transaction, as Keep does it
		statements += len(migration)
		at = next
		if diff := gocmp.Diff(want[at], notDeferrable(publicSchema(t, d))); diff != "" {
			t.Fatalf("step %d: not the schema of %s:\n%s", step, at, diff)
		}
		if at == oldest {
			run(t, env, "up", "-f", input).want(t, 78, "KB011")
			run(t, env, "verify").want(t, 78)
			continue
		}
		// Without their secrets, which Keep's own migration back has dropped, the providers are installed again.
		run(t, env, "up", "-f", input, "--assume-secret-manager", "db").want(t, 0)
		run(t, env, "verify").want(t, 0)
		before := rowVersions(t, d)
		run(t, env, "up", "-f", input).want(t, 0, `"msg":"up to date","providers":2`)
		if rowVersions(t, d) != before {
			t.Errorf("step %d: a second run wrote", step)
		}
	}
	if got := pgtest.Table(t, d.Conn(t), "select count(*) from bootstrap.history() where outcome = 'applied'"); got[0][0] != "3" {
		t.Errorf("%s runs in the journal, want 3: the first, and one after each loss of the table with the secrets", got[0][0])
	}
	t.Logf("%d statements of Keep's migrations in 8 steps", statements)
}

// TestKeepAltersItsTables: tables are rebuilt, renamed and dropped under us; verify says what it means, up mends it.
func TestKeepAltersItsTables(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	input := file(t, twoProviders)
	run(t, env, "up", "-f", input).want(t, 0)
	const notDeferrable = "the foreign key of public.provider is not DEFERRABLE INITIALLY IMMEDIATE"
	foreignKey := "alter table provider drop constraint provider_tenant_id_fkey; alter table provider add constraint %s foreign key (tenant_id) references tenant (id)%s"
	for _, change := range []struct{ sql, verify string }{
		{fmt.Sprintf(foreignKey, "provider_tenant_id_fkey", ""), notDeferrable},
		{fmt.Sprintf(foreignKey, "renamed", " deferrable initially deferred"), notDeferrable},
		{"alter table provider drop constraint renamed; alter table provider add constraint provider_tenant_id_fkey foreign key (tenant_id) references tenant (id) not valid", notDeferrable},
		{"alter table provider add column more integer; alter table provider add column other text not null default 'x'; alter table secret add column more jsonb", ""},
		{"alter table provider drop column more, drop column other; alter table secret drop column more", ""},
		// As Alembic does in its batch mode: a new table takes the place of the old one.
		{`create table new (like provider including all); insert into new select * from provider; drop table provider cascade; alter table new rename to provider;
			alter table provider add constraint provider_tenant_id_fkey foreign key (tenant_id) references tenant (id)`, notDeferrable},
		{"create table new (like secret including all); insert into new select * from secret; drop table secret; alter table new rename to secret", ""},
		{"create index more on provider (type); cluster provider using more; drop index more", ""},
	} {
		d.Exec(t, change.sql)
		verified := run(t, env, "verify")
		if change.verify == "" {
			verified.want(t, 0)
		} else if verified.want(t, 78); !strings.Contains(verified.stdout, change.verify) {
			t.Errorf("%s: verify lacks %q: %s", change.sql, change.verify, verified.stdout)
		}
		run(t, env, "up", "-f", input).want(t, 0, "up to date")
		run(t, env, "verify").want(t, 0)
	}
	// All of Keep goes, and comes back: ours stays and works on.
	var drop []string
	for _, row := range pgtest.Table(t, d.Conn(t), "select oid::regclass from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'") {
		drop = append(drop, row[0])
	}
	d.Exec(t, "drop table "+strings.Join(drop, ", "))
	run(t, env, "up", "-f", input).want(t, 69, "KB010")
	for _, command := range []string{"history", "migrate"} {
		run(t, env, command).want(t, 0)
	}
	run(t, env, "up", "-f", input, "--create-tables").want(t, 0, `"msg":"installed","providers":2`)
	run(t, env, "verify").want(t, 0)
}

// TestRemoval: migrate --to 0 takes all of ours, and nothing of Keep's, whatever has happened before.
func TestRemoval(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"without roles", "with roles"} {
		d := pgtest.New(t, pgtest.Keep(newestKeep))
		schema := publicSchema(t, d)
		owner := d.Owner(t)
		env := environment{"DATABASE_URL": owner.URL}
		run(t, env, "up", "-f", file(t, twoProviders)).want(t, 0)
		if mode == "with roles" {
			d.Roles(t, owner)
		}
		run(t, env, "up", "-f", file(t, strings.Replace(twoProviders, "vm:", "metrics:", 1))).want(t, 0)
		run(t, env, "up", "-f", file(t, "providers: []")).want(t, 78, "KB020")
		d.Exec(t, "insert into alert (id, tenant_id, timestamp, provider_type, fingerprint) values (gen_random_uuid(), 'keep', now(), 'x', 'x')")
		rows := publicRows(t, d)
		run(t, env, "migrate", "--to", "0").want(t, 0)
		if diff := gocmp.Diff(schema, publicSchema(t, d)); diff != "" {
			t.Errorf("%s: Keep's schema is not as it was:\n%s", mode, diff)
		}
		if diff := gocmp.Diff(rows, publicRows(t, d)); diff != "" {
			t.Errorf("%s: rows of Keep have changed:\n%s", mode, diff)
		}
		left := pgtest.Table(t, d.Conn(t), `
			select pg_describe_object(classid, objid, 0) from pg_shdepend where dbid = (select oid from pg_database where datname = current_database())
			  and refobjid = $1::text::regrole and classid <> 'pg_class'::regclass and classid <> 'pg_proc'::regclass
			union all select 'schema ' || nspname from pg_namespace where nspname = 'bootstrap'
			union all select 'routine ' || proname from pg_proc where prosrc like '%bootstrap.%'
			union all select 'lock ' || objid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`, owner.Quoted())
		if len(left) > 0 {
			t.Errorf("%s: left: %s", mode, left)
		}
		if !strings.Contains(rows, canary) || !strings.Contains(rows, "metrics") {
			t.Errorf("%s: the installed providers are not among the rows", mode)
		}
	}
}

// newerProgram builds a variant of the program with one more migration.
func newerProgram(t *testing.T, variant, migration string) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	added := filepath.Join(directory, "later.sql")
	if err := os.WriteFile(added, []byte(migration), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(root, "sql", "migrations", fmt.Sprintf("%03d_later.sql", migrate.Known()+1)): added,
	}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(directory, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(directory, "keep-bootstrap")
	if err := pgtest.Build(variant, program, "-overlay", overlay); err != nil {
		t.Fatal(err)
	}
	return program
}

// TestOlderProgram: a program that is older than the database works as long as the newer migrations are compatible (a
// helm rollback, an old pod that restarts), and refuses otherwise. The newer one is really built, with one more migration.
func TestOlderProgram(t *testing.T) {
	t.Parallel()
	later := migrate.Known() + 1
	for _, kind := range []struct {
		breaking  bool
		sql, down string
	}{
		// Columns in tables that routines return, a replaced routine with another body, a new routine and table.
		{false, `
ALTER TABLE bootstrap.run ADD COLUMN later text;
CREATE TABLE bootstrap.later_staging (transaction_id xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), line text, CONSTRAINT later_pkey PRIMARY KEY (transaction_id));
CREATE FUNCTION bootstrap._later() RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN 'later'; END $$;
CREATE OR REPLACE FUNCTION bootstrap.history(p_tenant_id text DEFAULT 'keep') RETURNS SETOF bootstrap.run
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN QUERY SELECT r.* FROM bootstrap.run AS r WHERE r.tenant_id = p_tenant_id ORDER BY r.run_id DESC; END $$;
REVOKE ALL ON FUNCTION bootstrap._later() FROM PUBLIC;
`, "DROP FUNCTION bootstrap._later; DROP TABLE bootstrap.later_staging;"},
		{true, "ALTER TABLE bootstrap.run RENAME COLUMN outcome TO result; UPDATE bootstrap.setting SET breaking_version = " + fmt.Sprint(later) + ";\n", "ALTER TABLE bootstrap.run RENAME COLUMN result TO outcome;"},
	} {
		sql := fmt.Sprintf("-- %03d_later: a migration of a later release.\n%s\nUPDATE bootstrap.setting SET parts = (SELECT pg_catalog.jsonb_object_agg(p.name, p.hash) FROM bootstrap.schema_part AS p);\n\n---- create above / drop below ----\n\n%s\n", later, kind.sql, kind.down)
		newer := newerProgram(t, fmt.Sprintf("newer-breaking-%t", kind.breaking), sql)
		d := pgtest.New(t, pgtest.Keep(newestKeep))
		owner := d.Owner(t)
		env := environment{"DATABASE_URL": owner.URL}
		byNewer := func(env environment, args ...string) result {
			t.Helper()
			cmd := command(t, env, args...)
			cmd.Path, cmd.Args[0] = newer, newer
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if err != nil && cmd.ProcessState == nil {
				t.Fatal(err)
			}
			return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
		}
		first, second := file(t, twoProviders), file(t, strings.Replace(twoProviders, "vm:", "metrics:", 1))
		execute(t, env, "up", "-f", first).want(t, 0)
		runner, _ := d.Roles(t, owner)
		byNewer(env, "migrate").want(t, 0)
		if kind.breaking {
			for _, args := range [][]string{{"up", "-f", first}, {"apply", "-f", second}, {"plan", "-f", second}, {"status"}, {"verify"}, {"history"}, {"migrate"}, {"migrate", "--to", "0"}} {
				execute(t, env, args...).want(t, 78, "newer")
			}
			continue
		}
		for _, env := range []environment{env, {"DATABASE_URL": runner.URL}} {
			byNewer(env, "up", "-f", first).want(t, 0)
			execute(t, env, "up", "-f", first).want(t, 0, "up to date")
			execute(t, env, "plan", "-f", second, "--detailed-exitcode").want(t, 2)
			execute(t, env, "up", "-f", second).want(t, 0, `"msg":"installed","providers":2`)
			plan := planTo(t, env, "-f", first)
			execute(t, env, "apply", "--plan", plan).want(t, 0)
			for _, command := range []string{"status", "verify", "history", "migrate"} {
				execute(t, env, command).want(t, 0)
			}
			byNewer(env, "up", "-f", second).want(t, 0)
			execute(t, env, "up", "-f", first).want(t, 0)
		}
		execute(t, env, "export").want(t, 0)
		execute(t, env, "migrate", "--to", "0").want(t, 78, "cannot undo")
		if got := pgtest.Table(t, d.Conn(t), "select version from bootstrap.schema_version"); got[0][0] != fmt.Sprint(later) {
			t.Errorf("the older program has changed the version to %s", got)
		}
		byNewer(env, "migrate", "--to", "0").want(t, 0)
	}
}
