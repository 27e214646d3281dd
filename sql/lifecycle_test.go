package sqlfiles_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// entry is a provider of the list form.
func entry(name, rest string) string { return fmt.Sprintf(`{"name": %q, %s}`, name, rest) }

func list(entries ...string) string { return "[" + strings.Join(entries, ", ") + "]" }

// wantIDs compares the ids of the live providers, name by name.
func (d database) wantIDs(want map[string]string) {
	d.t.Helper()
	if got := d.providers(); !maps.Equal(got, want) {
		d.t.Errorf("ids by name: %v, want %v", got, want)
	}
	for name := range want {
		if secret := d.secret(name); !strings.Contains(secret, fmt.Sprintf(`"name": %q`, name)) {
			d.t.Errorf("the secret of %s says %s", name, secret)
		}
	}
}

// The article's case: "vms" becomes "victoriametrics", one row, same id, same dedup rule, same execution log.
func TestRename(t *testing.T) {
	for _, how := range []string{"declared", "detected"} {
		t.Run(how, func(t *testing.T) {
			d := newDatabase(t)
			d.mustInstall(`{"vms": {` + vms + `, "deduplication_rules": {"r": {}}}}`)
			id := d.providers()["vms"]
			d.exec("INSERT INTO public.providerexecutionlog (id, tenant_id, provider_id, timestamp, log_level) VALUES ('l', 'keep', $1, now(), 'info')", id)
			rule := d.one("SELECT id || provider_id FROM public.alertdeduplicationrule")
			manifest := `{"victoriametrics": {` + vms + `, "deduplication_rules": {"r": {}}}}`
			if how == "declared" {
				manifest = `{"victoriametrics": {"renamed_from": ["older", "vms"], "type": "victoriametrics", "authentication": {"VMAlertHost": "http://new"}, "deduplication_rules": {"r": {}}}}`
			}
			d.mustInstall(manifest)
			d.wantIDs(map[string]string{"victoriametrics": id})
			if got := d.one("SELECT id || provider_id FROM public.alertdeduplicationrule"); got != rule {
				t.Errorf("the rule was %s and is %s", rule, got)
			}
			if got := d.one("SELECT provider_id FROM public.providerexecutionlog"); got != id {
				t.Errorf("the execution log points at %s", got)
			}
			if got := d.one("SELECT configuration_key FROM public.provider"); got != "keep_victoriametrics_"+id {
				t.Errorf("configuration_key: %s", got)
			}
			d.wantPlan(manifest)
		})
	}
}

// Both rows exist already (Keep left the old one behind): the row of the current name stays, the stale one goes.
func TestRenameLeftover(t *testing.T) {
	for _, renamed := range []string{``, `"renamed_from": "vms", `} {
		t.Run(renamed, func(t *testing.T) {
			d := newDatabase(t)
			pgtest.KeepProvisioned(t, d.Conn, "vms", "victoriametrics", `{"VMAlertHost": "http://vm"}`)
			id := pgtest.KeepProvisioned(t, d.Conn, "victoriametrics", "victoriametrics", `{"VMAlertHost": "http://vm"}`)
			d.mustInstall(`{"victoriametrics": {` + renamed + `"type": "victoriametrics", "authentication": {"VMAlertHost": "http://vm"}}}`)
			d.wantIDs(map[string]string{"victoriametrics": id})
			if got := d.one("SELECT count(*)::text FROM public.secret"); got != "1" {
				t.Errorf("%s secrets are left, want 1", got)
			}
		})
	}
}

