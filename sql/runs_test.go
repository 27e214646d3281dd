package sqlfiles_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// A generation that is installed already, with nothing to do, writes no row.
func TestSameGenerationWritesNothing(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(everything, `{"generation": 3}`)
	for _, options := range []string{`{"generation": 3}`, `{}`} {
		before := d.rowVersions()
		d.mustInstallAll(everything, options)
		d.wantRows("row versions with "+options, d.rowVersions(), before...)
	}
}

// on_drift fail refuses to bring back what someone deleted, of every kind.
func TestOnDriftFailOfDeletedObjects(t *testing.T) {
	for table, kind := range map[string]string{"provider": "provider", "workflow": "workflow", "dashboard": "dashboard", "mappingrule": "mapping_rule", "tenantapikey": "api_key"} {
		t.Run(kind, func(t *testing.T) {
			d := newDatabase(t)
			d.mustInstallAll(everything)
			if table == "workflow" {
				d.exec("DELETE FROM public.workflowversion")
			}
			d.exec("DELETE FROM public." + table)
			if got := d.planAll(everything, `{"on_drift": "fail"}`); len(got) == 0 || slices.ContainsFunc(got, func(line string) bool {
				return !strings.HasPrefix(line, kind+":add ") || !strings.Contains(line, "!KB025")
			}) {
				t.Errorf("plan: %q", got)
			}
			d.refusedAll("KB025", everything, `{"on_drift": "fail"}`)
			d.mustInstallAll(everything)
			if got := d.planAll(everything); len(got) != 0 {
				t.Errorf("plan afterwards: %q", got)
			}
		})
	}
}

// An object that someone deleted, and that the manifest lacks now, is forgotten: nothing is refused, and verify is content.
func TestDeletedAndNoLongerWanted(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(everything)
	d.exec("DELETE FROM public.workflowversion")
	for _, table := range []string{"workflow", "dashboard", "mappingrule", "tenantapikey", "provider"} {
		d.exec("DELETE FROM public." + table)
	}
	d.wantRows("verify", d.text("SELECT name FROM bootstrap.verify() WHERE ok IS NOT TRUE AND name = 'objects'"), "objects")
	d.mustInstallAll(`{"providers": [], "workflows": [], "dashboards": [], "mapping_rules": [], "api_keys": []}`, `{"on_drift": "fail"}`)
	d.wantRows("verify", d.text("SELECT concat_ws(' ', name, ok, detail) FROM bootstrap.verify() WHERE ok IS NOT TRUE"))
	d.wantRows("status", d.text("SELECT kind || ' ' || condition FROM bootstrap.status()"), "user installed")
}

// After a run in the same transaction, the foreign key is checked at each statement again.
func TestForeignKeyIsImmediateAfterARun(t *testing.T) {
	d := newDatabase(t)
	ctx := context.Background()
	tx, err := d.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	d.mustInstall(`{"vm": {` + vms + `}}`)
	if code := pgtest.SQLState(d.call("UPDATE public.provider SET tenant_id = 'nobody'")); code != "23503" {
		t.Errorf("SQLSTATE %q at the statement, want 23503", code)
	}
}

