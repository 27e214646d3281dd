package postgres_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/test/pgtest"
)

// stallAt stalls the first connection, or with all every connection, where a message has mark.
func stallAt(t *testing.T, address, mark string, how pgtest.Cut, all bool) *pgtest.Proxy {
	t.Helper()
	stalled := false
	return pgtest.NewProxy(t, address, func(m pgtest.Message) pgtest.Cut {
		switch {
		case all && stalled:
			return pgtest.Stall
		case m.FromServer || m.Connection > 1 || stalled || !bytes.Contains(m.Body, []byte(mark)):
			return pgtest.Pass
		}
		stalled = true
		return how
	})
}

// many are rows for a COPY that does not fit into the buffers of a connection.
func many() pgx.CopyFromSource {
	line := strings.Repeat("x", 1<<16)
	return pgx.CopyFromSlice(1000, func(int) ([]any, error) { return []any{line}, nil })
}

// TestStalledConnectionNeverEnds: wherever the other side stops answering, the wait has an end (stalled-connection-never-ends).
func TestStalledConnectionNeverEnds(t *testing.T) {
	t.Parallel()
	exec := func(sql string) func(context.Context, *pgx.Conn) error {
		return func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, sql)
			return err
		}
	}
	for name, test := range map[string]struct {
		mark string
		how  pgtest.Cut
		work func(context.Context, *pgx.Conn) error
	}{
		"statement that does not arrive": {"select 'mark'", pgtest.Stall, exec("select 'mark'")},
		"answer that does not arrive":    {"select 'mark'", pgtest.StallAfter, exec("select 'mark'")},
		"COPY": {"xxxxxxxx", pgtest.Stall, func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.CopyFrom(ctx, pgx.Identifier{"x"}, []string{"t"}, many())
			return err
		}},
		"COPY whose end does not arrive": {"xxxxxxxx", pgtest.StallAfter, func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.CopyFrom(ctx, pgx.Identifier{"x"}, []string{"t"}, pgx.CopyFromRows([][]any{{"xxxxxxxx"}}))
			return err
		}},
		"CALL":         {"call slow()", pgtest.StallAfter, exec("call slow()")},
		"large answer": {"repeat('x'", pgtest.StallAfter, exec("select repeat('x', 10000000)")},
		"COMMIT":       {"commit;", pgtest.StallAfter, exec("commit;")},
	} {
		for _, all := range []bool{false, true} {
			if all && test.how == pgtest.StallAfter && name != "COMMIT" {
				continue // as COMMIT
			}
			t.Run(name+map[bool]string{false: "", true: ", and no new connection"}[all], func(t *testing.T) {
				t.Parallel()
				d := pgtest.New(t, pgtest.Empty)
				d.Exec(t, "create table x(t text); create procedure slow() language sql as 'select pg_sleep(0.3)'")
				conn := connect(t, stallAt(t, d.URL, test.mark, test.how, all).URL)
				if _, err := conn.Exec(t.Context(), "begin"); err != nil {
					t.Fatal(err)
				}
				err := test.work(t.Context(), conn)
				e := postgres.From(err)
				if e == nil || e.Code != postgres.CodeLost || e.ExitCode != postgres.ExitTemporary || !strings.Contains(e.Message, "stopped answering") || !postgres.Lost(err) {
					t.Fatalf("%+v %#v %v", e, err, err)
				}
				if all {
					return
				}
				// The session is ended: it holds no locks, and its transaction has an end.
				pgtest.Until(t, "the session is gone", func() bool {
					rows := pgtest.Table(t, d.Conn(t), "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'keep-bootstrap'")
					return rows[0][0] == "0"
				})
			})
		}
	}
}

