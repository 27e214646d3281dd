package pgtest

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
)

// NewestKeep is the newest supported schema revision of Keep.
const NewestKeep = "67ff7efffed4"

// Canary is a secret. No output may contain it.
const Canary = "s3cret-canary"

// Migrated is a database with Keep's newest tables and schema bootstrap, without rows of Keep.
var Migrated = Template{Name: "migrated", Build: func(ctx context.Context, url string) error {
	if err := Keep(NewestKeep).Build(ctx, url); err != nil {
		return err
	}
	config, err := postgres.Source{ConnString: url, Origin: "test"}.Config()
	if err != nil {
		return err
	}
	conn, err := postgres.Connect(ctx, config)
	if err != nil {
		return err
	}
	defer postgres.Close(ctx, conn)
	_, err = migrate.Up(ctx, conn, slog.New(slog.DiscardHandler))
	return err
}}

// RowVersions identifies every row version of Keep's tables and of schema bootstrap that outlives a run: any write changes
// it. xmax is not part of it, because that shows who locked a row.
func RowVersions(t testing.TB, conn *pgx.Conn) string {
	t.Helper()
	var all strings.Builder
	for _, table := range Table(t, conn, `
		select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind = 'r' and n.nspname in ('public', 'bootstrap') and c.relpersistence = 'p' order by 1`) {
		for _, row := range Table(t, conn, "select ctid, xmin from "+table[0]+" order by ctid") {
			fmt.Fprintln(&all, table[0], row)
		}
	}
	return all.String()
}

// Changed replaces parts of a URL.
func Changed(t testing.TB, address string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}
