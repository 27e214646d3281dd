package cli_test

import (
	"path/filepath"
	"strings"
	"testing"

	"keep-bootstrap/internal/local"
	"keep-bootstrap/test/pgtest"
)

// TestLocal: the commands of the local server, through the program, in a home of its own.
func TestLocal(t *testing.T) {
	t.Parallel()
	env := environment{"HOME": pgtest.Home(t)}
	says := func(stdout string, args ...string) {
		t.Helper()
		if r := execute(t, env, append([]string{"local"}, args...)...).want(t, 0); !strings.Contains(r.stdout, stdout) {
			t.Errorf("local %q: %s, want %s", args, r.stdout, stdout)
		}
	}
	for _, command := range []string{"status", "stop", "reset"} {
		says("no data", command)
	}
	execute(t, env, "local", "url").want(t, 69, "keep-bootstrap local start")
	says("on 127.0.0.1:", "start")
	says("postgres://postgres:", "url")
	if _, err := local.PSQL(); err != nil {
		pgtest.Missing(t, err)
	}
	for _, args := range [][]string{
		{"local", "psql", "-Atc", "create table mine (); select 40 + 2"},
		{"local", "psql", "--", "-At", "-c", "select 42"},
		{"local", "psql", "--local-version", "18", "--no-psqlrc", "-Atc", "select 42"},
		{"local", "--local-version=18", "psql", "--tuples-only", "-Ac", "select 42"},
		{"--output", "text", "local", "psql", "keep", "-Atc", "select 42"},
	} {
		r := execute(t, env, args...)
		if r.exit != 0 || !strings.HasSuffix(strings.TrimSpace(r.stdout), "42") {
			t.Errorf("%q: exit %d, %s%s", args, r.exit, r.stdout, r.stderr)
		}
	}
	execute(t, env, "local", "psql", "-c", "select from nothing").want(t, 1)
	execute(t, env, "local", "reset").want(t, 0, "deleted the data")
	says("on 127.0.0.1:", "start")
	execute(t, env, "local", "psql", "-c", "select from mine").want(t, 1)
	says("not running", "stop")
}

// TestLocalFirstSteps: after the example, a file of one's own replaces it in the local database.
func TestLocalFirstSteps(t *testing.T) {
	t.Parallel()
	env := environment{"HOME": pgtest.Home(t)}
	example := filepath.Join("..", "..", "examples", "providers.yaml")
	execute(t, env, "plan", "-f", example).want(t, 69, "keep-bootstrap up")
	execute(t, env, "up", "-f", example).want(t, 0, "using the local PostgreSQL")
	if r := execute(t, env, "up", "-f", example).want(t, 0); !strings.Contains(r.stdout, "No changes") {
		t.Errorf("the second run: %s", r.stdout)
	}
	own := file(t, twoProviders)
	execute(t, env, "plan", "-f", own).want(t, 0)
	execute(t, env, "up", "-f", own).want(t, 0)
	if r := execute(t, env, "local", "psql", "-Atc", "select count(*) from provider"); r.stdout != "2\n" {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	execute(t, env, "up", "-f", file(t, "providers: []\n")).want(t, 78)
}
