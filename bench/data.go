package main

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// change says in what a manifest differs from the base. One in every hundred providers is concerned, or all.
type change string

const (
	base       change = "base"
	onePercent change = "1 % changed"
	all        change = "all changed"
	renamed    change = "1 % renamed"
	pruned     change = "1 % pruned"
)

// provider is what a manifest says about one.
type provider struct {
	name, kind, authentication string
}

func (p provider) secret() string {
	return `{"authentication": ` + p.authentication + `, "name": "` + p.name + `"}`
}

// token is a value that looks like a password and is the same in every run.
func token(number, version int) string {
	sum := md5.Sum(strconv.AppendInt(strconv.AppendInt(nil, int64(number), 10), int64(-version), 10))
	return hex.EncodeToString(sum[:])
}

// concerned reports whether the change concerns the provider.
func concerned(number int) bool { return number%100 == 7 }

// makeProvider is one of four usual types, with its number in the values.
func makeProvider(number int, c change) (p provider, ok bool) {
	version := 1
	p.name = fmt.Sprintf("provider-%07d", number)
	switch {
	case c == all, c == onePercent && concerned(number):
		version = 2
	case c == renamed && concerned(number):
		p.name = fmt.Sprintf("renamed-%07d", number)
	case c == pruned && concerned(number):
		return p, false
	}
	secret := token(number, version)
	switch number % 4 {
	case 0:
		p.kind = "prometheus"
		p.authentication = fmt.Sprintf(`{"url": "https://prometheus-%d.example.com:9090", "username": "keep", "password": "%s"}`, number, secret)
	case 1:
		p.kind = "grafana"
		p.authentication = fmt.Sprintf(`{"host": "https://grafana-%d.example.com", "token": "glsa_%s"}`, number, secret)
	case 2:
		p.kind = "postgres"
		p.authentication = fmt.Sprintf(`{"host": "db-%d.example.com", "port": 5432, "username": "keep", "password": "%s", "database": "metrics"}`, number, secret)
	default:
		p.kind = "datadog"
		p.authentication = fmt.Sprintf(`{"api_key": "%s", "app_key": "%s", "domain": "https://api.datadoghq.eu"}`, secret, token(number, -version))
	}
	return p, true
}

