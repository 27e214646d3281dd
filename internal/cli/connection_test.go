package cli_test

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

// databaseCommands are those that would use the local server when no database is given.
var databaseCommands = [][]string{
	{"up"}, {"up", "--wait=1m"}, {"up", "--tenant-only"}, {"plan"}, {"apply"}, {"migrate"}, {"status"}, {"verify"}, {"history"}, {"export"},
}

// TestEmptyDatabaseVariableUsesLocalServer: no command starts a server when anything hints at a database.
func TestEmptyDatabaseVariableUsesLocalServer(t *testing.T) {
	t.Parallel()
	const providers = `{"vm":{"type":"victoriametrics","authentication":{"VMAlertHost":"http://vm.example.com"}}}`
	home := t.TempDir()
	empty := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, hint := range []environment{
		{"DATABASE_CONNECTION_STRING": ""},
		{"DATABASE_URL": " "},
		{"BOOTSTRAP_DATABASE_URL_FILE": ""},
		{"BOOTSTRAP_DATABASE_URL_FILE": empty},
		{"DATABASE_HOST": "db.example.com", "DATABASE_PORT": "5432", "DATABASE_USER": "keep", "DATABASE_NAME": "keep"},
		{"PGPASSWORD": canary},
		{"PGUSER": "keep"},
		{"PGHOST": ""},
	} {
		for _, command := range databaseCommands {
			env := environment{"KEEP_PROVIDERS": providers, "HOME": home, "XDG_DATA_HOME": home}
			for name, value := range hint {
				env[name] = value
			}
			r := run(t, env, command...).want(t, 64)
			named := strings.Contains(r.stderr, empty)
			for name := range hint {
				named = named || strings.Contains(r.stderr, name)
			}
			if !named {
				t.Errorf("%v %v: %s", hint, command, r.stderr)
			}
		}
	}
	nothing := environment{"KEEP_PROVIDERS": providers, "HOME": home, "XDG_DATA_HOME": home}
	for _, command := range databaseCommands {
		run(t, nothing, append(command, "--wait=1m")...).want(t, 64, "--wait needs a database")
		run(t, nothing, append(command, "--database-url-file=")...).want(t, 64, "--database-url-file is empty")
	}
	if entries, err := os.ReadDir(home); err != nil || len(entries) > 0 {
		t.Errorf("something was started: %v %v", entries, err)
	}
}

// TestConnectionFailuresEndAsDocumented: the program's exit code, text and JSON agree, and neither shows the password.
func TestConnectionFailuresEndAsDocumented(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	front := "postgresql+psycopg2://keep:" + canary + "@"
	for address, want := range map[string]struct {
		exit int
		text string
	}{
		front + "127.0.0.1:1/keep":                                                                   {69, "127.0.0.1:1: connection refused"},
		front + "/keep?host=127.0.0.1:1&host=none.invalid":                                           {69, "none.invalid:5432: host name not found"},
		front + "h/keep?sslcrl=/etc/keep/revoked.pem":                                                {64, "sslcrl is not supported"},
		front + "h/keep?pgbouncer=true":                                                              {64, "pgbouncer is not a connection parameter"},
		front + "h/keep?sslmode=verify-full&sslrootcert=/certs/missing.pem":                          {64, "/certs/missing.pem"},
		"postgresql+psycopg2://keep:$(DB_PASSWORD)@db.example.com/keep":                              {64, "$(DB_PASSWORD)"},
		changed(t, d.URL, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), canary) }): {77, "password authentication failed"},
	} {
		env := environment{"DATABASE_CONNECTION_STRING": address}
		run(t, env, "status").want(t, want.exit, want.text)
		r := run(t, env, "status", "-o", "json").want(t, want.exit, want.text)
		if !strings.Contains(r.stderr, fmt.Sprintf(`"exit_code":%d`, want.exit)) {
			t.Errorf("%s", r.stderr)
		}
	}
}

// TestStalledConnectionEndsEveryCommand: the program ends, and says that the server stopped answering.
func TestStalledConnectionEndsEveryCommand(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Migrated)
	path := file(t, twoProviders)
	for _, args := range [][]string{{"status"}, {"verify"}, {"history"}, {"export"}, {"plan", "-f", path}, {"up", "-f", path, "--wait=1s"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			stalled := false
			proxy := pgtest.NewProxy(t, d.URL, func(m pgtest.Message) pgtest.Cut {
				stalled = stalled || !m.FromServer && (m.Type == 'P' || m.Type == 'Q' || m.Type == 'B')
				if stalled && args[0] == "up" || stalled && m.Connection == 1 {
					return pgtest.Stall
				}
				return pgtest.Pass
			})
			run(t, environment{"DATABASE_URL": proxy.URL}, args...).want(t, 75, "the server stopped answering")
		})
	}
}

// TestStalledAtCommitWithoutAnotherConnection: nobody knows what became of the run, and the program says so, in time.
func TestStalledAtCommitWithoutAnotherConnection(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Migrated)
	stalled := false
	proxy := pgtest.NewProxy(t, d.URL, func(m pgtest.Message) pgtest.Cut {
		if !m.FromServer && bytes.Contains(m.Body, []byte("\x00COMMIT\x00")) {
			stalled = true
			return pgtest.Stall
		}
		if stalled {
			return pgtest.Stall
		}
		return pgtest.Pass
	})
	run(t, environment{"DATABASE_URL": proxy.URL}, "up", "-f", file(t, twoProviders), "--wait=1s").want(t, 75, "commit-unknown")
}

// TestSessionSettingsBreakCommands: what the reading commands print does not depend on settings of role and database.
func TestSessionSettingsBreakCommands(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	path := file(t, strings.Replace(twoProviders, "grafana-prod", "Grüße", 1))
	run(t, env, "up", "-f", path).want(t, 0)
	commands := [][]string{{"status"}, {"history"}, {"history", "1"}, {"verify"}, {"export"}}
	var before []string
	for _, command := range commands {
		before = append(before, run(t, env, command...).want(t, 0).stdout)
	}
	database := pgx.Identifier{d.Name}.Sanitize()
	for _, setting := range []string{
		"DateStyle = 'SQL, DMY'", "DateStyle = 'German'", "IntervalStyle = 'iso_8601'", "TimeZone = 'Asia/Kolkata'", "bytea_output = 'escape'", "extra_float_digits = -15",
		"xmloption = 'document'", "array_nulls = off", "quote_all_identifiers = on", "standard_conforming_strings = off", "transform_null_equals = on",
		"client_encoding = 'LATIN1'", "client_encoding = 'SJIS'", "client_encoding = 'WIN1251'", "search_path = ''",
	} {
		d.Exec(t, "alter database "+database+" set "+setting)
		for i, command := range commands {
			if r := run(t, env, command...).want(t, 0); r.stdout != before[i] {
				t.Errorf("%s, %v:\n%s\nbefore:\n%s", setting, command, r.stdout, before[i])
			}
		}
		d.Exec(t, "alter database "+database+" reset all")
	}
	if !bytes.Contains([]byte(before[0]), []byte("Grüße")) {
		t.Errorf("%s", before[0])
	}
}
