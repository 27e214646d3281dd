package reliability_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

// TestMain runs more tests at a time than there are processors: most of them wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err) // the testing package has it
	}
	pgtest.Main(m)
}

const newestKeep = pgtest.NewestKeep

var (
	keep     = pgtest.Keep(newestKeep) // as Keep's migrations leave it
	migrated = pgtest.Migrated
)

// torture reports whether the long form is asked for.
func torture() bool { return os.Getenv("BOOTSTRAP_TORTURE") == "1" }

// times chooses how often something is tried.
func times(short, long int) int {
	if torture() {
		return long
	}
	return short
}

// figure logs a line for the table in docs/reliability.md: what was tried, how often, what was found.
func figure(t testing.TB, conn *pgx.Conn, what string, often int, found string, args ...any) {
	t.Helper()
	version := pgtest.Table(t, conn, "show server_version_num")[0][0]
	t.Logf("figure: | %s | %d | %s | %s |", what, often, fmt.Sprintf(found, args...), version[:2])
}

// program runs the real program.
type program struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

// command prepares the program against a database; it is not started.
func command(t testing.TB, url string, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(pgtest.Bootstrap(t), args...)}
	p.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "BOOTSTRAP_LOG_FORMAT=text", "DATABASE_URL=" + url}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	return p
}

