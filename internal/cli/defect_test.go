package cli_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"keep-bootstrap/test/pgtest"
)

const promOnly = `{"prom": {"type": "prometheus", "authentication": {"url": "http://localhost"}}}`

func TestTypeChanges(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": promOnly})
	id := s.sql("select id from provider")
	s.up(0, environment{"KEEP_PROVIDERS": `{"prom": {"type": "victoriametrics", "authentication": {"VMAlertHost": "http://h", "VMAlertPort": 1}}}`})
	s.rows(providers, "prom|victoriametrics")
	s.rows("select id <> '"+id+"', configuration_key = 'keep_victoriametrics_' || id from provider", "true|true")
	s.rows("select count(*) from secret", "1")
}

func TestProviderOfAUser(t *testing.T) {
	s := newScene(t)
	id := pgtest.KeepProvisioned(t, s.d.Conn(t), "prom", "prometheus", `{"url": "http://theirs"}`)
	s.d.Exec(t, "update provider set provisioned = false, installed_by = 'user'")
	before := s.sql("select value from secret")
	s.up(78, environment{"KEEP_PROVIDERS": promOnly}).want(t, 78, "KB024")
	s.rows("select value from secret", before)
	s.up(0, environment{"KEEP_PROVIDERS": promOnly}, "--adopt")
	s.rows("select id, provisioned from provider", id+"|true")
}

func TestLastRulesLeaveTheManifest(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": withRules(`{"r1": {"fingerprint_fields": ["a"]}}`)})
	s.up(0, environment{"KEEP_PROVIDERS": `{"vm": {"type": "victoriametrics", "authentication": {"VMAlertHost": "http://h", "VMAlertPort": 1}}}`})
	s.rows(rules, "")
}

// What is not given is left alone.
func TestProvidersNotGiven(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": withRules(`{"r1": {"fingerprint_fields": ["a"]}}`)})
	s.up(64, environment{"KEEP_PROVIDERS": ""})
	s.up(0, s.workflows("one"))
	s.rows(providers, "prom|prometheus")
	s.rows(rules, "r1|prom")
	s.rows("select count(*) from secret", "1")
}

func TestBrokenProviders(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": threeOfKeep})
	before := rowVersions(t, s.d)
	s.up(65, environment{"KEEP_PROVIDERS": threeOfKeep[:len(threeOfKeep)-2]})
	s.rows(providers, "air|airflow\nch|clickhouse\nvm|victoriametrics")
	s.rows("select count(*) from secret", "3")
	if rowVersions(t, s.d) != before {
		t.Error("rows were written")
	}
}

// A provider that cannot be installed stops the run before anything is written; its rules are not looked for.
func TestRuleOfAnUnknownType(t *testing.T) {
	s := newScene(t)
	s.up(65, environment{"KEEP_PROVIDERS": `{"a": {"type": "nosuchtype", "deduplication_rules": {"r1": {"fingerprint_fields": ["a"]}}}, "b": {"type": "prometheus", "authentication": {"url": "http://localhost"}}}`}).
		want(t, 65, "nosuchtype")
	s.nothing()
}

func TestTwoSourcesOfProviders(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": promOnly})
	before := rowVersions(t, s.d)
	s.up(65, environment{"KEEP_PROVIDERS": promOnly, "KEEP_PROVIDERS_DIRECTORY": s.dir}).want(t, 65, "both set")
	if rowVersions(t, s.d) != before {
		t.Error("rows were written")
	}
}

func TestMissingDirectories(t *testing.T) {
	s := newScene(t)
	for _, variable := range []string{"KEEP_PROVIDERS_DIRECTORY", "KEEP_WORKFLOWS_DIRECTORY", "KEEP_MAPPINGS_DIRECTORY"} {
		s.up(65, environment{variable: filepath.Join(s.dir, "missing")}).want(t, 65, "the directory in "+variable+" does not exist")
	}
	s.nothing()
}

func TestDashboardChanges(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_DASHBOARDS": `[{"dashboard_name": "a", "dashboard_config": {"w": 1}}, {"dashboard_name": "b", "dashboard_config": {}}]`})
	id := s.sql("select id from dashboard where dashboard_name = 'a'")
	s.up(0, environment{"KEEP_DASHBOARDS": `[{"dashboard_name": "a", "dashboard_config": {"w": 2}}]`})
	s.rows("select id, dashboard_name, dashboard_config::jsonb ->> 'w' from dashboard", id+"|a|2")
}

func TestAPIKeysChange(t *testing.T) {
	s := newScene(t)
	hash := func(secret string) string {
		return s.sql("select encode(sha256('" + secret + "'), 'hex')")
	}
	s.up(0, environment{"KEEP_DEFAULT_API_KEYS": "ci:noc:" + canary + "1,ops:admin:" + canary + "2"})
	s.rows("select reference_id, role, key_hash, is_system, is_deleted, created_by from tenantapikey order by 1",
		"ci|noc|"+hash(canary+"1")+"|true|false|system\nops|admin|"+hash(canary+"2")+"|true|false|system")
	s.rows("select key, value from secret order by 1", "keep-ci|"+canary+"1\nkeep-ops|"+canary+"2")
	s.up(0, environment{"KEEP_DEFAULT_API_KEYS": "ci:noc:" + canary + "3"})
	s.rows("select reference_id, key_hash from tenantapikey where not is_deleted", "ci|"+hash(canary+"3"))
	s.rows("select reference_id from tenantapikey where is_deleted", "ops")
	s.rows("select value from secret where key = 'keep-ci'", canary+"3")
}

