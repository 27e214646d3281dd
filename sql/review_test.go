package sqlfiles_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/test/pgtest"
)

// Secrets that json takes and jsonb does not (Keep's json.dumps writes both): named as broken, written again, never shown.
func TestUnreadableSecrets(t *testing.T) {
	for _, token := range []string{`CANARY\u0000`, `CANARY\udc80b`} {
		t.Run(token, func(t *testing.T) {
			d := newDatabase(t)
			d.mustInstall(`{"g": {` + grafana("t") + `}}`)
			d.exec("UPDATE public.secret SET value = $1", `{"authentication": {"host": "http://grafana", "token": "`+token+`"}, "name": "g"}`)
			for _, routine := range []string{"export", "status", "verify"} {
				if _, err := d.Exec(context.Background(), "SELECT * FROM bootstrap."+routine+"('keep')"); err != nil {
					t.Errorf("%s: %s", routine, describe(err))
				}
			}
			d.wantPlan(`{"g": {`+grafana("t")+`}}`, "provider:update g secret")
			d.mustInstall(`{"g": {` + grafana("t") + `}}`)
			if got := d.secret("g"); got != `{"authentication": {"host": "http://grafana", "token": "t"}, "name": "g"}` {
				t.Errorf("secret: %s", got)
			}
		})
	}
}

// A secret whose authentication is not an object cannot be loaded by Keep: it is mended, also for an empty one.
func TestSecretWithoutAuthentication(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {"type": "airflow"}}`)
	for _, value := range []string{`{"name": "a"}`, `{"authentication": null, "name": "a"}`, `{"authentication": "x", "name": "a"}`, `[]`, `null`, `not JSON`} {
		d.exec("UPDATE public.secret SET value = $1", value)
		d.wantPlan(`{"a": {"type": "airflow"}}`, "provider:update a secret")
		d.mustInstall(`{"a": {"type": "airflow"}}`)
		if got := d.secret("a"); got != `{"authentication": {}, "name": "a"}` {
			t.Errorf("secret: %s", got)
		}
	}
}

// What PostgreSQL cannot hold is a problem of the manifest, wherever it stands.
func TestManifestThatPostgreSQLCannotHold(t *testing.T) {
	d := newDatabase(t)
	for _, manifest := range []string{
		`{"a": {"type": "grafana", "authentication": {"token": "\ud800"}}}`,
		`{"a\ud800": {"type": "grafana"}}`,
		`[{"name": "a\u0000", "type": "grafana"}]`,
		`{"a": {"type": "grafana", "authentication": {"token": 1e400000}}}`,
		`{"a": {"type": "grafana", "deduplication_rules": {"r": {"description": "\udfff"}}}}`,
		`{"a": {"type": "grafana", "renamed_from": ["\u0000"]}}`,
	} {
		d.refused("KB001", manifest)
	}
}

// A user's provider of another type is never taken over: that would delete it.
func TestAdoptNeverReplaces(t *testing.T) {
	d := newDatabase(t)
	id := pgtest.KeepProvisioned(t, d.Conn, "u", "airflow", `{}`)
	d.exec("UPDATE public.provider SET provisioned = false")
	d.refused("KB024", `{"u": {`+grafana("t")+`}}`, `{"adopt": true, "max_prune": "100%"}`)
	if d.providers()["u"] != id {
		t.Error("the user's provider is gone")
	}
}

func TestKeptDeletionIsRemembered(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {` + vms + `}, "b": {` + grafana("t") + `}}`)
	d.exec("DELETE FROM public.provider WHERE name = 'a'")
	for range 2 {
		d.mustInstall(`{"a": {`+vms+`}, "b": {`+grafana("new")+`}}`, `{"on_drift": "keep"}`)
		if len(d.providers()) != 1 {
			t.Fatal("a deleted provider came back")
		}
	}
}

// SET CONSTRAINTS works by name: another table's constraint of the same name is in nobody's way.
func TestConstraintOfTheSameName(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE public.provider_old (tenant_id varchar, CONSTRAINT provider_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant (id))")
	d.exec("DELETE FROM public.tenant")
	d.mustInstall(`{"g": {` + grafana("t") + `}}`)
}

// Failures that repeat do not push what was applied out of the journal.
func TestFailuresLeaveTheHistory(t *testing.T) {
	d := newDatabase(t)
	d.exec("UPDATE bootstrap.setting SET journal_runs_kept = 2")
	d.mustInstall(`{"g": {` + grafana("t") + `}}`)
	for range 5 {
		d.exec("CALL bootstrap.record_failure('keep', '55P03', NULL, 'v1')")
	}
	if got := d.text("SELECT outcome FROM bootstrap.history()"); !slices.Equal(got, []string{"failed", "failed", "applied"}) {
		t.Errorf("history: %q", got)
	}
}