func TestRenameIsDetectedOnlyWhenPlain(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {` + vms + `}, "b": {` + vms + `}, "c": {"type": "airflow"}, "d": {` + grafana("t") + `}}`)
	// Two leave and one arrives; an empty authentication says nothing; another type is another provider.
	d.wantPlan(`{"x": {`+vms+`}, "y": {"type": "airflow"}, "z": {"type": "grafana_oncall", "authentication": {"host": "http://grafana", "token": "t"}}}`,
		"provider:add x", "provider:add y", "provider:add z",
		"provider:prune a !KB021", "provider:prune b !KB021", "provider:prune c !KB021", "provider:prune d !KB021")
	if got := d.plan(`{"x": {`+vms+`}, "b": {`+vms+`}, "c": {"type": "airflow"}, "d": {`+grafana("t")+`}}`, `{"detect_renames": false}`); !slices.Equal(got, []string{"provider:add x", "provider:prune a"}) {
		t.Errorf("with detect_renames false: %q", got)
	}
}

// What Keep added to a leaving provider's secret does not hide that it is the same provider.
func TestRenameIsDetectedByManagedKeys(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {` + grafana("t") + `}}`)
	id := d.providers()["a"]
	d.exec(`UPDATE public.secret SET value = replace(value, '"token"', '"webhook": "w", "token"')`)
	d.mustInstall(`{"b": {` + grafana("t") + `}}`)
	d.wantIDs(map[string]string{"b": id})
	if got := d.secret("b"); !strings.Contains(got, `"webhook": "w"`) {
		t.Errorf("secret: %s", got)
	}
}

// A former name is none that the manifest gives to a provider: swaps and chains are done in two runs, and the error says so.
func TestFormerNameIsNoNameOfTheManifest(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(list(entry("a", grafana("a")), entry("b", grafana("b")), entry("c", grafana("c"))))
	from := func(name, old, token string) string {
		return entry(name, fmt.Sprintf(`"renamed_from": %q, %s`, old, grafana(token)))
	}
	for name, manifest := range map[string]string{
		"swap":     list(from("a", "b", "b"), from("b", "a", "a"), entry("c", grafana("c"))),
		"rotation": list(from("a", "c", "c"), from("b", "a", "a"), from("c", "b", "b")),
		"chain":    list(from("b", "a", "a"), from("d", "b", "b"), entry("c", grafana("c"))),
		"in use":   list(entry("a", grafana("a")), from("d", "a", "d"), entry("c", grafana("c"))),
	} {
		if said := d.refused("KB001", manifest); !strings.Contains(said, "two runs") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// Swapped in more than one run, the ids go along; lists of former names may stay.
func TestSwapInSeveralRuns(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(list(entry("a", grafana("a")), entry("b", grafana("b"))))
	ids := d.providers()
	d.mustInstall(list(entry("a-next", grafana("b")+`, "renamed_from": "b"`), entry("b-next", grafana("a")+`, "renamed_from": "a"`)))
	last := list(entry("a", grafana("b")+`, "renamed_from": ["a-next", "a-before"]`), entry("b", grafana("a")+`, "renamed_from": ["b-next", "b-before"]`))
	d.wantPlan(last, "provider:rename a (was a-next) name", "provider:rename b (was b-next) name")
	d.mustInstall(last)
	d.wantIDs(map[string]string{"a": ids["b"], "b": ids["a"]})
	d.wantPlan(last)
	d.mustInstall(list(entry("z", vms+`, "renamed_from": "a"`), entry("b", grafana("a"))))
	if got := d.providers(); len(got) != 2 || got["z"] == ids["b"] || got["z"] == "" {
		t.Errorf("replaced under a new name: %v", got)
	}
}

// A changed type gets a new id and a new secret key, and its rules follow.
func TestReplace(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"p": {` + vms + `, "prevent_delete": false, "deduplication_rules": {"r": {}}}}`)
	id := d.providers()["p"]
	rule := d.one("SELECT id::text FROM public.alertdeduplicationrule")
	manifest := `{"p": {"type": "prometheus", "authentication": {"url": "http://p"}, "deduplication_rules": {"r": {}}}}`
	d.wantPlan(manifest, "provider:replace p type", "deduplication_rule:update r provider")
	d.mustInstall(manifest)
	newID := d.providers()["p"]
	if newID == id || newID == "" {
		t.Errorf("the id is still %s", newID)
	}
	if got := d.text("SELECT key FROM public.secret"); !slices.Equal(got, []string{"keep_prometheus_" + newID}) {
		t.Errorf("secrets: %q", got)
	}
	if got := d.one("SELECT concat_ws(' ', id, provider_id, provider_type) FROM public.alertdeduplicationrule"); got != rule+" "+newID+" prometheus" {
		t.Errorf("rule: %s", got)
	}
}

// A provider of a user is never touched, unless the manifest has its name and adopt is set: then it keeps its id.
func TestAdopt(t *testing.T) {
	d := newDatabase(t)
	id := pgtest.KeepProvisioned(t, d.Conn, "mine", "grafana", `{"host": "http://grafana", "token": "user"}`)
	other := pgtest.KeepProvisioned(t, d.Conn, "other", "grafana", `{"host": "http://grafana", "token": "user"}`)
	d.exec("UPDATE public.provider SET provisioned = false, installed_by = 'someone@example.com'")
	manifest := `{"mine": {` + grafana("ours") + `}}`
	d.wantPlan(manifest, "provider:adopt mine authentication.token,provisioned !KB024")
	if said := d.refused("KB024", manifest); !strings.Contains(said, `"mine"`) || !strings.Contains(said, "--adopt") {
		t.Errorf("the refusal says %s", said)
	}
	d.mustInstall(manifest, `{"adopt": true}`)
	d.wantIDs(map[string]string{"mine": id, "other": other})
	if got := d.text("SELECT concat_ws(' ', name, provisioned, installed_by) FROM public.provider ORDER BY name"); !slices.Equal(got, []string{"mine t someone@example.com", "other f someone@example.com"}) {
		t.Errorf("providers: %q", got)
	}
	d.wantPlan(manifest)
	// An old name that is a user's provider is refused as well.
	d.refused("KB024", `[{"name": "new", "renamed_from": "other", `+grafana("user")+`}, {"name": "mine", `+grafana("ours")+`}]`)
}

func TestPruneRemovesSecretAndRules(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {` + vms + `, "deduplication_rules": {"r": {}, "s": {}}}, "b": {` + grafana("t") + `}}`)
	d.exec("INSERT INTO public.alertdeduplicationrule SELECT fingerprint_fields, ignore_fields, gen_random_uuid(), tenant_id, 'user rule', description, provider_id, provider_type, last_updated, last_updated_by, created_at, created_by, enabled, full_deduplication, priority, false FROM public.alertdeduplicationrule WHERE name = 'r'")
	d.mustInstall(`{"b": {` + grafana("t") + `}}`)
	if got := d.one("SELECT concat_ws(' ', (SELECT count(*) FROM public.provider), (SELECT count(*) FROM public.secret), (SELECT count(*) FROM bootstrap.status()), (SELECT string_agg(name, ',') FROM public.alertdeduplicationrule))"); got != "1 1 1 user rule" {
		t.Errorf("left: %s", got)
	}
}

