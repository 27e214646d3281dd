package sqlfiles_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keep-bootstrap/test/pgtest"
)

// installed has two providers, on whose rows the tests then do what someone else might do.
func installed(t *testing.T) (d database, manifest string) {
	t.Helper()
	d = newDatabase(t)
	manifest = `{"vms": {` + vms + `, "description": "ours", "pulling_enabled": true}, "g": {"type": "grafana", "authentication": {"host": "http://grafana", "token": "t", "datasource_uid": "u"}}}`
	d.mustInstall(manifest)
	return d, manifest
}

func TestDriftIsNamedAndUndone(t *testing.T) {
	d, manifest := installed(t)
	ids := d.providers()
	d.exec(`UPDATE public.provider SET description = 'theirs', pulling_enabled = false, last_pull_time = now(), "validatedScopes" = '{"a": 1}' WHERE name = 'vms'`)
	d.exec(`UPDATE public.secret SET value = '{"authentication": {"host": "http://else", "token": "t", "webhook": "Keep''s own"}, "name": "g"}' WHERE key LIKE 'keep_grafana%'`)

	drift := "SELECT concat_ws(' ', name, action, array_to_string(drift, ','), reason) FROM bootstrap.plan_providers('keep', $1::json) ORDER BY name"
	want := []string{
		"g update authentication.datasource_uid,authentication.host changed outside of keep-bootstrap since run 1",
		"vms update description,pulling_enabled changed outside of keep-bootstrap since run 1",
	}
	if got := d.text(drift, manifest); !slices.Equal(got, want) {
		t.Errorf("plan:\n got %q\nwant %q", got, want)
	}
	d.wantRows("status", d.conditions(), "g: changed outside of keep-bootstrap", "vms: changed outside of keep-bootstrap")
	if got := d.one("SELECT coalesce(ok::text, 'warns') || ': ' || detail FROM bootstrap.verify() WHERE name = 'drift'"); !strings.HasPrefix(got, "warns") || !strings.Contains(got, `"g"`) || !strings.Contains(got, `"vms"`) {
		t.Errorf("verify: %s", got)
	}

	d.mustInstall(manifest)
	d.wantIDs(ids)
	if got := d.secret("g"); got != `{"name": "g", "authentication": {"host": "http://grafana", "token": "t", "webhook": "Keep's own", "datasource_uid": "u"}}` {
		t.Errorf("secret: %s", got)
	}
	if got := d.text("SELECT concat_ws(' ', name, array_to_string(drift, ',')) FROM bootstrap.history_changes(2) ORDER BY name"); !slices.Equal(got, []string{"g authentication.datasource_uid,authentication.host", "vms description,pulling_enabled"}) {
		t.Errorf("journal: %q", got)
	}
	if got := d.text(drift, manifest); len(got) != 0 {
		t.Errorf("plan afterwards: %q", got)
	}
}

// A change of the manifest is no drift, also when someone else changed another field of the same provider.
func TestManifestChangeIsNoDrift(t *testing.T) {
	d, _ := installed(t)
	d.exec(`UPDATE public.secret SET value = replace(value, 'http://grafana', 'http://else')`)
	changed := `{"vms": {` + vms + `, "description": "new", "pulling_enabled": true}, "g": {"type": "grafana", "authentication": {"host": "http://grafana", "token": "new", "datasource_uid": "u"}}}`
	got := d.text("SELECT concat_ws(' ', name, array_to_string(fields, ','), 'authentication.host' = ANY (drift)) FROM bootstrap.plan_providers('keep', $1::json) ORDER BY name", changed)
	if want := []string{"g authentication.host,authentication.token t", "vms description f"}; !slices.Equal(got, want) {
		t.Errorf("plan:\n got %q\nwant %q", got, want)
	}
}

func TestOnDriftFail(t *testing.T) {
	d, manifest := installed(t)
	d.mustInstall(manifest, `{"on_drift": "fail"}`)
	d.exec(`UPDATE public.secret SET value = replace(value, '"token": "t"', '"token": "CANARY"')`)
	said := d.refused("KB025", manifest, `{"on_drift": "fail"}`)
	if !strings.Contains(said, `"g"`) || !strings.Contains(said, "authentication.token") || !strings.Contains(said, "--on-drift") || strings.Contains(said, "CANARY") {
		t.Errorf("the refusal says %s", said)
	}
	d.exec("DELETE FROM public.provider WHERE name = 'vms'")
	if said := d.refused("KB025", manifest, `{"on_drift": "fail"}`); !strings.Contains(said, `"vms"`) {
		t.Errorf("the refusal says %s", said)
	}
}

