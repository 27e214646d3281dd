package reliability_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

// victim is a database between two manifests, on which a run is disturbed again and again.
type victim struct {
	url          string
	conn         *pgx.Conn
	manifests    manifests
	wants        map[string]string // by manifest
	at           string            // the manifest that is installed
	random       *rand.Rand
	undisturbed  time.Duration // of a run
	before, done int           // how often the state was found as before, and as wanted
	ended        int           // how often the program had ended with 0, so that the state must be as wanted
}

// newVictim installs the first manifest in a database of the template keep.
func newVictim(t *testing.T, url string, conn *pgx.Conn) *victim {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	m := writeManifests(t)
	v := &victim{url: url, conn: conn, manifests: m, at: m.a, random: rand.New(rand.NewPCG(seed, 1))}
	v.wants = map[string]string{m.a: expected(t, m.a), m.b: expected(t, m.b)}
	bootstrap(t, 0, url, "up", "-f", m.a)
	v.undisturbed = time.Minute
	for range 2 {
		for _, next := range []string{m.b, m.a} {
			v.undisturbed = min(v.undisturbed, took(t, func() { bootstrap(t, 0, url, "up", "-f", next) }))
		}
	}
	return v
}

// moment is a random one of a run.
func (v *victim) moment() time.Duration {
	return time.Duration(v.random.Int64N(int64(v.undisturbed)))
}

// disturbed runs the other manifest while disturb does its worst, and wants the state before or the state after, and
// that the next run finishes. disturb starts the program that it gets, waits for it and returns its exit code; the server answers
// again by then.
func (v *victim) disturbed(t *testing.T, what string, disturb func(*program) int) {
	t.Helper()
	next := v.manifests.other(v.at)
	quiet(t, v.conn)
	before := exactly(t, v.conn)
	p := command(t, v.url, "up", "-f", next)
	code := disturb(p)
	if v.conn.IsClosed() {
		v.conn = pgtest.Connect(t, v.conn.Config().ConnString())
	}
	quiet(t, v.conn)
	switch after := exactly(t, v.conn); {
	case after == before && code == 0:
		t.Fatalf("%s: exit code 0, and nothing was done\n%s", what, p.output())
	case after == before:
		v.before++
	case wanted(t, v.conn) == v.wants[next]:
		v.done++
	default:
		t.Fatalf("%s: neither the state before nor the state after; exit code %d\n%s\n%s\n%s", what, code, p.output(), before, after)
	}
	if code == 0 {
		v.ended++
	}
	tidy(t, v.conn)
	finished := bootstrap(t, 0, v.url, "up", "-f", next)
	if got := wanted(t, v.conn); got != v.wants[next] {
		t.Fatalf("%s: the next run left\n%s\n%s", what, got, finished.output())
	}
	v.at = next
}

func (v *victim) figure(t *testing.T, what string, often int) {
	t.Helper()
	figure(t, v.conn, what, often, "state before %d, state after %d (of these the program itself went on and ended with 0: %d); nothing lost, the next run always finished",
		v.before, v.done, v.ended)
}

// killed sends the program SIGKILL after a while.
func killed(t *testing.T, p *program, after time.Duration) int {
	t.Helper()
	p.start(t)
	timer := time.AfterFunc(after, func() { _ = p.Process.Kill() }) // it may have ended
	defer timer.Stop()
	return p.finish(t)
}

func TestProgramKilled(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, keep)
	v := newVictim(t, d.URL, d.Conn(t))
	often := times(6, 150)
	for range often {
		after := v.moment()
		v.disturbed(t, "SIGKILL after "+after.String(), func(p *program) int { return killed(t, p, after) })
	}
	v.figure(t, "SIGKILL of the program at a random moment", often)
}

