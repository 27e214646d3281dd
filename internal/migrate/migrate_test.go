package migrate_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/test/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var quiet = slog.New(slog.DiscardHandler)

const newestKeep = pgtest.NewestKeep

// connect connects as the program does.
func connect(t testing.TB, address string) *pgx.Conn {
	t.Helper()
	config, err := postgres.Source{ConnString: address, Origin: "test"}.Config()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := postgres.Connect(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { postgres.Close(context.Background(), conn) })
	return conn
}

// up migrates and fails the test on an error.
func up(t testing.TB, conn *pgx.Conn) migrate.Result {
	t.Helper()
	result, err := migrate.Up(context.Background(), conn, quiet)
	if err != nil {
		t.Fatalf("%+v", postgres.From(err))
	}
	return result
}

func to(t testing.TB, conn *pgx.Conn, version int32) migrate.Result {
	t.Helper()
	result, err := migrate.To(context.Background(), conn, quiet, version)
	if err != nil {
		t.Fatalf("%+v", postgres.From(err))
	}
	return result
}

func noLocks(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	rows := pgtest.Table(t, conn, "select classid, objid, pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())")
	if len(rows) > 0 {
		t.Errorf("advisory locks are left: %v", rows)
	}
}

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	conn := connect(t, d.URL)
	keepBefore := describe(t, conn, "public")

	if result := up(t, conn); result.From != 0 || result.To != migrate.Known() {
		t.Errorf("migrated %+v", result)
	}
	first := append(describe(t, conn, "bootstrap"), data(t, conn)...)
	if rows := pgtest.Table(t, conn, "select id, name from tenant"); fmt.Sprint(rows) != "[[keep Single Tenant]]" {
		t.Errorf("tenants: %v", rows)
	}
	if result := up(t, conn); result.Changed() {
		t.Errorf("migrated again: %+v", result)
	}
	foreignKey := "select condeferrable, condeferred from pg_constraint where conname = 'provider_tenant_id_fkey'"
	if rows := pgtest.Table(t, conn, foreignKey); rows[0][0] != "t" || rows[0][1] != "f" {
		t.Errorf("the foreign key is %v", rows)
	}

	to(t, conn, 0)
	same(t, "Keep's schema after --to 0", describe(t, conn, "public"), keepBefore)
	if rows := pgtest.Table(t, conn, "select 1 from pg_namespace where nspname = 'bootstrap'"); len(rows) > 0 {
		t.Error("schema bootstrap is still there")
	}
	if rows := pgtest.Table(t, conn, "select id, name, configuration::text from tenant"); len(rows) != 1 || rows[0][0] != "keep" {
		t.Errorf("the tenant must stay: %v", rows)
	}
	if result := to(t, conn, 0); result.Changed() {
		t.Errorf("removed twice: %+v", result)
	}

	if result := up(t, conn); result.To != migrate.Known() {
		t.Errorf("migrated %+v", result)
	}
	same(t, "after down and up", append(describe(t, conn, "bootstrap"), data(t, conn)...), first)
	noLocks(t, conn)
}

func TestEveryVersionUpAndDown(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	conn := connect(t, d.URL)
	var at [][]string
	for version := int32(1); version <= migrate.Known(); version++ {
		to(t, conn, version)
		at = append(at, describe(t, conn, "bootstrap"))
	}
	for version := migrate.Known() - 1; version > 0; version-- {
		to(t, conn, version)
		same(t, fmt.Sprintf("back at version %d", version), revoked(describe(t, conn, "bootstrap")), revoked(at[version-1]))
	}
	noLocks(t, conn)
}

// revoked lists objects without default privileges: migration 004 takes them from PUBLIC, and its way back does not return them.
func revoked(all []string) []string {
	for i, line := range all {
		all[i] = strings.ReplaceAll(line, "|{postgres=X/postgres}|", "|-|")
	}
	return all
}

