package cli_test

import (
	"strings"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// TestEnvFile: the file gives the database, flags and references, and wins over the environment.
func TestEnvFile(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep("67ff7efffed4"))
	manifest := file(t, "providers:\n  - name: one\n    type: grafana\n    authentication: {host: http://grafana.example.com, token: $(GRAFANA_TOKEN)}\n")
	variables := file(t, "# of one database\n\nDATABASE_URL="+d.URL+"\r\nGRAFANA_TOKEN=a=b #c\nBOOTSTRAP_FILE="+manifest+"\n")
	env := environment{"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "GRAFANA_TOKEN": "other"}
	run(t, env, "up", "--env-file", variables).want(t, 0)
	env["BOOTSTRAP_ENV_FILE"] = variables
	if r := run(t, env, "up").want(t, 0); !strings.Contains(r.stdout, "No changes.") {
		t.Error(r.stdout)
	}
	if rows := pgtest.Table(t, d.Conn(t), "select value::json -> 'authentication' ->> 'token' from secret"); len(rows) != 1 || rows[0][0] != "a=b #c" {
		t.Errorf("%v", rows)
	}
	for text, want := range map[string]string{
		"A=1\nhunter2\n": ":2: expected NAME=value", "export A=hunter2": ":1: expected NAME=value", "A=hunter2\nA=2": ":2: duplicate variable A",
		"A='hunter2'": ":1: the quotes", `A="hunter2"`: ":1: the quotes", "A =hunter2": ":1: expected",
	} {
		if r := run(t, nil, "version", "--env-file", file(t, text)).want(t, 64, want); strings.Contains(r.stderr, "hunter2") {
			t.Errorf("prints a value:\n%s", r.stderr)
		}
	}
	run(t, nil, "version", "--env-file", "/nowhere/at/all").want(t, 64, "/nowhere/at/all")
}

// TestVersionFlag: --version needs nothing.
func TestVersionFlag(t *testing.T) {
	t.Parallel()
	if r := run(t, nil, "--version").want(t, 0); r.stdout != "keep-bootstrap test\n" {
		t.Errorf("%q", r.stdout)
	}
}
