package install_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/test/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const newestKeep = pgtest.NewestKeep

var migrated = pgtest.Migrated

// load parses a manifest.
func load(t testing.TB, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Load(manifest.Options{Files: []string{"-"}, Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// newRun is a run against a database; its log goes to the string builder, if one is given.
func newRun(t testing.TB, address, text string, log *strings.Builder) *install.Run {
	t.Helper()
	config, err := postgres.Source{ConnString: address, Origin: "test"}.Config()
	if err != nil {
		t.Fatal(err)
	}
	run := &install.Run{
		Session:  postgres.Session{Config: config},
		Log:      slog.New(slog.DiscardHandler),
		Tenant:   "keep",
		Manifest: load(t, text),
		RetryFor: 2 * time.Second,
	}
	if log != nil {
		run.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	t.Cleanup(func() { run.Close(context.Background()) })
	return run
}

// apply applies and fails the test on an error.
func apply(t testing.TB, run *install.Run) install.Outcome {
	t.Helper()
	outcome, err := run.Apply(context.Background())
	if err != nil {
		t.Fatalf("%+v", postgres.From(err))
	}
	return outcome
}

const canary = pgtest.Canary

const twoProviders = `
providers:
  grafana-prod:
    type: grafana
    authentication: {host: "https://grafana.example.com", token: ` + canary + `}
  vm:
    type: victoriametrics
    authentication: {VMAlertHost: "http://vm.example.com", VMAlertPort: 8880}
    deduplication_rules:
      by-name: {description: one a name, fingerprint_fields: [name]}
`

func rowVersions(t testing.TB, d *pgtest.Database) string { return pgtest.RowVersions(t, d.Conn(t)) }

// staged is a query for the number of rows in the unlogged tables of schema bootstrap.
func staged(t testing.TB, conn *pgx.Conn) string {
	t.Helper()
	return pgtest.Table(t, conn, `select 'select ' || string_agg(format('(select count(*) from %s)', c.oid::regclass), ' + ') from pg_class c
		where c.relnamespace = 'bootstrap'::regnamespace and c.relkind = 'r' and c.relpersistence = 'u'`)[0][0]
}

func TestFirstAndSecondRun(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	first := apply(t, newRun(t, d.URL, twoProviders, nil))
	if first.Report.Added != 2 || first.Report.RulesChanged != 1 || !first.Report.Changed || first.Report.RunID == nil {
		t.Errorf("first run: %+v", first.Report)
	}
	conn := d.Conn(t)
	rows := pgtest.Table(t, conn, `select p.name, p.type, s.value from provider p join secret s on s.key = p.configuration_key order by 1`)
	if len(rows) != 2 || !strings.Contains(rows[0][2], canary) {
		t.Errorf("rows: %v", rows)
	}

	before := rowVersions(t, d)
	second := apply(t, newRun(t, d.URL, twoProviders, nil))
	if second.Report.Changed || second.Report.RunID != nil || second.Report.Unchanged != 2 {
		t.Errorf("second run: %+v", second.Report)
	}
	if after := rowVersions(t, d); after != before {
		t.Errorf("the second run wrote rows:\n%s\n%s", before, after)
	}
	if rows := pgtest.Table(t, conn, staged(t, conn)); rows[0][0] != "0" {
		t.Error("staging is not empty")
	}
}

// The article's scenario: Keep's tables exist, the tenant does not.
func TestFreshDatabaseInOneRun(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	var log strings.Builder
	run := newRun(t, d.URL, twoProviders, &log)
	outcome, err := run.Up(context.Background())
	if err != nil {
		t.Fatalf("%+v", postgres.From(err))
	}
	if outcome.Report.Added != 2 || outcome.Migrated.To != migrate.Known() || !outcome.Report.TenantCreated {
		t.Errorf("%+v", outcome)
	}
	noFailedCheck(t, run, outcome)
	for _, message := range []string{"schema migrated", "foreign key of provider made deferrable"} {
		if !strings.Contains(log.String(), message) {
			t.Errorf("no %q in the log:\n%s", message, log.String())
		}
	}
	rows := pgtest.Table(t, d.Conn(t), "select t.id, t.name, count(*) from tenant t join provider p on p.tenant_id = t.id group by 1, 2")
	if len(rows) != 1 || rows[0][1] != "Single Tenant" || rows[0][2] != "2" {
		t.Errorf("%v", rows)
	}
}

// noFailedCheck fails the test when a check failed; a warning is none.
func noFailedCheck(t *testing.T, run *install.Run, outcome install.Outcome) {
	t.Helper()
	if err := run.Details(context.Background(), &outcome, true, true); err != nil {
		t.Fatal(err)
	}
	if len(outcome.Checks) == 0 {
		t.Error("nothing was verified")
	}
	for _, check := range outcome.Checks {
		if check.Ok != nil && !*check.Ok || check.Ok == nil && check.Name == "foreign_key" {
			t.Errorf("check %s: %s", check.Name, check.Detail)
		}
	}
}

func TestChangesOfARun(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, migrated)
	apply(t, newRun(t, d.URL, twoProviders, nil))
	next := strings.ReplaceAll(strings.Replace(twoProviders, "  vm:", "  victoria:\n    renamed_from: [vm]", 1), canary, "other")
	run := newRun(t, d.URL, next, nil)
	planned, err := run.Plan(ctx)
	if err != nil {
		t.Fatalf("%+v", postgres.From(err))
	}
	outcome := apply(t, run)
	if err := run.Details(ctx, &outcome, true, false); err != nil {
		t.Fatal(err)
	}
	show := func(kind, action, name string, previous *string, fields []string) string {
		was := ""
		if previous != nil {
			was = *previous
		}
		return fmt.Sprint(kind, " ", action, " ", was, " ", name, " ", fields)
	}
	var want, got []string
	for _, c := range planned.Changes {
		if !c.StateOnly {
			want = append(want, show(c.Kind, c.Action, c.Name, c.PreviousName, c.Fields))
		}
	}
	for _, c := range outcome.Changes {
		got = append(got, show(c.Kind, c.Action, c.Name, c.PreviousName, c.Fields))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(got) != 2 {
		t.Errorf("planned %v\ndone    %v", want, got)
	}
}

func TestPlanWritesNothing(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	before := rowVersions(t, d)
	plan, err := newRun(t, d.URL, twoProviders, nil).Plan(context.Background())
	if err != nil || len(plan.Changes) != 3 || plan.Digest == "" || plan.Refusal != nil {
		t.Errorf("%d changes, digest %q, %v", len(plan.Changes), plan.Digest, err)
	}
	if rowVersions(t, d) != before {
		t.Error("the plan wrote rows")
	}
}

func TestRefusalOfAPlan(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	apply(t, newRun(t, d.URL, twoProviders, nil))
	run := newRun(t, d.URL, "providers: {}", nil)
	plan, err := run.Plan(context.Background())
	if err != nil {
		t.Fatalf("%+v", postgres.From(err))
	}
	before := rowVersions(t, d)
	_, err = run.Apply(context.Background())
	if e := postgres.From(err); e == nil || e.Code != "KB020" || e.ExitCode != postgres.ExitRefused {
		t.Errorf("%+v", e)
	} else if p := plan.Refusal; p == nil || p.Code != e.Code || p.Message != e.Message || p.Detail != e.Detail || p.Hint != e.Hint || p.ExitCode != e.ExitCode {
		t.Errorf("the plan is refused with %+v, the run with %+v", p, e)
	}
	if rowVersions(t, d) != before {
		t.Error("the refused run wrote rows")
	}
	run.RecordFailure(context.Background(), err)
	rows := pgtest.Table(t, d.Conn(t), "select outcome, error_code, error_message from bootstrap.history() limit 1")
	if rows[0][0] != "failed" || rows[0][1] != "KB020" || rows[0][2] == "" {
		t.Errorf("journal: %v", rows)
	}
	allow := true
	run.Options.AllowEmpty = &allow
	if outcome := apply(t, run); outcome.Report.Pruned != 2 {
		t.Errorf("%+v", outcome.Report)
	}
}

func TestProblemsHaveTheirPlaces(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	run := newRun(t, d.URL, "providers:\n  good:\n    type: prometheus\n    authentication: {url: \"http://x\"}\n  bad:\n    type: victoriametrix\n    authentication: {}\n", nil)
	_, err := run.Apply(context.Background())
	e := postgres.From(err)
	if e == nil || e.Code != "KB001" || e.ExitCode != postgres.ExitInput {
		t.Fatalf("%+v", e)
	}
	problems, ok := errors.AsType[*manifest.Problems](err)
	if !ok || len(problems.List) == 0 {
		t.Fatalf("no list of problems: %v", err)
	}
	if p := problems.List[0]; p.File != "stdin" || p.Line != 5 || p.Provider != "bad" || !strings.Contains(p.Message, "victoriametrix") {
		t.Errorf("%+v", p)
	}
}

func TestTenantAndOptions(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	yes := true
	run := newRun(t, d.URL, twoProviders, nil)
	run.Tenant, run.Options.RequireTenant = "other", &yes
	_, err := run.Apply(context.Background())
	if e := postgres.From(err); e == nil || e.Code != "KB004" || e.ExitCode != postgres.ExitRefused {
		t.Errorf("%+v", e)
	}
	run.Options.RequireTenant, run.Options.TenantName = nil, "Other One"
	if outcome := apply(t, run); !outcome.Report.TenantCreated {
		t.Errorf("%+v", outcome.Report)
	}
	rows := pgtest.Table(t, d.Conn(t), "select name from tenant where id = 'other'")
	if len(rows) != 1 || rows[0][0] != "Other One" {
		t.Errorf("%v", rows)
	}
	run.Options.MaxPrune = "many"
	_, err = run.Apply(context.Background())
	if e := postgres.From(err); e == nil || e.Code != "KB002" || e.ExitCode != postgres.ExitUsage {
		t.Errorf("%+v", e)
	}
}

func TestWithoutSchema(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	run := newRun(t, d.URL, twoProviders, nil)
	_, err := run.Apply(context.Background())
	if e := postgres.From(err); e == nil || e.Code != postgres.CodeNoSchema || e.ExitCode != postgres.ExitUnavailable {
		t.Errorf("%+v", e)
	}
	if _, err := run.Plan(context.Background()); postgres.From(err).ExitCode != postgres.ExitUnavailable {
		t.Errorf("%v", err)
	}
}

func TestUpMendsTheForeignKey(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	apply(t, newRun(t, d.URL, twoProviders, nil))
	d.Exec(t, "alter table provider alter constraint provider_tenant_id_fkey not deferrable")
	outcome, err := newRun(t, d.URL, twoProviders, nil).Up(context.Background())
	if err != nil {
		t.Fatalf("%+v", postgres.From(err))
	}
	if outcome.Report.Changed {
		t.Errorf("%+v", outcome.Report)
	}
	if rows := pgtest.Table(t, d.Conn(t), "select condeferrable from pg_constraint where conname = 'provider_tenant_id_fkey'"); rows[0][0] != "t" {
		t.Error("the foreign key is still not deferrable")
	}
}

func TestUpGoesOnWhenTheForeignKeyIsLocked(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, migrated)
	apply(t, newRun(t, d.URL, twoProviders, nil))
	d.Exec(t, "alter table provider alter constraint provider_tenant_id_fkey not deferrable")
	application := d.Conn(t)
	if _, err := application.Exec(ctx, "begin; select from provider"); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	for _, text := range []string{twoProviders, strings.ReplaceAll(twoProviders, "8880", "8885")} {
		if _, err := newRun(t, d.URL, text, &log).Up(ctx); err != nil {
			t.Fatalf("%+v", postgres.From(err))
		}
	}
	if strings.Count(log.String(), "foreign key of provider not made deferrable") != 2 {
		t.Errorf("log:\n%s", log.String())
	}
	if err := newRun(t, d.URL, twoProviders, nil).PrepareKeep(ctx); postgres.From(err).ExitCode != postgres.ExitTemporary {
		t.Errorf("%v", err)
	}
}

func TestSeedTenant(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	run := newRun(t, d.URL, twoProviders, nil)
	outcome, err := run.SeedTenant(ctx, "Single Tenant")
	if err != nil || !outcome.Report.TenantCreated || outcome.Migrated.To != migrate.Known() {
		t.Fatalf("%+v %v", outcome, err)
	}
	run.Tenant = "other"
	if outcome, err := run.SeedTenant(ctx, "Other"); err != nil || !outcome.Report.TenantCreated {
		t.Errorf("%+v %v", outcome, err)
	}
	if outcome, err := run.SeedTenant(ctx, "Another name"); err != nil || outcome.Report.TenantCreated {
		t.Errorf("%+v %v", outcome, err)
	}
	rows := pgtest.Table(t, d.Conn(t), "select t.id, t.name, (select count(*) from provider) from tenant t order by 1")
	if fmt.Sprint(rows) != "[[keep Single Tenant 0] [other Other 0]]" {
		t.Errorf("%v", rows)
	}
}

func TestLockedRowsAreRetriedAndThenGivenUp(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, migrated)
	apply(t, newRun(t, d.URL, twoProviders, nil))
	before := contents(t, d)
	application := d.Conn(t)
	if _, err := application.Exec(ctx, "begin; select from secret where key like '%victoriametrics%' for update"); err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(twoProviders, "8880", "8881")
	_, err := newRun(t, d.URL, changed, nil).Apply(ctx)
	if e := postgres.From(err); e == nil || e.Code != "55P03" || e.ExitCode != postgres.ExitTemporary {
		t.Fatalf("%+v", e)
	}
	if _, err := application.Exec(ctx, "rollback"); err != nil {
		t.Fatal(err)
	}
	if after := contents(t, d); after != before {
		t.Errorf("the run wrote rows:\n%s\n%s", before, after)
	}

	// The lock goes away while the run tries again.
	if _, err := application.Exec(ctx, "begin; select from secret where key like '%victoriametrics%' for update"); err != nil {
		t.Fatal(err)
	}
	run := newRun(t, d.URL, changed, nil)
	run.RetryFor = time.Minute
	run.Log = slog.New(onRecord(func(message string) {
		if message == "trying again" {
			_, _ = application.Exec(ctx, "rollback")
		}
	}))
	if outcome := apply(t, run); outcome.Report.Updated != 1 {
		t.Errorf("%+v", outcome.Report)
	}
}

// contents are Keep's rows, without what a row lock leaves on them.
func contents(t *testing.T, d *pgtest.Database) string {
	t.Helper()
	return fmt.Sprint(pgtest.Table(t, d.Conn(t), "select p.xmin, p::text, s.xmin, s::text from provider p join secret s on s.key = p.configuration_key order by p.id"))
}

// onRecord is a log handler that calls a function with each message.
type onRecord func(message string)

func (f onRecord) Enabled(context.Context, slog.Level) bool { return true }
func (f onRecord) Handle(_ context.Context, r slog.Record) error {
	f(r.Message)
	return nil
}
func (f onRecord) WithAttrs([]slog.Attr) slog.Handler { return f }
func (f onRecord) WithGroup(string) slog.Handler      { return f }

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	const many = 12
	var group sync.WaitGroup
	errs := make([]error, many)
	outcomes := make([]install.Outcome, many)
	for i := range many {
		run := newRun(t, d.URL, twoProviders, nil)
		run.RetryFor = time.Minute
		group.Go(func() { outcomes[i], errs[i] = run.Up(context.Background()) })
	}
	group.Wait()
	changed := 0
	for i := range many {
		if errs[i] != nil {
			t.Errorf("%d: %+v", i, postgres.From(errs[i]))
		} else if outcomes[i].Report.Changed {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d runs changed something", changed)
	}
	rows := pgtest.Table(t, d.Conn(t), "select (select count(*) from provider), (select count(*) from secret), (select count(*) from bootstrap.history())")
	if fmt.Sprint(rows) != "[[2 2 1]]" {
		t.Errorf("%v", rows)
	}
}

// manifestOf makes a manifest of n providers.
func manifestOf(n int) string {
	var text strings.Builder
	text.WriteString("providers:\n")
	for i := range n {
		fmt.Fprintf(&text, "  p%d: {type: prometheus, authentication: {url: \"http://p%d\"}}\n", i, i)
	}
	return text.String()
}

// The statements of a whole up are few, and as many for 10 providers as for 1,000.
func TestStatementCount(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	counts := map[string]int64{}
	for _, n := range []int{10, 1000} {
		d := pgtest.New(t, migrated)
		observer := d.Conn(t)
		if _, err := observer.Exec(ctx, "create extension if not exists pg_stat_statements"); err != nil {
			pgtest.Missing(t, err)
		}
		statements := func() int64 {
			var calls int64
			err := observer.QueryRow(ctx, `select coalesce(sum(calls), 0)::bigint from pg_stat_statements
				where toplevel and dbid = (select oid from pg_database where datname = current_database()) and query not like '%pg_stat_statements%'`).Scan(&calls)
			if err != nil {
				t.Fatal(err)
			}
			return calls
		}
		for _, which := range []string{"first", "second"} {
			before := statements()
			run := newRun(t, d.URL, manifestOf(n), nil)
			outcome, err := run.Up(ctx)
			if err != nil {
				t.Fatalf("%+v", postgres.From(err))
			}
			if err := run.Details(ctx, &outcome, true, true); err != nil {
				t.Fatal(err)
			}
			counts[fmt.Sprint(which, n)] = statements() - before
		}
	}
	t.Logf("statements: %v", counts)
	for _, which := range []string{"first", "second"} {
		if few, many := counts[which+"10"], counts[which+"1000"]; few != many || many > 13 || many == 0 {
			t.Errorf("%s run: %d statements for 10 providers, %d for 1,000", which, few, many)
		}
	}
}

// Rows that Keep provisioned are taken over with their ids.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	const id = "54c8f706813e486689e64bc94cd40316"
	d.Exec(t, fmt.Sprintf(`
		insert into provider(id, tenant_id, name, type, installed_by, installation_time, configuration_key, "validatedScopes", consumer, pulling_enabled, provisioned, provider_metadata)
		values ('%[1]s', 'keep', 'prom-prod', 'prometheus', 'system', now(), 'keep_prometheus_%[1]s', '{}', false, true, true, '{}');
		insert into secret(key, value, last_updated) values ('keep_prometheus_%[1]s', '{"authentication": {"url": "http://127.0.0.1:9090", "username": "u\u00fcser"}, "name": "prom-prod"}', now())`, id))
	outcome := apply(t, newRun(t, d.URL, "providers: {prom-prod: {type: prometheus, authentication: {url: \"http://127.0.0.1:9091\", username: üser}}}", nil))
	rows := pgtest.Table(t, d.Conn(t), "select p.id, s.value like '%9091%' from provider p join secret s on s.key = p.configuration_key")
	if len(rows) != 1 || rows[0][0] != id || rows[0][1] != "t" {
		t.Errorf("%v after %+v", rows, outcome.Report)
	}
}

func TestOldKeep(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep("4f8c4b185d5b"))
	run := newRun(t, d.URL, twoProviders, nil)
	run.CreateTables = true
	_, err := run.Up(context.Background())
	e := postgres.From(err)
	if e == nil || e.Code != "KB011" || e.ExitCode != postgres.ExitRefused || !strings.Contains(e.Message+e.Detail, "secret") {
		t.Errorf("%+v", e)
	}
}