func TestWithoutKeepsTables(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t, pgtest.Empty).URL)
	if result := up(t, conn); !result.Changed() {
		t.Errorf("migrated %+v", result)
	}
	if rows := pgtest.Table(t, conn, "select relname from pg_class where relnamespace = 'public'::regnamespace"); len(rows) > 0 {
		t.Errorf("the migration made tables in public: %v", rows)
	}
	to(t, conn, 0)
}

func TestNothingDependsOnKeepsTables(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t, pgtest.Keep(newestKeep)).URL)
	up(t, conn)
	rows := pgtest.Table(t, conn, `
		with d as materialized (select * from pg_depend where classid <> 0)
		select pg_describe_object(d.classid, d.objid, d.objsubid), pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
		from d
		where (pg_identify_object(d.classid, d.objid, d.objsubid)).schema = 'bootstrap'
		  and (pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid)).schema = 'public'`)
	if len(rows) > 0 {
		t.Errorf("something of ours depends on Keep: %v", rows)
	}
}

func TestTwentyAtOnceOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	const many = 20
	conns := make([]*pgx.Conn, many)
	for i := range conns {
		conns[i] = connect(t, d.URL)
	}
	var group sync.WaitGroup
	results := make([]migrate.Result, many)
	errs := make([]error, many)
	start := make(chan struct{})
	for i := range many {
		group.Go(func() {
			<-start
			results[i], errs[i] = migrate.Up(context.Background(), conns[i], quiet)
		})
	}
	close(start)
	group.Wait()
	changed := 0
	for i := range many {
		if errs[i] != nil {
			t.Errorf("%d: %v", i, errs[i])
		}
		if results[i].To != migrate.Known() {
			t.Errorf("%d: %+v", i, results[i])
		}
		if results[i].Changed() {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d of %d migrated", changed, many)
	}
	noLocks(t, conns[0])
}

func TestACurrentDatabaseIsOnlyLookedAt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, pgtest.Empty)
	holder, conn := connect(t, d.URL), connect(t, d.URL)
	up(t, conn)
	// The lock of the migrations is held: whoever asks for it waits.
	if _, err := holder.Exec(ctx, "select pg_advisory_lock(19266, 0), pg_advisory_lock(9628173550095224)"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "set lock_timeout = '100ms'"); err != nil {
		t.Fatal(err)
	}
	if result := up(t, conn); result.Changed() {
		t.Errorf("%+v", result)
	}
}

func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, pgtest.Empty)
	conn := connect(t, d.URL)
	up(t, conn)
	d.Exec(t, "update bootstrap.schema_version set version = 99")
	if result := up(t, conn); result.Changed() || result.To != 99 {
		t.Errorf("a newer compatible database: %+v", result)
	}
	status, err := migrate.Read(ctx, conn)
	if err != nil || status.Require() != nil {
		t.Errorf("%+v %v %v", status, err, status.Require())
	}
	if _, err := migrate.To(ctx, conn, quiet, 0); postgres.From(err).ExitCode != postgres.ExitRefused {
		t.Errorf("what is unknown cannot be undone: %v", err)
	}
	d.Exec(t, "update bootstrap.setting set breaking_version = 99")
	if _, err := migrate.Up(ctx, conn, quiet); postgres.From(err).ExitCode != postgres.ExitRefused {
		t.Errorf("a newer breaking database: %v", err)
	}
}

// TestDamagedVersionTable has a version table that somebody else has written to.
func TestDamagedVersionTable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ damage, want string }{
		{"delete from bootstrap.schema_version", "reading the version of schema bootstrap: no rows"},
		{"insert into bootstrap.schema_version values (2)", "reading the version of schema bootstrap: too many rows"},
		{"update bootstrap.schema_version set version = -1", "bootstrap.schema_version says version -1"},
	} {
		conn := connect(t, pgtest.New(t, pgtest.Empty).URL)
		up(t, conn)
		if _, err := conn.Exec(t.Context(), test.damage); err != nil {
			t.Fatal(err)
		}
		for version := range migrate.Known() + 1 {
			_, err := migrate.To(t.Context(), conn, quiet, version)
			if e := postgres.From(err); e == nil || e.ExitCode != postgres.ExitUnexpected || !strings.Contains(e.Message, test.want) {
				t.Errorf("%s, to %d: %v, want %q", test.damage, version, err, test.want)
			}
		}
	}
}

