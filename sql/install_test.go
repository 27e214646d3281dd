package sqlfiles_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/test/pgtest"
)

// describe shows everything that an error of PostgreSQL says.
func describe(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return fmt.Sprint(err)
	}
	return strings.Join([]string{pg.Message, pg.Detail, pg.Hint, pg.Where}, "\n")
}

const vms = `"type": "victoriametrics", "authentication": {"VMAlertHost": "http://vm", "VMAlertPort": 8880}`

func grafana(token string) string {
	return fmt.Sprintf(`"type": "grafana", "authentication": {"host": "http://grafana", "token": %q}`, token)
}

// The article's scenario: no tenant, providers configured; all of them exist after the first run.
func TestInstallWithoutTenant(t *testing.T) {
	d := newDatabase(t)
	d.exec("DELETE FROM public.tenant")
	d.mustInstall(`{"vms": {` + vms + `}, "graf": {` + grafana("t") + `}}`)

	if got := d.one("SELECT name || ' ' || configuration::text FROM public.tenant WHERE id = 'keep'"); got != "Single Tenant null" {
		t.Errorf("tenant: %s", got)
	}
	if got := slices.Sorted(maps.Keys(d.providers())); !slices.Equal(got, []string{"graf", "vms"}) {
		t.Errorf("providers: %q", got)
	}
	if got := d.one("SELECT tenant_created::text FROM bootstrap.history()"); got != "true" {
		t.Errorf("journal: tenant_created = %s", got)
	}
}