func TestCreateTables(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, pgtest.Empty)
	run := newRun(t, d.URL, twoProviders, nil)
	_, err := run.Up(ctx)
	if e := postgres.From(err); e == nil || e.Code != "KB010" || e.ExitCode != postgres.ExitUnavailable {
		t.Errorf("%+v", e)
	}
	run.CreateTables = true
	var log strings.Builder
	run.Log = slog.New(slog.NewTextHandler(&log, nil))
	outcome, err := run.Up(ctx)
	if err != nil {
		t.Fatalf("%+v", postgres.From(err))
	}
	if outcome.Report.Added != 2 || !outcome.Report.TenantCreated {
		t.Errorf("%+v", outcome.Report)
	}
	if !strings.Contains(log.String(), "tables of Keep created") {
		t.Errorf("log: %s", log.String())
	}
}

// Everything that a provider may say goes through COPY into its row.
func TestStagedColumns(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	all := `
- name: everything
  type: prometheus
  authentication: {url: "http://x"}
  renamed_from: [a, "b\"c"]
  description: "tab\there"
  pulling_enabled: false
  prevent_delete: true
  install_webhook: false
`
	apply(t, newRun(t, d.URL, all, nil))
	rows := pgtest.Table(t, d.Conn(t), `select p.name, p.description, p.pulling_enabled, s.prevent_delete
		from provider p join bootstrap.status() s on s.object_id = p.id`)
	if want := "[[everything tab\there f t]]"; fmt.Sprint(rows) != want {
		t.Errorf("%v, want %s", rows, want)
	}
}