func TestAPIKeysWithOneSecret(t *testing.T) {
	s := newScene(t)
	s.up(65, environment{"KEEP_DEFAULT_API_KEYS": "ci:noc:" + canary + ",ops:admin:" + canary, "KEEP_PROVIDERS": promOnly}).want(t, 65, `"ops"`, `same secret as "ci"`)
	s.nothing()
	// Neither can it have the secret of a key that the input does not hold.
	s.d.Exec(t, "insert into tenant (id, name) values ('other', 'Other')")
	s.d.Exec(t, "insert into tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at) "+
		"values ('other', 'theirs', encode(sha256('"+canary+"'), 'hex'), false, false, 'user', 'noc', now())")
	s.up(78, environment{"KEEP_DEFAULT_API_KEYS": "ci:noc:" + canary}).want(t, 78, "KB028")
	s.rows("select count(*) from secret", "0")
}

func TestWorkflowReturns(t *testing.T) {
	s := newScene(t)
	s.up(0, s.workflows("one", "two"))
	id := s.sql("select id from workflow where name = 'one'")
	s.up(0, s.workflows("two"))
	s.rows("select is_deleted from workflow where name = 'one'", "true")
	s.up(0, s.workflows("one", "two"))
	s.rows("select id, is_deleted from workflow where name = 'one'", id+"|false")
}

func TestMalformedAPIKeys(t *testing.T) {
	s := newScene(t)
	s.d.Exec(t, "delete from tenant")
	s.up(65, environment{"KEEP_DEFAULT_API_KEYS": "ci:" + canary, "KEEP_PROVIDERS": promOnly}).want(t, 65, `API key "ci"`, "entry 1", "name:role:secret")
	s.nothing()
	s.up(0, environment{"KEEP_DEFAULT_API_KEYS": "ci:noc:" + canary, "KEEP_PROVIDERS": promOnly, "KEEP_DEFAULT_USERNAME": "keep"})
	s.rows(`select (select count(*) from tenant), (select count(*) from "user"), (select count(*) from tenantapikey), (select count(*) from provider)`, "1|1|1|1")
}

func TestRenameKeepsTheID(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": withRules(`{"r1": {"fingerprint_fields": ["a"]}}`)})
	id := s.sql("select id from provider")
	s.d.Exec(t, "insert into providerexecutionlog (id, tenant_id, provider_id, timestamp, log_level) values ('x', 'keep', '"+id+"', now(), 'INFO')")
	s.up(0, environment{"KEEP_PROVIDERS": `{"prometheus": {"type": "prometheus", "renamed_from": ["prom"], "authentication": {"url": "http://localhost"}, "deduplication_rules": {"r1": {"fingerprint_fields": ["a"]}}}}`})
	s.rows("select id, name from provider", id+"|prometheus")
	s.rows("select count(*) from providerexecutionlog", "1")
	s.rows(rules, "r1|prometheus")
}

func TestRulesOfTwoFiles(t *testing.T) {
	s := newScene(t)
	file := func(name, description string) string {
		return "name: " + name + "\ntype: prometheus\nauthentication: {url: http://" + name + "}\ndeduplication_rules:\n  same:\n    description: " + description + "\n    fingerprint_fields: [a]\n"
	}
	s.up(0, environment{"KEEP_PROVIDERS_DIRECTORY": s.folder("providers", map[string]string{"a.yaml": file("a", "one"), "b.yaml": file("b", "one")})})
	s.rows(rules, "same|a\nsame|b")
	s.up(0, environment{"KEEP_PROVIDERS_DIRECTORY": s.folder("providers", map[string]string{"a.yaml": file("a", "two"), "b.yaml": file("b", "one")})})
	s.rows("select description from alertdeduplicationrule order by 1", "one\ntwo")
}

// Nothing is asked over the network: a target that exists is not called, one that is not is no problem.
func TestUnreachableTarget(t *testing.T) {
	s := newScene(t)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the target was called") }))
	t.Cleanup(server.Close)
	env := environment{"KEEP_PROVIDERS": `{"there": {"type": "prometheus", "authentication": {"url": "` + server.URL + `"}},
		"not-there": {"type": "victoriametrics", "authentication": {"VMAlertHost": "http://127.0.0.1", "VMAlertPort": 1}}}`}
	s.up(0, env)
	s.up(0, env)
	s.rows(providers, "not-there|victoriametrics\nthere|prometheus")
}

func TestBrokenProviderFile(t *testing.T) {
	s := newScene(t)
	prom := "name: prom\ntype: prometheus\nauthentication: {url: http://p}\n"
	s.up(0, environment{"KEEP_PROVIDERS_DIRECTORY": s.folder("providers", map[string]string{"a.yaml": prom, "b.yaml": "name: vm\ntype: victoriametrics\nauthentication: {VMAlertHost: http://h, VMAlertPort: 1}\n"})})
	before := rowVersions(t, s.d)
	s.up(65, environment{"KEEP_PROVIDERS_DIRECTORY": s.folder("providers", map[string]string{"a.yaml": prom, "b.yaml": "name: vm\n type: victoriametrics\n"})}).want(t, 65, "b.yaml:")
	if rowVersions(t, s.d) != before {
		t.Error("rows were written")
	}
}
