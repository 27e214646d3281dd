package main

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func timed(f func() error) (seconds float64, err error) {
	begin := time.Now()
	err = f()
	return time.Since(begin).Seconds(), err
}

// seen is what other clients notice of a run.
type seen struct {
	LockSeconds  float64 `json:"lock_seconds"`  // from the first to the last moment with a lock that writers take on Keep's tables
	StallSeconds float64 `json:"stall_seconds"` // the longest time that a reader of providers waited for its answer
}

// observe runs f while one client looks at the locks on Keep's tables and another reads providers all along.
func observe(ctx context.Context, database string, f func() error) (seen, error) {
	var s seen
	locks, err := connect(ctx, database)
	if err != nil {
		return s, err
	}
	defer locks.Close(ctx)
	reader, err := connect(ctx, database)
	if err != nil {
		return s, err
	}
	defer reader.Close(ctx)

	var wait sync.WaitGroup
	var done atomic.Bool
	var lockErr, readErr error
	wait.Go(func() {
		var first, last time.Time
		for !done.Load() && lockErr == nil {
			var held bool
			now := time.Now()
			lockErr = locks.QueryRow(ctx, `select exists (select from pg_locks l
				where l.relation in ('public.provider'::regclass, 'public.secret'::regclass, 'public.tenant'::regclass)
				  and l.mode not in ('AccessShareLock', 'SIReadLock') and l.granted and l.pid <> pg_backend_pid())`).Scan(&held)
			if held && first.IsZero() {
				first = now
			}
			if held {
				last = time.Now()
			}
			time.Sleep(time.Millisecond) // one core is for what is measured
		}
		if !first.IsZero() {
			s.LockSeconds = last.Sub(first).Seconds()
		}
	})
	wait.Go(func() {
		for !done.Load() && readErr == nil {
			var elapsed float64
			elapsed, readErr = timed(func() error {
				_, err := reader.Exec(ctx, "select id, name, type, configuration_key from provider where tenant_id = 'keep' order by name limit 100")
				return err
			})
			s.StallSeconds = max(s.StallSeconds, elapsed)
			time.Sleep(time.Millisecond)
		}
	})
	err = f()
	done.Store(true)
	wait.Wait()
	for _, e := range []error{err, lockErr, readErr} {
		if e != nil {
			return s, e
		}
	}
	return s, nil
}

// traffic is how much a run talks with the server.
type traffic struct {
	Statements int64 `json:"statements"`
	RoundTrips int64 `json:"round_trips"` // after connecting
}

// counter stands between a client and the server and counts.
type counter struct {
	listener   net.Listener
	statements atomic.Int64
	ready      atomic.Int64
	clients    atomic.Int64
	wait       sync.WaitGroup
}

func newCounter(ctx context.Context) (*counter, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &counter{listener: listener}
	c.wait.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			c.wait.Go(func() { c.pass(ctx, client) })
		}
	})
	return c, nil
}

// address is the environment with which a client comes here.
func (c *counter) address() []string {
	_, port, _ := net.SplitHostPort(c.listener.Addr().String())
	return []string{"PGHOST=127.0.0.1", "PGPORT=" + port, "PGSSLMODE=disable"}
}

// close waits until all is counted.
func (c *counter) close() traffic {
	c.listener.Close()
	c.wait.Wait()
	return traffic{Statements: c.statements.Load(), RoundTrips: c.ready.Load() - c.clients.Load()}
}

func (c *counter) pass(ctx context.Context, client net.Conn) {
	defer client.Close()
	network, address := "tcp", net.JoinHostPort(os.Getenv("PGHOST"), os.Getenv("PGPORT"))
	if host := os.Getenv("PGHOST"); host != "" && host[0] == '/' {
		network, address = "unix", host+"/.s.PGSQL."+os.Getenv("PGPORT")
	}
	upstream, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		defer client.Close()
		messages(client, upstream, func(kind byte) {
			if kind == 'Z' { // ready for the next query
				c.ready.Add(1)
			}
		})
	})
	var length [4]byte // the first message has no kind
	if _, err := io.ReadFull(client, length[:]); err == nil {
		rest := make([]byte, binary.BigEndian.Uint32(length[:])-4)
		if _, err := io.ReadFull(client, rest); err == nil && binary.BigEndian.Uint32(rest) != 80877102 { // not a request to cancel
			c.clients.Add(1)
		}
		if _, err := upstream.Write(append(length[:], rest...)); err == nil {
			messages(upstream, client, func(kind byte) {
				if kind == 'Q' || kind == 'E' { // simple query, execute
					c.statements.Add(1)
				}
			})
		}
	}
	upstream.Close()
	wait.Wait()
}

// messages copies messages of the protocol and tells the kind of each.
func messages(to io.Writer, from io.Reader, tell func(kind byte)) {
	for {
		var head [5]byte
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return
		}
		tell(head[0])
		if _, err := to.Write(head[:]); err != nil {
			return
		}
		if _, err := io.CopyN(to, from, int64(binary.BigEndian.Uint32(head[1:]))-4); err != nil {
			return
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