// Writes that a trigger swallows are noticed: the run is undone as a whole, and told to be repeated.
func TestTriggerSwallowsRows(t *testing.T) {
	first := strings.Replace(everything, `"vm": {`, `"vm": {`+ruled, 1)
	changed := strings.NewReplacer("8880", "8881", `{"description": "d"}`, `{"description": "e"}`, "Calls somebody", "Calls everybody", "2.50", "3", `"priority": 3`, `"priority": 4`,
		`"role": "webhook"`, `"role": "noc"`, "CANARY-1", "CANARY-3", `"password": "pass"`, `"password": "word", "reset_password": true`).Replace(first)
	described := strings.Replace(first, `"vm": {`, `"vm": {"description": "text", `, 1)
	const nothing = `{"providers": [], "workflows": [], "dashboards": [], "mapping_rules": [], "api_keys": []}`
	for _, test := range []struct {
		event, table, before, manifest string
	}{
		{"UPDATE", "secret", first, changed},
		{"UPDATE", "provider", first, described},
		{"UPDATE", "alertdeduplicationrule", first, changed},
		{"UPDATE", "workflow", first, changed},
		{"UPDATE", "dashboard", first, changed},
		{"UPDATE", "mappingrule", first, changed},
		{"UPDATE", "tenantapikey", first, changed},
		{"UPDATE", `"user"`, first, changed},
		{"DELETE", "provider", first, nothing},
		{"DELETE", "secret", first, nothing},
		{"DELETE", "alertdeduplicationrule", first, nothing},
		{"DELETE", "dashboard", first, nothing},
		{"DELETE", "mappingrule", first, nothing},
		{"UPDATE", "workflow", first, nothing},
		{"UPDATE", "tenantapikey", first, nothing},
		{"INSERT", "provider", "", first},
		{"INSERT", "secret", "", first},
		{"INSERT", "alertdeduplicationrule", "", first},
		{"INSERT", "workflow", "", first},
		{"INSERT", "workflowversion", "", first},
		{"INSERT", "dashboard", "", first},
		{"INSERT", "mappingrule", "", first},
		{"INSERT", "tenantapikey", "", first},
		{"INSERT", `"user"`, "", first},
	} {
		returned := []string{"NULL"}
		if test.event == "UPDATE" {
			returned = append(returned, "OLD") // the row is written as it was
		}
		for _, row := range returned {
			t.Run(test.event+" "+test.table+" "+row, func(t *testing.T) {
				d := newDatabase(t)
				if test.before != "" {
					d.mustInstallAll(test.before)
				}
				d.exec("CREATE FUNCTION public.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN " + row + "; END'")
				d.exec(fmt.Sprintf("CREATE TRIGGER swallow BEFORE %s ON public.%s FOR EACH ROW EXECUTE FUNCTION public.swallow()", test.event, test.table))
				if got := d.refusedAll("KB041", test.manifest, `{"allow_empty": true}`); strings.Contains(got, "CANARY") {
					t.Error(got)
				}
				d.exec("DROP TRIGGER swallow ON public." + test.table)
				d.mustInstallAll(test.manifest, `{"allow_empty": true}`)
			})
		}
	}
}

// Foreign code may claim any SQLSTATE, in a function that its trigger calls as well: it is named, and its text is not shown.
func TestTextOfForeignCodeIsNotShown(t *testing.T) {
	manifest := `{"vm": {` + grafana("CANARY") + `}}`
	for _, test := range []struct{ code, state, statement string }{
		{"P0001", "P0001", "RAISE EXCEPTION '%', t"},
		{"42501", "42501", "RAISE EXCEPTION '%', t USING ERRCODE = 'insufficient_privilege'"},
		{"23505", "23505", "RAISE EXCEPTION 'no' USING ERRCODE = 'unique_violation', TABLE = t, CONSTRAINT = t"},
		{"40001", "40001", "RAISE EXCEPTION 'no' USING ERRCODE = '40001', HINT = t"},
		{"KB040", "P0001", "RAISE EXCEPTION '%', t USING ERRCODE = 'KB040'"},
		{"57014", "57014", "RAISE EXCEPTION '%', t USING ERRCODE = 'query_canceled'"},
		{"P0004", "P0004", "ASSERT false, t"},
		{"22P02", "22P02", "PERFORM t::integer"},
	} {
		for _, kind := range []string{"TRIGGER refuse BEFORE INSERT ON public.secret", "CONSTRAINT TRIGGER refuse AFTER INSERT ON public.secret DEFERRABLE INITIALLY DEFERRED"} {
			t.Run(test.code+" "+kind[:10], func(t *testing.T) {
				d := newDatabase(t)
				d.exec("CREATE FUNCTION public.refuse_it(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN " + test.statement + "; END $$")
				d.exec("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.refuse_it(NEW.value); RETURN NEW; END $$")
				d.exec("CREATE " + kind + " FOR EACH ROW EXECUTE FUNCTION public.refuse()")
				got := d.refused(test.state, manifest)
				if strings.Contains(got, "CANARY") || !strings.Contains(got, "by trigger refuse of public.secret") {
					t.Error(got)
				}
			})
		}
	}
}

