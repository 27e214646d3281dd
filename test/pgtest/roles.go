package pgtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
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

// Owner creates a role that is no superuser and gives it the tables in schema public and the right to create a schema:
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

// Definer puts schema bootstrap, which owner has installed, into mode definer and returns the two roles.
func (d *Database) Definer(t testing.TB, owner Login) (runner, auditor Login) {
	t.Helper()
	runner, auditor = d.Login(t, ""), d.Login(t, "")
	if _, err := owner.Conn(t).Exec(context.Background(), "select bootstrap.set_security('definer', $1, $2)", runner.Name, auditor.Name); err != nil {
		t.Fatal(err)
	}
	return runner, auditor
}