// TestProgramKilledOnAnEmptyDatabase kills first runs, which migrate: nothing, the schema, or all of it is there.
func TestProgramKilledOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	m := writeManifests(t)
	want := expected(t, m.a)
	var whole time.Duration
	found := map[string]int{}
	often := times(3, 50)
	var last *pgx.Conn
	for i := range often {
		d := pgtest.New(t, keep)
		conn := d.Conn(t)
		last = conn
		empty := exactly(t, conn)
		if i == 0 {
			whole = took(t, func() { bootstrap(t, 0, d.URL, "up", "-f", m.a) })
			bootstrap(t, 0, d.URL, "migrate", "--to", "0")
			execute(t, conn, "delete from alertdeduplicationrule; delete from provider; delete from secret; delete from tenant")
			empty = exactly(t, conn)
		}
		after := time.Duration(rand.Int64N(int64(whole * 11 / 10)))
		code := killed(t, command(t, d.URL, "up", "-f", m.a), after)
		quiet(t, conn)
		state := "providers installed"
		switch {
		case !hasSchema(t, conn):
			state = "nothing"
			if exactly(t, conn) != empty {
				t.Errorf("killed after %s: there is no schema, but\n%s", after, exactly(t, conn))
			}
		case number(t, conn, "select count(*) from provider") == 0:
			state = "schema and tenant"
			if number(t, conn, "select count(*) from tenant") != 1 || number(t, conn, "select version from bootstrap.schema_version") == 0 {
				t.Errorf("killed after %s: half migrated\n%s", after, exactly(t, conn))
			}
		case wanted(t, conn) != want:
			t.Errorf("killed after %s: exit code %d, half installed\n%s", after, code, exactly(t, conn))
		}
		found[state]++
		noAdvisoryLock(t, conn)
		bootstrap(t, 0, d.URL, "up", "-f", m.a)
		if wanted(t, conn) != want {
			t.Errorf("killed after %s: the next run left\n%s", after, wanted(t, conn))
		}
		tidy(t, conn)
	}
	figure(t, last, "SIGKILL of a first run at a random moment", often, "nothing %d, schema and tenant %d, all %d; nothing in between, the next run always finished",
		found["nothing"], found["schema and tenant"], found["providers installed"])
}

// TestBackendTerminated ends the program's session on the server.
func TestBackendTerminated(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, keep)
	killer := d.Conn(t)
	v := newVictim(t, d.URL, d.Conn(t))
	often, missed, hits := times(5, 100), 0, 0
	for hits < often {
		after := v.moment()
		v.disturbed(t, "pg_terminate_backend after "+after.String(), func(p *program) int {
			p.start(t)
			ended := make(chan int, 1)
			go func() { ended <- p.finish(t) }()
			<-time.After(after)
			// A moment before the program connects takes the session that comes; one after its end hits nothing.
			for len(ended) == 0 {
				if number(t, killer, `select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity
					where datname = current_database() and application_name = 'keep-bootstrap'`) > 0 {
					hits++
					return <-ended
				}
			}
			missed++
			return <-ended
		})
	}
	v.figure(t, fmt.Sprintf("pg_terminate_backend at a random moment (%d more came too late)", missed), hits)
}

// TestServerStopped stops the server at once, without a word to its clients, and starts it again while the program goes
// on trying or after it gave up.
func TestServerStopped(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	if err := keep.Build(t.Context(), server.URL()); err != nil {
		t.Fatal(err)
	}
	v := newVictim(t, server.URL(), pgtest.Connect(t, server.URL()))
	often := times(2, 30)
	for range often {
		after := v.moment()
		v.disturbed(t, "immediate stop after "+after.String(), func(p *program) int {
			p.start(t)
			<-time.After(after)
			server.Crash(t)
			_ = v.conn.Close(context.Background())
			server.Start(t)
			return p.finish(t)
		})
	}
	v.figure(t, "immediate stop of the server at a random moment, and its restart", often)
}

// TestConnectionCut cuts the connection at a random moment, once, or for good.
func TestConnectionCut(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, keep)
	v := newVictim(t, d.URL, d.Conn(t))
	often := times(4, 50)
	for i := range often {
		proxy := pgtest.NewProxy(t, d.URL, nil)
		after, forGood := v.moment(), i%2 == 1
		v.disturbed(t, fmt.Sprintf("cut after %s (for good: %v)", after, forGood), func(p *program) int {
			p.Env = append(p.Env, "DATABASE_URL="+proxy.URL)
			p.start(t)
			<-time.After(after)
			proxy.Refuse(forGood)
			proxy.CutAll()
			return p.finish(t)
		})
	}
	v.figure(t, "connection cut at a random moment (every second time for good)", often)
}