// Of a type that the catalogue does not know, the consumer flag is Keep's business.
func TestUnknownTypeKeepsItsConsumer(t *testing.T) {
	d := newDatabase(t)
	pgtest.KeepProvisioned(t, d.Conn, "n", "newer", `{}`)
	d.exec("UPDATE public.provider SET consumer = true")
	d.mustInstall(`{"n": {"type": "newer", "description": "x"}}`, `{"allow_unknown_types": true}`)
	if got := d.one("SELECT consumer::text || description FROM public.provider"); got != "truex" {
		t.Errorf("consumer: %s", got)
	}
}

// psql without BEGIN: COPY commits alone, and the CALL must not take that for an empty manifest.
func TestLoadedInAnotherTransaction(t *testing.T) {
	d := newDatabase(t)
	d.exec(`INSERT INTO bootstrap.manifest_staging (line) VALUES ('{"g": {"type": "grafana"}}')`)
	for _, call := range []string{"CALL bootstrap.install_staged('keep')", "SELECT FROM bootstrap.plan_staged('keep')"} {
		if err := d.call(call); pgtest.SQLState(err) != "KB001" || !strings.Contains(describe(err), "BEGIN") {
			t.Errorf("%s: %s", call, describe(err))
		}
	}
	d.mustInstall(`{}`)
	if got := d.staged(); got != "0" {
		t.Errorf("%s rows are left over", got)
	}
}

// The number that the refusal names is the one that lets the run through.
func TestMaxPruneHint(t *testing.T) {
	d := newDatabase(t)
	var entries []string
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		entries = append(entries, entry(name, grafana(name)))
	}
	d.mustInstall(list(entries...))
	said := d.refused("KB021", list(entries[0]))
	if !strings.Contains(said, "--max-prune 5)") {
		t.Errorf("the refusal says %s", said)
	}
	d.mustInstall(list(entries[0]), `{"max_prune": "5"}`)
}

// A rule without a provider is given to the new provider that declares it, in one run.
func TestRuleWithoutProvider(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {` + vms + `, "deduplication_rules": {"r": {}}}}`)
	d.exec("UPDATE public.alertdeduplicationrule SET provider_id = NULL")
	manifest := `{"b": {` + grafana("t") + `, "deduplication_rules": {"r": {}}}}`
	d.mustInstall(manifest)
	d.wantPlan(manifest)
}

// Foreign tables that happen to have the name of an optional one do not make a database Keep's.
func TestForeignTablesOnly(t *testing.T) {
	d := newDatabase(t)
	d.exec("DROP SCHEMA public CASCADE")
	d.exec("CREATE SCHEMA public")
	d.exec(`CREATE TABLE public.dashboard (id integer)`)
	if code := pgtest.SQLState(d.install(`{}`)); code != "KB010" {
		t.Errorf("SQLSTATE %s, want KB010", code)
	}
}

// Tables that come or go while the catalogs are read are missing, not in the wrong schema: whoever waits goes on waiting.
// An old snapshot shows them here, and the names are gone.
func TestTablesThatComeThisMoment(t *testing.T) {
	d := newDatabase(t)
	other := pgtest.Connect(t, d.Config().ConnString())
	d.exec("BEGIN ISOLATION LEVEL REPEATABLE READ")
	d.exec("SELECT FROM pg_class")
	if _, err := other.Exec(t.Context(), "DROP TABLE public.provider, public.tenant, public.secret CASCADE"); err != nil {
		t.Fatal(err)
	}
	if code := pgtest.SQLState(d.call("SELECT bootstrap.require_keep()")); code != "KB010" {
		t.Errorf("SQLSTATE %s, want KB010", code)
	}
}

// A plan of an older generation shows what install would do: nothing.
func TestPlanOfAnOlderGeneration(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"g": {`+grafana("t")+`}}`, `{"generation": 5}`)
	if got := d.plan(`{"g": {`+grafana("old")+`}}`, `{"generation": 4}`); len(got) != 0 {
		t.Errorf("plan: %q", got)
	}
}

