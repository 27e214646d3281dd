package sqlfiles_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/test/pgtest"
)

// everything is a manifest with all kinds.
const everything = `{
	"providers": {"vm": {"type": "victoriametrics", "authentication": {"VMAlertHost": "http://vm", "VMAlertPort": 8880}}},
	"workflows": [
		{"workflow": {"id": "disk-full", "description": "Calls somebody", "triggers": [{"type": "interval", "value": "10m"}], "steps": [
			{"name": "query", "provider": {"type": "victoriametrics", "config": "{{ providers.vm }}", "with": {}}}]}},
		{"id": "second", "name": "Second", "disabled": "true", "interval": 60}],
	"dashboards": [{"dashboard_name": "Overview", "dashboard_config": {"layout": [1, 2.50]}}],
	"mapping_rules": [
		{"name": "teams", "matchers": [["namespace"], ["a", "b"]], "rows": [{"namespace": "x", "team": "y"}]},
		{"name": "services", "type": "topology", "matchers": [["service"]], "priority": 3}],
	"default_user": {"username": "admin", "password": "pass"},
	"api_keys": [{"name": "ci", "role": "webhook", "secret": "CANARY-1"}, {"name": "ui", "role": "admin", "secret": "CANARY-2"}]}`

// installAll calls bootstrap.install and returns its error.
func (d database) installAll(manifest string, options ...string) error {
	return d.call("CALL bootstrap.install('keep', $1::json, $2::jsonb)", manifest, strings.Join(append(options, "{}")[:1], ""))
}

func (d database) mustInstallAll(manifest string, options ...string) {
	d.t.Helper()
	if err := d.installAll(manifest, options...); err != nil {
		d.t.Fatalf("install %s: %v", manifest, describe(err))
	}
}

// refusedAll wants the SQLSTATE and that no row was written; it returns what the error says.
func (d database) refusedAll(code, manifest string, options ...string) string {
	d.t.Helper()
	before := d.rowVersions()
	err := d.installAll(manifest, options...)
	if got := pgtest.SQLState(err); got != code {
		d.t.Fatalf("install %s: SQLSTATE %q (%v), want %s", manifest, got, err, code)
	}
	if diff := cmp.Diff(before, d.rowVersions()); diff != "" {
		d.t.Errorf("a refused run wrote:\n%s", diff)
	}
	return fmt.Sprint(describe(err))
}

func (d database) planAll(manifest string, options ...string) []string {
	d.t.Helper()
	return d.text(`SELECT concat_ws(' ', kind || ':' || action, name, nullif(array_to_string(fields, ','), ''), CASE WHEN drift <> '{}' THEN 'drifted' END,
			'!' || refusal, nullif(array_to_string(notes, '; '), ''))
		FROM bootstrap.plan('keep', $1::json, $2::jsonb) ORDER BY sequence`, manifest, strings.Join(append(options, "{}")[:1], ""))
}