// providers calls f for each provider of a manifest, in order.
func providers(n int, c change, f func(number int, p provider) error) error {
	for number := range n {
		if p, ok := makeProvider(number, c); ok {
			if err := f(number, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// dataset is a directory with one manifest in every form that a side wants.
type dataset struct {
	directory string
	n         int
	change    change
}

func (d dataset) file(name string) string { return filepath.Join(d.directory, name) }

const columns = `(id, tenant_id, name, description, type, installed_by, installation_time, configuration_key, "validatedScopes", consumer, last_pull_time, provisioned, pulling_enabled, provider_metadata)`

// staging is where the rows of staged.copy go.
const staging = "bootstrap.staging (kind, position, name, type, content, options)"

// write makes the files. A row that changes nothing has the same values in all of them.
func (d dataset) write() (err error) {
	if err := os.MkdirAll(d.directory, 0o755); err != nil {
		return err
	}
	out := map[string]*bufio.Writer{}
	for _, name := range []string{"manifest.json", "staged.copy", "wanted.copy", "provider.copy", "secret.copy", "call.sql"} {
		file, err := os.Create(d.file(name))
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(file, 1<<20)
		out[name] = w
		defer func() { err = errors.Join(err, w.Flush(), file.Close()) }()
	}
	manifest := io.MultiWriter(out["manifest.json"], out["call.sql"])
	fmt.Fprint(out["call.sql"], "CALL bootstrap.install_providers('keep', $manifest$")
	fmt.Fprint(manifest, "{")
	separator := "\n"
	position := 0
	err = providers(d.n, d.change, func(number int, p provider) error {
		position++
		fmt.Fprintf(manifest, `%s  "%s": {"type": "%s", "authentication": %s}`, separator, p.name, p.kind, p.authentication)
		separator = ",\n"
		id := token(number, 0)
		key := "keep_" + p.kind + "_" + id
		fmt.Fprintf(out["staged.copy"], "provider\t%d\t%s\t%s\t%s\t{\"install_webhook\": true}\n", position, p.name, p.kind, p.authentication)
		fmt.Fprintf(out["wanted.copy"], "%s\t%s\t%s\n", p.name, p.kind, p.authentication)
		fmt.Fprintf(out["provider.copy"], "%s\tkeep\t%s\t\\N\t%s\tsystem\t2026-01-01 00:00:00\t%s\t{}\tf\t\\N\tt\tt\t{}\n", id, p.name, p.kind, key)
		_, err := fmt.Fprintf(out["secret.copy"], "%s\t%s\t2026-01-01 00:00:00\n", key, p.secret())
		return err
	})
	fmt.Fprint(manifest, "\n}\n")
	fmt.Fprint(out["call.sql"], "$manifest$);\n")
	return errors.Join(err, d.scripts())
}

// scripts are for psql, which takes the names of files only as literals.
func (d dataset) scripts() error {
	for name, text := range map[string]string{
		"floor.sql": fmt.Sprintf("BEGIN;\n\\copy provider %s from '%s'\n\\copy secret (key, value, last_updated) from '%s'\nCOMMIT;\n",
			columns, d.file("provider.copy"), d.file("secret.copy")),
		"staged.sql": fmt.Sprintf("BEGIN;\n\\copy %s from '%s'\nCALL bootstrap.install_staged('keep');\nCOMMIT;\n", staging, d.file("staged.copy")),
		"hand.sql":   fmt.Sprintf(handWritten, d.file("wanted.copy")),
	} {
		if err := os.WriteFile(d.file(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// handWritten is what a DBA who knows set-based SQL would write: no diff to look at, no guards, no state, no journal, no
// renames, and a key that Keep added to a secret is lost.
const handWritten = `BEGIN;
CREATE TEMP TABLE wanted (name text PRIMARY KEY, type text NOT NULL, authentication text NOT NULL) ON COMMIT DROP;
\copy wanted from '%s'
ANALYZE wanted;
INSERT INTO tenant (id, name, configuration) VALUES ('keep', 'Single Tenant', 'null') ON CONFLICT (id) DO NOTHING;
WITH gone AS (
    DELETE FROM provider AS p
    WHERE p.tenant_id = 'keep' AND p.provisioned
      AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.name = p.name AND w.type = p.type)
    RETURNING p.configuration_key
)
DELETE FROM secret AS s USING gone AS g WHERE s.key = g.configuration_key;
UPDATE secret AS s
SET value = '{"authentication": ' || w.authentication || ', "name": ' || to_json(w.name)::text || '}',
    last_updated = now() AT TIME ZONE 'UTC'
FROM provider AS p
JOIN wanted AS w ON w.name = p.name
WHERE p.tenant_id = 'keep' AND s.key = p.configuration_key
  AND s.value <> '{"authentication": ' || w.authentication || ', "name": ' || to_json(w.name)::text || '}'
  AND s.value::jsonb -> 'authentication' <> w.authentication::jsonb;
WITH fresh AS MATERIALIZED (
    SELECT replace(gen_random_uuid()::text, '-', '') AS id, w.*
    FROM wanted AS w
    WHERE NOT EXISTS (SELECT FROM provider AS p WHERE p.tenant_id = 'keep' AND p.name = w.name)
), secrets AS (
    INSERT INTO secret (key, value, last_updated)
    SELECT 'keep_' || f.type || '_' || f.id,
           '{"authentication": ' || f.authentication || ', "name": ' || to_json(f.name)::text || '}', now() AT TIME ZONE 'UTC'
    FROM fresh AS f
)
INSERT INTO provider ` + columns + `
SELECT f.id, 'keep', f.name, NULL, f.type, 'system', now() AT TIME ZONE 'UTC', 'keep_' || f.type || '_' || f.id, '{}', false, NULL, true, true, '{}'
FROM fresh AS f;
COMMIT;
`
