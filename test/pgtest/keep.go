package pgtest

import (
	"context"
	"embed"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

//go:generate go -C keep run generate.go

//go:embed keep/*.sql
var keepTables embed.FS

// Keep is a database with Keep's tables at one of its schema revisions, without rows: 67ff7efffed4 and 9dd1be4539e0,
// which are supported, and 4f8c4b185d5b, which is too old.
func Keep(revision string) Template {
	return Template{Name: "keep_" + revision, Build: func(ctx context.Context, url string) error {
		script, err := keepTables.ReadFile("keep/" + revision + ".sql")
		if err != nil {
			return fmt.Errorf("no tables of Keep at revision %s: %w", revision, err)
		}
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, string(script))
		return err
	}}
}

// KeepProvisioned writes a provider of tenant keep as Keep's own provisioning writes it, with its secret, and the tenant if
// it is missing. It returns the provider's id. The authentication is a JSON object, stored as given; write it as
// Python's json.dumps does (`{"url": "http://x", "password": "\u00fc"}`) for bytes equal to Keep's.
func KeepProvisioned(t testing.TB, conn *pgx.Conn, name, kind, authentication string) (id string) {
	t.Helper()
	id = strings.ReplaceAll(uuid.NewString(), "-", "")
	key := "keep_" + kind + "_" + id
	secret := fmt.Sprintf(`{"authentication": %s, "name": %s}`, authentication, pythonString(name))
	consumer := kind == "kafka" || kind == "amazonsqs"

	batch := &pgx.Batch{}
	batch.Queue(`insert into public.tenant (id, name, configuration) values ('keep', 'Single Tenant', 'null')
		on conflict (id) do nothing`)
	batch.Queue(`insert into public.secret (key, value, last_updated) values ($1, $2, now() at time zone 'UTC')`, key, secret)
	batch.Queue(`insert into public.provider (id, tenant_id, name, description, type, installed_by, installation_time,
			configuration_key, "validatedScopes", consumer, pulling_enabled, last_pull_time, provisioned, provider_metadata)
		values ($1, 'keep', $2, null, $3, 'system', now() at time zone 'UTC', $4, '{}', $5, true, null, true, '{}')`,
		id, name, kind, key, consumer)
	if err := conn.SendBatch(context.Background(), batch).Close(); err != nil {
		t.Fatalf("cannot write provider %q as Keep does: %v", name, err)
	}
	return id
}

// pythonString quotes as Python's json.dumps does: everything that is not ASCII is escaped.
func pythonString(s string) string {
	b := new(strings.Builder)
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case strings.ContainsRune("\n\r\t\b\f", r):
			b.WriteByte('\\')
			b.WriteByte("nrtbf"[strings.IndexRune("\n\r\t\b\f", r)])
		case r >= ' ' && r <= '~' || r == 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
