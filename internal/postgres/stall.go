package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// How long a connection may be silent while the program waits for the other side: docs/design.md, "Stalled connections".
var (
	askAfter   = 5 * time.Second  // then another connection asks for the first time
	askAgain   = 10 * time.Second // and then, as long as the session works
	askTimeout = 5 * time.Second
	settle     = 3 * time.Second  // an answer on its way arrives in that time, and a busy server begins its work
	silence    = 40 * time.Second // the end, if there is no answer at all
	blindness  = 10 * time.Minute // the end, when a server answers but does not tell
)

// errStalled ends a connection whose other side has stopped answering. It is a timeout because the driver replaces every
// other error of a read by one of its own.
var errStalled error = stalledError{}

type stalledError struct{}

func (stalledError) Error() string   { return "the server stopped answering" }
func (stalledError) Timeout() bool   { return true }
func (stalledError) Temporary() bool { return false }

// watch ends a connection that has stalled. It sees when the program waits: in a read or a write of the driver's messages.
type watch struct {
	config *pgx.ConnConfig // for another connection
	conn   net.Conn
	pid    uint32
	end    time.Time // of --wait

	mu      sync.Mutex
	timer   *time.Timer // nil until the connection is ready
	waiting int         // reads and writes under way
	moved   time.Time   // when the last of them began or ended
	alive   time.Time   // the last sign of life
	suspect bool        // the last answer was idle
	stalled bool
}

// frontend is the driver's BuildFrontend.
func (w *watch) frontend(r io.Reader, out io.Writer) *pgproto3.Frontend {
	w.conn, _ = out.(net.Conn) // it is one
	return pgproto3.NewFrontend(watched{w, r.Read}, watched{w, out.Write})
}

// start begins to watch a connection that is ready.
func (w *watch) start(conn *pgconn.PgConn, end time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pid, w.end = conn.PID(), end
	w.timer = time.AfterFunc(time.Hour, w.check)
	w.timer.Stop()
}

// watched is one direction of the driver's messages.
type watched struct {
	*watch
	move func([]byte) (int, error)
}

func (w watched) Read(b []byte) (int, error)  { return w.transfer(b) }
func (w watched) Write(b []byte) (int, error) { return w.transfer(b) }

func (w watched) transfer(b []byte) (int, error) {
	w.note(+1)
	n, err := w.move(b)
	if stalled := w.note(-1); stalled && err != nil {
		err = errStalled
	}
	return n, err
}

// note records that a read or a write begins or ends.
func (w *watch) note(change int) (stalled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting += change
	w.moved = time.Now()
	w.alive, w.suspect = w.moved, false
	if w.timer != nil && !w.stalled {
		w.timer.Stop()
		if w.waiting > 0 {
			w.timer.Reset(askAfter)
		}
	}
	return w.stalled
}

// check asks what the silent session does, and ends it or comes back later.
func (w *watch) check() {
	w.mu.Lock()
	moved, suspect := w.moved, w.suspect
	w.mu.Unlock()
	works, err := w.ask(time.Since(moved), suspect)
	_, refused := errors.AsType[*pgconn.PgError](err) // the server lives, but does not tell
	idle, unanswered := err == nil && !works, err != nil && !refused

	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == 0 || w.moved != moved {
		return // it moves again
	}
	silent := time.Since(w.alive)
	over := !w.end.IsZero() && time.Now().After(w.end)
	next := askAgain
	switch {
	case works:
		w.alive, w.suspect = time.Now(), false
	case idle && w.suspect, unanswered && (silent >= silence || over), silent >= blindness:
		w.stalled = true
		conn := w.conn
		if encrypted, ok := conn.(*tls.Conn); ok {
			conn = encrypted.NetConn() // without a farewell, which would also have to wait
		}
		_ = conn.Close() // its error no longer matters
		return
	case idle:
		w.suspect = true
		next = settle
	case unanswered:
		next = time.Second
	}
	w.timer.Reset(next)
}

// askSession reports whether the session works. A session that waits for its client has wait event type Client, in the
// middle of a COPY, too. When that is confirmed the session is ended, so that it holds no lock and the fate of its
// transaction is settled. Behind a pooler the number of the session is not known: then any session of the role in this
// database counts that executes a statement as old as the silence.
const askSession = `SELECT COALESCE(bool_or(s.works), false), pg_catalog.count(s.ended)
	FROM (
		SELECT a.wait_event_type IS DISTINCT FROM 'Client' AS works,
			CASE WHEN a.wait_event_type = 'Client' AND $1::pg_catalog.bool THEN pg_catalog.pg_terminate_backend(a.pid) END AS ended
		FROM pg_catalog.pg_stat_activity AS a
		WHERE a.datname = pg_catalog.current_database() AND a.usename = session_user AND a.pid <> pg_catalog.pg_backend_pid()
			AND CASE WHEN pg_catalog.pg_backend_pid() = $2::pg_catalog.int4 THEN a.pid = $3::pg_catalog.int4
				ELSE a.wait_event_type IS DISTINCT FROM 'Client'
					AND a.query_start <= pg_catalog.clock_timestamp() - $4::pg_catalog.float8 * interval '1 second' END
	) AS s`

// ask opens another connection to the same address and asks whether the session works. One that waits for this program,
// or is gone, does not, and is ended when confirmed is set.
func (w *watch) ask(silent time.Duration, confirmed bool) (works bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	config := w.config.Copy()
	config.ValidateConnect = nil
	if address, ok := w.conn.RemoteAddr().(*net.TCPAddr); ok {
		config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{address.String()}, nil }
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, err
	}
	defer Close(ctx, conn)
	var ended int
	age := max(silent-time.Second, 0).Seconds()
	err = conn.QueryRow(ctx, askSession, confirmed, conn.PgConn().PID(), w.pid, age).Scan(&works, &ended)
	return works, err
}