// journal returns the changes of the newest run, as "kind action name fields".
func (d database) journal() []string {
	d.t.Helper()
	return d.text("SELECT concat_ws(' ', kind, action, name, nullif(array_to_string(fields, ','), ''), CASE WHEN object_id IS NULL THEN 'no id' END) FROM bootstrap.history_changes((SELECT max(run_id) FROM bootstrap.history())) ORDER BY 1")
}

// The report and the journal count what happened to Keep's rows, each object once.
func TestReportOfEveryAction(t *testing.T) {
	d := newDatabase(t)
	pgtest.KeepProvisioned(t, d.Conn, "adopted", "grafana", `{"host": "http://grafana", "token": "older"}`)
	d.addDashboard("keep", "equal", "equal", "system")
	report := func(manifest string, want ...string) {
		t.Helper()
		d.exec("BEGIN")
		d.mustInstallAll(manifest, `{"allow_empty": true}`)
		d.wantRows("report of "+manifest, d.text(`SELECT concat_ws(' ', changed, added, updated, renamed, replaced, pruned, adopted, unchanged, rules_changed) FROM bootstrap.report()
			UNION ALL SELECT concat_ws(' ', r.key, r.value ->> 'added', r.value ->> 'updated', r.value ->> 'adopted', r.value ->> 'pruned', r.value ->> 'unchanged') FROM bootstrap.report() AS p, json_each(p.resources) AS r`), want...)
		d.exec("COMMIT")
	}
	dashboards := `"dashboards": [{"dashboard_name": "equal", "dashboard_config": {"a": 1}}, {"dashboard_name": "new", "dashboard_config": {}}]`
	report(`{"providers": [`+entry("adopted", grafana("t"))+`, `+entry("a", grafana("a"))+`, `+entry("b", grafana("b"))+`, `+entry("c", grafana("c"))+`], `+dashboards+`}`, "t 3 0 0 0 0 1 0 0", "dashboard 1 0 0 0 1")
	d.wantRows("journal", d.journal(), "dashboard add new", "provider add a", "provider add b", "provider add c", "provider adopt adopted authentication.token")
	report(`{"providers": [`+entry("adopted", grafana("t"))+`, `+entry("a", grafana("a2")+`, "deduplication_rules": {"r": {}}`)+`, `+entry("b2", grafana("b")+`, "renamed_from": "b"`)+`], `+strings.Replace(dashboards, `{"a": 1}`, `{"a": 2}`, 1)+`}`,
		"t 0 1 1 0 1 0 1 1", "dashboard 0 1 0 0 1")
	d.wantRows("journal", d.journal(), "dashboard update equal config", "deduplication_rule add r", "provider prune c", "provider rename b2 name", "provider update a authentication.token")
	// Guards are remembered with the object, and are no change of Keep's rows.
	report(`{"providers": [`+entry("adopted", grafana("t"))+`, `+entry("a", vms+`, "deduplication_rules": {"r": {}}`)+`, `+entry("b2", grafana("b")+`, "renamed_from": "b"`)+`], "dashboards": []}`,
		"t 0 0 0 1 0 0 2 1", "dashboard 0 0 0 2 0")
	d.wantRows("ids of a replaced provider", d.text("SELECT (object_id <> previous_id)::text FROM bootstrap.history_changes((SELECT max(run_id) FROM bootstrap.history())) WHERE action = 'replace'"), "true")
	report(`{"providers": [`+entry("adopted", grafana("t"))+`, `+entry("a", vms+`, "deduplication_rules": {"r": {}}`)+`, `+entry("b2", grafana("b")+`, "renamed_from": "b"`)+`]}`, "f 0 0 0 0 0 0 3 0")
	d.wantRows("history", d.text("SELECT concat_ws(' ', added, updated, renamed, replaced, pruned, adopted, rules_changed, resources_changed) FROM bootstrap.history()"),
		"0 0 0 1 0 0 1 2", "0 1 1 0 1 0 1 1", "3 0 0 0 0 1 0 1")
}

