package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// roles prepares a database as a DBA does: the owner migrates, the script of the roles, which grant runs, makes the rest.
func roles(t *testing.T) (d *pgtest.Database, owner, runner, auditor environment, grant func()) {
	t.Helper()
	program := pgtest.PSQL(t)
	d = pgtest.New(t, pgtest.Keep(newestKeep))
	as := func(login pgtest.Login) environment { return environment{"DATABASE_URL": login.URL} }
	ownerLogin, runnerLogin, auditorLogin := d.Owner(t), d.Login(t, ""), d.Login(t, "")
	owner, runner, auditor = as(ownerLogin), as(runnerLogin), as(auditorLogin)
	run(t, owner, "migrate").want(t, 0)
	run(t, owner, "apply", "-f", file(t, twoProviders)).want(t, 0)

	script := filepath.Join(t.TempDir(), "roles.sql")
	if err := os.WriteFile(script, []byte(run(t, nil, "sql", "--roles").want(t, 0).stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	grant = func() {
		t.Helper()
		output, err := exec.Command(program, "-X", "-1", "-v", "ON_ERROR_STOP=1", "-v", "runner="+runnerLogin.Name, "-v", "auditor="+auditorLogin.Name, "-f", script, "-d", ownerLogin.URL).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	}
	grant()
	grant()
	return d, owner, runner, auditor, grant
}

func TestTheProgramAsRunnerAndAuditor(t *testing.T) {
	t.Parallel()
	d, owner, runner, auditor, grant := roles(t)
	current := file(t, twoProviders)
	other := file(t, strings.ReplaceAll(strings.ReplaceAll(twoProviders, canary, canary+"2"), "vm:", "metrics:"))

	// Nothing to migrate: the runner does all of it.
	before := rowVersions(t, d)
	run(t, runner, "up", "-f", current).want(t, 0, "up to date")
	if rowVersions(t, d) != before {
		t.Error("a run without changes wrote")
	}
	plan := planTo(t, runner, "-f", other)
	run(t, runner, "apply", "--plan", plan).want(t, 0)
	run(t, runner, "plan", "-f", other, "--detailed-exitcode").want(t, 0)
	run(t, runner, "up", "-f", current).want(t, 0, `"msg":"installed","providers":2`)
	run(t, runner, "up", "-f", file(t, "providers: []")).want(t, 78, "KB020")
	run(t, runner, "up", "--tenant-only", "--tenant", "other").want(t, 0)
	d.Exec(t, "alter table provider alter constraint provider_tenant_id_fkey not deferrable")
	run(t, runner, "up", "-f", other).want(t, 0)
	run(t, runner, "migrate").want(t, 0)
	for _, command := range []string{"status", "history", "verify"} {
		run(t, runner, command).want(t, 0)
		run(t, auditor, command).want(t, 0)
	}
	history := run(t, auditor, "history").want(t, 0).stdout
	inOrder(t, history, "applied", "failed", "KB020")
	inOrder(t, run(t, auditor, "verify").want(t, 0).stdout, "security: no other role has more rights than it needs", "foreign_key: the foreign key of public.provider is deferrable")
	run(t, auditor, "history", "1").want(t, 0)

	// What they may not do ends with 77 and says who may.
	run(t, runner, "export").want(t, 77, "42501")
	run(t, auditor, "export").want(t, 77, "42501")
	for _, command := range []string{"up", "apply", "plan"} {
		run(t, auditor, command, "-f", current).want(t, 77, "42501")
	}
	run(t, runner, "migrate", "--to", "0").want(t, 77, "42501")
	run(t, owner, "migrate", "--to", "1").want(t, 0)
	run(t, runner, "up", "-f", current).want(t, 77, "42501", "keep-bootstrap migrate", "owner")
	run(t, owner, "migrate").want(t, 0)
	run(t, runner, "up", "-f", current).want(t, 77, "42501") // the routines are others
	grant()
	run(t, runner, "up", "-f", current).want(t, 0)
	run(t, owner, "migrate", "--to", "0").want(t, 0)
	run(t, runner, "up", "-f", current).want(t, 77, "42501", "keep-bootstrap migrate")
	run(t, auditor, "status").want(t, 69, "not installed")
}
