package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/jackc/pgx/v5"
)

// A kase is what a side finds and what it is to make of it.
type kase struct {
	name    string
	change  change
	isFirst bool // the database has no providers yet
}

var cases = []kase{
	{"first install", base, true},
	{"unchanged", base, false},
	{"1 % changed", onePercent, false},
	{"all changed", all, false},
	{"1 % renamed", renamed, false},
	{"1 % pruned", pruned, false},
}

// A side is one way to bring the providers of a manifest into the tables.
type side struct {
	name    string
	isOurs  bool // schema bootstrap is used: its state is there when the case is not a first install
	does    func(k kase) bool
	limit   func(o *options) int // most providers; nil: any number
	command func(b *benchmark, d dataset) []string
}

func always(kase) bool  { return true }
func first(k kase) bool { return k.isFirst }

// The names of sides and of the case that others are compared with.
const (
	floorName  = "COPY of the finished rows"
	handName   = "set-based SQL by hand"
	stagedName = "COPY, CALL install_staged"
	rowsName   = "row by row"
	upName     = "keep-bootstrap up"
)

var sides = []side{
	{name: floorName, does: first, command: script("floor.sql")},
	{name: handName, does: always, command: script("hand.sql")},
	{name: stagedName, isOurs: true, does: always, command: script("staged.sql")},
	{
		name: "CALL install_providers", isOurs: true, does: always, command: script("call.sql"),
		limit: func(o *options) int { return o.jsonLimit },
	},
	{name: upName, isOurs: true, does: always, command: func(b *benchmark, d dataset) []string {
		return []string{b.program, "up", "-f", d.file("manifest.json")}
	}},
	{
		name: rowsName, does: func(k kase) bool { return k.isFirst || k.change == base || k.change == all },
		limit: func(o *options) int { return o.rowsLimit },
		command: func(_ *benchmark, d dataset) []string {
			return []string{self(), "row-by-row", d.file("wanted.copy")}
		},
	},
}

// script runs a script with the real psql: Debian's is a wrapper that takes longer than psql itself.
func script(name string) func(*benchmark, dataset) []string {
	return func(b *benchmark, d dataset) []string {
		return []string{b.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", d.file(name)}
	}
}

func self() string {
	path, err := os.Executable()
	if err != nil {
		panic(err) // Linux knows it
	}
	return path
}

// findPsql returns the binary of the newest version.
func findPsql() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	if err == nil && len(found) > 0 {
		return found[len(found)-1], nil
	}
	return exec.LookPath("psql")
}