// Rows are those of docs/keep/formats.md, whatever the session's time zone is.
func TestInstallWritesAsKeepDoes(t *testing.T) {
	d := newDatabase(t)
	d.exec("SET TimeZone = 'America/New_York'")
	d.mustInstall(`{"prom \"prod\" é": {"type": "prometheus", "authentication": {"url": "http://127.0.0.1:9090", "username": "üser", "password": "x"},
		"deduplication_rules": {"r": {"fingerprint_fields": ["a", "b"]}}},
		"queue": {"type": "kafka", "authentication": {"host": "h:9092", "topic": "t"}}}`)

	got := pgtest.Rows(t, d.Conn, `SELECT id ~ '^[0-9a-f]{32}$' AS id, tenant_id, name, description, type, installed_by,
			abs(extract(epoch FROM (now() AT TIME ZONE 'UTC') - installation_time)) < 600 AS utc,
			configuration_key = 'keep_' || type || '_' || id AS key, "validatedScopes"::text AS scopes, consumer, last_pull_time,
			provisioned, pulling_enabled, provider_metadata::text AS metadata
		FROM public.provider ORDER BY type DESC`)
	want := []map[string]any{
		{"id": true, "tenant_id": "keep", "name": `prom "prod" é`, "description": nil, "type": "prometheus", "installed_by": "system", "utc": true, "key": true, "scopes": "{}", "consumer": false, "last_pull_time": nil, "provisioned": true, "pulling_enabled": true, "metadata": "{}"},
		{"id": true, "tenant_id": "keep", "name": "queue", "description": nil, "type": "kafka", "installed_by": "system", "utc": true, "key": true, "scopes": "{}", "consumer": true, "last_pull_time": nil, "provisioned": true, "pulling_enabled": true, "metadata": "{}"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("provider (-want +got):\n%s", diff)
	}
	if got := d.secret(`prom "prod" é`); got != `{"authentication": {"url": "http://127.0.0.1:9090", "username": "üser", "password": "x"}, "name": "prom \"prod\" é"}` {
		t.Errorf("secret: %s", got)
	}
	if got := d.one("SELECT (abs(extract(epoch FROM (now() AT TIME ZONE 'UTC') - last_updated)) < 600)::text FROM public.secret LIMIT 1"); got != "true" {
		t.Error("secret.last_updated is not UTC")
	}

	rules := pgtest.Rows(t, d.Conn, `SELECT r.name, r.description, p.name AS provider, r.provider_type, r.last_updated_by, r.created_by, r.enabled,
			r.fingerprint_fields::text AS fingerprint, r.ignore_fields::text AS ignore, r.full_deduplication, r.priority, r.is_provisioned
		FROM public.alertdeduplicationrule AS r JOIN public.provider AS p ON p.id = r.provider_id`)
	wantRules := []map[string]any{{"name": "r", "description": "", "provider": `prom "prod" é`, "provider_type": "prometheus", "last_updated_by": "system", "created_by": "system", "enabled": true, "fingerprint": `["a", "b"]`, "ignore": "[]", "full_deduplication": false, "priority": int32(0), "is_provisioned": true}}
	if diff := cmp.Diff(wantRules, rules); diff != "" {
		t.Errorf("rule (-want +got):\n%s", diff)
	}
}

func TestSecondRunWritesNothing(t *testing.T) {
	d := newDatabase(t)
	for _, manifest := range []string{
		`{"vms": {` + vms + `, "deduplication_rules": {"r": {"priority": 2}}}, "graf": {` + grafana("t") + `, "description": "d", "pulling_enabled": false, "prevent_delete": true}}`,
		`[{"name": "victoriametrics", "renamed_from": ["vms"], ` + vms + `}, {"name": "graf", ` + grafana("other") + `}]`,
		`[{"name": "victoriametrics", "renamed_from": ["vms"], ` + vms + `, "prevent_delete": false}, {"name": "graf", ` + grafana("other") + `, "prevent_delete": false}]`,
		`{"providers": {}}`,
	} {
		d.mustInstall(manifest, `{"allow_empty": true}`)
		before := d.rowVersions()
		d.mustInstall(manifest, `{"allow_empty": true}`)
		if diff := cmp.Diff(before, d.rowVersions()); diff != "" {
			t.Errorf("the second run of %s wrote:\n%s", manifest, diff)
		}
		d.wantPlan(manifest)
	}
}

// The order of keys is no difference; neither is the spelling of white space.
func TestKeyOrderIsNoDifference(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"vms": {` + vms + `}}`)
	d.wantPlan(`{"vms":{"authentication":{"VMAlertPort":8880,  "VMAlertHost":"http://vm"},"type":"victoriametrics"}}`)
	d.wantPlan(`{"vms":{"authentication":{"VMAlertPort":"8880","VMAlertHost":"http://vm"},"type":"victoriametrics"}}`,
		"provider:update vms authentication.VMAlertPort")
}

func TestUpdateNamesFieldsAndKeepsTheRest(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"g": {` + grafana("one") + `}}`)
	id := d.providers()["g"]
	d.exec(`UPDATE public.provider SET "validatedScopes" = '{"a": true}', provider_metadata = '{"version": "11"}', last_pull_time = now()`)
	d.wantPlan(`{"g": {"type": "grafana", "authentication": {"host": "http://grafana", "datasource_uid": "u", "token": "two"}, "description": "text", "pulling_enabled": false}}`,
		"provider:update g authentication.datasource_uid,authentication.token,description,pulling_enabled")
	d.mustInstall(`{"g": {"type": "grafana", "authentication": {"host": "http://grafana", "datasource_uid": "u", "token": "two"}, "description": "text", "pulling_enabled": false}}`)
	if d.providers()["g"] != id {
		t.Error("an update changed the id")
	}
	if got := d.one(`SELECT concat_ws('|', description, pulling_enabled, "validatedScopes", provider_metadata, last_pull_time IS NOT NULL) FROM public.provider`); got != `text|f|{"a": true}|{"version": "11"}|t` {
		t.Errorf("provider: %s", got)
	}
	if got := d.secret("g"); got != `{"authentication": {"host": "http://grafana", "datasource_uid": "u", "token": "two"}, "name": "g"}` {
		t.Errorf("secret: %s", got)
	}
}

