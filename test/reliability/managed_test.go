package reliability_test

import (
	"strings"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// ownedBy gives a role the database with everything that Keep has in it, as on a managed service.
func ownedBy(t *testing.T, d *pgtest.Database, role string) {
	t.Helper()
	execute(t, d.Conn(t), strings.ReplaceAll(`
		do $$ begin execute format('alter database %I owner to %I', current_database(), 'ROLE'); end $$;
		alter schema public owner to "ROLE";
		do $$ declare r text; begin
			for r in select c.oid::regclass from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' loop
				execute 'alter table ' || r || ' owner to "ROLE"';
			end loop;
		end $$`, "ROLE", role))
}

// TestManagedService: a role that owns the database and its tables, and may do nothing else, is enough for everything.
func TestManagedService(t *testing.T) {
	t.Parallel()
	m := writeManifests(t)
	d := pgtest.New(t, keep)
	name, address := d.Role(t, "nosuperuser nocreaterole nocreatedb nobypassrls noreplication")
	ownedBy(t, d, name)
	conn := pgtest.Connect(t, address)
	all := [][]string{
		{"migrate"},
		{"up", "-f", m.a},
		{"plan", "-f", m.b},
		{"apply", "-f", m.b},
		{"verify"},
		{"status"},
		{"history"},
		{"export"},
		{"migrate", "--to", "0"},
		{"up", "-f", m.a},
	}
	for _, args := range all {
		bootstrap(t, 0, address, args...)
	}
	if got := wanted(t, conn); got != expected(t, m.a) {
		t.Errorf("%s", got)
	}
	if roles := number(t, conn, "select count(*) from pg_roles where rolname = current_user and (rolsuper or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication)"); roles != 0 {
		t.Error("the role may do more than it should")
	}
	tidy(t, conn)
	figure(t, conn, "commands as a role that owns Keep's database and tables: no superuser, no CREATEROLE, no CREATEDB", len(all), "all ended with 0")
}