// A deleted provider that leaves the manifest is forgotten, and verify is content again.
func TestForgotten(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {` + vms + `}, "b": {` + grafana("t") + `}, "c": {` + grafana("c") + `}}`)
	d.exec("DELETE FROM public.provider WHERE name = 'b'")
	d.exec("UPDATE public.provider SET provisioned = false WHERE name = 'c'")
	d.mustInstall(`{"a": {` + vms + `}}`)
	d.wantRows("status", d.text("SELECT name || ' ' || origin FROM bootstrap.status()"), "a bootstrap", "c user")
	if got := d.one("SELECT ok::text FROM bootstrap.verify() WHERE name = 'objects'"); got != "true" {
		t.Error("verify still misses a provider that nobody wants")
	}
	d.refused("KB024", `{"a": {`+vms+`}, "c": {`+grafana("c")+`}}`)
}

// Someone changes a value, and the manifest follows: that is no drift any more.
func TestDriftThatTheManifestFollows(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"g": {` + grafana("1") + `, "description": "a"}, "h": {` + grafana("h") + `}}`)
	d.exec(`UPDATE public.secret SET value = replace(value, '"token": "1"', '"token": "2"')`)
	d.exec("UPDATE public.provider SET description = 'b', name = 'i' WHERE name = 'g'")
	d.exec(`UPDATE public.secret SET value = replace(value, '"name": "g"', '"name": "i"')`)
	manifest := `{"i": {` + grafana("2") + `, "description": "b"}, "h": {` + grafana("h") + `}}`
	d.mustInstall(manifest)
	if got := d.one("SELECT ok::text FROM bootstrap.verify() WHERE name = 'drift'"); got != "true" {
		t.Error("verify still shows drift")
	}
	d.wantPlan(manifest)
	d.mustInstall(strings.Replace(manifest, `"2"`, `"3"`, 1), `{"on_drift": "fail"}`)
}