// Keys that Keep adds to a secret by itself stay; keys that the manifest had and dropped go.
func TestKeepsOwnKeysStay(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"g": {"type": "grafana", "authentication": {"host": "http://grafana", "token": "t", "datasource_uid": "u"}}}`)
	d.exec(`UPDATE public.secret SET value = '{"authentication": {"host": "http://grafana", "token": "t", "datasource_uid": "u", "webhook_id": "w", "x": 1.0}, "name": "g", "extra": [1]}'`)
	d.wantPlan(`{"g": {`+grafana("t")+`}}`, "provider:update g authentication.datasource_uid")
	d.mustInstall(`{"g": {` + grafana("t2") + `}}`)
	if got := d.secret("g"); got != `{"name": "g", "extra": [1], "authentication": {"x": 1.0, "host": "http://grafana", "token": "t2", "webhook_id": "w"}}` {
		t.Errorf("secret: %s", got)
	}
	d.wantPlan(`{"g": {` + grafana("t2") + `}}`)
	// Without a change by someone else, an empty authentication leaves Keep's keys alone too.
	d.mustInstall(`{"v": {"type": "http", "authentication": {"x-header": "x"}}}`)
	d.exec(`UPDATE public.secret SET value = '{"authentication": {"x-header": "x", "webhook_id": "w", "x": 1.0}, "name": "v", "extra": [1]}'`)
	d.mustInstall(`{"v": {"type": "http", "authentication": {}}}`)
	if got := d.secret("v"); got != `{"name": "v", "extra": [1], "authentication": {"x": 1.0, "webhook_id": "w"}}` {
		t.Errorf("secret: %s", got)
	}
}

// Rows that Keep itself provisioned are taken over with their ids. There is no state to tell which keys the old manifest
// had: a key of the catalogue that the manifest lacks goes, any other stays.
func TestTakeOver(t *testing.T) {
	d := newDatabase(t)
	id := pgtest.KeepProvisioned(t, d.Conn, "prom", "prometheus", `{"url": "http://127.0.0.1:9090", "username": "üser", "password": "x"}`)
	before := d.one("SELECT xmin::text || ctid::text FROM public.provider") + d.one("SELECT xmin::text || ctid::text FROM public.secret")
	same := `{"prom": {"type": "prometheus", "authentication": {"password": "x", "url": "http://127.0.0.1:9090", "username": "üser"}}}`
	if got := d.text("SELECT concat_ws(' ', name, action, state_only, reason) FROM bootstrap.plan_providers('keep', $1::json)", same); !slices.Equal(got, []string{"prom unchanged t provisioned by Keep; keeps its id"}) {
		t.Errorf("plan: %q", got)
	}
	d.mustInstall(same)
	if got := d.text("SELECT concat_ws(' ', origin, changed_run, condition) FROM bootstrap.status()"); !slices.Equal(got, []string{"bootstrap 1 installed"}) {
		t.Errorf("status: %q", got)
	}
	if after := d.one("SELECT xmin::text || ctid::text FROM public.provider") + d.one("SELECT xmin::text || ctid::text FROM public.secret"); after != before {
		t.Error("taking over an equal row wrote it")
	}
	if d.providers()["prom"] != id {
		t.Error("taking over changed the id")
	}
	d.wantPlan(same)

	d = database{pgtest.New(t, migrated).Conn(t), t}
	id = pgtest.KeepProvisioned(t, d.Conn, "prom", "prometheus", `{"url": "http://old", "username": "gone", "mine": 1}`)
	changed := `{"prom": {"type": "prometheus", "authentication": {"url": "http://new"}}}`
	d.wantPlan(changed, "provider:adopt prom authentication.url,authentication.username")
	d.mustInstall(changed)
	if got := d.secret("prom"); got != `{"name": "prom", "authentication": {"url": "http://new", "mine": 1}}` {
		t.Errorf("secret: %s", got)
	}
	if d.providers()["prom"] != id {
		t.Error("taking over changed the id")
	}
}

func TestPullingEnabledInsideAuthentication(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"g": {"type": "grafana", "authentication": {"host": "http://grafana", "pulling_enabled": "False", "token": "t"}}}`)
	if got := d.one("SELECT pulling_enabled::text FROM public.provider"); got != "false" {
		t.Errorf("pulling_enabled = %s", got)
	}
	if got := d.secret("g"); got != `{"authentication": {"host": "http://grafana", "token": "t"}, "name": "g"}` {
		t.Errorf("secret: %s", got)
	}
}

func TestReport(t *testing.T) {
	d := newDatabase(t)
	ctx := context.Background()
	tx, err := d.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, "CALL bootstrap.install_providers('keep', $1::json)", `{"vms": {`+vms+`}, "g": {`+grafana("t")+`}}`); err != nil {
		t.Fatal(err)
	}
	var added, unchanged int
	var changed bool
	var notes []string
	if err := tx.QueryRow(ctx, "SELECT added, unchanged, changed, notes FROM bootstrap.report()").Scan(&added, &unchanged, &changed, &notes); err != nil {
		t.Fatal(err)
	}
	if added != 2 || unchanged != 0 || !changed {
		t.Errorf("added %d, unchanged %d, changed %v", added, unchanged, changed)
	}
	if all := strings.Join(notes, "\n"); !strings.Contains(all, "SECRET_MANAGER_TYPE=DB") || !strings.Contains(all, `webhook that only a running Keep can install (keep-bootstrap activate): "g"`) {
		t.Errorf("notes: %q", notes)
	}
}

