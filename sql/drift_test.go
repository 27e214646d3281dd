package sqlfiles_test

import (
	"context"
	"slices"
	"strings"
	"testing"

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
		"g update authentication.datasource_uid,authentication.host someone else changed it since the last run",
		"vms update description,pulling_enabled someone else changed it since the last run",
	}
	if got := d.text(drift, manifest); !slices.Equal(got, want) {
		t.Errorf("plan:\n got %q\nwant %q", got, want)
	}
	if got := d.text("SELECT name || ': ' || condition FROM bootstrap.status()"); !slices.Equal(got, []string{
		"g: changed by someone else: authentication.datasource_uid, authentication.host",
		"vms: changed by someone else: description, pulling_enabled",
	}) {
		t.Errorf("status: %q", got)
	}
	if got := d.one("SELECT coalesce(ok::text, 'warns') || ': ' || detail FROM bootstrap.verify() WHERE name = 'drift'"); !strings.HasPrefix(got, "warns") || !strings.Contains(got, `"g" (authentication.datasource_uid, authentication.host); "vms" (description, pulling_enabled)`) {
		t.Errorf("verify: %s", got)
	}

	d.mustInstall(manifest)
	d.wantIDs(ids)
	if got := d.secret("g"); got != `{"authentication": {"host": "http://grafana", "token": "t", "datasource_uid": "u", "webhook": "Keep's own"}, "name": "g"}` {
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
	got := d.text("SELECT concat_ws(' ', name, array_to_string(fields, ','), '(' || array_to_string(drift, ',') || ')') FROM bootstrap.plan_providers('keep', $1::json) ORDER BY name", changed)
	if want := []string{"g authentication.host,authentication.token (authentication.host)", "vms description ()"}; !slices.Equal(got, want) {
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
	pruned := `{"vms": {` + vms + `, "description": "ours", "pulling_enabled": true}}`
	secret := `UPDATE public.secret SET value = replace(value, '"token": "t"', '"token": "CANARY"')`
	for name, c := range map[string]struct{ edit, manifest, drift string }{
		"replaced, a key":               {secret, replaced, "authentication.token"},
		"replaced, a removed key":       {`UPDATE public.secret SET value = (value::jsonb #- '{authentication,token}')::text WHERE key LIKE 'keep_grafana%'`, strings.Replace(replaced, `"url"`, `"token": "t", "url"`, 1), "authentication.token"},
		"replaced, an unreadable one":   {"UPDATE public.secret SET value = 'CANARY' WHERE key LIKE 'keep_grafana%'", replaced, "secret"},
		"replaced, a description":       {"UPDATE public.provider SET description = 'theirs' WHERE name = 'g'", replaced, "description"},
		"replaced, no longer pulled":    {"UPDATE public.provider SET pulling_enabled = false WHERE name = 'g'", replaced, "pulling_enabled"},
		"pruned, a key":                 {secret, pruned, "authentication.token"},
		"pruned, a description":         {"UPDATE public.provider SET description = 'theirs' WHERE name = 'g'", pruned, "description"},
		"pruned under a name of theirs": {"UPDATE public.provider SET name = 'theirs' WHERE name = 'g'", pruned, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := installed(t)
			d.exec(c.edit)
			if got := d.text("SELECT array_to_string(drift, ',') FROM bootstrap.plan_providers('keep', $1::json)", c.manifest); !slices.Equal(got, []string{c.drift}) {
				t.Errorf("drift in the plan: %q, want %s", got, c.drift)
			}
			if said := d.refused("KB025", c.manifest, fail); !strings.Contains(said, c.drift) || strings.Contains(said, "CANARY") {
				t.Errorf("the refusal says %s", said)
			}
			d.mustInstall(c.manifest)
			if got := d.text("SELECT array_to_string(drift, ',') FROM bootstrap.history_changes(2)"); !slices.Equal(got, []string{c.drift}) {
				t.Errorf("drift in the journal: %q, want %s", got, c.drift)
			}
		})
	}

	// What the successor has alike is not lost, and neither is what Keep added by itself.
	d, _ := installed(t)
	d.exec(secret)
	d.exec(`UPDATE public.secret SET value = jsonb_set(value::jsonb, '{authentication,webhook}', '"w"')::text WHERE key LIKE 'keep_grafana%'`)
	d.mustInstall(strings.Replace(replaced, `"url"`, `"token": "CANARY", "url"`, 1), fail)
}

