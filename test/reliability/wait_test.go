package reliability_test

import (
	"bytes"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

// whenSays returns a channel that is closed when the program has written text to stderr.
func (p *program) whenSays(text string) <-chan struct{} {
	w := &watcher{into: &p.stderr, text: text, seen: make(chan struct{})}
	p.Stderr = w
	return w.seen
}

// await waits until the program has said something, for a minute at most.
func (p *program) await(t *testing.T, saw <-chan struct{}) {
	t.Helper()
	select {
	case <-saw:
	case <-time.After(time.Minute):
		_ = p.Process.Kill()
		p.finish(t)
		t.Fatalf("it never said that:\n%s", p.output())
	}
}

type watcher struct {
	into *bytes.Buffer
	text string
	seen chan struct{}
	once sync.Once
}

func (w *watcher) Write(b []byte) (int, error) {
	n, err := w.into.Write(b)
	if strings.Contains(w.into.String(), w.text) {
		w.once.Do(func() { close(w.seen) })
	}
	return n, err
}

// TestWait: up --wait waits for whatever is missing, says for what, and goes on when it is there.
func TestWait(t *testing.T) {
	t.Parallel()
	m := writeManifests(t)
	want := expected(t, m.a)
	for name, test := range map[string]struct {
		reason  string
		prepare func(t *testing.T) (address string, appear func())
	}{
		"server": {"connection refused", func(t *testing.T) (string, func()) {
			server := pgtest.NewServer(t)
			if err := keep.Build(t.Context(), server.URL()); err != nil {
				t.Fatal(err)
			}
			server.Stop(t)
			return server.URL(), func() { server.Start(t) }
		}},
		"database that is closed to connections": {"not currently accepting connections", func(t *testing.T) (string, func()) {
			d := pgtest.New(t, keep)
			admin := d.Admin(t)
			execute(t, admin, `alter database "`+d.Name+`" with allow_connections false`)
			return d.URL, func() { execute(t, admin, `alter database "`+d.Name+`" with allow_connections true`) }
		}},
		"database": {"does not exist", func(t *testing.T) (string, func()) {
			d := pgtest.New(t, keep)
			admin := d.Admin(t)
			execute(t, admin, `alter database "`+d.Name+`" rename to "`+d.Name+`_later"`)
			return d.URL, func() { execute(t, admin, `alter database "`+d.Name+`_later" rename to "`+d.Name+`"`) }
		}},
		"tables of Keep": {"KB010", func(t *testing.T) (string, func()) {
			d := pgtest.New(t, pgtest.Empty)
			return d.URL, func() {
				if err := keep.Build(t.Context(), d.URL); err != nil {
					t.Error(err)
				}
			}
		}},
		"free connection": {"too many", func(t *testing.T) (string, func()) {
			d := pgtest.New(t, keep)
			name, address := d.Role(t, "connection limit 1")
			ownedBy(t, d, name)
			holder := pgtest.Connect(t, address)
			return address, func() { holder.Close(t.Context()) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, appear := test.prepare(t)
			p := command(t, address, "up", "-f", m.a, "--wait=5m")
			saw := p.whenSays("waiting")
			p.start(t)
			p.await(t, saw)
			appear()
			if code := p.finish(t); code != 0 || !strings.Contains(p.stderr.String(), test.reason) {
				t.Fatalf("exit code %d\n%s", code, p.output())
			}
			var conn *pgx.Conn
			pgtest.Until(t, "the program's connection is free again", func() bool {
				var err error
				conn, err = pgx.Connect(t.Context(), address)
				return err == nil
			})
			defer conn.Close(t.Context())
			if got := wanted(t, conn); got != want {
				t.Errorf("%s", got)
			}
			figure(t, conn, "up --wait, and meanwhile appears: "+name, 1, "says what it waits for (%q), then ended with 0", test.reason)
		})
	}
}

// TestWaitInVain: what does not appear ends with 69 at the deadline; what waiting cannot cure ends at once.
func TestWaitInVain(t *testing.T) {
	t.Parallel()
	m := writeManifests(t)
	d := pgtest.New(t, keep)
	for name, test := range map[string]struct {
		address string
		exit    int
		waited  bool
		reason  string
	}{
		"host name that does not exist": {pgtest.Changed(t, d.URL, func(u *url.URL) { u.Host = "keep-bootstrap.invalid:5432" }), 69, true, "host name not found"},
		"port that is closed":           {pgtest.Changed(t, d.URL, func(u *url.URL) { u.Host = "127.0.0.1:1" }), 69, true, "connection refused"},
		"database that does not exist":  {pgtest.Changed(t, d.URL, func(u *url.URL) { u.Path = "/none" }), 69, true, "does not exist"},
		"tables that do not exist":      {pgtest.New(t, pgtest.Empty).URL, 69, true, "KB010"},
		"tables that are too old":       {pgtest.New(t, pgtest.Keep("4f8c4b185d5b")).URL, 69, true, "KB011"},
		"wrong password":                {pgtest.Changed(t, d.URL, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wrong") }), 77, false, "28P01"},
		"role that does not exist":      {pgtest.Changed(t, d.URL, func(u *url.URL) { u.User = url.UserPassword("nobody-of-that-name", "wrong") }), 77, false, "28P01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := bootstrap(t, test.exit, test.address, "up", "-f", m.a, "--wait=2s")
			if strings.Contains(p.stderr.String(), "gave up after 2s") != test.waited || !strings.Contains(p.stderr.String(), test.reason) {
				t.Errorf("%s", p.output())
			}
		})
	}
}