func TestUnknownVersion(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t, pgtest.Empty).URL)
	for _, version := range []int32{-1, 99} {
		if _, err := migrate.To(context.Background(), conn, quiet, version); postgres.From(err).ExitCode != postgres.ExitUsage {
			t.Errorf("--to %d: %v", version, err)
		}
	}
}

func TestForeignObjectKeepsTheSchema(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	conn := connect(t, d.URL)
	up(t, conn)
	d.Exec(t, "create table bootstrap.mine(x int)")
	var log strings.Builder
	if _, err := migrate.To(context.Background(), conn, slog.New(slog.NewTextHandler(&log, nil)), 0); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "table bootstrap.mine") {
		t.Errorf("log: %s", log.String())
	}
	if rows := pgtest.Table(t, conn, "select relname from pg_class where relnamespace = 'bootstrap'::regnamespace"); len(rows) != 1 || rows[0][0] != "mine" {
		t.Errorf("left: %v", rows)
	}
	if result := up(t, conn); !result.Changed() {
		t.Error("a schema that is there already must do")
	}
}

// role creates a login role without any privilege and returns the URL for it.
func role(t *testing.T, d *pgtest.Database) (name, address string) {
	t.Helper()
	name = d.Name + "_role"
	d.Exec(t, fmt.Sprintf("create role %s login password 'pw'", name))
	t.Cleanup(func() { d.Exec(t, fmt.Sprintf("drop owned by %[1]s cascade; drop role %[1]s", name)) })
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, "pw")
	return name, u.String()
}

func TestPrivileges(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, pgtest.Empty)
	name, address := role(t, d)
	conn := connect(t, address)
	_, err := migrate.Up(ctx, conn, quiet)
	if e := postgres.From(err); e == nil || e.Code != "42501" || e.ExitCode != postgres.ExitPermission {
		t.Errorf("without CREATE on the database: %+v", e)
	}
	if conn.PgConn().TxStatus() != 'I' {
		t.Error("a transaction is left open")
	}
	// A DBA made the schema for the role: that is enough.
	d.Exec(t, "create schema bootstrap authorization "+name)
	if result := up(t, conn); !result.Changed() {
		t.Errorf("%+v", result)
	}
}

func TestAFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	conn := connect(t, d.URL)
	d.Exec(t, "create schema bootstrap; create table bootstrap.provider_type(x int)") // 001 wants this name
	before := describe(t, conn, "bootstrap")
	_, err := migrate.Up(ctx, conn, quiet)
	e := postgres.From(err)
	if e == nil || e.Code != "42P07" || e.File != "sql/migrations/001_schema.sql" {
		t.Fatalf("%+v", e)
	}
	same(t, "after the failure", describe(t, conn, "bootstrap"), before)
	noLocks(t, conn)
	if conn.PgConn().TxStatus() != 'I' {
		t.Error("a transaction is left open")
	}
}