func TestGuardOfADeletedProviderOfAnotherType(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {` + vms + `, "prevent_delete": true}}`)
	d.exec("DELETE FROM public.provider")
	d.mustInstall(`{"a": {` + grafana("t") + `}}`)
	d.refused("KB022", `{}`, `{"allow_empty": true}`)
}

func TestKeptDeletionAndType(t *testing.T) {
	d := newDatabase(t)
	manifest := `{"a": {` + vms + `, "deduplication_rules": {"r": {}}}, "b": {` + grafana("t") + `, "deduplication_rules": {"s": {}}}}`
	d.mustInstall(manifest)
	d.exec("DELETE FROM public.provider WHERE name = 'a'")
	d.exec("UPDATE public.provider SET type = 'airflow' WHERE name = 'b'")
	changed := strings.Replace(manifest, `"t"`, `"new"`, 1)
	for range 2 {
		d.mustInstall(changed, `{"on_drift": "keep"}`)
	}
	before := d.rowVersions()
	d.mustInstall(changed, `{"on_drift": "keep"}`)
	if !slices.Equal(before, d.rowVersions()) {
		t.Error("not settled")
	}
	d.wantRows("status", d.conditions(), "a: deleted outside of keep-bootstrap", "b: changed outside of keep-bootstrap")
}

// Someone swaps the names of two of our providers: each gets the contents that the manifest gives to its name, and nothing is left to do.
func TestNamesSwappedBySomeoneElse(t *testing.T) {
	d := newDatabase(t)
	manifest := `{"a": {` + grafana("a") + `}, "b": {` + grafana("b") + `}}`
	d.mustInstall(manifest)
	ids := d.providers()
	d.exec("UPDATE public.provider SET name = 'x' WHERE name = 'a'")
	d.exec("UPDATE public.provider SET name = 'a' WHERE name = 'b'")
	d.exec("UPDATE public.provider SET name = 'b' WHERE name = 'x'")
	d.mustInstall(manifest)
	d.wantIDs(map[string]string{"a": ids["b"], "b": ids["a"]})
	if a, b := d.secret("a"), d.secret("b"); !strings.Contains(a, `"token": "a"`) || !strings.Contains(b, `"token": "b"`) {
		t.Errorf("secrets: %s, %s", a, b)
	}
	d.wantPlan(manifest)
}

// auto_explain shows statements inside routines: no manifest and no secret may stand in them.
func TestAutoExplainShowsNoSecret(t *testing.T) {
	t.Parallel()
	shared := pgtest.New(t, migrated)
	config, err := pgx.ParseConfig(shared.URL)
	if err != nil {
		t.Fatal(err)
	}
	var notices, contexts []string
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		notices = append(notices, n.Message+n.Detail)
		contexts = append(contexts, n.Where)
	}
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	d := database{conn, t}
	d.exec("LOAD 'auto_explain'")
	d.exec("SET auto_explain.log_min_duration = 0")
	d.exec("SET auto_explain.log_nested_statements = on")
	d.exec("SET auto_explain.log_verbose = on")
	d.exec("SET auto_explain.log_analyze = on")
	d.exec("SET auto_explain.log_triggers = on")
	_, _ = d.Exec(context.Background(), "SET auto_explain.log_parameter_max_length = -1") // since PostgreSQL 16
	d.exec("SET client_min_messages = log")

	lines := func(token string) {
		d.exec("BEGIN")
		if _, err := conn.CopyFrom(context.Background(), pgx.Identifier{"bootstrap", "manifest_staging"}, []string{"line"},
			pgx.CopyFromRows([][]any{{"{"}, {`"g": {` + grafana(token) + "}"}, {"}"}})); err != nil {
			t.Fatal(err)
		}
	}
	for _, token := range []string{"CANARY1", "CANARY2"} {
		for _, call := range []string{"SELECT FROM bootstrap.plan_staged('keep')", "CALL bootstrap.install_staged('keep')"} {
			lines(token)
			d.exec(call)
			d.exec("COMMIT")
		}
	}
	lines("CANARY4\"")
	_, _ = d.Exec(context.Background(), "CALL bootstrap.install_staged('keep')")
	d.exec("ROLLBACK")
	d.exec("SELECT FROM bootstrap.status()")
	d.exec("SELECT FROM bootstrap.verify()")
	if len(notices) < 50 {
		t.Fatalf("auto_explain said only %d things", len(notices))
	}
	for _, n := range slices.Concat(notices, contexts) {
		if strings.Contains(n, "CANARY") {
			t.Errorf("auto_explain shows a secret: %.2000s", n)
		}
	}
}

// The lines of a JSON file, as psql's \copy loads them.
func TestManifestAsLines(t *testing.T) {
	d := newDatabase(t)
	load := func(text string) error {
		d.exec("BEGIN")
		_, err := d.CopyFrom(context.Background(), pgx.Identifier{"bootstrap", "manifest_staging"}, []string{"line"},
			pgx.CopyFromSlice(len(strings.Split(text, "\n")), func(i int) ([]any, error) { return []any{strings.Split(text, "\n")[i]}, nil }))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.call("CALL bootstrap.install_staged('keep')"); err != nil {
			d.exec("ROLLBACK")
			return err
		}
		d.exec("COMMIT")
		return nil
	}
	if err := load("{\n\"a\": {" + vms + ",\n\n\"deduplication_rules\": {\"r\": {}}}}\n"); err != nil {
		t.Fatal(describe(err))
	}
	if got := d.one("SELECT concat_ws(' ', (SELECT string_agg(name, ',') FROM public.provider), (SELECT count(*) FROM public.alertdeduplicationrule), $1::text)", d.staged()); got != "a 1 0" {
		t.Errorf("installed: %s", got)
	}
	for _, bad := range []string{"{\"a\": CANARY", "null", "", "5"} {
		if err := load(bad); pgtest.SQLState(err) != "KB001" || strings.Contains(describe(err), "CANARY") {
			t.Errorf("%s: %s", bad, describe(err))
		}
	}
	if err := load("{}"); pgtest.SQLState(err) != "KB020" {
		t.Errorf("an empty manifest: %s", describe(err))
	}
}

// Rules of one name go back to their own providers, when both providers were deleted and come back.
func TestDeletedProvidersKeepTheirRules(t *testing.T) {
	d := newDatabase(t)
	manifest := `{"a": {` + vms + `, "deduplication_rules": {"r": {"description": "a"}}}, "b": {` + grafana("t") + `, "deduplication_rules": {"r": {"description": "b"}}}}`
	d.mustInstall(manifest)
	rules := d.text("SELECT id || description FROM public.alertdeduplicationrule ORDER BY description")
	d.exec("DELETE FROM public.provider")
	d.mustInstall(manifest)
	if got := d.text("SELECT id || description FROM public.alertdeduplicationrule ORDER BY description"); !slices.Equal(got, rules) {
		t.Errorf("rules: %q, want %q", got, rules)
	}
}

// With on_drift keep, a change of the type in the manifest is still a replace, and a kept secret does not hide other changes.
func TestKeepIsForDriftOnly(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"b": {"type": "airflow"}, "d": {` + grafana("t") + `, "description": "two"}}`)
	d.mustInstall(`{"b": {`+vms+`, "deduplication_rules": {"s": {}}}, "d": {`+grafana("t")+`, "description": "two"}}`, `{"on_drift": "keep"}`)
	d.exec("DELETE FROM public.secret WHERE key LIKE 'keep_grafana%'")
	manifest := `{"b": {` + vms + `, "deduplication_rules": {"s": {}}}, "d": {` + grafana("t") + `, "description": "one"}}`
	d.mustInstall(manifest, `{"on_drift": "keep"}`)
	d.wantRows("status", d.conditions(), "b: installed", "d: changed outside of keep-bootstrap")
	if got := d.one("SELECT count(*)::text FROM public.secret"); got != "1" {
		t.Errorf("%s secrets: a kept deletion was undone", got)
	}
}

// A secret that was left behind by a deleted row goes when its provider is no longer wanted.
func TestSecretOfAForgottenProvider(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {` + vms + `}, "b": {` + grafana("t") + `}}`)
	d.exec("DELETE FROM public.provider WHERE name = 'b'")
	d.mustInstall(`{"a": {` + vms + `}}`)
	if got := d.one("SELECT count(*)::text FROM public.secret"); got != "1" {
		t.Errorf("%s secrets are left", got)
	}
}
