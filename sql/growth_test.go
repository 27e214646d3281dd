package sqlfiles_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/test/pgtest"
)

// planNode is a node of a plan that auto_explain shows.
type planNode struct {
	Rows      float64    `json:"Actual Rows"`
	Loops     float64    `json:"Actual Loops"`
	ByFilter  float64    `json:"Rows Removed by Filter"`
	ByJoin    float64    `json:"Rows Removed by Join Filter"`
	Plans     []planNode `json:"Plans"`
	ByRecheck float64    `json:"Rows Removed by Index Recheck"`
}

// work is how many rows the nodes of a plan looked at.
func (p planNode) work() float64 {
	sum := max(p.Loops, 1) * (p.Rows + p.ByFilter + p.ByJoin + p.ByRecheck + 1)
	for _, child := range p.Plans {
		sum += child.work()
	}
	return sum
}

// large is a manifest with n workflow steps, n rows of a mapping rule, and n of every kind that users have many of.
func large(n int) string {
	var steps, rows, dashboards, providers, workflows []string
	for i := range n {
		steps = append(steps, fmt.Sprintf(`{"name": "s%d", "provider": {"type": "console", "config": "{{ providers.p%d }}", "with": {"message": "m"}}}`, i, i))
		rows = append(rows, fmt.Sprintf(`{"a": "v%d", "b": "w"}`, i))
		dashboards = append(dashboards, fmt.Sprintf(`{"dashboard_name": "d%d", "dashboard_config": {"n": %[1]d}}`, i))
		providers = append(providers, fmt.Sprintf(`{"name": "p%d", "type": "prometheus", "authentication": {"url": "http://p%[1]d"}, "deduplication_rules": {"r": {"description": "d"}}}`, i))
		workflows = append(workflows, fmt.Sprintf(`{"id": "w%d", "name": "w%[1]d"}`, i))
	}
	return fmt.Sprintf(`{"providers": [%s], "dashboards": [%s], "workflows": [{"id": "many", "name": "many", "steps": [%s]}, %s], "mapping_rules": [{"name": "m", "matchers": [["a"]], "rows": [%s]}]}`,
		strings.Join(providers, ", "), strings.Join(dashboards, ", "), strings.Join(steps, ", "), strings.Join(workflows, ", "), strings.Join(rows, ", "))
}

// users adds n objects of every kind that users created, so that a manifest has neighbours.
const users = `
	INSERT INTO public.dashboard (id, tenant_id, dashboard_name, dashboard_config, created_by, created_at, updated_at, is_active, is_private)
		SELECT 'u' || i, 'keep', 'user''s ' || i, '{"a": 1}', 'me@x', now(), now(), true, false FROM generate_series(1, %[1]d) AS i;
	INSERT INTO public.workflow (id, tenant_id, name, workflow_raw, created_by, updated_by, creation_time, interval, is_deleted, revision, last_updated, provisioned, is_disabled, is_test)
		SELECT 'u' || i, 'keep', 'user''s ' || i, 'id: x', 'me@x', 'me@x', now(), 0, false, 1, now(), false, false, false FROM generate_series(1, %[1]d) AS i;
	INSERT INTO public.mappingrule (tenant_id, name, type, matchers, rows, priority, created_by, created_at, disabled, override, last_updated_at, is_provisioned, is_multi_level)
		SELECT 'keep', 'user''s ' || i, 'csv', '[["a"]]', json_build_array(json_build_object('a', repeat(md5(i::text), 4))), 0, 'me@x', now(), false, true, now(), false, false FROM generate_series(1, %[1]d) AS i;
	INSERT INTO public.tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at)
		SELECT 'keep', 'user''s ' || i, md5(i::text), false, false, 'me@x', 'noc', now() FROM generate_series(1, %[1]d) AS i;
	INSERT INTO public.provider (id, tenant_id, name, type, installed_by, installation_time, configuration_key, "validatedScopes", consumer, provisioned, pulling_enabled, provider_metadata)
		SELECT 'u' || i, 'keep', 'user''s ' || i, 'grafana', 'me@x', now(), 'u' || i, '{}', false, false, true, '{}' FROM generate_series(1, %[1]d) AS i;
	INSERT INTO public.secret SELECT 'u' || i, '{"authentication": {"host": "h", "token": "t"}}', now() FROM generate_series(1, %[1]d) AS i;
	INSERT INTO public.alertdeduplicationrule (id, tenant_id, name, description, provider_id, provider_type, last_updated, last_updated_by, created_at, created_by, enabled, fingerprint_fields, full_deduplication, ignore_fields, priority, is_provisioned)
		SELECT gen_random_uuid(), 'keep', 'user''s ' || i, '', 'u' || i, 'grafana', now(), 'me@x', now(), 'me@x', true, '[]', false, '[]', 0, false FROM generate_series(1, %[1]d) AS i;
	INSERT INTO public."user" (tenant_id, username, password_hash, role, created_at) SELECT 'keep', 'user ' || i, 'x', 'admin', now() FROM generate_series(1, %[1]d) AS i`