// A run that would lose what someone else changed is refused too: when the provider is replaced or pruned.
func TestOnDriftFailForWhatIsLost(t *testing.T) {
	fail := `{"on_drift": "fail"}`
	replaced := `{"vms": {` + vms + `, "description": "ours", "pulling_enabled": true}, "g": {"type": "prometheus", "authentication": {"url": "http://p"}}}`
	exchanged := `{"vms": {"type": "prometheus", "authentication": {"url": "http://p"}}, "g": {"type": "grafana", "authentication": {"host": "http://grafana", "token": "t", "datasource_uid": "u"}}}`
	pruned := `{"vms": {` + vms + `, "description": "ours", "pulling_enabled": true}}`
	secret := `UPDATE public.secret SET value = replace(value, '"token": "t"', '"token": "CANARY"')`
	for name, c := range map[string]struct{ edit, manifest string }{
		"replaced, a key":               {secret, replaced},
		"replaced, a removed key":       {`UPDATE public.secret SET value = (value::jsonb #- '{authentication,token}')::text WHERE key LIKE 'keep_grafana%'`, strings.Replace(replaced, `"url"`, `"token": "t", "url"`, 1)},
		"replaced, an unreadable one":   {"UPDATE public.secret SET value = 'CANARY' WHERE key LIKE 'keep_grafana%'", replaced},
		"replaced, a description":       {"UPDATE public.provider SET description = 'theirs' WHERE name = 'vms'", exchanged},
		"replaced, no longer pulled":    {"UPDATE public.provider SET pulling_enabled = false WHERE name = 'vms'", exchanged},
		"pruned, a key":                 {secret, pruned},
		"pruned, a description":         {"UPDATE public.provider SET description = 'theirs' WHERE name = 'vms'", `{"g": {"type": "grafana", "authentication": {"host": "http://grafana", "token": "t", "datasource_uid": "u"}}}`},
		"pruned under a name of theirs": {"UPDATE public.provider SET name = 'theirs' WHERE name = 'g'", pruned},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := installed(t)
			d.exec(c.edit)
			d.wantRows("drift in the plan", d.text("SELECT (drift <> '{}')::text FROM bootstrap.plan_providers('keep', $1::json)", c.manifest), "true")
			if said := d.refused("KB025", c.manifest, fail); strings.Contains(said, "CANARY") {
				t.Errorf("the refusal says %s", said)
			}
			d.mustInstall(c.manifest)
			d.wantRows("drift in the journal", d.text("SELECT (drift <> '{}')::text FROM bootstrap.history_changes(2)"), "true")
		})
	}

	// What Keep adds to a secret by itself is no drift.
	d, _ := installed(t)
	d.exec(`UPDATE public.secret SET value = jsonb_set(value::jsonb, '{authentication,webhook}', '"w"')::text WHERE key LIKE 'keep_grafana%'`)
	d.mustInstall(replaced, fail)
}

// conditions returns the name and the condition of every provider, without its fields.
func (d database) conditions() []string {
	d.t.Helper()
	return d.text("SELECT name || ': ' || split_part(condition, ':', 1) FROM bootstrap.status() WHERE kind = 'provider'")
}

// rows returns everything that Keep shows of the objects of all kinds, without times and without what counts versions.
func (d database) rows() []string {
	d.t.Helper()
	return d.text(`
		SELECT concat_ws('|', 'provider', p.id, p.name, p.type, p.description, p.pulling_enabled, s.value) FROM public.provider AS p LEFT JOIN public.secret AS s ON s.key = p.configuration_key
		UNION ALL SELECT concat_ws('|', 'rule', id, name, description, provider_id, provider_type, enabled, fingerprint_fields, ignore_fields, full_deduplication, priority) FROM public.alertdeduplicationrule
		UNION ALL SELECT concat_ws('|', 'workflow', id, name, description, interval, is_disabled, is_deleted, workflow_raw) FROM public.workflow
		UNION ALL SELECT concat_ws('|', 'dashboard', id, dashboard_name, dashboard_config::jsonb) FROM public.dashboard
		UNION ALL SELECT concat_ws('|', 'mapping rule', name, description, priority, type, matchers::jsonb, rows::jsonb, disabled, override, condition) FROM public.mappingrule
		UNION ALL SELECT concat_ws('|', 'key', reference_id, role, is_deleted, key_hash, s.value) FROM public.tenantapikey LEFT JOIN public.secret AS s ON s.key = tenant_id || '-' || reference_id
		UNION ALL SELECT concat_ws('|', 'user', username, password_hash, role) FROM public."user"
		ORDER BY 1`)
}

