package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// TestOwnDatabase: tests of one template do not see each other's rows, and the template is built once.
func TestOwnDatabase(t *testing.T) {
	t.Parallel()
	var built atomic.Int32
	template := pgtest.Template{Name: "own database", Build: func(ctx context.Context, url string) error {
		built.Add(1)
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "create table t (n int); insert into t values (1)")
		return errors.Join(err, conn.Close(ctx))
	}}
	t.Run("group", func(t *testing.T) {
		for range 4 {
			t.Run("Ü ' \" /", func(t *testing.T) {
				t.Parallel()
				d := pgtest.New(t, template)
				d.Exec(t, "insert into t values ($1)", 2)
				if got := pgtest.Table(t, d.Conn(t), "select n, null from t order by n"); len(got) != 2 || got[1][0] != "2" || got[1][1] != "NULL" {
					t.Errorf("rows: %v", got)
				}
				if got := pgtest.Rows(t, d.Admin(t), "select count(*) as n from pg_database where datname = $1", d.Name); got[0]["n"] != int64(1) {
					t.Errorf("databases of name %s: %v", d.Name, got)
				}
			})
		}
	})
	if built.Load() != 1 {
		t.Errorf("the template was built %d times", built.Load())
	}
}

// TestDropped: a test's database goes at its end, even when something is still connected.
func TestDropped(t *testing.T) {
	t.Parallel()
	var d *pgtest.Database
	var open *pgx.Conn
	t.Run("test", func(t *testing.T) {
		d = pgtest.New(t, pgtest.Empty)
		var err error
		if open, err = pgx.Connect(context.Background(), d.URL); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := open.Exec(t.Context(), "select 1"); err == nil {
		t.Error("the connection is still there")
	}
	open.Close(context.Background())
	got := pgtest.Rows(t, pgtest.New(t, pgtest.Empty).Conn(t), "select count(*) as n from pg_database where datname = $1", d.Name)
	if got[0]["n"] != int64(0) {
		t.Errorf("database %s is still there", d.Name)
	}
}

func TestSQLState(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t, pgtest.Empty).Conn(t)
	_, err := conn.Exec(t.Context(), "select 1 / 0")
	if got := pgtest.SQLState(err); got != "22012" {
		t.Errorf("SQLSTATE %q of %v", got, err)
	}
	if got := pgtest.SQLState(errors.New("else")); got != "" {
		t.Errorf("SQLSTATE %q of an error that has none", got)
	}
}

// TestRole: a role that is not a superuser, and that is gone with all it owns.
func TestRole(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("test", func(t *testing.T) {
		d := pgtest.New(t, pgtest.Empty)
		var url string
		name, url = d.Role(t, "bypassrls")
		d.Exec(t, "grant create on schema public to "+name)
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(t.Context(), "create table public.mine ()"); err != nil {
			t.Error(err)
		}
		if _, err := conn.Exec(t.Context(), "create role other"); pgtest.SQLState(err) != "42501" {
			t.Errorf("creating a role: %v", err)
		}
	})
	if got := pgtest.Rows(t, pgtest.New(t, pgtest.Empty).Conn(t), "select from pg_roles where rolname = $1", name); len(got) != 0 {
		t.Errorf("role %s is still there", name)
	}
}

// TestServer: what the server offers to tests.
func TestServer(t *testing.T) {
	t.Parallel()
	if os.Getenv("BOOTSTRAP_TEST_URL") != "" {
		t.Skip("not our server")
	}
	d := pgtest.New(t, pgtest.Empty)
	d.Exec(t, "create extension pg_stat_statements")
	for name, want := range map[string]string{"fsync": "off", "max_connections": "300", "shared_preload_libraries": "pg_stat_statements"} {
		if got := pgtest.Table(t, d.Conn(t), "select current_setting('"+name+"')"); got[0][0] != want {
			t.Errorf("%s is %q, want %q", name, got[0][0], want)
		}
	}
	if want := os.Getenv("BOOTSTRAP_TEST_POSTGRES"); want != "" {
		if got := pgtest.Table(t, d.Conn(t), "show server_version"); !strings.HasPrefix(got[0][0], want+".") {
			t.Errorf("version %s, want %s", got[0][0], want)
		}
	}
}

// TestGivenServer runs tests of this package again on a server that it does not start: this process's.
func TestGivenServer(t *testing.T) {
	t.Parallel()
	if os.Getenv("BOOTSTRAP_TEST_URL") != "" {
		t.Skip("this is the second run")
	}
	conn := pgtest.New(t, pgtest.Empty).Admin(t)
	count := func() string {
		return pgtest.Table(t, conn, "select count(*) from pg_database where datname like 'kb\\_t\\_testonlygiven%' or datname like 'kb\\_tpl\\_only\\_%'")[0][0]
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	again := exec.Command(binary, "-test.run=^(TestOwnDatabase|TestOnlyGiven)$", "-test.v")
	again.Env = append(os.Environ(), "BOOTSTRAP_TEST_URL="+conn.Config().ConnString())
	output, err := again.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "--- PASS: TestOnlyGiven") {
		t.Errorf("%v\n%s", err, output)
	}
	if n := count(); n != "0" {
		t.Errorf("%s databases were left behind", n)
	}
}

// keptServer runs a test in a process of its own that keeps its server, and connects to its database.
func keptServer(t *testing.T) (*exec.Cmd, *pgx.Conn) {
	t.Helper()
	if os.Getenv("BOOTSTRAP_TEST_URL") != "" {
		t.Skip("not our server")
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(binary, "-test.run=^TestSQLState$", "-test.v")
	run.Env = append(os.Environ(), "BOOTSTRAP_TEST_KEEP=1")
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Process.Kill() })
	var url string
	for lines := bufio.NewScanner(out); lines.Scan() && !strings.Contains(lines.Text(), "until Ctrl-C"); {
		if _, after, ok := strings.Cut(lines.Text(), "kept: "); ok {
			url = after
		}
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("%q: %v", url, err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return run, conn
}

// TestKept: with BOOTSTRAP_TEST_KEEP a database can be looked at after the tests, until someone ends the process.
func TestKept(t *testing.T) {
	t.Parallel()
	run, conn := keptServer(t)
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the server is still there")
	}
}

// TestOnlyGiven is for TestGivenServer: its template's name is found nowhere else.
func TestOnlyGiven(t *testing.T) {
	t.Parallel()
	if os.Getenv("BOOTSTRAP_TEST_URL") == "" {
		t.Skip("run by TestGivenServer")
	}
	pgtest.New(t, pgtest.Template{Name: "only", Build: pgtest.Empty.Build})
}

// TestKilledProcess: the server of a test process that is killed ends, and so do its files.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	run, conn := keptServer(t)
	data := pgtest.Table(t, conn, "show data_directory")[0][0]
	run.Process.Kill()
	run.Wait()
	pgtest.Until(t, "the server and its files are gone", func() bool {
		_, err := os.Stat(data)
		return os.IsNotExist(err) && conn.Ping(context.Background()) != nil
	})
}
