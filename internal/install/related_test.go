package install_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/test/pgtest"
)

// plan plans and fails the test on an error.
func plan(t testing.TB, run *install.Run) install.Plan {
	t.Helper()
	p, err := run.Plan(context.Background())
	if err != nil {
		t.Fatalf("%+v", postgres.From(err))
	}
	return p
}

// hangOn gives the provider of a name alerts, execution logs, and a workflow that names it.
func hangOn(t testing.TB, d *pgtest.Database, name string, alerts, logs int) {
	t.Helper()
	d.Exec(t, `insert into alert (id, tenant_id, timestamp, provider_type, provider_id, fingerprint)
		select gen_random_uuid(), 'keep', now(), 'x', p.id, 'f' from provider p, generate_series(1, $2::int) where p.name = $1`, name, alerts)
	d.Exec(t, `insert into providerexecutionlog (id, tenant_id, provider_id, timestamp, log_level)
		select gen_random_uuid()::text, 'keep', p.id, now(), 'INFO' from provider p, generate_series(1, $2::int) where p.name = $1`, name, logs)
	d.Exec(t, `insert into workflow (id, tenant_id, name, workflow_raw, creation_time, is_deleted, revision)
		values (gen_random_uuid()::text, 'keep', 'on ' || $1::text, 'steps: {provider: {config: "{{ providers.' || $1::text || ' }}"}}', now(), false, 1)`, name)
}

func shownRelated(related install.Related) string {
	var all []string
	for _, list := range related.Dependents {
		for _, d := range list {
			all = append(all, fmt.Sprint(d.Count, " ", d.Kind, " ", d.Names))
		}
	}
	return strings.Join(all, "; ")
}

func TestDependents(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, migrated)
	apply(t, newRun(t, d.URL, twoProviders, nil))
	hangOn(t, d, "vm", 1200, 2)
	const other = "providers:\n  grafana-prod:\n    type: grafana\n    authentication: {host: \"https://grafana.example.com\", token: " + canary + "}\n"

	for name, test := range map[string]struct{ manifest, want string }{
		"prune":   {other, "1001 alerts []; 2 execution logs []; 1 workflows [on vm]"},
		"replace": {strings.Replace(twoProviders, "type: victoriametrics\n    authentication: {VMAlertHost: \"http://vm.example.com\", VMAlertPort: 8880}", "type: prometheus\n    authentication: {url: \"http://vm\"}", 1), "1001 alerts []; 2 execution logs []; 1 workflows [on vm]"},
		"rename":  {strings.Replace(twoProviders, "  vm:", "  new:\n    renamed_from: [vm]", 1), "1 workflows [on vm]"},
		"update":  {strings.Replace(twoProviders, "8880", "8881", 1), ""},
	} {
		run := newRun(t, d.URL, test.manifest, nil)
		related := run.Related(ctx, plan(t, run).Changes)
		if got := shownRelated(related); got != test.want || related.NotCounted != "" {
			t.Errorf("%s: %s (%s)", name, got, related.NotCounted)
		}
	}

	// The tables of others are locked, or cannot be read: the plan goes on.
	locker := d.Conn(t)
	if _, err := locker.Exec(ctx, "begin; lock table alert in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	run := newRun(t, d.URL, other, nil)
	if related := run.Related(ctx, plan(t, run).Changes); related.NotCounted != "it took longer than two seconds" || len(related.Dependents) != 0 {
		t.Errorf("%+v", related)
	}
	if _, err := locker.Exec(ctx, "rollback"); err != nil {
		t.Fatal(err)
	}
	plan(t, run) // the connection is as it was

	role, address := d.Role(t, "")
	d.Exec(t, fmt.Sprintf(`grant usage on schema public, bootstrap to %[1]s; grant all on all tables in schema bootstrap to %[1]s;
		grant execute on all routines in schema bootstrap to %[1]s; revoke execute on function bootstrap.dependents from %[1]s`, role))
	weak := newRun(t, address, other, nil)
	if related := weak.Related(ctx, plan(t, weak).Changes); related.NotCounted != "the role may not call bootstrap.dependents" {
		t.Errorf("%+v", related)
	}
}

func TestLastRunsOfDrift(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	pulling := strings.Replace(twoProviders, "  vm:", "  vm:\n    pulling_enabled: true", 1)
	apply(t, newRun(t, d.URL, pulling, nil))
	d.Exec(t, "update provider set description = 'mine', pulling_enabled = false where name = 'vm'")
	run := newRun(t, d.URL, pulling, nil)
	changes := plan(t, run).Changes
	if len(changes) != 1 || fmt.Sprint(changes[0].Drift) != "[pulling_enabled]" {
		t.Fatalf("%+v", changes)
	}
	if related := run.Related(context.Background(), changes); related.LastRuns[*changes[0].ObjectID] != 1 {
		t.Errorf("%+v", related)
	}
}

// A plan binds Apply to the rows and the manifest that it was made from.
func TestBoundPlan(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := pgtest.New(t, migrated)
	apply(t, newRun(t, d.URL, twoProviders, nil))
	next := strings.Replace(twoProviders, "8880", "8881", 1)
	digest := plan(t, newRun(t, d.URL, next, nil)).Digest

	stale := func(name, manifest string) {
		t.Helper()
		const rows = "select p.xmin, s.xmin, s.value from provider p join secret s on s.key = p.configuration_key order by p.id"
		before := fmt.Sprint(pgtest.Table(t, d.Conn(t), rows))
		run := newRun(t, d.URL, manifest, nil)
		run.Options.PlanDigest = &digest
		_, err := run.Apply(ctx)
		if e := postgres.From(err); e == nil || e.Code != "KB026" || e.ExitCode != postgres.ExitRefused {
			t.Errorf("%s: %+v", name, e)
		}
		if fmt.Sprint(pgtest.Table(t, d.Conn(t), rows)) != before {
			t.Errorf("%s: rows were written", name)
		}
	}
	stale("another manifest", strings.Replace(next, "8881", "8882", 1))
	stale("nothing to do", twoProviders)
	d.Exec(t, "update secret set value = replace(value, '8880', '8889') where key like '%victoria%'")
	stale("another secret", next)

	run := newRun(t, d.URL, next, nil)
	digest = plan(t, run).Digest
	run.Options.PlanDigest = &digest
	if outcome := apply(t, run); outcome.Report.Updated != 1 {
		t.Errorf("%+v", outcome.Report)
	}
	stale("done already", next)
}

func TestPlanOfAnOlderGeneration(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, migrated)
	newer, older := int64(7), int64(6)
	first := newRun(t, d.URL, twoProviders, nil)
	first.Options.Generation = &newer
	apply(t, first)
	run := newRun(t, d.URL, "providers: []", nil)
	run.Options.Generation = &older
	if p := plan(t, run); p.Digest != "" || len(p.Changes) != 0 {
		t.Errorf("%+v", p)
	}
}
