package reliability_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

// together starts the program many times, without waiting in between, and returns them when they have ended.
func together(t *testing.T, url string, many int, args func(int) []string) []*program {
	t.Helper()
	all := make([]*program, many)
	for i := range all {
		all[i] = command(t, url, args(i)...).start(t)
	}
	for _, p := range all {
		p.finish(t)
	}
	return all
}

// allDone wants exit code 0 of all, and returns how many of them installed something.
func allDone(t *testing.T, all []*program) (wrote int) {
	t.Helper()
	for i, p := range all {
		if code := p.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%d: exit code %d\n%s", i, code, p.output())
		}
		if !strings.HasSuffix(p.stdout.String(), "No changes.\n") {
			wrote++
		}
	}
	return wrote
}

// TestReplicasOnAnEmptyDatabase: many first starts at once, on a database with Keep's tables and on one with nothing.
func TestReplicasOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	m := writeManifests(t)
	want := expected(t, m.a)
	for name, test := range map[string]struct {
		template pgtest.Template
		args     []string
	}{
		"Keep's tables, no schema": {keep, []string{"up", "-f", m.a}},
		"nothing":                  {pgtest.Empty, []string{"up", "-f", m.a, "--create-tables"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			many := times(8, 50)
			d := pgtest.New(t, test.template)
			conn := d.Conn(t)
			all := together(t, d.URL, many, func(int) []string { return test.args })
			wrote := allDone(t, all)
			migrations := 0
			for _, p := range all {
				migrations += strings.Count(p.stderr.String(), "schema migrated")
			}
			quiet(t, conn)
			runs := number(t, conn, "select count(*) from bootstrap.history()")
			if wrote != 1 || migrations != 1 || runs != 1 || wanted(t, conn) != want {
				t.Errorf("%d wrote, %d migrated, %d runs in the journal\n%s", wrote, migrations, runs, wanted(t, conn))
			}
			tidy(t, conn)
			figure(t, conn, "programs at once on an empty database ("+name+")", many,
				"all ended with 0; %d migrated, %d installed, %d run in the journal", migrations, wrote, runs)
		})
	}
}

// TestReplicasOnACurrentDatabase: many restarts at once, while somebody holds every lock that a run which writes takes.
// They all finish while it is held, and write no row.
func TestReplicasOnACurrentDatabase(t *testing.T) {
	t.Parallel()
	m := writeManifests(t)
	noRules := write(t, "providers:\n  - {name: p, type: prometheus, authentication: {url: \"http://p\"}}\n")
	for name, manifest := range map[string]string{"with deduplication rules": m.a, "providers only": noRules} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			many := times(8, 50)
			d := pgtest.New(t, keep)
			bootstrap(t, 0, d.URL, "up", "-f", manifest)
			conn, holder := d.Conn(t), d.Conn(t)
			quiet(t, conn)
			before, written := pgtest.RowVersions(t, conn), tuplesWritten(t, conn)

			execute(t, holder, "begin")
			for _, table := range pgtest.Table(t, conn, `select c.oid::regclass from pg_class c join pg_namespace n on n.oid = c.relnamespace
				where c.relkind = 'r' and n.nspname in ('public', 'bootstrap')`) {
				execute(t, holder, "select from "+table[0]+" for update")
			}
			all := make([]*program, many)
			for i := range all {
				all[i] = command(t, d.URL, "up", "-f", manifest).start(t)
			}
			for _, p := range all {
				p.finish(t)
			}
			if wrote := allDone(t, all); wrote > 0 {
				t.Errorf("%d installed something", wrote)
			}
			execute(t, holder, "rollback")

			quiet(t, conn)
			if after := pgtest.RowVersions(t, conn); after != before {
				t.Errorf("row versions differ:\n%s\n%s", before, after)
			}
			if after := tuplesWritten(t, conn); after != written {
				t.Errorf("%s rows written, %s before", after, written)
			}
			tidy(t, conn)
			figure(t, conn, "programs at once on a current database ("+name+"), every lock held by somebody else", many,
				"all ended with 0 while the locks were held; no row written (ctid, xmin, pg_stat)")
		})
	}
}

// tuplesWritten is the server's own count of row versions in those tables.
func tuplesWritten(t testing.TB, conn *pgx.Conn) string {
	t.Helper()
	return pgtest.Table(t, conn, `select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables t
		join pg_class c on c.oid = t.relid where c.relpersistence = 'p'`)[0][0]
}

// TestTwoManifestsAtOnce: one wins whole, then the other.
func TestTwoManifestsAtOnce(t *testing.T) {
	t.Parallel()
	m := writeManifests(t)
	wants := map[string]string{expected(t, m.a): "a", expected(t, m.b): "b"}
	rounds, replicas := times(2, 10), times(6, 20)
	last := map[string]int{}
	d := pgtest.New(t, keep)
	bootstrap(t, 0, d.URL, "up", "-f", m.a)
	conn := d.Conn(t)
	for range rounds {
		// Those who want what is there already are done at once, so both manifests are new at first.
		bootstrap(t, 0, d.URL, "apply", "-f", m.third)
		quiet(t, conn)
		before := number(t, conn, "select count(*) from bootstrap.history()")
		all := together(t, d.URL, replicas, func(i int) []string { return []string{"up", "-f", []string{m.a, m.b}[i%2]} })
		wrote := allDone(t, all)
		quiet(t, conn)
		found, ok := wants[wanted(t, conn)]
		if !ok {
			t.Errorf("neither manifest:\n%s", wanted(t, conn))
		}
		last[found]++
		if runs := number(t, conn, "select count(*) from bootstrap.history()") - before; runs != wrote || runs < 2 {
			t.Errorf("%d runs in the journal, %d programs say that they installed something", runs, wrote)
		}
		tidy(t, conn)
	}
	figure(t, conn, fmt.Sprintf("rounds of %d programs at once, two different manifests", replicas), rounds,
		"one manifest, then the other, whole: a was the last %d times, b %d times", last["a"], last["b"])
}
