package doctest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/kubetest"
	"keep-bootstrap/test/pgtest"
)

// TestPSQLPage executes docs/psql.md while the server logs all that it can, and looks for secrets in its log. They pass
// through files and \copy, except for the one of the section that says that it can be logged: that one must be found, or
// the search proves nothing.
func TestPSQLPage(t *testing.T) {
	t.Parallel()
	requirePSQL(t)
	const hidden, logged = "canary-never-in-the-log", "literal-password"
	s := newSession(t, "docs/psql.md", "demo-password", hidden+"-1", "demo-service-account-token", hidden+"-2",
		"services/demo-new", "services/"+hidden+"-3", "services/demo", "services/"+hidden+"-4")
	if !strings.Contains(strings.Join(s.page.lines, "\n"), logged) {
		t.Fatalf("the page no longer shows %q", logged)
	}
	s.prepare = logEverything(t)
	s.run()
	log := serverLog(t, s.database)
	if !strings.Contains(log, logged) {
		t.Error("not even the literal of the page is in the server's log: the search finds nothing")
	}
	if at := strings.Index(log, hidden); at >= 0 {
		t.Errorf("a secret is in the server's log: ...%s", log[max(0, at-500):at+len(hidden)])
	}
}

// logEverything makes the server log all statements in a database, and all parameters.
func logEverything(t *testing.T) func(*pgtest.Database) {
	return func(d *pgtest.Database) {
		t.Helper()
		for _, setting := range []string{
			"log_statement = 'all'", "log_min_duration_statement = 0", "log_parameter_max_length = -1",
			"log_parameter_max_length_on_error = -1", "log_error_verbosity = 'verbose'",
		} {
			d.Exec(t, fmt.Sprintf("ALTER DATABASE %s SET %s", pgx.Identifier{d.Name}.Sanitize(), setting))
		}
	}
}

// serverLog is what the server has logged, and what pg_stat_statements holds, where it is loaded.
func serverLog(t *testing.T, d *pgtest.Database) string {
	t.Helper()
	conn, marker := d.Conn(t), "marker-"+d.Name
	d.Exec(t, "SELECT '"+marker+"'")
	var log string
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var file *string
		if err := conn.QueryRow(context.Background(), "SELECT pg_current_logfile()").Scan(&file); err != nil {
			t.Fatal(err)
		}
		if file == nil {
			if os.Getenv("BOOTSTRAP_TEST_URL") != "" {
				t.Skip("the server of BOOTSTRAP_TEST_URL has no log that SQL can read (logging_collector is off)")
			}
			t.Fatal("the server of the tests has no log")
		}
		if err := conn.QueryRow(context.Background(), "SELECT pg_read_file($1)", *file).Scan(&log); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log, marker) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the log of the server does not show the last statement")
		}
	}
	loaded := pgtest.Table(t, conn, "SELECT current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%'")
	if loaded[0][0] == "t" {
		d.Exec(t, "CREATE EXTENSION pg_stat_statements")
		for _, row := range pgtest.Table(t, conn, "SELECT query FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1)", d.Name) {
			log += row[0] + "\n"
		}
	}
	return log
}

// TestThreeWays: the same manifest through the program, through a literal, and through \copy in both ways of
// docs/psql.md, gives the same rows except for ids and times.
func TestThreeWays(t *testing.T) {
	t.Parallel()
	requirePSQL(t)
	s := newSession(t, "docs/psql.md")
	var want []string
	compare := func(way string, blocks ...*block) {
		t.Helper()
		s.use("keep")
		for _, b := range append([]*block{{language: "sh", text: "keep-bootstrap migrate"}}, blocks...) {
			if printed, exit := s.execute(b); exit != 0 {
				t.Fatalf("%s: exit code %d\n%s", way, exit, printed)
			}
		}
		got := installed(t, s.database)
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s does not give the rows of the program: -program +%s\n%s", way, way, diff)
		}
	}
	compare("program", &block{language: "sh", text: "KEEP_PROVIDERS=./examples/providers.json keep-bootstrap up"})
	if len(want) != 1+5+5+2+5 {
		t.Fatalf("the program wrote %d rows: %s", len(want), strings.Join(want, "\n"))
	}
	compare("literal", &block{language: "sql", text: "\\set content `cat examples/providers.json`\nCALL bootstrap.install_providers('keep', :'content');"})

	for i := range s.page.blocks {
		if b := &s.page.blocks[i]; b.file == "install.sql" {
			s.write(filepath.Join(s.directory, b.file), b.text)
			compare("copy-of-json", &block{language: "sh", text: "psql -X -v ON_ERROR_STOP=1 -f install.sql"})
		}
	}
}