func TestOnDriftKeep(t *testing.T) {
	d, manifest := installed(t)
	keep := `{"on_drift": "keep"}`
	d.exec(`UPDATE public.provider SET description = 'theirs', name = 'renamed' WHERE name = 'vms'`)
	d.exec(`UPDATE public.secret SET value = '{"authentication": {"host": "http://else", "token": "t"}, "name": "g"}' WHERE key LIKE 'keep_grafana%'`)
	before := d.rowVersions()
	d.mustInstall(manifest, keep)
	if !slices.Equal(before, d.rowVersions()) {
		t.Error("a run that only keeps drift wrote something")
	}
	// Another field changes in the manifest: it is written, and the drift stays, and stays known as drift.
	changed := strings.Replace(manifest, `"token": "t"`, `"token": "new"`, 1)
	changed = strings.Replace(changed, `"VMAlertPort": 8880`, `"VMAlertPort": 1`, 1)
	for range 2 {
		d.mustInstall(changed, keep)
		if got := d.secret("g"); got != `{"authentication": {"host": "http://else", "token": "new"}, "name": "g"}` {
			t.Errorf("secret: %s", got)
		}
		if got := d.one("SELECT name || ' ' || description FROM public.provider WHERE type = 'victoriametrics'"); got != "renamed theirs" {
			t.Errorf("provider: %s", got)
		}
		if got := d.text("SELECT name || ': ' || condition FROM bootstrap.status()"); !slices.Equal(got, []string{
			"g: changed by someone else: authentication.datasource_uid, authentication.host",
			"renamed: changed by someone else: name, description",
		}) {
			t.Errorf("status: %q", got)
		}
	}
	d.mustInstall(changed)
	if got := d.secret("g"); got != `{"authentication": {"host": "http://grafana", "token": "new", "datasource_uid": "u"}, "name": "g"}` {
		t.Errorf("secret: %s", got)
	}
	if got := d.one("SELECT count(*)::text FROM bootstrap.plan_providers('keep', $1::json)", changed); got != "0" {
		t.Errorf("%s changes are left", got)
	}
	// A deleted row is left deleted.
	d.exec("DELETE FROM public.provider WHERE name = 'g'")
	d.mustInstall(changed, keep)
	if len(d.providers()) != 1 {
		t.Error("a deleted provider came back")
	}
}

// What else is to be remembered of a provider is, also when all that it has is drift that is kept.
func TestOnDriftKeepRemembersTheRest(t *testing.T) {
	d, manifest := installed(t)
	keep := `{"on_drift": "keep"}`
	// A value of theirs stays; a key that they added, with the value that the manifest now has, is from now on ours.
	d.exec(`UPDATE public.secret SET value = '{"authentication": {"host": "http://else", "token": "t", "datasource_uid": "u", "added": "a"}, "name": "g"}' WHERE key LIKE 'keep_grafana%'`)
	d.exec("UPDATE public.provider SET description = 'theirs' WHERE name = 'g'") // the manifest says nothing about it
	d.mustInstall(strings.Replace(manifest, `"token": "t"`, `"token": "t", "added": "a"`, 1), keep)
	if got := d.text("SELECT condition FROM bootstrap.status() WHERE name = 'g'"); !slices.Equal(got, []string{"changed by someone else: authentication.host"}) {
		t.Errorf("status: %q", got)
	}
	before := d.rowVersions()
	d.mustInstall(strings.Replace(manifest, `"token": "t"`, `"token": "t", "added": "a"`, 1), keep)
	if !slices.Equal(before, d.rowVersions()) {
		t.Error("the same again wrote something")
	}
	d.mustInstall(manifest, keep)
	if got := d.secret("g"); got != `{"authentication": {"host": "http://else", "token": "t", "datasource_uid": "u"}, "name": "g"}` {
		t.Errorf("secret: %s", got)
	}
}

// A key that someone else changed and that leaves the manifest is kept, stays known as drift, and goes with overwrite.
func TestOnDriftKeepOfADroppedKey(t *testing.T) {
	d, manifest := installed(t)
	d.exec(`UPDATE public.secret SET value = replace(value, '"datasource_uid": "u"', '"datasource_uid": "theirs"')`)
	dropped := strings.Replace(manifest, `, "datasource_uid": "u"`, "", 1)
	for range 2 {
		d.mustInstall(strings.Replace(dropped, "http://grafana", "http://new", 1), `{"on_drift": "keep"}`)
		if got := d.secret("g"); got != `{"authentication": {"host": "http://new", "token": "t", "datasource_uid": "theirs"}, "name": "g"}` {
			t.Errorf("secret: %s", got)
		}
		if got := d.text("SELECT condition FROM bootstrap.status() WHERE name = 'g'"); !slices.Equal(got, []string{"changed by someone else: authentication.datasource_uid"}) {
			t.Errorf("status: %q", got)
		}
	}
	d.mustInstall(dropped)
	if got := d.secret("g"); got != `{"authentication": {"host": "http://grafana", "token": "t"}, "name": "g"}` {
		t.Errorf("secret: %s", got)
	}
}

