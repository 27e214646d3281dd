package pgtest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	sqlfiles "keep-bootstrap/sql"
)

// Login is a role and how it connects.
type Login struct{ Name, URL string }

// Quoted is the name as SQL writes it.
func (l Login) Quoted() string { return quote(l.Name) }

// Conn connects as the role until the end of the test.
func (l Login) Conn(t testing.TB) *pgx.Conn {
	t.Helper()
	return Connect(t, l.URL)
}

// Login creates a role like Role, and returns it whole.
func (d *Database) Login(t testing.TB, attributes string) Login {
	t.Helper()
	name, address := d.Role(t, attributes)
	return Login{name, address}
}

// Owner creates a role that is not a superuser and gives it the tables in schema public and the right to create a schema:
// the role that runs Keep and its migrations.
func (d *Database) Owner(t testing.TB) Login {
	t.Helper()
	owner := d.Login(t, "")
	d.Exec(t, fmt.Sprintf(`grant create, temporary on database %s to %s`, quote(d.Name), owner.Quoted()))
	for _, row := range Table(t, d.Conn(t), `
		select format('alter table %s owner to ', c.oid::regclass) from pg_class as c
		where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')`) {
		d.Exec(t, row[0]+owner.Quoted())
	}
	return owner
}

// Roles creates a runner and an auditor, and grants them their rights on schema bootstrap, which owner has installed.
func (d *Database) Roles(t testing.TB, owner Login) (runner, auditor Login) {
	t.Helper()
	runner, auditor = d.Login(t, ""), d.Login(t, "")
	Grant(t, owner, runner, auditor)
	return runner, auditor
}

// Grant runs the script that a DBA runs, as owner.
func Grant(t testing.TB, owner, runner, auditor Login) {
	t.Helper()
	psql := exec.CommandContext(t.Context(), PSQL(t), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-v", "runner="+runner.Name, "-v", "auditor="+auditor.Name, "-d", owner.URL)
	psql.Stdin = strings.NewReader(sqlfiles.Roles)
	if output, err := psql.CombinedOutput(); err != nil {
		t.Fatalf("roles.sql: %v\n%s", err, output)
	}
}
