package sqlfiles_test

import (
	"slices"
	"strings"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// SQL checks the structure of a manifest, and plan and install say the same. What a field may hold is for the program to check.
func TestStructureIsChecked(t *testing.T) {
	d := newDatabase(t)
	for manifest, want := range map[string]string{
		`{"a": {"type": "unheard-of"}}`:                                      `"unheard-of"`,
		`{"a": {"type": "grafana", "authentication": {"host": "http://g"}}}`: "lacks token",
		`{"a": {"type": "slack", "authentication": {}}}`:                     `webhook_url`,
		`{"a": {"type": "grafana", "authentication": []}}`:                   "not a JSON object",
		`{"a": {"type": "grafana"}}`:                                         "lacks host, token",
		`{"a": {"authentication": {}}}`:                                      "type",
		`[{"name": "a", ` + vms + `}, {"name": "a", ` + vms + `}]`:           "name",
		`[5]`: "provider 1",
	} {
		if got := d.refused("KB001", manifest); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", manifest, got, want)
		}
		d.refusedAll("KB001", `{"providers": `+manifest+`}`)
		for _, sql := range []string{"SELECT FROM bootstrap.plan_providers('keep', $1::json)", "SELECT FROM bootstrap.plan('keep', json_build_object('providers', $1::json))"} {
			if code := pgtest.SQLState(d.call(sql, manifest)); code != "KB001" {
				t.Errorf("%s of %s: SQLSTATE %q", sql, manifest, code)
			}
		}
	}
}

// A null in authentication is a value like any other.
func TestNullInAuthentication(t *testing.T) {
	d := newDatabase(t)
	manifest := `{"p": {"type": "grafana_loki", "authentication": {"host_url": "http://x", "username": null}}}`
	d.mustInstall(manifest)
	if got := d.secret("p"); got != `{"authentication": {"host_url": "http://x", "username": null}, "name": "p"}` {
		t.Errorf("secret: %s", got)
	}
	d.wantPlan(manifest)
	d.wantPlan(`{"p": {"type": "grafana_loki", "authentication": {"host_url": "http://x"}}}`, "provider:update p authentication.username")
}

// A JSON manifest: pulling_enabled of the provider beats the one in authentication, which may be a text; an empty description is stored.
func TestPullingEnabledAndDescription(t *testing.T) {
	d := newDatabase(t)
	auth := func(pulling string) string {
		return `"type": "grafana", "authentication": {"host": "http://g", "token": "t", "pulling_enabled": ` + pulling + `}`
	}
	d.mustInstall(list(
		entry("beaten", auth("true")+`, "pulling_enabled": false`), entry("beats", auth("false")+`, "pulling_enabled": true`),
		entry("one", auth(`"1"`)), entry("zero", auth(`"0"`)), entry("said", auth("false")+`, "description": ""`)))
	d.wantRows("providers", d.text("SELECT concat_ws('|', name, pulling_enabled, quote_nullable(description)) FROM public.provider ORDER BY name"),
		"beaten|f|NULL", "beats|t|NULL", "one|t|NULL", "said|f|''", "zero|f|NULL")
	d.wantRows("keys of the secrets", d.text("SELECT DISTINCT string_agg(k, ',') FROM public.secret AS s, json_object_keys(s.value::json -> 'authentication') AS k GROUP BY s.key"), "host,token")
}