// finish waits for a program that was started and returns its exit code, -1 when it was killed.
func (p *program) finish(t testing.TB) int {
	t.Helper()
	err := p.Wait()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

func (p *program) start(t testing.TB) *program {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// output is all that the program printed.
func (p *program) output() string { return p.stdout.String() + p.stderr.String() }

// bootstrap runs the program to its end and wants an exit code.
func bootstrap(t testing.TB, exit int, url string, args ...string) *program {
	t.Helper()
	p := command(t, url, args...).start(t)
	if got := p.finish(t); got != exit {
		t.Fatalf("bootstrap %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, exit, p.output())
	}
	return p
}

// manifests are two configurations. Between them providers are added, changed, renamed, replaced and pruned, and a
// deduplication rule changes; in both directions. third differs from both.
type manifests struct{ a, b, third string }

func writeManifests(t testing.TB) manifests {
	t.Helper()
	entry := func(name, kind, host, rest string) string {
		field := map[string]string{"prometheus": "url", "victoriametrics": "VMAlertURL"}[kind]
		return fmt.Sprintf("  - {name: %s, type: %s, authentication: {%s: \"http://%s.example.com\"}%s}\n", name, kind, field, host, rest)
	}
	rule := func(field string) string {
		return ", deduplication_rules: {one: {description: d, fingerprint_fields: [" + field + "]}}"
	}
	var same strings.Builder
	for i := range 8 {
		same.WriteString(entry(fmt.Sprintf("same%d", i), "prometheus", fmt.Sprintf("same%d", i), ""))
	}
	head := "providers:\n" + same.String()
	a := head + entry("changed", "prometheus", "before", rule("a")) + entry("name-a", "prometheus", "renamed", ", renamed_from: [name-b]") +
		entry("replaced", "prometheus", "replaced", "") + entry("only-a", "prometheus", "only-a", "")
	b := head + entry("changed", "prometheus", "after", rule("b")) + entry("name-b", "prometheus", "renamed", ", renamed_from: [name-a]") +
		entry("replaced", "victoriametrics", "replaced", "") + entry("only-b", "prometheus", "only-b", "")
	return manifests{write(t, a), write(t, b), write(t, strings.ReplaceAll(a, "http://same", "http://third"))}
}

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "providers.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// other is the manifest that is not path.
func (m manifests) other(path string) string {
	if path == m.a {
		return m.b
	}
	return m.a
}

// exactly is every row of Keep's and of the records of runs that changed something, as it is. Schema bootstrap may be
// missing.
func exactly(t testing.TB, conn *pgx.Conn) string {
	t.Helper()
	tables := []string{"public.tenant", "public.provider", "public.secret", "public.alertdeduplicationrule"}
	if hasSchema(t, conn) {
		for _, row := range pgtest.Table(t, conn, "select c.oid::regclass from pg_class c where c.relnamespace = 'bootstrap'::regnamespace and c.relkind = 'r' and c.relpersistence = 'p' order by 1") {
			tables = append(tables, row[0])
		}
	}
	var all strings.Builder
	for _, table := range tables {
		condition := ""
		if table == "bootstrap.run" {
			condition = " where outcome = 'applied'"
		}
		rows := pgtest.Table(t, conn, "select coalesce(string_agg(t::text, E'\\n' order by t::text), '') from "+table+" as t"+condition)
		fmt.Fprintf(&all, "%s:\n%s\n", table, rows[0][0])
	}
	return all.String()
}

func hasSchema(t testing.TB, conn *pgx.Conn) bool {
	t.Helper()
	return pgtest.Table(t, conn, "select to_regnamespace('bootstrap') is not null")[0][0] == "t"
}

// wanted is what a manifest makes of a database: the rows without ids, times and numbers of runs, and with references as
// names. Two databases of one manifest are equal in it.
func wanted(t testing.TB, conn *pgx.Conn) string {
	t.Helper()
	if !hasSchema(t, conn) {
		return ""
	}
	var all strings.Builder
	for _, query := range []string{
		"select id, name from tenant",
		`select p.name, to_jsonb(p) - '{id,installation_time,configuration_key}'::text[], s.value,
			p.configuration_key = p.tenant_id || '_' || p.type || '_' || p.id
			from provider p left join secret s on s.key = p.configuration_key`,
		"select p.name, to_jsonb(r) - '{id,provider_id,last_updated,created_at}'::text[] from alertdeduplicationrule r left join provider p on p.id = r.provider_id",
		"select s.kind, s.name, s.type, s.origin, s.prevent_delete, s.condition from bootstrap.status() s",
	} {
		rows := pgtest.Table(t, conn, "select coalesce(string_agg(t::text, E'\\n' order by t::text), '') from ("+query+") as t")
		all.WriteString(rows[0][0] + "\n")
	}
	return all.String()
}

// expected is what a manifest makes of an empty database.
func expected(t testing.TB, manifest string) string {
	t.Helper()
	d := pgtest.New(t, migrated)
	bootstrap(t, 0, d.URL, "apply", "-f", manifest)
	return wanted(t, d.Conn(t))
}

// quiet waits until no session of the program is left in the database.
func quiet(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	pgtest.Until(t, "no session of the program is left", func() bool {
		return pgtest.Table(t, conn, "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'keep-bootstrap'")[0][0] == "0"
	})
}

// tidy wants what must hold whenever no run is under way: no lock, nothing staged, and no row without the row that it
// belongs to.
func tidy(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	noAdvisoryLock(t, conn)
	checks := map[string]string{
		"orphan secrets":             "select key from secret s where not exists (select from provider p where p.configuration_key = s.key)",
		"providers without secret":   "select name from provider p where not exists (select from secret s where s.key = p.configuration_key)",
		"providers without tenant":   "select name from provider p where not exists (select from tenant t where t.id = p.tenant_id)",
		"rules without a provider":   "select name from alertdeduplicationrule r where not exists (select from provider p where p.id = r.provider_id)",
		"prepared transactions":      "select gid from pg_prepared_xacts where database = current_database()",
		"providers of the same name": "select name from provider group by tenant_id, name having count(*) > 1",
	}
	if hasSchema(t, conn) {
		for _, row := range pgtest.Table(t, conn, "select c.oid::regclass from pg_class c where c.relnamespace = 'bootstrap'::regnamespace and c.relkind = 'r' and c.relpersistence = 'u'") {
			checks["left in "+row[0]] = "select ctid from " + row[0]
		}
		checks["memory of no provider"] = "select name from bootstrap.status() where condition = 'row deleted'"
		checks["failed checks"] = "select name, detail from bootstrap.verify() where not ok"
	}
	for what, query := range checks {
		if rows := pgtest.Table(t, conn, query); len(rows) > 0 {
			t.Errorf("%s: %v", what, rows)
		}
	}
}

func noAdvisoryLock(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	if rows := pgtest.Table(t, conn, "select classid, objid, pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"); len(rows) > 0 {
		t.Errorf("advisory locks are left: %v", rows)
	}
}

// number reads one number.
func number(t testing.TB, conn *pgx.Conn, query string) int {
	t.Helper()
	n, err := strconv.Atoi(pgtest.Table(t, conn, query)[0][0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// execute runs statements on a connection.
func execute(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
}

// took measures how long the program needs for what it is about to be killed in.
func took(t testing.TB, run func()) time.Duration {
	t.Helper()
	begin := time.Now()
	run()
	return time.Since(begin)
}