// Drift is a matter of the whole object, of every kind: keep leaves it as someone else made it, whatever the manifest changes, fail
// refuses, and overwrite makes it what the manifest says, under its id.
func TestDriftOfEveryKind(t *testing.T) {
	first := strings.NewReplacer(`"vm": {`, `"vm": {"description": "ours", "pulling_enabled": true, `+ruled, `"password": "pass"`, `"password": "pass", "reset_password": true`).Replace(everything)
	for _, test := range []struct{ name, edit, old, new string }{
		{"provider, secret", "UPDATE public.secret SET value = replace(value, 'http://vm', 'http://theirs')", "8880", "8881"},
		{"provider, description", "UPDATE public.provider SET description = 'theirs'", "8880", "8881"},
		{"provider, pulling", "UPDATE public.provider SET pulling_enabled = false", "8880", "8881"},
		{"provider, name", "UPDATE public.provider SET name = 'theirs'", "8880", "8881"},
		{"provider, secret gone", "DELETE FROM public.secret WHERE key LIKE 'keep_victoria%'", "8880", "8881"},
		{"rule, description", "UPDATE public.alertdeduplicationrule SET description = 'theirs'", `{"description": "d"}`, `{"description": "e"}`},
		{"rule, disabled", "UPDATE public.alertdeduplicationrule SET enabled = false", `{"description": "d"}`, `{"description": "e"}`},
		{"rule, deleted", "DELETE FROM public.alertdeduplicationrule", `{"description": "d"}`, `{"description": "e"}`},
		{"workflow, text", "UPDATE public.workflow SET workflow_raw = 'theirs' WHERE name = 'disk-full'", "Calls somebody", "Calls everybody"},
		{"workflow, disabled", "UPDATE public.workflow SET is_disabled = true WHERE name = 'disk-full'", "Calls somebody", "Calls everybody"},
		{"workflow, deleted", "UPDATE public.workflow SET is_deleted = true WHERE name = 'disk-full'", "Calls somebody", "Calls everybody"},
		{"dashboard, name", "UPDATE public.dashboard SET dashboard_name = 'theirs'", "2.50", "3"},
		{"dashboard, content", `UPDATE public.dashboard SET dashboard_config = '{"theirs": 1}'`, "2.50", "3"},
		{"mapping rule, disabled", "UPDATE public.mappingrule SET disabled = true WHERE name = 'services'", `"priority": 3`, `"priority": 4`},
		{"mapping rule, condition", "UPDATE public.mappingrule SET condition = 'theirs' WHERE name = 'services'", `"priority": 3`, `"priority": 4`},
		{"API key, role", "UPDATE public.tenantapikey SET role = 'admin' WHERE reference_id = 'ci'", "CANARY-1", "CANARY-3"},
		{"API key, deleted", "UPDATE public.tenantapikey SET is_deleted = true WHERE reference_id = 'ci'", "CANARY-1", "CANARY-3"},
		{"API key, secret", "UPDATE public.secret SET value = 'theirs' WHERE key = 'keep-ci'", `"role": "webhook"`, `"role": "noc"`},
		{"user, password", `UPDATE public."user" SET password_hash = 'theirs'`, `"pass"`, `"word"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDatabase(t)
			d.mustInstallAll(first)
			ours := d.rows()
			d.exec(test.edit)
			theirs := d.rows()
			if slices.Equal(ours, theirs) {
				t.Fatal("nothing changed")
			}
			for _, manifest := range []string{first, strings.Replace(first, test.old, test.new, 1)} {
				d.refusedAll("KB025", manifest, `{"on_drift": "fail"}`)
				d.mustInstallAll(manifest, `{"on_drift": "keep"}`)
				d.wantRows("kept", d.rows(), theirs...)
				before := d.rowVersions()
				d.mustInstallAll(manifest, `{"on_drift": "keep"}`)
				d.wantRows("kept again", d.rowVersions(), before...)
			}
			d.mustInstallAll(first)
			d.wantRows("overwritten", d.rows(), ours...)
			if got := d.planAll(first); len(got) != 0 {
				t.Errorf("plan afterwards: %q", got)
			}
			d.mustInstallAll(strings.Replace(first, test.old, test.new, 1), `{"on_drift": "fail"}`) // a change of the manifest is no drift
		})
	}
}

// What someone else did to one object does not hold up the others.
func TestKeptDriftLeavesTheOthers(t *testing.T) {
	d, manifest := installed(t)
	d.exec(`UPDATE public.secret SET value = replace(value, '"token": "t"', '"token": "theirs"')`)
	d.mustInstall(strings.Replace(manifest, `"VMAlertPort": 8880`, `"VMAlertPort": 1`, 1), `{"on_drift": "keep"}`)
	d.wantRows("providers", d.text("SELECT p.name || ' ' || (s.value ~ 'theirs|: 1,|: 1}') FROM public.provider AS p JOIN public.secret AS s ON s.key = p.configuration_key ORDER BY 1"), "g true", "vms true")
	d.exec("DELETE FROM public.provider WHERE name = 'g'")
	for range 2 {
		d.mustInstall(manifest, `{"on_drift": "keep"}`)
		if len(d.providers()) != 1 {
			t.Error("a deleted provider came back")
		}
	}
}

// A provider of ours that someone deleted comes back with its id, so that its webhook address stays; its guard too.
func TestDeletedProviderKeepsItsID(t *testing.T) {
	d := newDatabase(t)
	manifest := `{"vms": {` + vms + `, "prevent_delete": true, "deduplication_rules": {"r": {}}}, "g": {` + grafana("t") + `}}`
	d.mustInstall(manifest)
	ids := d.providers()
	rule := d.one("SELECT id || provider_id FROM public.alertdeduplicationrule")
	d.exec("DELETE FROM public.provider") // the secrets stay behind, and so do the rules
	d.wantPlan(manifest, "provider:add vms", "provider:add g")
	d.mustInstall(`{"vms": {` + vms + `, "deduplication_rules": {"r": {}}}, "g": {` + grafana("t2") + `}}`)
	d.wantIDs(ids)
	if got := d.one("SELECT id || provider_id FROM public.alertdeduplicationrule"); got != rule {
		t.Errorf("the rule was %s and is %s", rule, got)
	}
	d.refused("KB022", `{"g": {`+grafana("t2")+`}}`)
	if got := d.one("SELECT bool_and(ok)::text || count(ok) FROM bootstrap.verify()"); got != "true10" {
		t.Errorf("verify: %s", got)
	}
}

// Someone renames our provider: the next run gives it its name back, and the id stays.
func TestRenamedBySomeoneElse(t *testing.T) {
	d, manifest := installed(t)
	ids := d.providers()
	d.exec("UPDATE public.provider SET name = 'theirs' WHERE name = 'vms'")
	d.exec(`UPDATE public.secret SET value = replace(value, 'http://vm', 'http://changed') WHERE key LIKE 'keep_victoria%'`)
	d.mustInstall(manifest)
	d.wantIDs(ids)
}

// Keep adds a key while the run waits for the row: the key is kept.
func TestKeepAddsAKeyMeanwhile(t *testing.T) {
	t.Parallel()
	shared := pgtest.New(t, migrated)
	keep, run := database{shared.Conn(t), t}, database{shared.Conn(t), t}
	run.mustInstall(`{"g": {` + grafana("one") + `}}`)
	ctx := context.Background()
	tx, err := keep.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, `UPDATE public.secret SET value = '{"authentication": {"host": "http://grafana", "token": "one", "webhook_uid": "w"}, "name": "g"}'`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	run.exec("SET deadlock_timeout = '10s'")
	go func() { done <- run.install(`{"g": {` + grafana("two") + `}}`) }()
	waitFor(t, database{shared.Conn(t), t}, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", "1")
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if code := pgtest.SQLState(<-done); code != "KB040" {
		t.Errorf("SQLSTATE %s, want KB040", code)
	}
	run.mustInstall(`{"g": {` + grafana("two") + `}}`)
	if got := run.secret("g"); got != `{"name": "g", "authentication": {"host": "http://grafana", "token": "two", "webhook_uid": "w"}}` {
		t.Errorf("secret: %s", got)
	}
}

// A row that Keep changes while the run waits is a conflict, which a repetition solves, although other rows, which a later step or none
// writes, are as the plan saw them: it is not taken for a trigger's work.
func TestConflictIsNotTakenForATrigger(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ change, manifest string }{
		"pruned provider": {
			"UPDATE public.provider SET last_pull_time = now() WHERE name = 'p'",
			`{"q": {"type": "prometheus", "description": "new", "authentication": {"url": "http://other"}}}`,
		},
		"secret of a pruned provider": {
			"UPDATE public.secret SET last_updated = now() WHERE value LIKE '%http://p%'",
			`{"q": {"type": "prometheus", "description": "new", "authentication": {"url": "http://other"}}}`,
		},
		"provider beside a secret": {
			"UPDATE public.provider SET last_pull_time = now() WHERE name = 'p'",
			`{"p": {"type": "prometheus", "description": "new", "authentication": {"url": "http://p"}},
			  "q": {"type": "prometheus", "authentication": {"url": "http://other"}}}`,
		},
		"secret beside a provider": {
			"UPDATE public.secret SET last_updated = now() WHERE value LIKE '%http://p%'",
			`{"p": {"type": "prometheus", "authentication": {"url": "http://other"}},
			  "q": {"type": "prometheus", "description": "new", "authentication": {"url": "http://q"}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := pgtest.New(t, migrated)
			keep, run := database{shared.Conn(t), t}, database{shared.Conn(t), t}
			run.mustInstall(`{"p": {"type": "prometheus", "authentication": {"url": "http://p"}},
				"q": {"type": "prometheus", "authentication": {"url": "http://q"}}}`)
			ctx := context.Background()
			tx, err := keep.Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(ctx, test.change); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- run.install(test.manifest) }()
			waitFor(t, database{shared.Conn(t), t}, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", "1")
			if err := tx.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			if err := <-done; pgtest.SQLState(err) != "KB040" {
				t.Errorf("%v, want KB040", err)
			}
			run.mustInstall(test.manifest)
		})
	}
}

// With additive, a provider of another type stays, with its rules, and a note says why. The next run finds nothing to do.
func TestAdditiveKeepsRulesWithTheirProvider(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {"type": "prometheus", "authentication": {"url": "http://a"}, "deduplication_rules": {"r": {}}}}`)
	ids := d.providers()
	other := `{"a": {` + grafana("x") + `, "deduplication_rules": {"r": {}}}}`
	d.mustInstall(other, `{"additive": true}`)
	d.wantIDs(ids)
	if got := d.planAll(`{"providers": `+other+`}`, `{"additive": true}`); len(got) != 1 || strings.Contains(got[0], "rule") {
		t.Errorf("plan: %q", got)
	}
	before := d.rowVersions()
	d.exec("BEGIN")
	d.mustInstall(other, `{"additive": true}`)
	if got := d.one("SELECT array_to_string(notes, ';') FROM bootstrap.report()"); got != `1 provider(s) differ in type from the manifest, and stay (additive): "a"` {
		t.Errorf("notes: %s", got)
	}
	d.exec("COMMIT")
	if diff := cmp.Diff(before, d.rowVersions()); diff != "" {
		t.Error(diff)
	}
}

// A plan is bound to the rows and to the manifest; what Keep writes by itself does not make it stale.
func TestPlanDigest(t *testing.T) {
	d, _ := installed(t)
	ctx := context.Background()
	manifest := `{"vms": {` + vms + `}, "g": {` + grafana("planned") + `}}`
	stage := func(manifest string) { d.exec("INSERT INTO bootstrap.manifest_staging (line) VALUES ($1)", manifest) }
	plan := func(manifest string) string {
		d.exec("BEGIN")
		defer d.exec("COMMIT")
		stage(manifest)
		d.exec("SELECT FROM bootstrap.plan_staged('keep')")
		return d.one("SELECT plan_digest FROM bootstrap.report()")
	}
	apply := func(manifest, digest string) string {
		d.exec("BEGIN")
		stage(manifest)
		_, err := d.Exec(ctx, "CALL bootstrap.install_staged('keep', jsonb_build_object('plan_digest', $1::text))", digest)
		if err != nil {
			d.exec("ROLLBACK")
		} else {
			d.exec("COMMIT")
		}
		return pgtest.SQLState(err)
	}
	digest := plan(manifest)
	if again := plan(manifest); again != digest {
		t.Errorf("two plans of the same: %s and %s", digest, again)
	}
	d.exec(`UPDATE public.provider SET last_pull_time = now(), "validatedScopes" = '{"x": 1}'`)
	if again := plan(manifest); again != digest {
		t.Error("what Keep writes by itself makes a plan stale")
	}
	if code := apply(strings.Replace(manifest, "planned", "other", 1), digest); code != "KB026" {
		t.Errorf("another manifest: SQLSTATE %q", code)
	}
	d.exec(`UPDATE public.secret SET value = replace(value, 'http://grafana', 'http://else')`)
	if code := apply(manifest, digest); code != "KB026" {
		t.Errorf("a changed secret: SQLSTATE %q", code)
	}
	digest = plan(manifest)
	if code := apply(manifest, digest); code != "" {
		t.Errorf("a fresh plan: SQLSTATE %q", code)
	}
	if code := apply(manifest, digest); code != "KB026" {
		t.Errorf("a plan that was applied already: SQLSTATE %q", code)
	}
	if code := apply(manifest, plan(manifest)); code != "" {
		t.Errorf("a plan without changes: SQLSTATE %q", code)
	}
}

func TestDependents(t *testing.T) {
	d, _ := installed(t)
	id := d.providers()["g"]
	d.exec("INSERT INTO public.alert (id, tenant_id, provider_id, provider_type, timestamp, fingerprint, event) SELECT gen_random_uuid(), 'keep', $1, 'grafana', now(), 'f', '{}' FROM generate_series(1, 1200)", id)
	d.exec("INSERT INTO public.providerexecutionlog (id, tenant_id, provider_id, timestamp, log_level) SELECT i::text, 'keep', $1, now(), 'info' FROM generate_series(1, 7) AS i", id)
	d.exec("INSERT INTO public.workflow (id, tenant_id, name, workflow_raw, creation_time, is_deleted, revision) SELECT i::text, 'keep', 'w' || i, 'config: \"{{ providers.g' || CASE i WHEN 1 THEN '' ELSE '-other' END || ' }}\"', now(), false, 1 FROM generate_series(1, 2) AS i")
	got := d.text("SELECT concat_ws(' ', kind, count, array_to_string(names, ',')) FROM bootstrap.dependents('keep', jsonb_build_array($1::text)) ORDER BY kind", id)
	if want := []string{"alerts 1001", "deduplication rules of users 0", "execution logs 7", "workflows 1 w1"}; !slices.Equal(got, want) {
		t.Errorf("dependents: %q, want %q", got, want)
	}
}

// A manifest made of the exported rows changes nothing.
func TestExport(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"vms": {` + vms + `, "deduplication_rules": {"r": {"fingerprint_fields": ["a"], "priority": 3}}}, "k": {"type": "kafka", "description": "d", "prevent_delete": true, "authentication": {"host": "http://user:pw@h", "topic": "t", "password": "p", "extra": {"a": [1]}}}}`)
	d.exec(`UPDATE public.secret SET value = replace(value, '"topic"', '"added by Keep": 1, "topic"')`)
	got := d.text("SELECT concat_ws(' ', name, type, options, content) FROM bootstrap.export() WHERE kind = 'provider'")
	want := []string{
		`k kafka {"description":"d","prevent_delete":true,"install_webhook":true} {"host": "http://user:pw@h", "topic": "t", "password": "p", "extra": {"a": [1]}}`,
		`vms victoriametrics {"prevent_delete":false,"install_webhook":true} {"VMAlertHost": "http://vm", "VMAlertPort": 8880}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("export:\n got %q\nwant %q", got, want)
	}
	d.exec("BEGIN")
	d.exec(`INSERT INTO bootstrap.staging (kind, position, name, type, content, options)
		SELECT kind, row_number() OVER (PARTITION BY kind), name, type, content, options FROM bootstrap.export()`)
	d.wantRows("plan of the export", d.text("SELECT action || ' ' || name FROM bootstrap.plan_staged('keep')"))
	d.exec("ROLLBACK")
}
