package install_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/test/pgtest"
)

// countAnswers stands before the server of address and counts how often it says ReadyForQuery: once after connecting,
// then once a round trip.
func countAnswers(t *testing.T, address string, count *atomic.Int32) string {
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
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := new(net.Dialer).DialContext(context.Background(), "tcp", server)
			if err != nil {
				client.Close()
				return
			}
			go func() {
				_, _ = io.Copy(upstream, client)
				upstream.Close()
			}()
			go func() {
				defer client.Close()
				for {
					var head [5]byte
					if _, err := io.ReadFull(upstream, head[:]); err != nil {
						return
					}
					if head[0] == 'Z' {
						count.Add(1)
					}
					if _, err := client.Write(head[:]); err != nil {
						return
					}
					if _, err := io.CopyN(client, upstream, int64(binary.BigEndian.Uint32(head[1:]))-4); err != nil {
						return
					}
				}
			}()
		}
	}()
	u.Host = listener.Addr().String()
	return u.String()
}

func TestRoundTrips(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, migrated)
	apply(t, newRun(t, d.URL, manifestOf(10), nil))
	var count atomic.Int32
	address := countAnswers(t, d.URL, &count)
	for name, do := range map[string]func() error{
		"up":    func() error { _, err := newRun(t, address, manifestOf(10), nil).Up(ctx); return err },
		"apply": func() error { _, err := newRun(t, address, manifestOf(10), nil).Apply(ctx); return err },
		"plan":  func() error { _, err := newRun(t, address, manifestOf(10), nil).Plan(ctx); return err },
	} {
		count.Store(0)
		if err := do(); err != nil {
			t.Fatalf("%s: %+v", name, postgres.From(err))
		}
		if trips := count.Load() - 1; trips != 4 {
			t.Errorf("%s: %d round trips after connecting, want 4", name, trips)
		}
	}
}

// All kinds are loaded by one COPY.
func TestRoundTripsOfOtherKinds(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	const resources = "workflows:\n  - id: one\n    triggers: []\ndashboards: []\n"
	apply(t, newRun(t, d.URL, manifestOf(10)+resources, nil))
	var count atomic.Int32
	if _, err := newRun(t, countAnswers(t, d.URL, &count), manifestOf(10)+resources, nil).Up(context.Background()); err != nil {
		t.Fatalf("%+v", postgres.From(err))
	}
	if trips := count.Load() - 1; trips != 4 {
		t.Errorf("%d round trips after connecting, want 4", trips)
	}
}
