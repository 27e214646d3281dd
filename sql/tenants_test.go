package sqlfiles_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// workflows is a manifest of n workflows.
func workflows(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"id": "w%d"}`, i))
	}
	return `{"workflows": [` + strings.Join(list, ", ") + `]}`
}

// addWorkflow writes a workflow as Keep does; provisioned, is_deleted and is_test are given, and the time of its last change.
func (d database) addWorkflow(tenant, id, name string, provisioned, isDeleted, isTest bool, updated string) {
	d.t.Helper()
	d.exec(`INSERT INTO public.workflow (id, tenant_id, name, workflow_raw, created_by, updated_by, creation_time, interval, is_deleted, revision, last_updated, provisioned, is_disabled, is_test)
		VALUES ($1, $2, $3, '{"id": "' || $3 || '"}', 'system', 'system', $7::text::timestamp, 0, $5, 1, $7::text::timestamp, $4, false, $6)`, id, tenant, name, provisioned, isDeleted, isTest, updated)
	d.exec(`INSERT INTO public.workflowversion (workflow_id, revision, workflow_raw, updated_by, updated_at, is_valid, is_current, comment)
		SELECT id, 1, workflow_raw, 'system', now(), true, true, 'Created by system' FROM public.workflow WHERE id = $1`, id)
}

func (d database) addDashboard(tenant, id, name, createdBy string) {
	d.t.Helper()
	d.exec(`INSERT INTO public.dashboard (id, tenant_id, dashboard_name, dashboard_config, created_by, created_at, updated_at, is_active, is_private)
		VALUES ($2, $1, $3, '{"a": 1}', $4, now(), now(), true, false)`, tenant, id, name, createdBy)
}

func (d database) addMappingRule(tenant, name string, provisioned bool) {
	d.t.Helper()
	d.exec(`INSERT INTO public.mappingrule (tenant_id, name, type, matchers, rows, priority, created_by, created_at, disabled, override, last_updated_at, is_provisioned, is_multi_level)
		VALUES ($1, $2, 'csv', '[["a"]]', '[{"a": 1}]', 0, 'system', now(), false, true, now(), $3, false)`, tenant, name, provisioned)
}

func (d database) addKey(tenant, name, secret string) {
	d.t.Helper()
	d.exec(`INSERT INTO public.tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at)
		VALUES ($1, $2, encode(sha256($3::text::bytea), 'hex'), false, false, 'me@x', 'noc', now())`, tenant, name, secret)
}

// Objects of other tenants are never matched, counted, pruned or shown.
func TestOtherTenantsStayAlone(t *testing.T) {
	d := newDatabase(t)
	d.exec("INSERT INTO public.tenant (id, name) VALUES ('other', 'Other')")
	for i := range 12 {
		d.addWorkflow("other", fmt.Sprint("of-other-", i), fmt.Sprint("w", i), true, false, false, "2030-01-01")
		d.addMappingRule("other", fmt.Sprint("m", i), true)
	}
	d.addDashboard("other", "of-other", "d", "system")
	theirs := `SELECT 'workflow ' || id || xmin || ctid FROM public.workflow WHERE tenant_id = 'other' UNION ALL SELECT 'dashboard ' || id || xmin || ctid FROM public.dashboard WHERE tenant_id = 'other'
		UNION ALL SELECT 'mapping rule ' || id || xmin || ctid FROM public.mappingrule WHERE tenant_id = 'other' ORDER BY 1`
	before := d.text(theirs)

	const others = `, "dashboards": [{"dashboard_name": "d", "dashboard_config": {"a": 1}}], "mapping_rules": [{"name": "m0", "matchers": [["a"]], "rows": [{"a": 1}]}]}`
	manifest := strings.TrimSuffix(workflows(9), "}") + others
	if got := d.planAll(manifest); len(got) != 11 || slices.ContainsFunc(got, func(line string) bool { return !strings.Contains(line, ":add ") }) {
		t.Errorf("plan: %q", got)
	}
	d.mustInstallAll(manifest)
	d.refusedAll("KB021", workflows(4)) // half of nine, not of twenty-one
	d.mustInstallAll(workflows(5))
	d.mustInstallAll(`{"workflows": [], "dashboards": [], "mapping_rules": []}`, `{"allow_empty": true}`)
	d.wantRows("rows of the other tenant", d.text(theirs), before...)
	d.wantRows("rows of ours", d.text(`SELECT name FROM public.workflow WHERE tenant_id = 'keep' AND NOT is_deleted UNION ALL SELECT name FROM public.mappingrule WHERE tenant_id = 'keep'
		UNION ALL SELECT dashboard_name FROM public.dashboard WHERE tenant_id = 'keep'`))
	d.wantRows("status", d.text("SELECT DISTINCT kind || ' ' || condition FROM bootstrap.status() WHERE object_id LIKE 'of-other%'"))
	d.wantRows("export", d.text("SELECT name FROM bootstrap.export() WHERE kind NOT IN ('provider', 'deduplication_rule')"))

	// The journal of each tenant is trimmed by itself.
	d.exec("UPDATE bootstrap.setting SET journal_runs_kept = 2")
	for i := range 4 {
		d.mustInstallAll(workflows(1 + i%2))
		if err := d.call("CALL bootstrap.install_providers('other', $1::json)", fmt.Sprintf(`{"g": {%s}}`, grafana(fmt.Sprint(i)))); err != nil {
			t.Fatal(err)
		}
	}
	d.wantRows("runs", d.text("SELECT tenant_id || ' ' || count(*) FROM (SELECT * FROM bootstrap.history() UNION ALL SELECT * FROM bootstrap.history('other')) AS h GROUP BY tenant_id ORDER BY 1"), "keep 2", "other 2")
}

// Another tenant is called by its id; any kind alone creates the tenant that is missing.
func TestAnyKindCreatesTheTenant(t *testing.T) {
	d := newDatabase(t)
	for i, manifest := range []string{
		`{"providers": {"g": {` + grafana("t") + `}}}`, `{"workflows": [{"id": "w"}]}`, `{"dashboards": [{"dashboard_name": "d", "dashboard_config": {}}]}`,
		`{"mapping_rules": [{"name": "m", "matchers": [["a"]], "rows": [{"a": 1}]}]}`, `{"api_keys": [{"name": "k", "role": "noc", "secret": "s"}]}`, `{"default_user": {}}`,
	} {
		tenant := fmt.Sprintf("tenant-%d", i)
		if err := d.call("CALL bootstrap.install($1, $2::json)", tenant, manifest); err != nil {
			t.Errorf("%s: %s", manifest, describe(err))
		}
		d.wantRows(manifest, d.text("SELECT concat_ws('|', t.name, t.configuration, h.tenant_created) FROM public.tenant AS t, bootstrap.history($1) AS h WHERE t.id = $1", tenant), tenant+"|null|t")
	}
}

// A default user is made where the whole table has none; without a name or a password it is Keep's default.
func TestDefaultUserOfKeep(t *testing.T) {
	d := newDatabase(t)
	if err := d.call(`CALL bootstrap.install('other', '{"default_user": {}}')`); err != nil {
		t.Fatal(describe(err))
	}
	d.mustInstallAll(`{"default_user": {"username": "second"}}`)
	d.wantRows("users", d.text(`SELECT concat_ws('|', tenant_id, username, password_hash = encode(sha256('keep'), 'hex'), role) FROM public."user"`), "other|keep|t|admin")
}

// A provider that someone deleted comes back with its id, unless another tenant has that id now.
func TestDeletedProviderWhoseIDIsTaken(t *testing.T) {
	d := newDatabase(t)
	manifest := `{"a": {` + vms + `}, "b": {` + grafana("t") + `}}`
	d.mustInstall(manifest)
	ids := d.providers()
	d.exec("INSERT INTO public.tenant (id, name) VALUES ('other', 'Other')")
	d.exec("UPDATE public.provider SET tenant_id = 'other' WHERE name = 'a'")
	d.exec("DELETE FROM public.provider WHERE name = 'b'")
	d.mustInstall(manifest)
	got := d.providers()
	if len(got) != 2 || got["a"] == ids["a"] || got["b"] != ids["b"] {
		t.Errorf("providers were %v and are %v", ids, got)
	}
	d.wantRows("of the other tenant", d.text("SELECT id FROM public.provider WHERE tenant_id = 'other'"), ids["a"])
}

// Of several rows with a name of the manifest, ours is taken, then Keep's; rows of tests and rows that a user deleted are nobody's.
func TestNamesakes(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(`{"workflows": [{"id": "ours"}], "mapping_rules": [{"name": "ours", "matchers": [["a"]], "rows": [{"a": 1}]}]}`)
	id := d.one("SELECT id FROM public.workflow")
	d.exec("UPDATE public.workflow SET is_deleted = true") // by somebody
	d.addWorkflow("keep", "users", "ours", false, false, false, "2030-01-01")
	d.addWorkflow("keep", "keeps", "keeps", true, false, false, "2020-01-01")
	d.addWorkflow("keep", "users-too", "keeps", false, false, false, "2030-01-01")
	d.addWorkflow("keep", "test", "new", true, false, true, "2030-01-01")
	d.addWorkflow("keep", "deleted", "new", false, true, false, "2030-01-01")
	d.addMappingRule("keep", "ours", false)
	const manifest = `{"workflows": [{"id": "ours"}, {"id": "keeps"}, {"id": "new"}], "mapping_rules": [{"name": "ours", "matchers": [["b"]], "rows": [{"a": 1}]}]}`
	if got := d.planAll(manifest); len(got) != 4 || !strings.HasPrefix(got[0], "workflow:update ours deleted") || got[1] != "workflow:unchanged keeps" || got[2] != "workflow:add new" || got[3] != "mapping_rule:update ours matchers" {
		t.Errorf("plan: %q", got)
	}
	d.mustInstallAll(manifest)
	d.wantRows("workflows that were there", d.text("SELECT concat_ws('|', id, name, is_deleted, provisioned, is_test) FROM public.workflow WHERE id <> $1 AND length(id) < 36 ORDER BY 1", id),
		"deleted|new|t|f|f", "keeps|keeps|f|t|f", "test|new|f|t|t", "users-too|keeps|f|f|f", "users|ours|f|f|f")
	d.wantRows("new ones", d.text("SELECT name FROM public.workflow WHERE length(id) = 36 AND NOT is_deleted ORDER BY 1"), "new", "ours")
	d.wantRows("mapping rules", d.text("SELECT id || ' ' || matchers FROM public.mappingrule ORDER BY id"), `1 [["b"]]`, `2 [["a"]]`)
}

// A limit counts live rows only, and allow_empty is about manifests that are empty.
func TestLimitOfPruning(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(workflows(9))
	for i := range 20 {
		d.addWorkflow("keep", fmt.Sprint("deleted-", i), fmt.Sprint("deleted ", i), true, true, false, "2020-01-01")
	}
	d.refusedAll("KB021", workflows(4))
	d.refusedAll("KB021", workflows(1), `{"allow_empty": true}`)
	d.mustInstallAll(workflows(5))
	var providers []string
	for i := range 9 {
		providers = append(providers, entry(fmt.Sprint("p", i), grafana(fmt.Sprint(i))))
	}
	d.mustInstall(list(providers...))
	d.refused("KB021", list(providers[:1]...), `{"allow_empty": true}`)
}

// What Keep itself provisioned: equal rows are taken over without a write, and what the manifest lacks goes.
func TestKeepsOwnProvisioning(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{}`)
	d.addWorkflow("keep", "gone", "gone", true, false, false, "2020-01-01")
	d.addWorkflow("keep", "users", "users", false, false, false, "2020-01-01")
	d.addMappingRule("keep", "gone", true)
	d.addMappingRule("keep", "users", false)
	d.addDashboard("keep", "equal", "equal", "system")
	row := "SELECT xmin || ' ' || ctid FROM public.dashboard"
	before := d.one(row)
	const manifest = `{"workflows": [{"id": "w"}], "dashboards": [{"dashboard_name": "equal", "dashboard_config": {"a": 1}}],
		"mapping_rules": [{"name": "m", "matchers": [["a"]], "rows": [{"a": 1}]}]}`
	d.mustInstallAll(manifest)
	if d.one(row) != before {
		t.Error("an equal dashboard of Keep's was written")
	}
	d.wantRows("changes", d.text("SELECT concat_ws(' ', kind, action, name) FROM bootstrap.history_changes((SELECT max(run_id) FROM bootstrap.history())) ORDER BY 1"),
		"mapping_rule add m", "mapping_rule prune gone", "workflow add w", "workflow prune gone")
	d.wantRows("workflows", d.text("SELECT name FROM public.workflow WHERE NOT is_deleted ORDER BY 1"), "users", "w")
	d.wantRows("mapping rules", d.text("SELECT name FROM public.mappingrule ORDER BY 1"), "m", "users")
	before2 := d.rowVersions()
	d.mustInstallAll(manifest)
	d.wantRows("a second run", d.rowVersions(), before2...)
}