// A secret that someone else spoiled is kept, also after a run that changed something else of the provider.
func TestOnDriftKeepOfASpoiledSecret(t *testing.T) {
	d, manifest := installed(t)
	d.exec("UPDATE public.secret SET value = 'not JSON' WHERE key LIKE 'keep_grafana%'")
	changed := strings.Replace(manifest, `"g": {`, `"g": {"description": "new", `, 1)
	changed = strings.Replace(changed, `"token": "t"`, `"token": "new"`, 1)
	for range 2 {
		d.mustInstall(changed, `{"on_drift": "keep"}`)
		if got := d.secret("g"); got != "not JSON" {
			t.Errorf("secret: %s", got)
		}
	}
	// Repaired, it has what was written before; the manifest's new value is a change of the manifest.
	d.exec(`UPDATE public.secret SET value = '{"authentication": {"host": "http://grafana", "token": "t", "datasource_uid": "u"}, "name": "g"}' WHERE key LIKE 'keep_grafana%'`)
	d.mustInstall(changed, `{"on_drift": "keep"}`)
	if got := d.secret("g"); got != `{"authentication": {"host": "http://grafana", "token": "new", "datasource_uid": "u"}, "name": "g"}` {
		t.Errorf("secret: %s", got)
	}
}

// A type that someone else changed and that the manifest then takes over does not hide what else the manifest changes.
func TestOnDriftKeepOfASettledType(t *testing.T) {
	d, manifest := installed(t)
	ids := d.providers()
	d.exec("UPDATE public.provider SET type = 'airflow' WHERE name = 'g'")
	d.mustInstall(strings.Replace(manifest, `"g": {"type": "grafana", `, `"g": {"type": "airflow", "description": "new", `, 1), `{"on_drift": "keep"}`)
	d.wantIDs(ids)
	if got := d.one("SELECT type || ' ' || coalesce(description, '') FROM public.provider WHERE name = 'g'"); got != "airflow new" {
		t.Errorf("provider: %s", got)
	}
	if got := d.one("SELECT condition FROM bootstrap.status() WHERE name = 'g'"); got != "installed" {
		t.Errorf("status: %s", got)
	}
}

// A provider whose type someone else changed, and that is kept, keeps its name too: nobody can take it, and that is said.
func TestOnDriftKeepOfATypeInASwap(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {` + vms + `}, "b": {` + grafana("t") + `}}`)
	d.exec("UPDATE public.provider SET type = 'grafana' WHERE name = 'a'")
	d.refused("KB025", `{"a": {`+grafana("t")+`, "renamed_from": ["b"]}, "b": {`+vms+`, "renamed_from": ["a"]}}`, `{"on_drift": "keep"}`)
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
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := run.secret("g"); got != `{"authentication": {"host": "http://grafana", "token": "two", "webhook_uid": "w"}, "name": "g"}` {
		t.Errorf("secret: %s", got)
	}
}

// A plan is bound to the rows and to the manifest; what Keep writes by itself does not make it stale.
func TestPlanDigest(t *testing.T) {
	d, _ := installed(t)
	ctx := context.Background()
	manifest := `{"vms": {` + vms + `}, "g": {` + grafana("planned") + `}}`
	stage := func(manifest string) {
		d.exec("INSERT INTO bootstrap.provider_staging (position, name, type, authentication, deduplication_rules, renamed_from, description, pulling_enabled, prevent_delete, install_webhook) SELECT position, name, type, authentication, deduplication_rules, renamed_from, description, pulling_enabled, prevent_delete, install_webhook FROM bootstrap._manifest_from_json($1::json)", manifest)
	}
	plan := func(manifest string) string {
		d.exec("BEGIN")
		defer d.exec("COMMIT")
		stage(manifest)
		d.exec("SELECT FROM bootstrap.plan_staged('keep')")
		return d.one("SELECT bootstrap.plan_digest()")
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
	got := d.text("SELECT concat_ws(' ', name, type, array_to_string(secret_keys, ','), description, prevent_delete, install_webhook, authentication) FROM bootstrap.export_providers()")
	want := []string{
		`k kafka host,password,extra d t t {"host": "http://user:pw@h", "topic": "t", "password": "p", "extra": {"a": [1]}}`,
		`vms victoriametrics  f t {"VMAlertHost": "http://vm", "VMAlertPort": 8880}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("export:\n got %q\nwant %q", got, want)
	}
	exported := d.one(`SELECT json_agg(json_build_object('name', name, 'type', type, 'authentication', authentication::json, 'description', description,
		'pulling_enabled', pulling_enabled, 'prevent_delete', prevent_delete, 'install_webhook', install_webhook, 'deduplication_rules', deduplication_rules::json))::text FROM bootstrap.export_providers()`)
	d.wantPlan(exported)
}