// The journal names runs and changes; the state row is the record of an add until the provider is renamed or goes.
func TestJournal(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {`+vms+`}, "b": {`+grafana("t")+`}}`, `{"tool_version": "v9", "generation": 4}`)
	d.mustInstall(`[{"name": "c", "renamed_from": "a", ` + vms + `}]`)
	changes := "SELECT concat_ws(' ', run_id, action, previous_name, name, (object_id IS NOT NULL)) FROM (SELECT run_id AS r FROM bootstrap.history()) AS x, bootstrap.history_changes(x.r) ORDER BY run_id, action, name"
	want := []string{"1 add a t", "1 add b t", "2 prune b t", "2 rename a c t"}
	if got := d.text(changes); !slices.Equal(got, want) {
		t.Errorf("changes: %q, want %q", got, want)
	}
	if got := d.text("SELECT concat_ws(' ', run_id, outcome, tool_version, generation, added, renamed, pruned) FROM bootstrap.history()"); !slices.Equal(got, []string{"2 applied 0 1 1", "1 applied v9 4 2 0 0"}) {
		t.Errorf("history: %q", got)
	}
	d.exec("UPDATE bootstrap.setting SET journal_runs_kept = 2")
	d.mustInstall(`[{"name": "c", ` + vms + `, "description": "x"}]`)
	if got := d.one("SELECT string_agg(run_id::text, ' ' ORDER BY run_id) FROM bootstrap.history()"); got != "2 3" {
		t.Errorf("runs kept: %s", got)
	}
}

// Nothing in schema bootstrap is in the way of Keep's own migrations.
func TestKeepCanDropItsTables(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"vms": {` + vms + `}}`)
	d.exec(`DROP TABLE public.alertdeduplicationrule, public.providerexecutionlog, public.provider, public.secret`)
	if code := pgtest.SQLState(d.install(`{"vms": {` + vms + `}}`)); code != "KB011" {
		t.Errorf("SQLSTATE %s, want KB011", code)
	}
}

// Two runs at once: the second waits for the first and then finds its work done.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	database1 := pgtest.New(t, migrated)
	first, second := database{database1.Conn(t), t}, database{database1.Conn(t), t}
	ctx := context.Background()
	tx, err := first.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "CALL bootstrap.install_providers('keep', $1::json)", `{"vms": {`+vms+`}}`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- second.install(`{"vms": {` + vms + `}}`) }()
	waitFor(t, database{database1.Conn(t), t}, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", "1")
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := first.one("SELECT count(*)::text FROM bootstrap.history()"); got != "1" {
		t.Errorf("%s runs in the journal, want 1", got)
	}
}

// A current database: nobody waits for the lock of a run that is under way.
func TestCurrentDatabaseWaitsForNoLock(t *testing.T) {
	t.Parallel()
	database1 := pgtest.New(t, migrated)
	first, second := database{database1.Conn(t), t}, database{database1.Conn(t), t}
	first.mustInstall(`{"vms": {` + vms + `}}`)
	ctx := context.Background()
	tx, err := first.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, "SELECT FROM bootstrap.tenant FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	second.mustInstall(`{"vms": {` + vms + `}}`)
}

// The application holds a row: the run gives up after its lock_timeout and nothing is done.
func TestLockedRow(t *testing.T) {
	t.Parallel()
	database1 := pgtest.New(t, migrated)
	application, run := database{database1.Conn(t), t}, database{database1.Conn(t), t}
	run.mustInstall(`{"vms": {` + vms + `}, "g": {` + grafana("t") + `}}`)
	ctx := context.Background()
	tx, err := application.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, "SELECT FROM public.provider WHERE name = 'g' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	run.refused("55P03", `{"vms": {`+vms+`}}`)
	run.refused("55P03", `{"vms": {`+vms+`}, "g": {`+grafana("changed")+`}}`)
}

// waitFor polls until the query answers what is wanted.
func waitFor(t *testing.T, d database, sql, want string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for d.one(sql) != want {
		if time.Now().After(deadline) {
			t.Fatalf("%s never answered %s", sql, want)
		}
	}
}