// A guard that changes writes no row of Keep's, and what is only remembered is no update.
func TestMemoryAloneIsNoUpdate(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(everything)
	d.exec(`UPDATE public.secret SET value = replace(value, '8880', '8881') WHERE key LIKE 'keep_victoria%'`)
	d.exec("UPDATE public.workflow SET description = 'Calls everybody' WHERE name = 'disk-full'")
	d.exec("UPDATE public.dashboard SET dashboard_config = '{\"layout\": []}'")
	d.age()
	rows := d.text("SELECT xmin || ' ' || ctid FROM public.secret UNION ALL SELECT xmin || ' ' || ctid FROM public.dashboard ORDER BY 1")
	followed := strings.NewReplacer("8880", "8881", `"layout": [1, 2.50]`, `"layout": []`).Replace(everything)
	d.exec("BEGIN")
	d.mustInstallAll(followed)
	d.wantRows("report", d.text(`SELECT concat_ws(' ', 'provider', p.updated, p.unchanged) FROM bootstrap.report() AS p UNION ALL
		SELECT concat_ws(' ', r.key, r.value ->> 'updated', r.value ->> 'unchanged') FROM bootstrap.report() AS p, json_each(p.resources) AS r WHERE r.key IN ('workflow', 'dashboard')`), "provider 0 1", "workflow 1 1", "dashboard 0 1")
	d.exec("COMMIT")
	d.wantRows("rows", d.text("SELECT xmin || ' ' || ctid FROM public.secret UNION ALL SELECT xmin || ' ' || ctid FROM public.dashboard ORDER BY 1"), rows...)
	d.wantRows("history", d.text("SELECT concat_ws(' ', updated, resources_changed) FROM bootstrap.history() LIMIT 1"), "0 1")
	d.wantRows("verify", d.text("SELECT detail FROM bootstrap.verify() WHERE ok IS NOT TRUE"))

	d.age()
	d.mustInstall(`{"vm": {"type": "victoriametrics", "authentication": {"VMAlertHost": "http://vm", "VMAlertPort": 8881}, "prevent_delete": true}}`)
	d.wantRows("times after a change of a guard", d.moved())
	d.wantRows("changes", d.journal(), "provider update vm prevent_delete")
}

// The note on Keep's settings comes with the first install, and not again.
func TestNoteOfTheFirstInstall(t *testing.T) {
	d := newDatabase(t)
	for i, want := range []bool{true, false, false, false} {
		d.exec("BEGIN")
		d.mustInstall([]string{`{"g": {` + grafana("1") + `}}`, `{"g": {` + grafana("2") + `}}`, `{"g": {` + grafana("2") + `}}`, `{"g": {` + grafana("2") + `}, "h": {` + grafana("3") + `}}`}[i])
		if got := d.one("SELECT coalesce(string_agg(n, ' '), '') FROM bootstrap.report() AS r, unnest(r.notes) AS n"); strings.Contains(got, "SECRET_MANAGER_TYPE=DB") != want {
			t.Errorf("run %d: notes %q", i+1, got)
		}
		d.exec("COMMIT")
	}
}

// staged counts the rows that lie in unlogged tables of schema bootstrap.
func (d database) staged() string {
	d.t.Helper()
	return d.one(d.one(`SELECT 'SELECT (' || string_agg(format('(SELECT count(*) FROM %s)', c.oid::regclass), ' + ') || ')::text'
		FROM pg_class AS c WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind = 'r' AND c.relpersistence = 'u'`))
}

