package cli_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// execute runs the real program.
func execute(t testing.TB, env environment, args ...string) result {
	t.Helper()
	cmd := command(t, env, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return finished(t, cmd.Run(), &stdout, &stderr)
}

func command(t testing.TB, env environment, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(pgtest.Bootstrap(t), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

func finished(t testing.TB, err error, stdout, stderr *bytes.Buffer) result {
	t.Helper()
	r := result{0, stdout.String(), stderr.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.exit = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.stdout+r.stderr, canary) {
		t.Errorf("a secret is shown:\n%s%s", r.stdout, r.stderr)
	}
	return r
}

func rowVersions(t testing.TB, d *pgtest.Database) string { return pgtest.RowVersions(t, d.Conn(t)) }

func TestTheProgramTwice(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL, "KEEP_PROVIDERS": file(t, "") /* replaced below */}
	env["KEEP_PROVIDERS"] = `{"grafana-prod": {"type": "grafana", "authentication": {"host": "https://g", "token": "$(TOKEN)"}}, "p": {"type": "prometheus", "authentication": {"url": "http://p"}}}`
	env["TOKEN"] = canary
	first := execute(t, env, "up").want(t, 0, `"msg":"schema migrated"`)
	inOrder(t, first.stderr, "schema migrated", `"msg":"tenant created","tenant":"keep"`, `"msg":"installed","providers":2`)
	written := pgtest.Table(t, d.Conn(t), "select value from secret where value like '%"+canary+"%'")
	if len(written) != 1 {
		t.Error("the reference was not resolved")
	}

	statistics := `select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables t join pg_class c on c.oid = t.relid where c.relpersistence = 'p'`
	conn := d.Conn(t)
	flush(t, d)
	before, countBefore := rowVersions(t, d), pgtest.Table(t, conn, statistics)[0][0]
	second := execute(t, env, "up").want(t, 0, "up to date")
	if !strings.HasSuffix(second.stdout, "No changes.\n") {
		t.Errorf("%s", second.stdout)
	}
	flush(t, d)
	if after := rowVersions(t, d); after != before {
		t.Errorf("the second run wrote rows:\n%s\n%s", before, after)
	}
	if after := pgtest.Table(t, conn, statistics)[0][0]; after != countBefore {
		t.Errorf("rows written: %s before, %s after", countBefore, after)
	}
}

// flush waits until no session of the program is left, so that its statistics have been added up.
func flush(t testing.TB, d *pgtest.Database) {
	t.Helper()
	conn := d.Conn(t)
	for range 10_000 {
		rows := pgtest.Table(t, conn, "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'keep-bootstrap'")
		if rows[0][0] == "0" {
			return
		}
	}
	t.Error("a session of the program is left")
}

func TestTheProgramInterruptedWhileItWaits(t *testing.T) {
	t.Parallel()
	cmd := command(t, environment{"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/db"}, "status", "--wait", "--log-format", "text")
	var stdout bytes.Buffer
	var stderr strings.Builder
	cmd.Stdout = &stdout
	cmd.Stderr = writer(func(text string) {
		if strings.Contains(text, "waiting") {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
		stderr.WriteString(text)
	})
	err := cmd.Run()
	finished(t, err, &stdout, bytes.NewBufferString(stderr.String())).want(t, 75, "error: interrupted")
}

func TestTheProgramInterrupted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	execute(t, env, "up", "-f", file(t, twoProviders)).want(t, 0)
	application := d.Conn(t)
	if _, err := application.Exec(ctx, "begin; select from secret for update"); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, env, "apply", "--log-format", "text", "-f", file(t, strings.Replace(twoProviders, "8880", "8881", 1)))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	observer := d.Conn(t)
	for range 10_000 {
		rows := pgtest.Table(t, observer, "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'keep-bootstrap' and wait_event_type = 'Lock'")
		if rows[0][0] != "0" {
			break
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	finished(t, cmd.Wait(), &stdout, &stderr).want(t, 75, "error: interrupted: interrupted", "nothing was written by the transaction that was open")
	flush(t, d)
	if rows := pgtest.Table(t, observer, "select count(*) from secret where value like '%8881%'"); rows[0][0] != "0" {
		t.Error("an interrupted run wrote rows")
	}
}