// Rules belong to their provider; defects 3, 4 and 15 of Keep do not exist here.
func TestDeduplicationRules(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {` + vms + `, "deduplication_rules": {"same": {"description": "of a"}}}, "b": {` + grafana("t") + `, "deduplication_rules": {"same": {"description": "of b"}}}}`)
	ids := d.text("SELECT id::text FROM public.alertdeduplicationrule ORDER BY description")
	if len(ids) != 2 {
		t.Fatalf("%d rules, want 2", len(ids))
	}
	// List form, null lists, an update, in any order: the ids stay.
	d.mustInstall(`{"a": {` + vms + `, "deduplication_rules": [{"name": "same", "description": "of a", "full_deduplication": true, "ignore_fields": null, "fingerprint_fields": ["x"]}]}, "b": {` + grafana("t") + `, "deduplication_rules": {"same": {"description": "of b", "priority": 3}}}}`)
	got := d.text("SELECT concat_ws(' ', id, fingerprint_fields, ignore_fields, full_deduplication, priority) FROM public.alertdeduplicationrule ORDER BY description")
	if want := []string{ids[0] + ` ["x"] [] t 0`, ids[1] + ` [] [] f 3`}; !slices.Equal(got, want) {
		t.Errorf("rules: %q, want %q", got, want)
	}
	// A rule that Keep left behind, pointing at a provider that is gone, is given to the provider that declares it.
	d.exec("UPDATE public.alertdeduplicationrule SET provider_id = 'gone' WHERE description = 'of a'")
	d.mustInstall(`{"a": {` + vms + `, "deduplication_rules": {"same": {"description": "of a"}}}, "b": {` + grafana("t") + `}}`)
	if got := d.text("SELECT r.id || ' ' || p.name FROM public.alertdeduplicationrule AS r JOIN public.provider AS p ON p.id = r.provider_id"); !slices.Equal(got, []string{ids[0] + " a"}) {
		t.Errorf("rules: %q", got)
	}
	d.mustInstall(`{"a": {` + vms + `}, "b": {` + grafana("t") + `}}`)
	if got := d.one("SELECT count(*)::text FROM public.alertdeduplicationrule"); got != "0" {
		t.Errorf("%s rules are left", got)
	}
}

func TestGuards(t *testing.T) {
	many := func(n int) string {
		var entries []string
		for i := range n {
			entries = append(entries, entry(fmt.Sprint("p", i), grafana(fmt.Sprint(i))))
		}
		return list(entries...)
	}

	t.Run("empty", func(t *testing.T) {
		d := newDatabase(t)
		d.mustInstall(`{}`) // nothing to prune: nothing to object to
		d.mustInstall(many(10))
		if said := d.refused("KB020", `{}`); !strings.Contains(said, `"p0"`) || !strings.Contains(said, "--allow-empty") {
			t.Errorf("the refusal says %s", said)
		}
		d.refused("KB021", `[]`, `{"allow_empty": true, "max_prune": "50%"}`)
		d.mustInstall(`[]`, `{"allow_empty": true}`)
		if got := len(d.providers()); got != 0 {
			t.Errorf("%d providers are left", got)
		}
	})
	t.Run("max_prune", func(t *testing.T) {
		d := newDatabase(t)
		d.mustInstall(many(9))
		if said := d.refused("KB021", many(4)); !strings.Contains(said, `"p8"`) || !strings.Contains(said, "--max-prune") {
			t.Errorf("the refusal says %s", said)
		}
		d.refused("KB021", many(8), `{"max_prune": "0"}`)
		d.refused("KB021", many(4), `{"max_prune": "55%"}`) // 4.95, so 4
		d.mustInstall(many(5))                              // half of 9, rounded down: 4
		d.mustInstall(many(2))                              // always at least 3
		d.mustInstall(many(9))
		d.mustInstall(many(1), `{"max_prune": "8"}`)
		// A replace counts as a prune.
		d.refused("KB021", list(entry("p0", vms)), `{"max_prune": "0"}`)
	})
	t.Run("prevent_delete", func(t *testing.T) {
		d := newDatabase(t)
		d.mustInstall(list(entry("p", grafana("t")+`, "prevent_delete": true`), entry("q", grafana("q"))))
		d.mustInstall(list(entry("p", grafana("t")), entry("q", grafana("q")))) // outlives its line
		if said := d.refused("KB022", list(entry("q", grafana("q")))); !strings.Contains(said, `"p"`) || !strings.Contains(said, "prevent_delete: false") {
			t.Errorf("the refusal says %s", said)
		}
		d.refused("KB022", list(entry("p", vms), entry("q", grafana("q"))))
		d.mustInstall(list(entry("r", grafana("t")+`, "renamed_from": "p"`), entry("q", grafana("q")))) // a rename is none
		d.refused("KB022", list(entry("q", grafana("q"))))
		d.wantPlan(list(entry("r", grafana("t")+`, "prevent_delete": false`), entry("q", grafana("q"))), "provider:update r prevent_delete")
		d.mustInstall(list(entry("r", grafana("t")+`, "prevent_delete": false`), entry("q", grafana("q"))))
		d.mustInstall(list(entry("q", grafana("q"))))
	})
	t.Run("generation", func(t *testing.T) {
		d := newDatabase(t)
		d.mustInstall(many(2), `{"generation": 7}`)
		before := d.rowVersions()
		d.mustInstall(many(1), `{"generation": 6}`)
		if !slices.Equal(before, d.rowVersions()) {
			t.Error("an older generation wrote something")
		}
		d.mustInstall(many(2), `{"generation": 9}`) // nothing differs, but 8 must not come back
		d.mustInstall(many(1), `{"generation": 8}`)
		if got := len(d.providers()); got != 2 {
			t.Errorf("%d providers, want 2", got)
		}
		d.mustInstall(many(1))
		d.mustInstall(many(2), `{"generation": 8}`)
		if got := len(d.providers()); got != 1 {
			t.Errorf("%d providers, want 1", got)
		}
	})
	t.Run("secrets elsewhere", func(t *testing.T) {
		d := newDatabase(t)
		id := pgtest.KeepProvisioned(t, d.Conn, "p0", "grafana", `{"host": "http://grafana", "token": "0"}`)
		d.exec("DELETE FROM public.secret")
		if said := d.refused("KB023", many(1)); !strings.Contains(said, `"p0"`) || !strings.Contains(said, "SECRET_MANAGER_TYPE=DB") {
			t.Errorf("the refusal says %s", said)
		}
		d.mustInstall(many(1), `{"assume_secret_manager": "db", "secret_manager": "FILE"}`)
		d.wantIDs(map[string]string{"p0": id})
		d.refused("KB023", many(2), `{"secret_manager": "k8s"}`)
		d.mustInstall(many(2), `{"secret_manager": "DB"}`)
		// A secret of ours that someone deleted is written again.
		d.exec("DELETE FROM public.secret WHERE key LIKE $1", "%"+id)
		d.wantPlan(many(2), "provider:update p0 secret")
		d.mustInstall(many(2))
		d.wantPlan(many(2))
		// Missing secrets of others stop a run that would write, and only that: in the plan as in the run, with rules and without.
		d.exec("UPDATE public.secret SET key = 'elsewhere' WHERE key LIKE $1", "%"+pgtest.KeepProvisioned(t, d.Conn, "theirs", "grafana", "{}"))
		d.exec("UPDATE public.provider SET provisioned = false WHERE name = 'theirs'")
		ruled := strings.Replace(many(2), `"type"`, `"deduplication_rules": {"r": {}}, "type"`, 1)
		d.mustInstall(ruled, `{"assume_secret_manager": "db"}`)
		for _, manifest := range []string{ruled, many(2)} {
			d.mustInstall(manifest, `{"assume_secret_manager": "db"}`)
			d.wantPlan(manifest)
			before := d.rowVersions()
			d.mustInstall(manifest)
			if !slices.Equal(before, d.rowVersions()) {
				t.Error("a run that has nothing to do wrote something")
			}
		}
		d.refused("KB023", many(3))
		d.exec("BEGIN")
		d.exec("SELECT FROM bootstrap.plan_providers('keep', $1::json)", many(3))
		d.wantRows("plan", d.text("SELECT refusal FROM bootstrap.report()"), "KB023")
		d.exec("ROLLBACK")
	})
	t.Run("require_tenant", func(t *testing.T) {
		d := newDatabase(t)
		d.exec("DELETE FROM public.tenant")
		d.refused("KB004", many(1), `{"require_tenant": true}`)
		d.mustInstall(many(1), `{"tenant_name": "Ours"}`)
		d.mustInstall(many(2), `{"require_tenant": true, "tenant_name": "ignored"}`)
		if got := d.one("SELECT name FROM public.tenant"); got != "Ours" {
			t.Errorf("the tenant is %s", got)
		}
	})
}

// Someone else deletes rows of ours: they come back, and verify names the setting that causes it.
func TestDeletedRowsComeBack(t *testing.T) {
	d := newDatabase(t)
	manifest := `{"vms": {` + vms + `}, "g": {` + grafana("t") + `}}`
	d.mustInstall(manifest)
	d.exec("DELETE FROM public.provider")
	d.exec("DELETE FROM public.secret")
	if got := d.one("SELECT ok::text || detail || hint FROM bootstrap.verify() WHERE name = 'objects'"); !strings.HasPrefix(got, "false") || !strings.Contains(got, "PROVISION_RESOURCES=false") {
		t.Errorf("verify says %s", got)
	}
	if got := d.text("SELECT name || ' ' || condition FROM bootstrap.status()"); !slices.Equal(got, []string{"g deleted outside of keep-bootstrap", "vms deleted outside of keep-bootstrap"}) {
		t.Errorf("status says %q", got)
	}
	d.mustInstall(manifest)
	if got := d.one("SELECT bool_and(ok)::text || count(ok) FROM bootstrap.verify()"); got != "true10" {
		t.Errorf("verify: %s", got)
	}
}

func TestBadManifests(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"g": {` + grafana("t") + `}}`)
	long := strings.Repeat("x", 1001)
	for manifest, want := range map[string]string{
		`null`: "neither an object nor a list", `5`: "neither an object nor a list", `"x"`: "neither an object nor a list",
		`[1, "x", null]`:                    `provider 1 (no name): it has no name`,
		`{"a": 5}`:                          `provider 1 "a": it has no type`,
		`{"": {` + vms + `}}`:               "has no name",
		`[{` + vms + `}]`:                   "has no name",
		`[{"name": 5, ` + vms + `}]`:        "has no name",
		`[{"name": null, ` + vms + `}]`:     "has no name",
		`{"a": {"type": 5}}`:                "has no type",
		`{"a": {"type": "victoriametric"}}`: `unknown type "victoriametric"`,
		`{"a": {"type": "netdata"}}`:        "Keep cannot install",
		`{"a": {"type": "grafana", "authentication": "CANARY"}}`:                             "authentication is not a JSON object",
		`{"a": {"type": "grafana", "authentication": ["CANARY"]}}`:                           "authentication is not a JSON object",
		`{"a": {"type": "grafana", "authentication": {"token": "CANARY\u0000"}}}`:            "U+0000",
		`{"a": {` + vms + `}, "a": {` + vms + `}}`:                                           "provider 1 has the same name",
		`{"` + long + `": {` + vms + `}}`:                                                    "more than 1000 bytes",
		`{"a": {"renamed_from": "a", ` + vms + `}}`:                                          "the provider's own name",
		`{"a": {"renamed_from": 5, ` + vms + `}}`:                                            "not a list of names",
		`{"a": {"renamed_from": [5], ` + vms + `}}`:                                          "not a list of names",
		`{"a": {"renamed_from": "x", ` + vms + `}, "b": {"renamed_from": "x", ` + vms + `}}`: "which provider 1 also claims",
		`{"a": {"prevent_delete": "maybe", ` + vms + `}}`:                                    "neither true nor false",
		`{"a": {"deduplication_rules": 5, ` + vms + `}}`:                                     "not a JSON object",
		`{"a": {"deduplication_rules": {"r": 5}, ` + vms + `}}`:                              `rule 1 "r": it is not a JSON object`,
		`{"a": {"deduplication_rules": {"r": {"priority": "x"}}, ` + vms + `}}`:              "priority is not a whole number",
		`{"a": {"deduplication_rules": {"r": {"ignore_fields": [1]}}, ` + vms + `}}`:         "ignore_fields is not a list of strings",
		`{"a": {"deduplication_rules": [{"name": "r"}, {"name": "r"}], ` + vms + `}}`:        `deduplication rule 2 "r": deduplication rule 1 has the same name`,
	} {
		said := d.refused("KB001", manifest)
		if !strings.Contains(said, want) {
			t.Errorf("%.200s: %s, want %q", manifest, said, want)
		}
		if strings.Contains(said, "CANARY") {
			t.Errorf("%s: the error shows a secret: %s", manifest, said)
		}
	}
	// All of them at once.
	said := d.refused("KB001", `{"a": {"type": "nope"}, "b": {"type": "grafana", "authentication": 5, "prevent_delete": 7}, "a": {"type": "grafana"}}`)
	for _, want := range []string{`5 problem(s)`, `provider 1 "a": unknown type "nope"`, `provider 2 "b": authentication is not`, `provider 2 "b": prevent_delete is`, `provider 3 "a": provider 1 has the same name`} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	d.mustInstall(`{"g": {`+grafana("t")+`}, "new": {"type": "from a newer Keep"}}`, `{"allow_unknown_types": true}`)
	// A name may hold anything else.
	d.mustInstall(`{"g": {` + grafana("t") + `}, "it's \"quoted\"\nand 🙂 \\ %s $1 {{x}}": {` + vms + `}}`)
	if got := slices.Sorted(maps.Keys(d.providers())); got[1] != "it's \"quoted\"\nand 🙂 \\ %s $1 {{x}}" {
		t.Errorf("names: %q", got)
	}
}

