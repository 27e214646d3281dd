package reliability_test

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/test/pgtest"
)

// serverConnections is how many connections to a database the pooler has: fewer than clients, so that they change hands.
const serverConnections = 3

// pooler starts pgbouncer in front of a server until the end of the test, and returns the URL by way of it.
func pooler(t *testing.T, address, mode string) string {
	t.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path = "/usr/sbin/pgbouncer"
		_, err = os.Stat(path)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("pgbouncer is not installed")
		}
		t.Skip("pgbouncer is not installed: apt-get install pgbouncer")
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	directory, err := os.MkdirTemp("", "keep-bootstrap-pgbouncer-") // t.TempDir is closed to another user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	port := freePort(t)
	write := func(name, text string) string {
		file := filepath.Join(directory, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	users := write("users", fmt.Sprintf("%q %q\n", u.User.Username(), password))
	config := write("pgbouncer.ini", fmt.Sprintf(`[databases]
* = host=%s port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = plain
auth_file = %s
pool_mode = %s
default_pool_size = %d
max_client_conn = 200
max_db_connections = 0
query_wait_timeout = 300
`, u.Hostname(), u.Port(), port, users, mode, poolSize(mode)))
	args := []string{config}
	if os.Geteuid() == 0 { // it refuses to run as root
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		for _, file := range []string{directory, users, config} {
			if err := os.Chown(file, uid, gid); err != nil {
				t.Fatal(err)
			}
		}
		args = []string{"-u", "nobody", config}
	}
	var output bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("pgbouncer: %s", output.String())
		}
	})
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	pgtest.Until(t, "pgbouncer answers", func() bool {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", u.Host)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return u.String()
}

// poolSize leaves every client its own connection where it keeps it.
func poolSize(mode string) int {
	if mode == "session" {
		return 50
	}
	return serverConnections
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// TestPgbouncer runs every command that uses the database through pgbouncer, and many at once.
func TestPgbouncer(t *testing.T) {
	t.Parallel()
	m := writeManifests(t)
	want, wantB := expected(t, m.a), expected(t, m.b)
	for _, mode := range []string{"transaction", "session"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			d := pgtest.New(t, keep)
			address := pooler(t, d.URL, mode)
			conn := d.Conn(t)
			many := times(6, 20)
			atOnce := func(args ...string) {
				all := make([]*program, many)
				for i := range all {
					all[i] = command(t, address, args...).start(t)
				}
				for i, p := range all {
					if code := p.finish(t); code != 0 {
						t.Errorf("%v, %d: exit code %d\n%s", args, i, code, p.output())
					}
				}
				poolIsClean(t, conn)
			}
			atOnce("migrate")
			bootstrap(t, 2, address, "plan", "-f", m.a, "--detailed-exitcode")
			atOnce("up", "-f", m.a)
			if got := wanted(t, conn); got != want {
				t.Errorf("%s", got)
			}
			for _, args := range [][]string{{"verify"}, {"status"}, {"history"}, {"export"}, {"plan", "-f", m.a}, {"apply", "-f", m.a}} {
				bootstrap(t, 0, address, args...)
			}
			atOnce("up", "-f", m.b)
			if got := wanted(t, conn); got != wantB {
				t.Errorf("%s", got)
			}
			if runs := number(t, conn, "select count(*) from bootstrap.history()"); runs != 2 {
				t.Errorf("%d runs in the journal, want 2", runs)
			}
			// Killed in a transaction of which the pooler knows: it must not give the connection to somebody else.
			for i := range times(3, 20) {
				next := []string{m.a, m.b}[i%2]
				killed(t, command(t, address, "up", "-f", next), time.Duration(10+i%5*10)*time.Millisecond)
				pgtest.Until(t, "no transaction of the killed program is left", func() bool {
					return number(t, conn, "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'keep-bootstrap' and xact_start is not null") == 0
				})
				noAdvisoryLock(t, conn)
				bootstrap(t, 0, address, "up", "-f", next)
				poolIsClean(t, conn)
			}
			bootstrap(t, 0, address, "migrate", "--to", "0")
			poolIsClean(t, conn)
			bootstrap(t, 0, address, "up", "-f", m.a)
			poolIsClean(t, conn)
			tidy(t, conn)
			figure(t, conn, "programs at once through pgbouncer, pool_mode "+mode+": migrate, up, up with another manifest; then plan, verify, status, history, export, apply, SIGKILL, migrate --to 0", many,
				"all ended with 0, 1 migrated, 2 runs in the journal; no advisory lock and no open transaction on any server connection")
		})
	}
}

// poolIsClean wants that the pooler's idle connections hold nothing. At least one of them is open.
func poolIsClean(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	noAdvisoryLock(t, conn)
	const backends = " from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"
	// With session pooling the pooler sends DISCARD ALL when a program has ended.
	pgtest.Until(t, "the connections of the pooler are idle", func() bool {
		return number(t, conn, "select count(*)"+backends+" and (state <> 'idle' or xact_start is not null)") == 0
	})
	if number(t, conn, "select count(*)"+backends) == 0 {
		t.Error("the pooler has no connection, so this shows nothing")
	}
}

// TestPgbouncerRefuses: a refusal of the pooler ends the program at once, with its text and a next step.
func TestPgbouncerRefuses(t *testing.T) {
	t.Parallel()
	m := writeManifests(t)
	d := pgtest.New(t, keep)
	for name, test := range map[string]struct {
		address string
		exit    int
		text    string
	}{
		"options":        {pooler(t, d.URL, "transaction") + "&options=-csearch_path%3Dpublic", 64, "ignore_startup_parameters"},
		"statement mode": {pooler(t, d.URL, "statement"), 78, "pool_mode"},
	} {
		p := bootstrap(t, test.exit, test.address, "up", "-f", m.a, "--wait=1m")
		if !strings.Contains(p.stderr.String(), test.text) || strings.Contains(p.stderr.String(), "trying again") {
			t.Errorf("%s: %s", name, p.output())
		}
	}
}

// TestLongStatementThroughPgbouncer: behind a pooler the session is found, too, so that a long statement is no stall.
func TestLongStatementThroughPgbouncer(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	holder := d.Conn(t)
	execute(t, holder, "select pg_advisory_lock(1)")
	asked := make(chan struct{})
	questions := 0
	address := pgtest.NewProxy(t, pooler(t, d.URL, "transaction"), func(m pgtest.Message) pgtest.Cut {
		if !m.FromServer && bytes.Contains(m.Body, []byte("pg_stat_activity")) {
			if questions++; questions == 2 {
				close(asked)
			}
		}
		return pgtest.Pass
	}).URL
	config, err := postgres.Source{ConnString: address, Origin: "test"}.Config()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := postgres.Connect(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer postgres.Close(t.Context(), conn)
	done := make(chan error)
	go func() {
		_, err := conn.Exec(t.Context(), "begin; select pg_advisory_xact_lock(1); commit")
		done <- err
	}()
	select {
	case <-asked:
		execute(t, holder, "select pg_advisory_unlock(1)")
		err = <-done
	case err = <-done:
	}
	if err != nil {
		t.Errorf("%+v", postgres.From(err))
	}
}
