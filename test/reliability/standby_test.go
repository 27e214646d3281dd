package reliability_test

import (
	"strings"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// TestStandby: what only reads works on a standby; what writes says why not, and waits, when told to, until the standby is
// promoted.
func TestStandby(t *testing.T) {
	t.Parallel()
	m := writeManifests(t)
	want := expected(t, m.b)
	primary := pgtest.NewServer(t)
	if err := keep.Build(t.Context(), primary.URL()); err != nil {
		t.Fatal(err)
	}
	bootstrap(t, 0, primary.URL(), "up", "-f", m.a)
	standby := primary.Standby(t)
	conn := pgtest.Connect(t, standby.URL())
	if pgtest.Table(t, conn, "select pg_is_in_recovery()")[0][0] != "t" {
		t.Fatal("this is no standby")
	}
	// It does replicate.
	bootstrap(t, 0, primary.URL(), "up", "-f", m.b)
	pgtest.Until(t, "the standby has the second run", func() bool { return number(t, conn, "select count(*) from bootstrap.history()") == 2 })
	if got := wanted(t, conn); got != want {
		t.Errorf("%s", got)
	}

	works, refused := []string{}, []string{}
	for _, args := range [][]string{{"verify"}, {"status"}, {"history"}, {"export"}} {
		bootstrap(t, 0, standby.URL(), args...)
		works = append(works, args[0])
	}
	before := exactly(t, conn)
	for _, args := range [][]string{
		{"up", "-f", m.a}, {"apply", "-f", m.a}, {"plan", "-f", m.a}, {"up", "--tenant-only", "--tenant", "other"}, {"migrate", "--to", "0"},
	} {
		p := bootstrap(t, 69, standby.URL(), args...)
		if !strings.Contains(p.stderr.String(), "this server is a standby") || !strings.Contains(p.stderr.String(), "primary") {
			t.Errorf("bootstrap %v does not say why:\n%s", args, p.output())
		}
		if args[1] == "--tenant-only" {
			args[0] += " --tenant-only"
		}
		refused = append(refused, args[0])
	}
	if exactly(t, conn) != before {
		t.Error("the standby was changed")
	}

	// Promoted while the program waits.
	p := command(t, standby.URL(), "up", "-f", m.a, "--wait=5m")
	saw := p.whenSays("waiting")
	p.start(t)
	p.await(t, saw)
	execute(t, conn, "select pg_promote()")
	if code := p.finish(t); code != 0 || !strings.Contains(p.stderr.String(), "this server is a standby") {
		t.Errorf("exit code %d\n%s", code, p.output())
	}
	if got := wanted(t, conn); got != expected(t, m.a) {
		t.Errorf("after the promotion:\n%s", got)
	}
	tidy(t, conn)
	figure(t, conn, "commands on a streaming standby", len(works)+len(refused)+1,
		"%s work; %s end with 69 and the reason; up --wait went on when the standby was promoted", strings.Join(works, ", "), strings.Join(refused, ", "))
}

// TestPlanOfALiteralOnAStandby (documents promise too much): a manifest that is an argument needs no staging, so it is planned where nothing can be written.
func TestPlanOfALiteralOnAStandby(t *testing.T) {
	t.Parallel()
	primary := pgtest.NewServer(t)
	if err := keep.Build(t.Context(), primary.URL()); err != nil {
		t.Fatal(err)
	}
	bootstrap(t, 0, primary.URL(), "up", "-f", writeManifests(t).a)
	standby := primary.Standby(t)
	conn := pgtest.Connect(t, standby.URL())
	for _, query := range []string{
		`select count(*) from bootstrap.plan_providers('keep', '{"a": {"type": "airflow"}}', '{"max_prune": "100%"}') where action = 'add'`,
		`select count(*) from bootstrap.plan('keep', '{"providers": {"a": {"type": "airflow"}}}', '{"max_prune": "100%"}') where action = 'add'`,
	} {
		if n := number(t, conn, query); n != 1 {
			t.Errorf("%s: %d, want 1", query, n)
		}
	}
}