// Lines that someone loaded and left belong to no run, and the next run sweeps them, also those that seem to come from a later transaction.
func TestLeftoversInStagingAreSwept(t *testing.T) {
	d := newDatabase(t)
	d.exec(`INSERT INTO bootstrap.manifest_staging (line) VALUES ('{"providers": {"left": {"type": "grafana"}}}')`)
	d.exec(`INSERT INTO bootstrap.manifest_staging (line) VALUES ('{')`)
	d.exec(d.one(`SELECT format('UPDATE bootstrap.manifest_staging SET %I = ''999999999'' WHERE line = ''{''', a.attname) FROM pg_attribute AS a WHERE a.attrelid = 'bootstrap.manifest_staging'::regclass AND a.atttypid = 'xid8'::regtype`))
	d.mustInstallAll(everything)
	if got := d.staged(); got != "0" {
		t.Errorf("%s rows are left in staging", got)
	}
	if got := slices.Sorted(maps.Keys(d.providers())); !slices.Equal(got, []string{"vm"}) {
		t.Errorf("providers: %q", got)
	}
}

// Two runs in one transaction see each its own manifest.
func TestTwoRunsInOneTransaction(t *testing.T) {
	d := newDatabase(t)
	d.exec("BEGIN")
	for range 2 {
		d.exec("INSERT INTO bootstrap.manifest_staging (line) VALUES ($1)", strings.ReplaceAll(everything, "\n", " "))
		d.exec("CALL bootstrap.install_staged('keep')")
	}
	d.mustInstallAll(strings.Replace(everything, "Calls somebody", "Calls everybody", 1))
	d.mustInstallAll(`{"workflows": [], "dashboards": []}`, `{"allow_empty": true}`)
	d.exec("COMMIT")
	d.wantRows("rows", d.text(`SELECT (SELECT count(*) FROM public.provider) || ' ' || (SELECT count(*) FROM public.workflow WHERE NOT is_deleted) || ' ' || (SELECT count(*) FROM public.dashboard) || ' ' || (SELECT count(*) FROM public.mappingrule)`), "1 0 0 2")
	d.wantRows("runs", d.text("SELECT outcome FROM bootstrap.history()"), "applied", "applied", "applied")
}

// verify tells of a missing tenant and of rules whose provider is gone.
func TestVerify(t *testing.T) {
	d := newDatabase(t)
	bad := func() []string {
		return d.text("SELECT name || CASE WHEN ok IS NULL THEN ' warns' ELSE ' fails' END FROM bootstrap.verify() WHERE ok IS NOT TRUE ORDER BY 1")
	}
	d.exec("DELETE FROM public.tenant")
	d.wantRows("without tenant", bad(), "tenant fails")
	d.mustInstall(`{"vm": {` + ruled + vms + `}}`)
	d.wantRows("installed", bad())
	d.exec("UPDATE public.alertdeduplicationrule SET provider_id = 'gone'")
	if got := bad(); !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, "deduplication_rules ") }) {
		t.Errorf("with a rule of a provider that is gone: %q", got)
	}
	if got := d.one("SELECT detail FROM bootstrap.verify() WHERE name = 'deduplication_rules'"); !strings.Contains(got, `"r"`) {
		t.Errorf("verify: %s", got)
	}
}