func TestKeepLocksProvider(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	application, conn := connect(t, d.URL), connect(t, d.URL)
	if _, err := application.Exec(ctx, "begin; select 1 from provider"); err != nil {
		t.Fatal(err)
	}
	const deferrable = "select condeferrable from pg_constraint where conname = 'provider_tenant_id_fkey'"
	if result := up(t, conn); !result.Changed() {
		t.Errorf("%+v", result)
	}
	if rows := pgtest.Table(t, conn, deferrable); rows[0][0] != "f" {
		t.Error("the application holds a lock, and the foreign key was changed")
	}
	noLocks(t, conn)
	for _, sql := range []string{"rollback", "select bootstrap.prepare_keep()", "begin; select 1 from provider"} {
		if _, err := application.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	// The way back needs the lock: nothing is removed without it.
	_, err := migrate.To(ctx, conn, quiet, 0)
	e := postgres.From(err)
	if e == nil || e.Code != "55P03" || e.ExitCode != postgres.ExitTemporary || !strings.HasSuffix(e.Message, "holds a lock on table provider") {
		t.Fatalf("%+v", e)
	}
	if result := up(t, conn); result.Changed() {
		t.Errorf("%+v", result)
	}
	if _, err := application.Exec(ctx, "rollback"); err != nil {
		t.Fatal(err)
	}
	to(t, conn, 0)
}

// An interrupt is not a mistake of the migration whose statement it cancels.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	application, conn := connect(t, d.URL), connect(t, d.URL)
	if _, err := application.Exec(t.Context(), "begin; lock table tenant"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error)
	go func() {
		_, err := migrate.Up(ctx, conn, quiet)
		failed <- err
	}()
	const waiting = "select 1 from pg_locks where relation = 'tenant'::regclass and not granted"
	for len(pgtest.Table(t, application, waiting)) == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := postgres.Interrupted(ctx, <-failed); postgres.From(err).Code != postgres.CodeInterrupted {
		t.Error(err)
	}
}

// A transaction of the application that is about to create the tenant holds the migration up for a moment at a time, and
// the migration holds up nobody: provider can be read all the while.
func TestKeepCreatesTheTenant(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	application, reader, conn := connect(t, d.URL), connect(t, d.URL), connect(t, d.URL)
	if _, err := application.Exec(ctx, "begin; insert into tenant (id, name) values ('keep', 'Keep was faster')"); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(ctx, "set lock_timeout = '1ms'"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := migrate.Up(ctx, conn, quiet)
		done <- err
	}()
	tries := map[string]bool{}
	for len(tries) < 1 && len(done) == 0 {
		if _, err := reader.Exec(ctx, "select from provider"); err != nil {
			t.Errorf("the application waits for the migration: %v", err)
			break
		}
		for _, row := range pgtest.Table(t, reader, "select xact_start from pg_stat_activity where datname = current_database() and application_name = 'keep-bootstrap' and wait_event = 'transactionid'") {
			tries[row[0]] = true
		}
	}
	if _, err := application.Exec(ctx, "commit"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || len(tries) < 1 {
		t.Fatalf("%d tries, %v", len(tries), err)
	}
	if rows := pgtest.Table(t, reader, "select name from tenant"); len(rows) != 1 || rows[0][0] != "Keep was faster" {
		t.Errorf("tenants: %v", rows)
	}
}

func TestPlaceOfAnError(t *testing.T) {
	t.Parallel()
	script, err := migrate.Script("test")
	if err != nil {
		t.Fatal(err)
	}
	const mark = "-- bootstrap.ensure_tenant(tenant_id, tenant_name)"
	before, _, found := strings.Cut(script, mark)
	if !found {
		t.Fatal("the script lacks ensure_tenant")
	}
	const migration = "sql/migrations/002_routines.sql"
	for _, test := range []struct {
		sql          string
		position     int
		file         string
		line, column int
	}{
		{script, len([]rune(before)) + 1, "sql/functions/ensure_tenant.sql", 1, 1},
		{"select x", 8, migration, 1, 8},
		{"a\n\tbéé c\nd", 8, migration, 2, 6},
		{"é\né x", 5, migration, 2, 3},
		{"x", 0, migration, 0, 0},
		{"x", 2, migration, 0, 0},
	} {
		e := migrate.Failure("002_routines.sql", test.sql, &pgconn.PgError{Code: "42601", Position: int32(test.position)})
		if e.Code != "42601" || e.File != test.file || e.Line != test.line || e.Column != test.column {
			t.Errorf("position %d: %s:%d:%d, want %s:%d:%d", test.position, e.File, e.Line, e.Column, test.file, test.line, test.column)
		}
	}
}
