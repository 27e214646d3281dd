package install_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/test/pgtest"
)

// commit is how the statement COMMIT looks on the wire; BEGIN says READ COMMITTED.
const commit = "\x00COMMIT\x00"

// cutAt breaks the first connection whose client sends mark, before the server has it or when the server has answered;
// for good: every connection from then on too. It returns the URL to use.
func cutAt(t *testing.T, address, mark string, how pgtest.Cut, forGood bool) string {
	t.Helper()
	seen, broken := false, 0 // the mark; and the connection that was cut
	return pgtest.NewProxy(t, address, func(m pgtest.Message) pgtest.Cut {
		switch {
		case broken > 0 && forGood && m.Connection != broken:
			return pgtest.CutBefore
		case broken > 0 || m.FromServer:
			return pgtest.Pass
		}
		seen = seen || bytes.Contains(bytes.ToLower(m.Body), bytes.ToLower([]byte(mark)))
		// The server answers when it has read Sync, or a query of one message.
		if !seen || (how == pgtest.Swallow || how == pgtest.StallAfter) && m.Type != 'S' && m.Type != 'Q' {
			return pgtest.Pass
		}
		broken = m.Connection
		return how
	}).URL
}

func TestLostCommit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mark    string
		how     pgtest.Cut
		message string
	}{
		"committed":           {commit, pgtest.Swallow, "the answer to COMMIT was lost; the server says that the transaction committed"},
		"not sent":            {commit, pgtest.CutBefore, "the connection was lost; the server says that nothing was written"},
		"lost while staging":  {`copy "bootstrap"`, pgtest.CutBefore, "trying again"},
		"lost at the answers": {`copy "bootstrap"`, pgtest.Swallow, "trying again"},
		// stalled-connection-never-ends: the connection stays open.
		"stalled before COMMIT":  {commit, pgtest.Stall, "the connection was lost; the server says that nothing was written"},
		"stalled after COMMIT":   {commit, pgtest.StallAfter, "the answer to COMMIT was lost; the server says that the transaction committed"},
		"stalled while staging":  {`copy "bootstrap"`, pgtest.Stall, "the server stopped answering"},
		"stalled at the answers": {`copy "bootstrap"`, pgtest.StallAfter, "the server stopped answering"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := pgtest.New(t, migrated)
			var log strings.Builder
			run := newRun(t, cutAt(t, d.URL, test.mark, test.how, false), twoProviders, nil)
			run.Log, run.RetryFor = slog.New(slog.NewTextHandler(&log, nil)), time.Minute
			outcome, err := run.Apply(context.Background())
			if err != nil {
				t.Fatalf("%+v\n%s", postgres.From(err), log.String())
			}
			if !strings.Contains(log.String(), test.message) {
				t.Errorf("log: %s", log.String())
			}
			rows := pgtest.Table(t, d.Conn(t), "select (select count(*) from provider), (select count(*) from secret), (select count(*) from bootstrap.history())")
			if rows[0][0] != "2" || rows[0][1] != "2" || rows[0][2] != "1" {
				t.Errorf("%v after %+v", rows, outcome.Report)
			}
		})
	}
}

// An interrupt that comes when the server has committed already does not hide that.
func TestInterruptedAfterCommit(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d := pgtest.New(t, migrated)
	seen := false
	address := pgtest.NewProxy(t, d.URL, func(m pgtest.Message) pgtest.Cut {
		seen = seen || m.Connection == 1 && bytes.Contains(m.Body, []byte(commit))
		if m.Connection == 1 && seen && m.FromServer && m.Type == 'C' && string(m.Body) == "COMMIT\x00" {
			cancel()
			return pgtest.CutBefore
		}
		return pgtest.Pass
	}).URL
	_, err := newRun(t, address, twoProviders, nil).Apply(ctx)
	e := postgres.From(err)
	if e == nil || e.Code != postgres.CodeInterrupted || e.ExitCode != postgres.ExitTemporary || !strings.Contains(e.Message, "the run was committed, but then: interrupted") {
		t.Errorf("%+v", e)
	}
	if outcome := apply(t, newRun(t, d.URL, twoProviders, nil)); outcome.Report.Changed {
		t.Errorf("%+v", outcome.Report)
	}
}

func TestServerGoneDuringCommit(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	run := newRun(t, cutAt(t, d.URL, commit, pgtest.Swallow, true), twoProviders, nil)
	_, err := run.Apply(context.Background())
	e := postgres.From(err)
	if e == nil || e.Code != postgres.CodeUnknown || e.ExitCode != postgres.ExitTemporary || !e.Retry {
		t.Errorf("%+v", e)
	}
	// What it could not find out: it did commit. The next run finds nothing to do.
	if outcome := apply(t, newRun(t, d.URL, twoProviders, nil)); outcome.Report.Changed {
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
	if _, err := application.Exec(ctx, "begin; select from secret for update"); err != nil {
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
		t.Fatalf("%+v", postgres.From(err))
	}
	if !<-killed {
		t.Error("nothing was terminated")
	}
	if outcome.Report.Updated != 1 {
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
	if _, err := application.Exec(ctx, "begin; select from secret for update"); err != nil {
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
	if e := postgres.From(err); e == nil || e.ExitCode != postgres.ExitTemporary {
		t.Errorf("%+v", e)
	}
	if _, err := application.Exec(context.Background(), "rollback"); err != nil {
		t.Fatal(err)
	}
	if after := contents(t, d); after != before {
		t.Errorf("an interrupted run wrote rows")
	}
}
