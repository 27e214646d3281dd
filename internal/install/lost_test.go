package install_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keep-bootstrap/internal/pgerr"
	"keep-bootstrap/internal/pgtest"
)

// cut says what a proxy does with the first message of a client that holds the mark.
type cut int

const (
	cutBefore  cut = iota // drop it and close: the server never sees it
	cutAfter              // pass it on, and close when the whole answer is there: the client never sees it
	cutForGood            // as cutAfter, and refuse every connection from then on
)

// commit is how the statement COMMIT looks on the wire; BEGIN says READ COMMITTED.
const commit = "\x00COMMIT\x00"

// readyForQuery is the beginning of the message with which the server ends an answer.
var readyForQuery = []byte{'Z', 0, 0, 0, 5}

// proxy stands between a client and the server of address and breaks the first connection whose client sends mark. It
// returns the address to use instead.
func proxy(t *testing.T, address, mark string, how cut) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	server := u.Host
	var used atomic.Bool
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			if used.Load() && how == cutForGood {
				client.Close()
				continue
			}
			go relay(client, server, mark, how, &used)
		}
	}()
	u.Host = listener.Addr().String()
	return u.String()
}

func relay(client net.Conn, address, mark string, how cut, used *atomic.Bool) {
	defer client.Close()
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	var broken atomic.Bool
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil || broken.Load() && bytes.Contains(buffer[max(0, n-6):n], readyForQuery) {
				client.Close()
				return
			}
			if broken.Load() {
				continue
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(buffer[:n], []byte(mark)) && used.CompareAndSwap(false, true) {
			if how == cutBefore {
				return
			}
			broken.Store(true)
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func TestLostCommit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mark    string
		how     cut
		message string
	}{
		"committed":           {commit, cutAfter, "the answer to COMMIT was lost; the server says that the transaction committed"},
		"not sent":            {commit, cutBefore, "the connection was lost; the server says that nothing was written"},
		"lost while staging":  {"provider_staging", cutBefore, "trying again"},
		"lost at the answers": {"provider_staging", cutAfter, "trying again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := pgtest.New(t, migrated)
			var log strings.Builder
			run := newRun(t, proxy(t, d.URL, test.mark, test.how), twoProviders, nil)
			run.Log, run.RetryFor = slog.New(slog.NewTextHandler(&log, nil)), time.Minute
			outcome, err := run.Apply(context.Background())
			if err != nil {
				t.Fatalf("%+v\n%s", pgerr.From(err), log.String())
			}
			if !strings.Contains(log.String(), test.message) {
				t.Errorf("log: %s", log.String())
			}
			rows := pgtest.Table(t, d.Conn(t), "select (select count(*) from provider), (select count(*) from secret), (select count(*) from bootstrap.run)")
			if rows[0][0] != "2" || rows[0][1] != "2" || rows[0][2] != "1" {
				t.Errorf("%v after %+v", rows, outcome.Report)
			}
		})
	}
}

func TestServerGoneDuringCommit(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	run := newRun(t, proxy(t, d.URL, commit, cutForGood), twoProviders, nil)
	_, err := run.Apply(context.Background())
	e := pgerr.From(err)
	if e == nil || e.Code != pgerr.CodeUnknown || e.ExitCode != pgerr.ExitTemporary || !e.Retry {
		t.Errorf("%+v", e)
	}
	// What it could not find out: it did commit. The next run finds nothing to do.
	if outcome := apply(t, newRun(t, d.URL, twoProviders, nil)); *outcome.Report.Changed {
		t.Errorf("%+v", outcome.Report)
	}
}

func TestTerminatedConnection(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, migrated)
	// A lock makes the run wait in the CALL; then its backend is terminated.
	apply(t, newRun(t, d.URL, twoProviders, nil))
	application, killer := d.Conn(t), d.Conn(t)
	if _, err := application.Exec(ctx, "begin; select from provider for update"); err != nil {
		t.Fatal(err)
	}
	run := newRun(t, d.URL, strings.ReplaceAll(twoProviders, "8880", "8882"), nil)
	run.RetryFor = time.Minute
	killed := make(chan bool)
	go func() {
		defer close(killed)
		for range 200_000 {
			var n int
			if err := killer.QueryRow(ctx, `select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity
				where datname = current_database() and application_name = 'keep-bootstrap' and wait_event_type = 'Lock') x`).Scan(&n); err == nil && n > 0 {
				_, _ = application.Exec(ctx, "rollback")
				killed <- true
				return
			}
		}
	}()
	outcome, err := run.Apply(ctx)
	if err != nil {
		t.Fatalf("%+v", pgerr.From(err))
	}
	if !<-killed {
		t.Error("nothing was terminated")
	}
	if *outcome.Report.Updated != 1 {
		t.Errorf("%+v", outcome.Report)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	d := pgtest.New(t, migrated)
	apply(t, newRun(t, d.URL, twoProviders, nil))
	before := contents(t, d)
	application, observer := d.Conn(t), d.Conn(t)
	if _, err := application.Exec(ctx, "begin; select from provider for update"); err != nil {
		t.Fatal(err)
	}
	go func() {
		for range 200_000 {
			var waiting bool
			if err := observer.QueryRow(context.Background(), `select exists (select from pg_stat_activity
				where datname = current_database() and application_name = 'keep-bootstrap' and wait_event_type = 'Lock')`).Scan(&waiting); err == nil && waiting {
				break
			}
		}
		cancel()
	}()
	run := newRun(t, d.URL, strings.ReplaceAll(twoProviders, "8880", "8883"), nil)
	run.RetryFor = time.Minute
	_, err := run.Apply(ctx)
	if e := pgerr.From(err); e == nil || e.ExitCode != pgerr.ExitTemporary {
		t.Errorf("%+v", e)
	}
	if _, err := application.Exec(context.Background(), "rollback"); err != nil {
		t.Fatal(err)
	}
	if after := contents(t, d); after != before {
		t.Errorf("an interrupted run wrote rows")
	}
}