// TestConnectionCutAtEveryMessage cuts at each message of a run: before it is passed on, right after, and, of a client's
// message, when the server has answered and the client has not seen it.
func TestConnectionCutAtEveryMessage(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, keep)
	v := newVictim(t, d.URL, d.Conn(t))
	messages := map[bool]int{}
	counting := pgtest.NewProxy(t, d.URL, func(m pgtest.Message) pgtest.Cut {
		messages[m.FromServer] = max(messages[m.FromServer], m.Number)
		return pgtest.Pass
	})
	bootstrap(t, 0, counting.URL, "up", "-f", v.manifests.b)
	bootstrap(t, 0, d.URL, "up", "-f", v.manifests.a)

	often := 0
	for _, fromServer := range []bool{false, true} {
		step := times(15, 1)
		for number := 1 + v.random.IntN(step); number <= messages[fromServer]; number += step {
			for _, cut := range []pgtest.Cut{pgtest.CutBefore, pgtest.CutAfter, pgtest.Swallow} {
				if fromServer && cut != pgtest.CutBefore {
					continue // the same as before the next one
				}
				often++
				proxy := pgtest.NewProxy(t, d.URL, func(m pgtest.Message) pgtest.Cut {
					// An answer that ends with the message before is never swallowed: wait for the next that does.
					if m.Connection == 1 && m.FromServer == fromServer && m.Number >= number && (cut != pgtest.Swallow || m.Type == 'S' || m.Type == 'Q') {
						return cut
					}
					return pgtest.Pass
				})
				v.disturbed(t, fmt.Sprintf("cut %d at message %d (of the server: %v)", cut, number, fromServer), func(p *program) int {
					p.Env = append(p.Env, "DATABASE_URL="+proxy.URL)
					return p.start(t).finish(t)
				})
			}
		}
	}
	v.figure(t, fmt.Sprintf("connection cut at each message of the protocol (%d of the client, %d of the server)", messages[false], messages[true]), often)
}

// TestConnectionCutAtCommit cuts around COMMIT: the program asks the server what became of its transaction, and says so.
func TestConnectionCutAtCommit(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, keep)
	v := newVictim(t, d.URL, d.Conn(t))
	rounds, often := times(1, 10), 0
	for range rounds {
		for _, test := range []struct {
			name    string
			cut     pgtest.Cut
			forGood bool
			exit    int
			says    string
		}{
			{"COMMIT does not reach the server", pgtest.CutBefore, false, 0, "the server says that nothing was written"},
			{"COMMIT reaches it, the answer is lost", pgtest.Swallow, false, 0, "the server says that the transaction committed"},
			{"COMMIT reaches it, the client is gone at once", pgtest.CutAfter, false, 0, "the server says that"},
			{"COMMIT does not reach it, nothing answers afterwards", pgtest.CutBefore, true, 75, "commit-unknown"},
			{"COMMIT reaches it, nothing answers afterwards", pgtest.Swallow, true, 75, "commit-unknown"},
		} {
			if !torture() && test.forGood {
				continue // the program asks for ten seconds
			}
			often++
			var proxy *pgtest.Proxy
			committing := false
			proxy = pgtest.NewProxy(t, d.URL, func(m pgtest.Message) pgtest.Cut {
				// COMMIT and what comes after it are sent together; the server does them when it has read Sync.
				if m.Connection > 1 && test.forGood {
					return pgtest.CutBefore
				}
				committing = committing || m.Connection == 1 && m.Type == 'P' && strings.Contains(string(m.Body), "COMMIT\x00")
				if m.Connection == 1 && !m.FromServer && committing && (m.Type == 'S' || test.cut == pgtest.CutBefore) {
					return test.cut
				}
				return pgtest.Pass
			})
			v.disturbed(t, test.name, func(p *program) int {
				p.Env = append(p.Env, "DATABASE_URL="+proxy.URL)
				code := p.start(t).finish(t)
				if code != test.exit || !strings.Contains(p.output(), test.says) {
					t.Errorf("%s: exit code %d, want %d\n%s", test.name, code, test.exit, p.output())
				}
				return code
			})
		}
	}
	v.figure(t, "connection cut at COMMIT: before it, after it, for good; the answer found by pg_xact_status", often)
}