// installed is what a run leaves of Keep's rows and of its own, without ids and times.
func installed(t *testing.T, d *pgtest.Database) []string {
	t.Helper()
	conn := d.Conn(t)
	var all []string
	for _, query := range []string{
		"SELECT 'tenant', id, name, configuration FROM tenant",
		`SELECT 'provider', name, type, tenant_id, description, installed_by, replace(configuration_key, id, '<id>'), "validatedScopes",
			consumer, pulling_enabled, last_pull_time, provisioned, provider_metadata FROM provider`,
		"SELECT 'secret', replace(s.key, p.id, '<id>'), s.value FROM secret s JOIN provider p ON p.configuration_key = s.key",
		`SELECT 'rule', r.name, p.name, r.provider_type, r.description, r.fingerprint_fields, r.ignore_fields, r.full_deduplication, r.enabled,
			r.priority, r.is_provisioned, r.created_by, r.last_updated_by FROM alertdeduplicationrule r LEFT JOIN provider p ON p.id = r.provider_id`,
		"SELECT 'status', s.name, s.type, s.origin, s.prevent_delete, s.condition FROM bootstrap.status() s",
	} {
		for _, row := range pgtest.Table(t, conn, query+" ORDER BY 2") {
			for i, text := range row {
				row[i] = compactJSON(text)
			}
			all = append(all, masked(strings.Join(row, " | ")))
		}
	}
	return all
}

// compactJSON removes the spaces between the parts of an object or list; keys keep their order. Other text stays.
func compactJSON(text string) string {
	var compact bytes.Buffer
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") || json.Compact(&compact, []byte(text)) != nil {
		return text
	}
	return compact.String()
}

// TestSecretsPage executes docs/secrets.md for a Keep with its secrets in Kubernetes and in files.
func TestSecretsPage(t *testing.T) {
	t.Parallel()
	s := newSession(t, "docs/secrets.md")
	server, state := kubetest.New(t), filepath.Join(s.directory, "state")
	variables, err := os.ReadFile(s.variables)
	if err != nil {
		t.Fatal(err)
	}
	s.write(s.variables, string(variables)+"export KUBECONFIG="+quoted(server.Kubeconfig(t, "default"))+"\n")
	s.prepare = func(d *pgtest.Database) {
		conn := d.Conn(t)
		for name, kind := range map[string]string{"grafana-prod": "grafana", "vm": "victoriametrics", "pager": "pagerduty"} {
			pgtest.KeepProvisioned(t, conn, name, kind, `{"token": "example"}`)
		}
		d.Exec(t, `insert into tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at)
			values ('keep', 'ci', encode(sha256('example'), 'hex'), false, false, 'someone', 'admin', now())`)
		clear(server.Secrets)
		if err := errors.Join(os.RemoveAll(state), os.Mkdir(state, 0o700)); err != nil {
			t.Fatal(err)
		}
		for _, row := range append(pgtest.Table(t, conn, "delete from secret returning key, value"), []string{"keep-ci", "example"}) {
			s.write(filepath.Join(state, row[0]), row[1])
			server.Put("keep", strings.ReplaceAll(row[0], "_", "-"), row[1])
		}
	}
	s.run()
}