// status shows guards, and of each object of every kind whether it is ours, Keep's or a user's; what is deleted is shown only if it was ours.
func TestStatusShowsWhereObjectsComeFrom(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(strings.Replace(everything, `"vm": {`, `"vm": {"prevent_delete": true, `, 1))
	pgtest.KeepProvisioned(t, d.Conn, "p-keep", "grafana", `{"host": "http://grafana", "token": "t"}`)
	d.exec("UPDATE public.provider SET provisioned = false WHERE id = $1", pgtest.KeepProvisioned(t, d.Conn, "p-user", "grafana", `{}`))
	d.addWorkflow("keep", "w1", "w-keep", true, false, false, "2020-01-01")
	d.addWorkflow("keep", "w2", "w-user", false, false, false, "2020-01-01")
	d.addWorkflow("keep", "w3", "w-deleted", true, true, false, "2020-01-01")
	d.addWorkflow("keep", "w4", "w-test", false, false, true, "2020-01-01")
	d.addDashboard("keep", "d1", "d-keep", "system")
	d.addDashboard("keep", "d2", "d-user", "me@x")
	d.addMappingRule("keep", "m-keep", true)
	d.addMappingRule("keep", "m-user", false)
	d.addKey("keep", "k-user", "s1")
	d.addKey("keep", "k-keep", "s2")
	d.exec("UPDATE public.tenantapikey SET is_system = true, created_by = 'system' WHERE reference_id = 'k-keep'")
	d.addKey("keep", "k-deleted", "s3")
	d.exec("UPDATE public.tenantapikey SET is_deleted = true WHERE reference_id = 'k-deleted'")
	d.wantRows("status", d.text("SELECT concat_ws(' ', kind, name, origin, CASE WHEN prevent_delete THEN 'guarded' END, CASE WHEN changed_at IS NOT NULL THEN 'dated' END) FROM bootstrap.status()"),
		"provider p-keep keep", "provider p-user user", "provider vm bootstrap guarded dated", "user admin bootstrap dated",
		"api_key ci bootstrap dated", "api_key k-keep keep", "api_key k-user user", "api_key ui bootstrap dated",
		"workflow Second bootstrap dated", "workflow disk-full bootstrap dated", "workflow w-keep keep", "workflow w-user user",
		"dashboard Overview bootstrap dated", "dashboard d-keep keep", "dashboard d-user user",
		"mapping_rule m-keep keep", "mapping_rule m-user user", "mapping_rule services bootstrap dated", "mapping_rule teams bootstrap dated")

	// Exports hold what is provisioned and alive.
	d.exec("UPDATE public.workflow SET is_deleted = true WHERE name = 'Second'")
	d.exec("UPDATE public.tenantapikey SET is_deleted = true WHERE reference_id = 'ci'")
	d.wantRows("export", d.text("SELECT kind || ' ' || name FROM bootstrap.export() WHERE kind NOT IN ('provider', 'deduplication_rule')"), "user admin", "api_key ui", "workflow disk-full", "workflow w-keep",
		"dashboard Overview", "dashboard d-keep", "mapping_rule m-keep", "mapping_rule services", "mapping_rule teams")
	// Nor do deleted workflows depend on a provider.
	dependents := func() []string {
		return d.text("SELECT count || ' ' || array_to_string(names, ',') FROM bootstrap.dependents('keep', jsonb_build_array($1::text)) WHERE kind = 'workflows'", d.providers()["vm"])
	}
	d.wantRows("dependents", dependents(), "1 disk-full")
	d.exec("UPDATE public.workflow SET is_deleted = true")
	d.wantRows("dependents", dependents())
}

// Nothing staged is no empty manifest: a \copy that failed on the client must not empty a tenant. An empty manifest has to be said.
func TestNothingStaged(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"g": {` + grafana("t") + `}}`)
	before := d.rowVersions()
	for _, call := range []string{`CALL bootstrap.install_staged('keep', '{"allow_empty": true}')`, "SELECT FROM bootstrap.plan_staged('keep')"} {
		if code := pgtest.SQLState(d.call(call)); code != "KB001" {
			t.Errorf("%s: SQLSTATE %q, want KB001", call, code)
		}
	}
	d.wantRows("row versions", d.rowVersions(), before...)
	d.exec("BEGIN")
	d.exec("INSERT INTO bootstrap.manifest_staging (line) VALUES ('{}')")
	d.exec(`CALL bootstrap.install_staged('keep', '{"allow_empty": true}')`)
	d.exec("COMMIT")
	if len(d.providers()) != 0 {
		t.Error("an empty manifest that is said does nothing")
	}
}