// A secret that does not lie under tenant, type and id, as in an old or copied database, is updated where it is.
func TestSecretUnderAnotherKey(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"g": {` + grafana("one") + `}}`)
	d.exec("UPDATE public.secret SET key = 'elsewhere'")
	d.exec("UPDATE public.provider SET configuration_key = 'elsewhere'")
	d.mustInstall(`{"g": {` + grafana("two") + `}}`)
	d.wantRows("secrets", d.text("SELECT key || ' ' || (value::json -> 'authentication' ->> 'token') FROM public.secret"), "elsewhere two")
	d.mustInstall(`{}`, `{"allow_empty": true}`)
	d.wantRows("secrets after the prune", d.text("SELECT key FROM public.secret"))
}

// A provider whose configuration_key names a row of something else, an API key, mail settings, or a provider of another tenant: the row
// is neither written nor removed.
func TestSecretOfSomethingElse(t *testing.T) {
	for _, key := range []string{"keep-oauth", "keep_smtp", "keep_noc_secrets", "other"} {
		t.Run(key, func(t *testing.T) {
			d := newDatabase(t)
			d.exec("INSERT INTO public.tenant (id, name) VALUES ('other', 'other')")
			d.mustInstall(`{"g": {` + grafana("one") + `}}`)
			d.exec("INSERT INTO public.secret (key, value, last_updated) VALUES ('" + key + "', '{}', now())")
			d.exec("UPDATE public.provider SET configuration_key = '" + key + "'")
			d.exec(`INSERT INTO public.provider (id, tenant_id, name, type, installed_by, installation_time, configuration_key, consumer, provisioned, pulling_enabled)
				VALUES ('o', 'other', 'o', 'grafana', 'system', now(), 'other', false, true, true)`)
			if got := d.refused("KB031", `{"g": {`+grafana("two")+`}}`); !strings.Contains(got, key) {
				t.Error(got)
			}
			d.mustInstall(`{}`, `{"allow_empty": true}`)
			d.wantRows("the row", d.text("SELECT value FROM public.secret WHERE key = $1", key), "{}")
		})
	}
}

// Of several former names the first one that a provider has which the manifest does not name is taken.
func TestFirstFreeFormerName(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(list(entry("a", grafana("a")), entry("b", grafana("b")), entry("c", grafana("c"))))
	ids := d.providers()
	d.mustInstall(list(entry("new", grafana("n")+`, "renamed_from": ["never", "b", "a"]`), entry("c", grafana("c"))))
	d.wantIDs(map[string]string{"new": ids["b"], "c": ids["c"]})
}

func TestRules(t *testing.T) {
	d := newDatabase(t)
	manifest := func(rule string) string {
		return `{"vm": {` + vms + `, "deduplication_rules": {"r": ` + rule + `}}}`
	}
	d.mustInstall(manifest(`{"fingerprint_fields": ["a", "b", "c"], "ignore_fields": ["x", "y"]}`))
	id := d.one("SELECT id::text FROM public.alertdeduplicationrule")
	for _, test := range []struct{ edit, rule, action, want string }{
		{"", `{"fingerprint_fields": ["a", "b"], "ignore_fields": ["x", "y"]}`, "update", `["a", "b"]|["x", "y"]|f|0`},
		{"", `{"fingerprint_fields": ["b", "a"], "ignore_fields": ["x", "y"]}`, "update", `["b", "a"]|["x", "y"]|f|0`},
		{"", `{"fingerprint_fields": ["b", "a"], "ignore_fields": ["y", "x"], "full_deduplication": true}`, "update", `["b", "a"]|["y", "x"]|t|0`},
		{"", `{"fingerprint_fields": ["b", "a"], "priority": 4}`, "update", `["b", "a"]|[]|f|4`},
		{"UPDATE public.alertdeduplicationrule SET provider_type = 'grafana'", `{"fingerprint_fields": ["b", "a"], "priority": 4}`, "update", `["b", "a"]|[]|f|4`},
		{"UPDATE public.alertdeduplicationrule SET fingerprint_fields = '[\"b\",\"a\"]'", `{"fingerprint_fields": ["b", "a"], "priority": 4}`, "", `["b","a"]|[]|f|4`},
	} {
		if test.edit != "" {
			d.exec(test.edit)
		}
		plan := d.plan(manifest(test.rule))
		if len(plan) != min(len(test.action), 1) || !strings.HasPrefix(strings.Join(plan, ""), strings.TrimSuffix("deduplication_rule:"+test.action+" r", "deduplication_rule: r")) {
			t.Errorf("%s %s: plan %q", test.edit, test.rule, plan)
		}
		d.mustInstall(manifest(test.rule))
		d.wantRows(test.rule, d.text("SELECT concat_ws('|', fingerprint_fields, ignore_fields, full_deduplication, priority) FROM public.alertdeduplicationrule WHERE id::text = $1 AND provider_type = 'victoriametrics'", id), test.want)
		d.wantPlan(manifest(test.rule))
	}
}

// Someone renames objects of ours: the next run finds them by their ids and gives them their names back.
func TestRenamedObjectsAreFound(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(everything)
	ids := "SELECT 'workflow ' || name || ' ' || id FROM public.workflow UNION ALL SELECT 'mapping rule ' || name || ' ' || id FROM public.mappingrule UNION ALL SELECT 'dashboard ' || dashboard_name || ' ' || id FROM public.dashboard ORDER BY 1"
	before := d.text(ids)
	d.exec("UPDATE public.workflow SET name = 'theirs' WHERE name = 'Second'")
	d.exec("UPDATE public.mappingrule SET name = 'theirs' WHERE name = 'teams'")
	d.exec("UPDATE public.dashboard SET dashboard_name = 'theirs'")
	for _, want := range []string{"workflow:rename Second", "mapping_rule:rename teams", "dashboard:rename Overview"} {
		if got := d.planAll(everything); len(got) != 3 || !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, want+" name") }) {
			t.Errorf("plan: %q, want %q in it", got, want)
		}
	}
	d.mustInstallAll(everything)
	d.wantRows("rows", d.text(ids), before...)
}

// A workflow's new version is above all that exist; rows that someone deleted for good come back with their ids.
func TestVersionsAndIDsOfReturningRows(t *testing.T) {
	d := newDatabase(t)
	const manifest = `{"workflows": [{"id": "w", "description": "one"}], "dashboards": [{"dashboard_name": "d", "dashboard_config": {"b": 1, "a": [{"z": 1, "y": 2.50}]}}]}`
	d.mustInstallAll(manifest)
	ids := "SELECT id FROM public.workflow UNION ALL SELECT id FROM public.dashboard ORDER BY 1"
	before := d.text(ids)
	// The order of keys, which the application shows, is that of the manifest.
	d.wantRows("dashboard", d.text("SELECT translate(dashboard_config::text, ' ', '') FROM public.dashboard"), `{"b":1,"a":[{"z":1,"y":2.50}]}`)
	d.exec("INSERT INTO public.workflowversion (workflow_id, revision, workflow_raw, updated_by, updated_at, is_valid, is_current) SELECT id, 7, 'x', 'me', now(), true, false FROM public.workflow")
	d.mustInstallAll(strings.Replace(manifest, "one", "two", 1))
	d.wantRows("versions", d.text("SELECT concat_ws('|', v.revision, v.is_current, f.revision) FROM public.workflowversion AS v JOIN public.workflow AS f ON f.id = v.workflow_id ORDER BY v.revision"), "1|f|8", "7|f|8", "8|t|8")
	d.exec("DELETE FROM public.workflowversion")
	d.exec("DELETE FROM public.workflow")
	d.exec("DELETE FROM public.dashboard")
	d.mustInstallAll(manifest)
	d.wantRows("ids", d.text(ids), before...)
	d.wantRows("versions", d.text("SELECT concat_ws('|', revision, is_current, comment) FROM public.workflowversion"), "1|t|Created by system")
}

// The interval is read as Keep reads it: the last interval trigger counts, then the workflow's own.
func TestIntervalOfWorkflows(t *testing.T) {
	d := newDatabase(t)
	for definition, want := range map[string]string{
		`"triggers": [{"type": "interval", "value": 5}, {"type": "manual"}, {"type": "interval", "value": "2h"}, {"type": "alert"}]`: "7200",
		`"triggers": [{"type": "interval", "value": "1d"}], "interval": 3`:                                                           "86400",
		`"triggers": [{"type": "manual"}], "interval": "90"`:                                                                         "90",
		`"triggers": [{"type": "interval"}], "interval": 3`:                                                                          "0",
		`"interval": "5m"`: "300",
		`"triggers": []`:   "0",
	} {
		d.mustInstallAll(`{"workflows": [{"id": "w", ` + definition + `}]}`)
		d.wantRows(definition, d.text("SELECT interval::text FROM public.workflow"), want)
	}
	d.refusedAll("KB001", `{"workflows": [{"id": "w", "interval": "soon"}]}`)
}

// Every field of a mapping rule is inserted and updated.
func TestFieldsOfMappingRules(t *testing.T) {
	d := newDatabase(t)
	rule := func(fields string) string {
		return `{"mapping_rules": [{"name": "m", "matchers": [["a"]], "rows": [{"a": 1}]` + fields + `}]}`
	}
	row := func() []string {
		return d.text("SELECT concat_ws('|', coalesce(description, '-'), coalesce(file_name, '-'), priority, is_multi_level, coalesce(new_property_name, '-'), coalesce(prefix_to_remove, '-'), type) FROM public.mappingrule")
	}
	for _, test := range []struct{ fields, want string }{
		{`, "description": "d", "file_name": "f", "priority": 2, "is_multi_level": true, "new_property_name": "n", "prefix_to_remove": "p"`, "d|f|2|t|n|p|csv"},
		{`, "description": "e", "file_name": "g", "priority": 3, "is_multi_level": true, "new_property_name": "o", "prefix_to_remove": "q"`, "e|g|3|t|o|q|csv"},
		{``, "-|-|0|f|-|-|csv"},
		{`, "type": "topology"`, "-|-|0|f|-|-|topology"},
	} {
		d.mustInstallAll(rule(test.fields))
		d.wantRows(test.fields, row(), test.want)
		if got := d.planAll(rule(test.fields)); len(got) != 0 {
			t.Errorf("%s: plan %q", test.fields, got)
		}
	}
	for name, code := range map[string]string{strings.Repeat("é", 255): "", strings.Repeat("é", 256): "KB001"} {
		if got := pgtest.SQLState(d.installAll(`{"mapping_rules": [{"name": "` + name + `", "matchers": [["a"]], "rows": [{"a": 1}]}]}`)); got != code {
			t.Errorf("a name of %d bytes: SQLSTATE %q, want %q", len(name), got, code)
		}
	}
}

// Names of dashboards are unique in Keep: whatever someone did to them, a run that is planned can be done.
func TestNamesOfDashboards(t *testing.T) {
	const manifest = `{"dashboards": [{"dashboard_name": "a", "dashboard_config": {"x": 1}}, {"dashboard_name": "b", "dashboard_config": {"x": 2}}]}`
	rows := "SELECT dashboard_name || ' ' || (dashboard_config ->> 'x') FROM public.dashboard ORDER BY 1"
	t.Run("swapped by someone else", func(t *testing.T) {
		d := newDatabase(t)
		d.mustInstallAll(manifest)
		d.exec("UPDATE public.dashboard SET dashboard_name = 'x' WHERE dashboard_name = 'a'")
		d.exec("UPDATE public.dashboard SET dashboard_name = 'a' WHERE dashboard_name = 'b'")
		d.exec("UPDATE public.dashboard SET dashboard_name = 'b' WHERE dashboard_name = 'x'")
		d.mustInstallAll(manifest)
		d.wantRows("dashboards", d.text(rows), "a 1", "b 2")
		d.wantRows("plan", d.planAll(manifest))
	})
	t.Run("renamed, and a user made another", func(t *testing.T) {
		d := newDatabase(t)
		d.mustInstallAll(manifest)
		d.exec("UPDATE public.dashboard SET dashboard_name = 'theirs' WHERE dashboard_name = 'a'")
		d.addDashboard("keep", "users", "a", "me@x")
		if got := d.planAll(manifest); !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, "!KB024") }) {
			t.Errorf("plan: %q", got)
		}
		d.refusedAll("KB024", manifest)
		d.mustInstallAll(manifest, `{"adopt": true}`)
		d.wantRows("plan", d.planAll(manifest))
		d.wantRows("the user's dashboard", d.text("SELECT dashboard_name || ' ' || (dashboard_config ->> 'x') FROM public.dashboard WHERE id = 'users'"), "a 1")
	})
}

// An object of ours that someone deleted, and whose name a row of somebody else's has that is then taken over, is forgotten.
func TestDeletedAndReplacedBySomeoneElse(t *testing.T) {
	d := newDatabase(t)
	const manifest = `{"mapping_rules": [{"name": "m", "matchers": [["a"]], "rows": [{"a": 1}]}]}`
	d.mustInstallAll(manifest)
	d.exec("DELETE FROM public.mappingrule")
	d.addMappingRule("keep", "m", true)
	d.mustInstallAll(manifest)
	d.wantRows("status", d.text("SELECT name || ' ' || condition FROM bootstrap.status()"), "m installed")
	d.wantRows("verify", d.text("SELECT detail FROM bootstrap.verify() WHERE ok IS NOT TRUE"))
}