// templates makes the databases that the cases of a size begin with.
func (b *benchmark) templates(ctx context.Context, d dataset) error {
	for name, command := range map[string][]string{
		"bench_ours": {b.program, "up", "-f", d.file("manifest.json")},
		"bench_hand": script("floor.sql")(b, d),
	} {
		if err := b.server.create(ctx, name, "bench_keep"); err != nil {
			return err
		}
		if _, err := measure(ctx, environment(name), command...); err != nil {
			return err
		}
		if err := check(ctx, name, d); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// template is the database that a side begins with.
func (s side) template(k kase) string {
	switch {
	case k.isFirst:
		return "bench_keep"
	case s.isOurs:
		return "bench_ours"
	}
	return "bench_hand"
}

// check compares the tables with the manifest: number of rows, and the contents of all of them.
func check(ctx context.Context, database string, d dataset) error {
	conn, err := connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	file, err := os.Open(d.file("wanted.copy"))
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := conn.Exec(ctx, "create temp table wanted (name text, type text, authentication text)"); err != nil {
		return err
	}
	tag, err := conn.PgConn().CopyFrom(ctx, file, "copy wanted from stdin")
	if err != nil {
		return err
	}
	var live, secrets, right int64
	err = conn.QueryRow(ctx, `select
		(select count(*) from provider where tenant_id = 'keep'),
		(select count(*) from secret where key like 'keep\_%'),
		(select count(*)
		 from wanted w
		 join provider p on p.tenant_id = 'keep' and p.name = w.name and p.type = w.type and p.provisioned
		 join secret s on s.key = p.configuration_key and s.key = 'keep_' || w.type || '_' || p.id
		 where s.value::jsonb = jsonb_build_object('authentication', w.authentication::jsonb, 'name', w.name))`).Scan(&live, &secrets, &right)
	if err != nil {
		return err
	}
	if want := tag.RowsAffected(); live != want || secrets != want || right != want {
		return fmt.Errorf("%d provider rows and %d secrets, %d of them right; want %d", live, secrets, right, want)
	}
	return nil
}

// checkRenames looks at what the run says of itself, since a rename leaves the same rows as a prune and an add.
func checkRenames(ctx context.Context, database string, d dataset) error {
	conn, err := connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	want := 0
	for number := range d.n {
		if concerned(number) {
			want++
		}
	}
	var got int
	err = conn.QueryRow(ctx, "select r.renamed from bootstrap.run r order by r.run_id desc limit 1").Scan(&got)
	if err == nil && got != want {
		err = fmt.Errorf("%d renamed, want %d", got, want)
	}
	return err
}

// written is what a run left in the statistics of the server.
type written struct {
	WAL       int64 `json:"wal_bytes"`
	KeepRows  int64 `json:"rows_written_keep"`
	OwnRows   int64 `json:"rows_written_bootstrap"` // state and journal; staging is not counted, it is not logged
	TempBytes int64 `json:"server_temp_bytes"`
}

// position is where the write-ahead log ends.
func (s *server) position(ctx context.Context) (lsn string, err error) {
	err = s.admin.QueryRow(ctx, "select pg_current_wal_insert_lsn()::text").Scan(&lsn)
	return lsn, err
}

// written reads the statistics of a database that only one run has written to.
func (s *server) written(ctx context.Context, before string) (w written, err error) {
	if err := s.admin.QueryRow(ctx, "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::text::pg_lsn)::bigint", before).Scan(&w.WAL); err != nil {
		return w, err
	}
	conn, err := connect(ctx, runDatabase)
	if err != nil {
		return w, err
	}
	defer conn.Close(ctx)
	row := conn.QueryRow(ctx, `select
			coalesce(sum(t.n_tup_ins + t.n_tup_upd + t.n_tup_del) filter (where t.schemaname = 'public'), 0)::bigint,
			coalesce(sum(t.n_tup_ins + t.n_tup_upd + t.n_tup_del) filter (where t.schemaname = 'bootstrap' and c.relpersistence = 'p'), 0)::bigint,
			(select d.temp_bytes from pg_stat_database d where d.datname = current_database())
		from pg_stat_user_tables t
		join pg_class c on c.oid = t.relid`)
	return w, row.Scan(&w.KeepRows, &w.OwnRows, &w.TempBytes)
}

// startup measures the parts of a run that finds ten providers current, each in a session of its own.
func (b *benchmark) startup(ctx context.Context, d dataset) ([]part, error) {
	names := []string{"connect", "BEGIN, look at the schema", "COPY of the providers", "CALL, report, COMMIT"}
	seconds := make([][]float64, len(names))
	for range max(b.repeats, 10) {
		if err := b.startupOnce(ctx, d, seconds); err != nil {
			return nil, err
		}
	}
	var parts []part
	for _, command := range [][]string{{b.program, "version"}, {b.program, "validate", "-f", d.file("manifest.json")}} {
		var all []float64
		for range max(b.repeats, 10) {
			p, err := measure(ctx, environment(runDatabase), command...)
			if err != nil {
				return nil, err
			}
			all = append(all, p.Seconds)
		}
		parts = append(parts, part{"process: bootstrap " + command[1], newSpread(all)})
	}
	for i, name := range names {
		parts = append(parts, part{name, newSpread(seconds[i])})
	}
	return parts, nil
}

func (b *benchmark) startupOnce(ctx context.Context, d dataset, seconds [][]float64) error {
	file, err := os.Open(d.file("staged.copy"))
	if err != nil {
		return err
	}
	defer file.Close()
	var conn *pgx.Conn
	for i, step := range []func() error{
		func() (err error) {
			conn, err = connect(ctx, "bench_ours")
			return err
		},
		func() error {
			return conn.PgConn().Exec(ctx, "begin; select pg_current_xact_id(), v.version from bootstrap.schema_version v").Close()
		},
		func() error {
			_, err := conn.PgConn().CopyFrom(ctx, file, "copy "+staging+" from stdin")
			return err
		},
		func() error {
			return conn.PgConn().Exec(ctx, "call bootstrap.install_staged('keep'); select * from bootstrap.report(); commit").Close()
		},
	} {
		elapsed, err := timed(step)
		if err != nil {
			return err
		}
		seconds[i] = append(seconds[i], elapsed)
	}
	return conn.Close(ctx)
}