func (d database) wantRows(what string, got []string, want ...string) {
	d.t.Helper()
	if len(want) == 0 && len(got) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// Every column is as docs/keep/formats.md measured it.
func TestResourcesAreWrittenAsKeepDoes(t *testing.T) {
	d := newDatabase(t)
	d.exec("SET TimeZone TO 'America/New_York'")
	d.mustInstallAll(everything)
	d.wantRows("workflows", d.text(`SELECT concat_ws('|', name, coalesce(description, '-'), created_by, updated_by, interval, is_deleted, is_disabled, is_test, revision, provisioned,
			coalesce(provisioned_file, '-'), id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-', abs(extract(epoch FROM creation_time - now() AT TIME ZONE 'UTC')) < 600,
			abs(extract(epoch FROM last_updated - now() AT TIME ZONE 'UTC')) < 600) FROM public.workflow ORDER BY name`),
		"Second|-|system|system|60|f|t|f|1|t|-|t|t|t", "disk-full|Calls somebody|system|system|600|f|f|f|1|t|-|t|t|t")
	d.wantRows("versions", d.text(`SELECT concat_ws('|', f.name, v.revision, v.workflow_raw = f.workflow_raw, v.updated_by, v.is_valid, v.is_current, v.comment)
		FROM public.workflowversion AS v JOIN public.workflow AS f ON f.id = v.workflow_id ORDER BY 1`),
		"Second|1|t|system|t|t|Created by system", "disk-full|1|t|system|t|t|Created by system")
	d.wantRows("dashboards", d.text(`SELECT concat_ws('|', dashboard_name, dashboard_config::jsonb, created_by, coalesce(updated_by, '-'), is_active, is_private,
			abs(extract(epoch FROM created_at - now() AT TIME ZONE 'UTC')) < 600) FROM public.dashboard`),
		`Overview|{"layout": [1, 2.50]}|system|-|t|f|t`)
	d.wantRows("mapping rules", d.text(`SELECT concat_ws('|', name, priority, type, matchers, rows, coalesce(file_name, '-'), disabled, override, coalesce(condition, '-'), created_by,
			coalesce(updated_by, '-'), is_multi_level, is_provisioned, created_at = last_updated_at) FROM public.mappingrule ORDER BY name`),
		`services|3|topology|[["service"]]|null|-|f|t|-|system|-|f|t|t`,
		`teams|0|csv|[["namespace"], ["a", "b"]]|[{"namespace": "x", "team": "y"}]|-|f|t|-|system|-|f|t|t`)
	d.wantRows("users", d.text(`SELECT concat_ws('|', tenant_id, username, password_hash = encode(sha256('pass'), 'hex'), role, last_sign_in IS NULL) FROM public."user"`),
		"keep|admin|t|admin|t")
	d.wantRows("keys", d.text(`SELECT concat_ws('|', tenant_id, reference_id, key_hash = encode(sha256(s.value::bytea), 'hex'), is_system, is_deleted, system_description IS NULL, created_by, role, last_used IS NULL, s.value)
		FROM public.tenantapikey AS k JOIN public.secret AS s ON s.key = 'keep-' || k.reference_id ORDER BY reference_id`),
		"keep|ci|t|t|f|t|system|webhook|t|CANARY-1", "keep|ui|t|t|f|t|system|admin|t|CANARY-2")
}

func TestSecondRunOfAllKindsWritesNothing(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(everything)
	before := d.rowVersions()
	d.mustInstallAll(everything)
	d.wantRows("row versions", d.rowVersions(), before...)
	d.wantRows("plan", d.planAll(everything))
	d.exec("BEGIN READ ONLY")
	d.wantRows("plan of a transaction that only reads", d.planAll(everything))
	d.exec("COMMIT")
	// Spaces and the order of keys are no difference.
	d.mustInstallAll(`{"dashboards": [{"dashboard_config":{"layout":[1,2.50]},"dashboard_name":"Overview"}]}`)
	d.wantRows("row versions", d.rowVersions(), before...)
}

func TestWhatIsNotGivenIsNotTouched(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(everything)
	before := d.rowVersions()
	d.exec("BEGIN")
	d.mustInstallAll(`{"workflows": [{"workflow": {"id": "disk-full", "description": "Calls somebody", "triggers": [{"type": "interval", "value": "10m"}], "steps": [
			{"name": "query", "provider": {"type": "victoriametrics", "config": "{{ providers.vm }}", "with": {}}}]}},
		{"id": "second", "name": "Second", "disabled": "true", "interval": 60}]}`)
	d.wantRows("row versions", d.rowVersions(), before...)
	if got := d.one("SELECT array_to_string(notes, '; ') FROM bootstrap.report()"); !strings.Contains(got, "1 dashboard(s)") {
		t.Errorf("the report says %q", got)
	}
	d.exec("COMMIT")
	// A provider may be called like a kind.
	d.mustInstall(`{"vm": {"type": "victoriametrics", "authentication": {"VMAlertHost": "http://vm", "VMAlertPort": 8880}}, "workflows": {"type": "grafana", "authentication": {"host": "http://g", "token": "t"}}}`)
	if _, ok := d.providers()["workflows"]; !ok {
		t.Error("the provider that is called workflows is not installed")
	}
	if got := d.refusedAll("KB001", `[{"name": 5}]`); !strings.Contains(got, "provider 1") {
		t.Error(got)
	}
	if err := d.install(`{"workflows": []}`); pgtest.SQLState(err) != "KB001" {
		t.Errorf("install_providers took workflows: %v", err)
	}
}

func TestWorkflowVersions(t *testing.T) {
	d := newDatabase(t)
	state := func() []string {
		return d.text(`SELECT concat_ws('|', f.name, f.revision, f.is_deleted, f.updated_by, (SELECT string_agg(v.revision || v.is_current::text || v.comment, ',' ORDER BY v.revision) FROM public.workflowversion AS v WHERE v.workflow_id = f.id))
			FROM public.workflow AS f ORDER BY f.name`)
	}
	d.mustInstallAll(`{"workflows": [{"id": "a"}, {"id": "b", "description": "one"}]}`)
	id := d.one("SELECT id FROM public.workflow WHERE name = 'b'")
	d.wantRows("plan", d.planAll(`{"workflows": [{"id": "a"}, {"id": "b", "description": "two", "interval": "1h"}]}`), "workflow:update b description,interval,raw")
	d.mustInstallAll(`{"workflows": [{"id": "a"}, {"id": "b", "description": "two"}]}`)
	d.wantRows("changed", state(), "a|1|f|system|1trueCreated by system", "b|2|f|system|1falseCreated by system,2trueUpdated by system")
	d.mustInstallAll(`{"workflows": [{"id": "a"}]}`)
	d.wantRows("gone", state(), "a|1|f|system|1trueCreated by system", "b|2|t|system|1falseCreated by system,2trueUpdated by system")
	d.wantRows("plan", d.planAll(`{"workflows": [{"id": "a"}, {"id": "b"}]}`), "workflow:add b deleted,description,raw")
	d.mustInstallAll(`{"workflows": [{"id": "a"}, {"id": "b"}]}`)
	d.wantRows("back", state(), "a|1|f|system|1trueCreated by system", "b|3|f|system|1falseCreated by system,2falseUpdated by system,3trueUpdated by system")
	if got := d.one("SELECT id FROM public.workflow WHERE name = 'b'"); got != id {
		t.Errorf("the workflow came back with another id")
	}
	// Keep's own soft deletion of the same name, twice: the newest comes back.
	d.exec(`INSERT INTO public.workflow (id, tenant_id, name, creation_time, is_deleted, revision, last_updated, provisioned)
		VALUES ('old', 'keep', 'c', now(), true, 1, '2024-01-01', true), ('new', 'keep', 'c', now(), true, 4, '2025-01-01', true), ('users', 'keep', 'c', now(), true, 4, '2026-01-01', false)`)
	d.mustInstallAll(`{"workflows": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}`)
	d.wantRows("of Keep", d.text("SELECT id || revision FROM public.workflow WHERE name = 'c' AND NOT is_deleted"), "new5")
}

func TestRowsOfUsers(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{}`) // creates the tenant
	d.exec(`INSERT INTO public.workflow (id, tenant_id, name, creation_time, is_deleted, revision, last_updated, workflow_raw) VALUES ('w', 'keep', 'mine', now(), false, 1, now(), 'x')`)
	d.exec(`INSERT INTO public.workflowversion (workflow_id, revision, workflow_raw, updated_by, is_valid, is_current) VALUES ('w', 1, 'x', 'me', true, true)`)
	d.exec(`INSERT INTO public.dashboard (id, tenant_id, dashboard_name, dashboard_config, created_by, created_at, updated_at, is_active, is_private) VALUES ('d', 'keep', 'mine', '{}', 'me@x', now(), now(), true, false)`)
	d.exec(`INSERT INTO public.mappingrule (tenant_id, name, matchers, rows, priority, created_by, created_at, disabled, override, condition, last_updated_at) VALUES ('keep', 'mine', '[["a"]]', '[]', 7, 'me@x', now(), true, false, 'c', now())`)
	d.exec(`INSERT INTO public.tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at) VALUES ('keep', 'mine', 'h', false, false, 'me@x', 'noc', now())`)
	for kind, manifest := range map[string]string{
		"workflow": `{"workflows": [{"name": "mine"}]}`, "dashboard": `{"dashboards": [{"dashboard_name": "mine", "dashboard_config": {"a": 1}}]}`,
		"api key": `{"api_keys": [{"name": "mine", "role": "noc", "secret": "CANARY"}]}`,
	} {
		if got := d.refusedAll("KB024", manifest); !strings.Contains(got, kind) || !strings.Contains(got, "mine") || strings.Contains(got, "CANARY") {
			t.Errorf("%s: %s", kind, got)
		}
		d.mustInstallAll(manifest, `{"adopt": true}`)
		before := d.rowVersions()
		d.mustInstallAll(manifest)
		d.wantRows("a second run", d.rowVersions(), before...)
	}
	// A mapping rule is taken over as Keep does it, without the option (docs/keep/behaviours.md, 20).
	d.mustInstallAll(`{"mapping_rules": [{"name": "mine", "matchers": [["b"]], "rows": [{"b": 1}]}]}`)
	d.wantRows("adopted", d.text(`SELECT concat_ws('|', id, priority, matchers, disabled, override, condition IS NULL, created_by, updated_by, is_provisioned) FROM public.mappingrule`),
		`1|0|[["b"]]|f|t|t|me@x|system|t`)
	d.wantRows("ids", d.text(`SELECT id || revision FROM public.workflow UNION ALL SELECT id || dashboard_config FROM public.dashboard UNION ALL SELECT reference_id || (key_hash = encode(sha256('CANARY'), 'hex')) FROM public.tenantapikey`),
		"w2", `d{"a": 1}`, "minetrue")
	// What Keep itself provisioned is taken over with its id, and nothing of a user is pruned.
	d.exec(`INSERT INTO public.dashboard (id, tenant_id, dashboard_name, dashboard_config, created_by, created_at, updated_at, is_active, is_private) VALUES ('k', 'keep', 'keeps', '{"a":1}', 'system', now(), now(), true, false), ('o', 'keep', 'other', '{}', 'me@x', now(), now(), true, false)`)
	d.wantRows("plan", d.planAll(`{"dashboards": [{"dashboard_name": "keeps", "dashboard_config": {"a": 1}}]}`), "dashboard:unchanged keeps", "dashboard:prune mine")
	d.mustInstallAll(`{"dashboards": [{"dashboard_name": "keeps", "dashboard_config": {"a": 1}}]}`)
	d.wantRows("dashboards", d.text("SELECT id FROM public.dashboard ORDER BY 1"), "k", "o")
}

func TestAPIKeys(t *testing.T) {
	d := newDatabase(t)
	keys := func() []string {
		return d.text(`SELECT concat_ws('|', reference_id, role, is_deleted, key_hash = encode(sha256(s.value::bytea), 'hex'), s.value)
			FROM public.tenantapikey AS k LEFT JOIN public.secret AS s ON s.key = 'keep-' || k.reference_id WHERE tenant_id = 'keep' ORDER BY reference_id`)
	}
	d.mustInstallAll(`{"api_keys": [{"name": "a", "role": "noc", "secret": "1"}, {"name": "b", "role": "noc", "secret": "2"}]}`)
	d.mustInstallAll(`{"api_keys": [{"name": "a", "role": "admin", "secret": "2"}, {"name": "b", "role": "noc", "secret": "1"}]}`)
	d.wantRows("swapped", keys(), "a|admin|f|t|2", "b|noc|f|t|1")
	d.mustInstallAll(`{"api_keys": [{"name": "c", "role": "noc", "secret": "2"}, {"name": "b", "role": "noc", "secret": "1"}]}`)
	d.wantRows("another name for the secret of one that leaves", keys(), "a|admin|t", "b|noc|f|t|1", "c|noc|f|t|2")
	d.mustInstallAll(`{"api_keys": [{"name": "c", "role": "noc", "secret": "3"}, {"name": "b", "role": "noc", "secret": "1"}, {"name": "a", "role": "webhook", "secret": "2"}]}`)
	d.wantRows("comes back", keys(), "a|webhook|f|t|2", "b|noc|f|t|1", "c|noc|f|t|3")
	d.exec("DELETE FROM public.secret WHERE key = 'keep-b'")
	d.wantRows("plan", d.planAll(`{"api_keys": [{"name": "c", "role": "noc", "secret": "3"}, {"name": "b", "role": "noc", "secret": "1"}, {"name": "a", "role": "webhook", "secret": "2"}]}`), "api_key:update b secret drifted")

	d.exec("INSERT INTO public.tenant (id, name) VALUES ('other', 'Other')")
	d.exec("INSERT INTO public.tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at) VALUES ('other', 'x', encode(sha256('CANARY'), 'hex'), true, false, 'system', 'noc', now())")
	if got := d.refusedAll("KB028", `{"api_keys": [{"name": "c", "role": "noc", "secret": "CANARY"}]}`); !strings.Contains(got, `"c"`) || strings.Contains(got, "CANARY") {
		t.Error(got)
	}
	// The key of Keep's webhooks was made by Keep for itself.
	d.exec("INSERT INTO public.tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at) VALUES ('keep', 'webhook', 'h', true, false, 'system', 'webhook', now())")
	d.mustInstallAll(`{"api_keys": []}`, `{"allow_empty": true}`)
	d.wantRows("marked deleted, their secrets removed", keys(), "a|webhook|t", "b|noc|t", "c|noc|t", "webhook|webhook|f")
}

func TestDefaultUser(t *testing.T) {
	d := newDatabase(t)
	users := func() []string {
		return d.text(`SELECT concat_ws('|', username, CASE password_hash WHEN encode(sha256('1'), 'hex') THEN 1 WHEN encode(sha256('2'), 'hex') THEN 2 END) FROM public."user" ORDER BY id`)
	}
	d.mustInstallAll(`{"default_user": {"username": "keep", "password": "1"}}`)
	d.mustInstallAll(`{"default_user": {"username": "keep", "password": "2"}}`)
	d.mustInstallAll(`{"default_user": {"username": "other", "password": "2"}}`)
	d.wantRows("a user is there", users(), "keep|1")
	d.mustInstallAll(`{"default_user": {"username": "keep", "password": "2", "reset_password": true}}`)
	d.wantRows("reset", users(), "keep|2")
	d.mustInstallAll(`{"default_user": {"username": "root", "password": "1", "reset_password": true}}`)
	d.wantRows("the only one, renamed as Keep does", users(), "root|1")
	before := d.rowVersions()
	d.mustInstallAll(`{"default_user": {"username": "root", "password": "1", "reset_password": true}}`)
	d.wantRows("a second run", d.rowVersions(), before...)
	d = database{pgtest.New(t, migrated).Conn(t), t} // where this software made no user
	d.mustInstall(`{"g": {` + grafana("t") + `}}`)
	d.exec(`INSERT INTO public."user" (tenant_id, username, password_hash, role, created_at) VALUES ('keep', 'root', encode(sha256('1'), 'hex'), 'admin', now())`)
	d.exec(`INSERT INTO public."user" (tenant_id, username, password_hash, role, created_at) VALUES ('keep', 'me', 'x', 'noc', now())`)
	d.refusedAll("KB029", `{"default_user": {"username": "gone", "password": "1", "reset_password": true}}`)
	d.mustInstallAll(`{"default_user": {"username": "me", "password": "2", "reset_password": true}}`)
	d.wantRows("by name", users(), "root|1", "me|2")
}

func TestResourceGuards(t *testing.T) {
	d := newDatabase(t)
	var list []string
	for i := range 10 {
		list = append(list, fmt.Sprintf(`{"id": "w%d"}`, i))
	}
	d.mustInstallAll(`{"workflows": [` + strings.Join(list, ",") + `]}`)
	if got := d.refusedAll("KB020", `{"workflows": []}`); !strings.Contains(got, "10 workflow(s) would be pruned") {
		t.Error(got)
	}
	if got := d.refusedAll("KB021", `{"workflows": [`+strings.Join(list[:4], ",")+`]}`); !strings.Contains(got, "6 workflow(s)") || !strings.Contains(got, "--max-prune 6") {
		t.Error(got)
	}
	d.mustInstallAll(`{"workflows": [`+strings.Join(list[:4], ",")+`]}`, `{"max_prune": "60%"}`)
	// One kind that is refused holds up the others.
	d.refusedAll("KB020", `{"workflows": [], "dashboards": [{"dashboard_name": "d", "dashboard_config": {}}]}`)
	d.mustInstallAll(`{"workflows": []}`, `{"allow_empty": true}`)
	d.wantRows("workflows", d.text("SELECT name FROM public.workflow WHERE NOT is_deleted"))
	// Of kinds alone that the manifest gives: providers are not pruned by a manifest without them.
	d.mustInstall(`{"g": {"type": "grafana", "authentication": {"host": "http://g", "token": "t"}}}`)
	d.mustInstallAll(`{"dashboards": []}`)
	if len(d.providers()) != 1 {
		t.Error("a manifest of dashboards pruned a provider")
	}
}

func TestResourceDrift(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(everything)
	d.exec("UPDATE public.workflow SET description = 'mine', workflow_raw = 'x' WHERE name = 'disk-full'")
	d.exec("UPDATE public.mappingrule SET disabled = true WHERE name = 'teams'")
	d.exec("UPDATE public.dashboard SET dashboard_name = 'Mine'")
	d.exec("DELETE FROM public.mappingrule WHERE name = 'services'")
	d.exec("UPDATE public.tenantapikey SET is_deleted = true WHERE reference_id = 'ci'")
	want := []string{
		"api_key:update ci deleted drifted", "workflow:update disk-full description,raw drifted", "dashboard:rename Overview name drifted",
		"mapping_rule:update teams disabled drifted", "mapping_rule:add services drifted",
	}
	d.wantRows("plan", d.planAll(everything), want...)
	if got := d.one("SELECT detail FROM bootstrap.verify() WHERE name = 'objects'"); !strings.Contains(got, "deleted outside of keep-bootstrap") || !strings.Contains(got, `mapping rule "services"`) {
		t.Error(got)
	}
	d.wantRows("status", d.text("SELECT name || ' ' || split_part(condition, ':', 1) FROM bootstrap.status() WHERE condition <> 'installed' ORDER BY 1"),
		"Mine changed outside of keep-bootstrap", "ci changed outside of keep-bootstrap", "disk-full changed outside of keep-bootstrap", "services deleted outside of keep-bootstrap", "teams changed outside of keep-bootstrap")
	if got := d.refusedAll("KB025", everything, `{"on_drift": "fail"}`); !strings.Contains(got, "changed outside of keep-bootstrap") {
		t.Error(got)
	}
	if got := d.refusedAll("KB025", `{"workflows": [{"id": "second", "name": "Second", "disabled": "true", "interval": 60}]}`, `{"on_drift": "fail"}`); !strings.Contains(got, "prune") {
		t.Error(got) // what is pruned would be lost
	}
	before := d.rowVersions()
	d.mustInstallAll(everything, `{"on_drift": "keep"}`)
	d.wantRows("kept", d.rowVersions(), before...)
	// Changed back, and the journal says that it was.
	d.mustInstallAll(everything)
	d.wantRows("plan", d.planAll(everything))
	d.wantRows("changed back", d.text("SELECT concat_ws('|', description, workflow_raw <> 'x', revision) FROM public.workflow WHERE name = 'disk-full'"), "Calls somebody|t|2")
	d.wantRows("history", d.text("SELECT kind || ' ' || name || ' ' || array_to_string(drift, ',') FROM bootstrap.history_changes((SELECT max(run_id) FROM bootstrap.history())) AS h ORDER BY 1"),
		"api_key ci deleted", "dashboard Overview name", "mapping_rule services row", "mapping_rule teams disabled", "workflow disk-full description,raw")
}

func TestResourcePlanDigest(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(everything)
	changed := strings.Replace(everything, "Calls somebody", "Calls everybody", 1)
	apply := func(between string) error {
		d.exec("BEGIN")
		d.exec("INSERT INTO bootstrap.manifest_staging (line) VALUES ($1)", changed)
		d.exec("SELECT FROM bootstrap.plan_staged('keep')")
		digest := d.one("SELECT plan_digest FROM bootstrap.report()")
		d.exec("COMMIT")
		if between != "" {
			d.exec(between)
		}
		return d.installAll(changed, `{"plan_digest": "`+digest+`"}`)
	}
	if err := apply("UPDATE public.workflow SET is_disabled = true WHERE name = 'disk-full'"); pgtest.SQLState(err) != "KB026" {
		t.Errorf("a stale plan: %v", err)
	}
	if err := apply(""); err != nil {
		t.Error(describe(err))
	}
}

func TestOlderKeepLacksAKind(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t, pgtest.Keep("9dd1be4539e0"))
	d := database{server.Conn(t), t}
	if _, err := migrate.Up(context.Background(), d.Conn, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	err := d.installAll(everything)
	if got := fmt.Sprint(describe(err)); pgtest.SQLState(err) != "KB027" || !strings.Contains(got, "mapping rule") || !strings.Contains(got, "public.mappingrule.is_provisioned does not exist") || !strings.Contains(got, "67ff7efffed4") {
		t.Errorf("%v", got)
	}
	d.mustInstallAll(`{"workflows": [{"id": "w"}], "dashboards": [{"dashboard_name": "d", "dashboard_config": {}}], "api_keys": [{"name": "k", "role": "noc", "secret": "s"}], "default_user": {}, "providers": []}`)
	d.wantRows("status", d.text("SELECT kind || ' ' || name FROM bootstrap.status()"), "user keep", "api_key k", "workflow w", "dashboard d")
	if got := d.text("SELECT kind FROM bootstrap.export() WHERE kind NOT IN ('provider', 'deduplication_rule')"); !slices.Equal(got, []string{"user", "api_key", "workflow", "dashboard"}) {
		t.Errorf("exported: %v", got)
	}
}

func TestBadResources(t *testing.T) {
	d := newDatabase(t)
	for _, test := range []struct{ manifest, want string }{
		{`{"workflows": [{"description": "x"}]}`, `workflow 1 (no name): it has no name`},
		{`{"workflows": [{"id": "a"}, {"name": "a"}]}`, `workflow 2 "a": workflow 1 has the same name`},
		{`{"workflows": [{"id": "a", "interval": "soon"}]}`, `workflow 1 "a": its interval is neither`},
		{`{"workflows": [{"id": "a", "triggers": "x"}]}`, `workflow 1 "a": triggers is not a list`},
		{`{"workflows": ["x"]}`, `workflow 1 (no name): the workflow is not an object`},
		{`{"workflows": {"id": "a"}, "dashboards": "x"}`, `dashboard 1 (no name): it is not a JSON object`},
		{`{"dashboards": [{"dashboard_config": {}}]}`, `dashboard 1 (no name): it has no name`},
		{`{"dashboards": [{"dashboard_name": "d", "dashboard_config": []}]}`, `dashboard 1 "d": it is not a JSON object`},
		{`{"mapping_rules": [{"name": "m", "matchers": [["a"]]}]}`, `mapping rule 1 "m": a mapping rule of type csv needs rows`},
		{`{"mapping_rules": [{"name": "m", "matchers": ["a"], "rows": [{"a": 1}]}]}`, `mapping rule 1 "m": matchers is not a list of lists`},
		{`{"mapping_rules": [{"name": "m", "matchers": [["a"]], "rows": [1]}]}`, `mapping rule 1 "m": rows is not a list of objects`},
		{`{"mapping_rules": [{"name": "m", "matchers": [["a"]], "rows": [{"a": 1}], "priority": "high"}]}`, `mapping rule 1 "m": priority is not a whole number`},
		{`{"api_keys": [{"name": "a", "role": "king", "secret": "CANARY"}]}`, `api key 1 "a": the role is not admin`},
		{`{"api_keys": [{"name": "a", "role": "noc"}]}`, `api key 1 "a": the secret is not a string`},
		{`{"api_keys": [{"name": "a", "role": "noc", "secret": "CANARY"}, {"name": "b", "role": "noc", "secret": "CANARY"}]}`, `api key 2 "b": API key 1 has the same secret`},
		{`{"api_keys": [{"name": "a", "role": "noc", "secret": "1"}, {"name": "a", "role": "noc", "secret": "2"}]}`, `api key 2 "a": api key 1 has the same name`},
		{`{"default_user": {"password": ""}}`, `user 1 "keep": the password is not a string, or empty`},
		{`{"default_user": {"reset_password": "CANARY"}}`, `user 1 "keep": reset_password is neither`},
		{`{"dashboards": [{"dashboard_name": "d", "dashboard_config": {"a": "CANARY\u0000"}}]}`, `has what PostgreSQL cannot`},
	} {
		if got := d.refusedAll("KB001", test.manifest); !strings.Contains(got, test.want) || strings.Contains(got, "CANARY") {
			t.Errorf("%s: %s, want %s", test.manifest, got, test.want)
		}
	}
	// All problems of all kinds at once.
	if got := d.refusedAll("KB001", `{"providers": {"p": {"type": "nix"}}, "workflows": [{}], "api_keys": [{}]}`); strings.Count(got, "provider 1") != 1 || !strings.Contains(got, "workflow 1") || !strings.Contains(got, "api key 1") {
		t.Error(got)
	}
}

// A workflow that names a provider which is not there after the run is told by plan.
func TestWorkflowsNameProviders(t *testing.T) {
	d := newDatabase(t)
	workflow := func(name, provider string) string {
		return `{"id": "` + name + `", "actions": [{"name": "a", "provider": {"type": "grafana", "config": "{{ providers.` + provider + ` }}"}}], "steps": [{"name": "s", "provider": {"type": "console", "config": "{{ providers.nothing }}"}}]}`
	}
	d.mustInstall(`{"here": {"type": "grafana", "authentication": {"host": "http://g", "token": "t"}, "install_webhook": false}, "old": {"install_webhook": false, "type": "grafana", "authentication": {"host": "http://g", "token": "u"}}}`)
	d.wantRows("plan", d.planAll(`{"providers": [{"name": "here", "type": "grafana", "authentication": {"host": "http://g", "token": "t"}}, {"name": "new", "type": "grafana", "authentication": {"host": "http://g", "token": "u"}, "renamed_from": "old"}],
		"workflows": [`+workflow("a", "here")+`,`+workflow("b", "nix")+`,`+workflow("c", "old")+`,`+workflow("d", "new")+`]}`),
		"provider:rename new name", "workflow:add a", `workflow:add b uses the provider "nix", which will not be installed`, `workflow:add c uses the provider "old", which will not be installed`, "workflow:add d")
}