// A statement that takes long is no stall: another connection sees that the session works.
func TestLongStatementIsNoStall(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	holder := d.Conn(t)
	if _, err := holder.Exec(t.Context(), "select pg_advisory_lock(1)"); err != nil {
		t.Fatal(err)
	}
	var questions atomic.Int32
	enough := make(chan struct{})
	proxy := pgtest.NewProxy(t, d.URL, func(m pgtest.Message) pgtest.Cut {
		if !m.FromServer && m.Connection > 1 && bytes.Contains(m.Body, []byte("pg_stat_activity")) && questions.Add(1) == 5 {
			close(enough)
		}
		return pgtest.Pass
	})
	released := make(chan error)
	go func() {
		<-enough
		_, err := holder.Exec(context.Background(), "select pg_advisory_unlock(1)")
		released <- err
	}()
	if _, err := connect(t, proxy.URL).Exec(t.Context(), "select pg_advisory_lock(1)"); err != nil {
		t.Fatalf("after %d questions: %+v", questions.Load(), postgres.From(err))
	}
	if err := <-released; err != nil {
		t.Error(err)
	}
}

// A server that refuses another connection lives: the statement goes on.
func TestLongStatementOnAFullServer(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	_, address := d.Role(t, "connection limit 1")
	holder := d.Conn(t)
	if _, err := holder.Exec(t.Context(), "select pg_advisory_lock(2)"); err != nil {
		t.Fatal(err)
	}
	var refusals atomic.Int32
	enough := make(chan struct{})
	proxy := pgtest.NewProxy(t, address, func(m pgtest.Message) pgtest.Cut {
		if m.FromServer && m.Connection > 1 && m.Type == 'E' && refusals.Add(1) == 25 { // longer than for a server that is silent
			close(enough)
		}
		return pgtest.Pass
	})
	released := make(chan error)
	go func() {
		<-enough
		_, err := holder.Exec(context.Background(), "select pg_advisory_unlock(2)")
		released <- err
	}()
	if _, err := connect(t, proxy.URL).Exec(t.Context(), "select pg_advisory_lock(2)"); err != nil {
		t.Fatalf("after %d refusals: %+v", refusals.Load(), postgres.From(err))
	}
	if err := <-released; err != nil {
		t.Error(err)
	}
}

// TestStalledWhileConnecting: the connect timeout holds for each step of a connection, and --wait bounds it.
func TestStalledWhileConnecting(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	silent := listener(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	handshake := listener(t, func(conn net.Conn) {
		_, _ = conn.Write([]byte("S"))
		_, _ = io.Copy(io.Discard, conn)
	})
	startup := pgtest.NewProxy(t, d.URL, func(m pgtest.Message) pgtest.Cut {
		if m.FromServer && m.Type == 'Z' {
			return pgtest.Stall
		}
		return pgtest.Pass
	})
	for name, address := range map[string]string{
		"before the first answer":     "postgresql://u:p@" + silent + "/d?sslmode=disable",
		"before the answer about TLS": "postgresql://u:p@" + silent + "/d",
		"in the TLS handshake":        "postgresql://u:p@" + handshake + "/d?sslmode=require",
		"after the login":             startup.URL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			separator := "?"
			if strings.Contains(address, "?") {
				separator = "&"
			}
			limited := config(t, address+separator+"connect_timeout=1")
			_, err := postgres.Connect(t.Context(), limited)
			if e := postgres.From(err); e == nil || e.ExitCode != postgres.ExitUnavailable || !strings.Contains(e.Message, "connected, but no answer in time") {
				t.Errorf("%+v", e)
			}
			err = postgres.NewWait(100*time.Millisecond, slog.New(slog.DiscardHandler)).For(t.Context(), func(ctx context.Context) error {
				_, err := postgres.Connect(ctx, limited)
				return err
			})
			if e := postgres.From(err); e == nil || e.ExitCode != postgres.ExitUnavailable || !strings.Contains(e.Message, "gave up after 100ms") {
				t.Errorf("%+v", e)
			}
		})
	}
}

// listener accepts connections until the end of the test, and returns its host and port.
func listener(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}