func TestBadOptions(t *testing.T) {
	d := newDatabase(t)
	for _, options := range []string{`[]`, `{"adopt": "yes"}`, `{"max_prune": 5}`, `{"max_prune": "-1"}`, `{"max_prune": "101%"}`, `{"generation": -1}`, `{"generation": 1.5}`, `{"generation": 9223372036854775808}`, `{"nonsense": true}`, `{"assume_secret_manager": "file"}`} {
		d.refused("KB002", `{}`, options)
	}
	if code := pgtest.SQLState(d.call("CALL bootstrap.install_providers('', '{}')")); code != "KB002" {
		t.Errorf("an empty tenant: SQLSTATE %s", code)
	}
	if code := pgtest.SQLState(d.call("CALL bootstrap.install_providers(NULL, '{}')")); code != "KB002" {
		t.Errorf("no tenant: SQLSTATE %s", code)
	}
	if code := pgtest.SQLState(d.call("CALL bootstrap.install_providers('keep', NULL)")); code != "KB001" {
		t.Errorf("no manifest: SQLSTATE %s", code)
	}
	if code := pgtest.SQLState(d.call("CALL bootstrap.install_providers('keep', '{}', NULL)")); code != "KB002" {
		t.Errorf("no options: SQLSTATE %s", code)
	}
	d.exec("BEGIN ISOLATION LEVEL REPEATABLE READ")
	if code := pgtest.SQLState(d.install(`{}`)); code != "KB003" {
		t.Errorf("repeatable read: SQLSTATE %s", code)
	}
	d.exec("ROLLBACK")
	d.exec("BEGIN READ ONLY")
	if code := pgtest.SQLState(d.install(`{}`)); code != "KB030" {
		t.Errorf("read only: SQLSTATE %s", code)
	}
	d.exec("ROLLBACK")
	d.exec("BEGIN READ ONLY")
	d.wantPlan(`{"g": {`+grafana("t")+`}}`, "provider:add g")
	d.exec("ROLLBACK")
}

// Pruning cascades into the execution log: verify warns when that would scan a large one, with the statement that helps.
func TestExecutionLogIndex(t *testing.T) {
	d := newDatabase(t)
	check := "SELECT concat_ws(' ', coalesce(ok::text, 'warns'), hint) FROM bootstrap.verify() WHERE name = 'execution_log_index'"
	if got := d.one(check); got != "true" {
		t.Errorf("small log: %s", got)
	}
	d.exec("INSERT INTO public.providerexecutionlog (id, tenant_id, timestamp, log_level, log_message) SELECT i::text, 'keep', now(), 'info', repeat('x', 1500) FROM generate_series(1, 8000) AS i")
	got := d.one(check)
	if !strings.HasPrefix(got, "warns CREATE INDEX CONCURRENTLY") {
		t.Errorf("large log: %s", got)
	}
	d.exec(strings.TrimPrefix(got, "warns "))
	if got := d.one(check); got != "true" {
		t.Errorf("with the index: %s", got)
	}
}