// TestUnchangedRunsGrowLinearly: what the statements of an unchanged run, a plan and verify look at grows with the input and with what users have, not faster; on tables that were never analysed.
func TestUnchangedRunsGrowLinearly(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("80,000 rows")
	}
	measure := func(n int) map[string]float64 {
		shared := pgtest.New(t, migrated)
		config, err := pgx.ParseConfig(shared.URL)
		if err != nil {
			t.Fatal(err)
		}
		work := 0.0
		config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) {
			_, plan, ok := strings.Cut(notice.Message, "plan:\n")
			var explained struct{ Plan planNode }
			if ok && json.Unmarshal([]byte(plan), &explained) == nil {
				work += explained.Plan.work()
			}
		}
		conn, err := pgx.ConnectConfig(context.Background(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(context.Background()) })
		d := database{conn, t}
		if err := d.call("LOAD 'auto_explain'"); err != nil {
			t.Skipf("no auto_explain here: %v", err)
		}
		d.mustInstallAll(large(n))
		for _, statement := range strings.Split(fmt.Sprintf(users, 10*n), ";\n") {
			d.exec(statement)
		}
		for _, setting := range []string{"log_analyze = on", "log_timing = off", "log_format = json", "log_level = notice", "log_nested_statements = on", "log_min_duration = 0"} {
			d.exec("SET auto_explain." + setting)
		}
		d.exec("SET client_min_messages = notice")
		got := map[string]float64{}
		for name, statement := range map[string]string{
			"install": "CALL bootstrap.install('keep', $1::json)", "plan": "SELECT FROM bootstrap.plan('keep', $1::json)",
		} {
			work = 0
			d.exec(statement, large(n))
			got[name] = work
		}
		for _, routine := range []string{"verify()", "status()", "export()"} {
			work = 0
			d.exec("SELECT FROM bootstrap." + routine)
			got[routine] = work
		}
		return got
	}
	small, large := measure(100), measure(1000)
	for name, before := range small {
		if after := large[name]; before < 100 || after > 15*before {
			t.Errorf("%s: %.0f rows are looked at, %.0f with ten times as much", name, before, after)
		}
		t.Logf("%s: %.0f, %.0f", name, before, large[name])
	}
}

// TestParallelPlanStopsEveryRun: whatever makes the planner choose a parallel plan, every public routine works.
func TestParallelPlanStopsEveryRun(t *testing.T) {
	edits := []string{"'not JSON'", "value || ' '", `'{"authentication": {"VMAlertHost": "http://theirs"}, "name": "vm"}'`}
	for name, test := range map[string]struct {
		rows     int
		edits    []string
		settings []string
	}{
		// With its own settings the planner wants a table of 8 MB.
		"large":    {10000, edits[:1], []string{"work_mem = '64kB'"}},
		"forced":   {100, edits, []string{"force_parallel_mode = on", "debug_parallel_query = on"}}, // the second name since PostgreSQL 16
		"cheapest": {100, edits, []string{"parallel_setup_cost = 0", "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0", "min_parallel_index_scan_size = 0", "max_parallel_workers_per_gather = 4"}},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && test.rows > 1000 {
				t.Skip("80,000 rows")
			}
			d := newDatabase(t)
			first := strings.Replace(everything, `"vm": {`, `"vm": {`+ruled, 1)
			changed := strings.NewReplacer("8880", "8881", "Calls somebody", "Calls everybody", "2.50", "3", `"priority": 3`, `"priority": 4`).Replace(first)
			d.mustInstallAll(first)
			for _, statement := range strings.Split(fmt.Sprintf(users, test.rows), ";\n") {
				d.exec(statement)
			}
			d.exec("UPDATE public.mappingrule SET rows = json_build_array(json_build_object('a', repeat(md5(id::text), 40))) WHERE NOT is_provisioned")
			d.exec("ANALYZE")
			for _, setting := range test.settings {
				_ = d.call("SET " + setting)
			}
			d.wantRows("plan", d.planAll(first))
			d.mustInstallAll(first)
			for _, edit := range test.edits {
				d.exec("UPDATE public.secret SET value = " + edit + " WHERE key LIKE 'keep_victoria%'")
				d.exec("UPDATE public.workflow SET workflow_raw = 'not: [yaml' WHERE name = 'disk-full'")
				for _, routine := range []string{"verify()", "status()", "history()", "history_changes(1)", "export()", "export('keep', true)", "dependents('keep', '[\"x\"]')", "problems()", "plan_providers('keep', '{}')"} {
					if err := d.call("SELECT FROM bootstrap." + routine); err != nil && pgtest.SQLState(err) != "KB001" {
						t.Errorf("%s: %s", routine, describe(err))
					}
				}
				if got := d.planAll(changed); len(got) < 4 {
					t.Errorf("plan: %q", got)
				}
				d.mustInstallAll(changed)
				d.mustInstallAll(first)
			}
			d.exec("CALL bootstrap.record_failure('keep', 'KB001', 'm', 'v')")
			d.exec("SELECT bootstrap.ensure_tenant('other', 'Other'), bootstrap.prepare_keep()")
		})
	}
	// The cause: a routine that opens a subtransaction, or calls one that does, must not be PARALLEL SAFE.
	d := newDatabase(t)
	d.wantRows("parallel safe routines with an exception block", d.text(`SELECT p.proname::text FROM pg_proc AS p WHERE p.pronamespace = 'bootstrap'::regnamespace AND p.proparallel = 's' AND p.prosrc ~* '\mEXCEPTION WHEN\M'`))
}