// An API key cannot have the secret of another key, of whatever tenant; that is refused before anything is written.
func TestSecretOfAnotherKey(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{}`)
	d.addKey("keep", "mine", "CANARY")
	if got := d.refusedAll("KB028", `{"api_keys": [{"name": "k", "role": "noc", "secret": "CANARY"}]}`); !strings.Contains(got, `"k"`) || strings.Contains(got, "CANARY") {
		t.Error(got)
	}
	if got := d.refusedAll("KB023", `{"api_keys": [{"name": "k", "role": "noc", "secret": "s"}]}`, `{"secret_manager": "k8s"}`); !strings.Contains(got, "SECRET_MANAGER_TYPE") {
		t.Error(got)
	}
	d.mustInstallAll(`{"api_keys": [{"name": "k", "role": "noc", "secret": "s"}]}`)
	d.exec("UPDATE public.tenantapikey SET role = 'admin' WHERE reference_id = 'k'")
	d.wantRows("plan", d.planAll(`{"api_keys": [{"name": "k", "role": "noc", "secret": "s"}]}`), "api_key:update k role drifted")
	if got := pgtest.SQLState(d.installAll(`{"api_keys": [{"name": "k", "role": "noc", "secret": "s"}]}`, `{"on_drift": "fail"}`)); got != "KB025" {
		t.Errorf("on_drift fail: SQLSTATE %q", got)
	}
}

// Two tenants can both want a key whose secret lies under the same name: "a-b" with key "c", and "a" with key "b-c". The second is refused.
func TestSecretUnderTheSameName(t *testing.T) {
	d := newDatabase(t)
	if err := d.call(`CALL bootstrap.install('a', '{"api_keys": [{"name": "b-c", "role": "noc", "secret": "1"}]}')`); err != nil {
		t.Fatal(describe(err))
	}
	if err := d.call(`CALL bootstrap.install('a-b', '{"api_keys": [{"name": "c", "role": "noc", "secret": "2"}]}')`); pgtest.SQLState(err) == "" || !strings.HasPrefix(pgtest.SQLState(err), "KB") {
		t.Errorf("SQLSTATE %q", pgtest.SQLState(err))
	}
	d.wantRows("secrets", d.text("SELECT key || ' ' || value FROM public.secret"), "a-b-c 1")
}

// A key that would have made way, but stays, keeps its secret: with additive, or with its drift kept. No run is told to be repeated for ever.
func TestSecretOfAKeyThatStays(t *testing.T) {
	const a, ab = `{"api_keys": [{"name": "a", "role": "admin", "secret": "one"}]}`,
		`{"api_keys": [{"name": "a", "role": "admin", "secret": "two"}, {"name": "b", "role": "admin", "secret": "one"}]}`
	const b = `{"api_keys": [{"name": "b", "role": "admin", "secret": "one"}]}`
	d := newDatabase(t)
	d.mustInstallAll(a)
	d.refusedAll("KB028", b, `{"additive": true}`)
	d.exec("UPDATE public.tenantapikey SET role = 'noc'")
	d.refusedAll("KB028", ab, `{"on_drift": "keep"}`)
	d.exec("UPDATE public.tenantapikey SET is_deleted = true")
	d.refusedAll("KB028", ab, `{"on_drift": "keep"}`)
	d.mustInstallAll(ab)
	d.mustInstallAll(a)
	d.mustInstallAll(b)
}

// An id that the manifest gives: a row of table secret that nobody's object owns, and another provider that comes back with that id.
func TestGivenIDThatIsTaken(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	given := func(name string) string {
		return `"` + name + `": {"type": "prometheus", "id": "` + id + `", "authentication": {"url": "http://` + name + `"}}`
	}
	d := newDatabase(t)
	d.exec("INSERT INTO public.secret (key, value, last_updated) VALUES ('keep_prometheus_" + id + "', '{}', now())")
	if got := d.refused("KB031", `{`+given("a")+`}`); !strings.Contains(got, "keep_prometheus_"+id) {
		t.Error(got)
	}
	d.exec("DELETE FROM public.secret")
	d.mustInstall(`{` + given("a") + `}`)
	d.exec("DELETE FROM public.provider")
	d.refused("KB032", `{"a": {"type": "prometheus", "authentication": {"url": "http://a"}}, `+given("b")+`}`)
	d.mustInstall(`{` + given("b") + `}`)
	d.wantIDs(map[string]string{"b": id})
}
