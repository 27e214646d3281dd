package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// The tests in the behaviour files and in defect_test.go are in the order of docs/keep/behaviours.md: what Keep's own tests pin
// down of its provisioning, and what is wrong with it. Where a route of Keep's API depends on the rows, the rows are looked at.

var ready = pgtest.Migrated

// scene is a Keep whose provisioning is left to the program.
type scene struct {
	testing.TB
	d   *pgtest.Database
	dir string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	t.Parallel()
	return &scene{TB: t, d: pgtest.New(t, ready), dir: t.TempDir()}
}

// up starts Keep again, with these variables: the run comes before it.
func (s *scene) up(exit int, env environment, args ...string) result {
	s.Helper()
	all := copied(env, environment{"DATABASE_URL": s.d.URL})
	return run(s.TB, all, append([]string{"up", "--log-format", "text"}, args...)...).want(s.TB, exit)
}

// folder writes the files of a directory, and removes what was there before.
func (s *scene) folder(name string, files map[string]string) string {
	s.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.RemoveAll(path); err != nil {
		s.Fatal(err)
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		s.Fatal(err)
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(path, file), []byte(text), 0o644); err != nil {
			s.Fatal(err)
		}
	}
	return path
}

// sql returns the rows of a query, values separated by |, rows by new lines.
func (s *scene) sql(query string) string {
	s.Helper()
	var rows []string
	for _, row := range pgtest.Table(s.TB, s.d.Conn(s.TB), query) {
		for i := range row {
			if word, ok := map[string]string{"t": "true", "f": "false", "NULL": ""}[row[i]]; ok {
				row[i] = word
			}
		}
		rows = append(rows, strings.Join(row, "|"))
	}
	return strings.Join(rows, "\n")
}

// rows fails the test unless a query gives that.
func (s *scene) rows(query, want string) {
	s.Helper()
	if got := s.sql(query); got != want {
		s.Errorf("%s\ngave %s\nwant %s", query, got, want)
	}
}

// nothing fails the test unless Keep's tables are without rows.
func (s *scene) nothing() {
	s.Helper()
	s.rows(everything, "0|0|0|0|0|0|0|0|0")
}

const everything = `select (select count(*) from tenant where id <> 'keep'), (select count(*) from "user"), (select count(*) from tenantapikey), (select count(*) from provider),
	(select count(*) from secret), (select count(*) from alertdeduplicationrule), (select count(*) from workflow), (select count(*) from dashboard), (select count(*) from mappingrule)`

// Live rows as Keep's API lists them.
const (
	workflows = "select name from workflow where tenant_id = 'keep' and not is_deleted and provisioned order by name"
	providers = "select name, type from provider where tenant_id = 'keep' and provisioned order by name"
	mappings  = "select name from mappingrule where tenant_id = 'keep' and is_provisioned order by name"
	rules     = "select r.name, p.name from alertdeduplicationrule r left join provider p on p.id = r.provider_id::text where is_provisioned order by 1, 2"
)

func simpleWorkflow(name string) string {
	return "workflow:\n  id: " + name + "\n  name: " + name + "\n  triggers:\n    - type: manual\n  actions:\n    - name: echo\n      provider:\n        type: console\n        with:\n          message: \"hello\"\n"
}

func simpleMapping(name, team string) string {
	return "name: " + name + "\ntype: csv\nmatchers:\n  - [service]\nrows:\n  - {service: backend, team: " + team + "}\n"
}

func (s *scene) workflows(names ...string) environment {
	files := map[string]string{}
	for _, name := range names {
		files[name+".yaml"] = simpleWorkflow(name)
	}
	return environment{"KEEP_WORKFLOWS_DIRECTORY": s.folder("workflows", files)}
}

func (s *scene) mappings(files map[string]string) environment {
	return environment{"KEEP_MAPPINGS_DIRECTORY": s.folder("mappings", files)}
}

func TestWorkflowsOfADirectory(t *testing.T) {
	s := newScene(t)
	s.up(0, s.workflows("one", "two", "three"))
	s.rows(workflows, "one\nthree\ntwo")
	s.rows("select count(*) from workflow", "3")
}

func TestOtherWorkflowDirectory(t *testing.T) {
	s := newScene(t)
	env := environment{"KEEP_WORKFLOWS_DIRECTORY": s.folder("others", map[string]string{"a.yml": simpleWorkflow("one"), "b.yaml": simpleWorkflow("two"), "c.txt": "no workflow"})}
	s.up(0, env)
	s.rows(workflows, "one\ntwo")
	s.rows("select provisioned_file like '%/others/a.yml', created_by, updated_by, revision, interval, is_disabled from workflow where name = 'one'", "true|system|system|1|0|false")
}

// DELETE and PUT answer 403 where the row is provisioned.
func TestWorkflowIsProvisioned(t *testing.T) {
	s := newScene(t)
	s.up(0, s.workflows("one"))
	s.rows("select provisioned, is_deleted, is_test from workflow", "true|false|false")
	s.rows("select v.revision, v.is_current, v.is_valid, v.updated_by, v.comment, v.workflow_raw = f.workflow_raw from workflowversion v join workflow f on f.id = v.workflow_id",
		"1|true|true|system|Created by system|true")
}

func TestWorkflowLeavesItsDirectory(t *testing.T) {
	s := newScene(t)
	s.up(0, s.workflows("one", "two", "three"))
	s.up(0, s.workflows("one", "three"))
	s.rows(workflows, "one\nthree")
	s.rows("select name, is_deleted from workflow where name = 'two'", "two|true")
}

const threeOfKeep = `{"vm": {"type": "victoriametrics", "authentication": {"VMAlertHost": "http://localhost", "VMAlertPort": 1234}},
	"ch": {"type": "clickhouse", "authentication": {"host": "http://localhost", "port": 1234, "username": "keep", "password": "keep", "database": "keep-db"}},
	"air": {"type": "airflow"}}`

func TestThreeProviders(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": threeOfKeep})
	s.rows(providers, "air|airflow\nch|clickhouse\nvm|victoriametrics")
}

func TestProvidersReplacedByAnother(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": threeOfKeep})
	s.up(0, environment{"KEEP_PROVIDERS": `{"prom": {"type": "prometheus", "authentication": {"url": "http://localhost"}}}`})
	s.rows(providers, "prom|prometheus")
	s.rows("select count(*) from secret", "1")
}

func TestDashboard(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_DASHBOARDS": `[{"dashboard_name": "One", "dashboard_config": {"layout": [], "widget_data": []}}]`})
	s.rows("select dashboard_name, dashboard_config, created_by, is_active, is_private from dashboard", `One|{"layout": [], "widget_data": []}|system|true|false`)
}

// Keep starts and has none; here the mistake is named, and nothing is written.
func TestBrokenDashboards(t *testing.T) {
	s := newScene(t)
	s.up(65, environment{"KEEP_DASHBOARDS": `[{"dashboard_name": `}).want(t, 65, "KEEP_DASHBOARDS:1:")
	s.nothing()
}

// Keep never removes a dashboard; here those go that the program made, and no other.
func TestDashboardsOfOthersStay(t *testing.T) {
	s := newScene(t)
	s.d.Exec(t, `insert into dashboard (id, tenant_id, dashboard_name, dashboard_config, created_by, created_at, updated_at, is_active, is_private)
		select 'id-of-' || n, 'keep', n, '{}', n, now(), now(), true, false from unnest(array['system', 'user']) n`)
	s.up(0, environment{"KEEP_DASHBOARDS": `[{"dashboard_name": "first", "dashboard_config": {}}]`})
	s.up(78, environment{"KEEP_DASHBOARDS": `[]`}).want(t, 78, "KB020")
	s.up(0, environment{"KEEP_DASHBOARDS": `[{"dashboard_name": "second", "dashboard_config": {}}]`})
	s.rows("select dashboard_name from dashboard order by 1", "second\nsystem\nuser")
}

func TestNoTenant(t *testing.T) {
	s := newScene(t)
	s.d.Exec(t, "delete from tenant")
	s.up(0, environment{"KEEP_PROVIDERS": threeOfKeep}).want(t, 0, "tenant created")
	s.rows("select p.name, t.name from provider p join tenant t on t.id = p.tenant_id order by 1", "air|Single Tenant\nch|Single Tenant\nvm|Single Tenant")
}

func TestProviderFileWithRules(t *testing.T) {
	s := newScene(t)
	env := environment{"KEEP_PROVIDERS_DIRECTORY": s.folder("providers", map[string]string{"a.yaml": `name: vm
type: victoriametrics
authentication: {VMAlertHost: http://localhost, VMAlertPort: 1234}
deduplication_rules:
  r1:
    description: one
    fingerprint_fields: [fingerprint, source]
    full_deduplication: true
    ignore_fields: [name, lastReceived]
`})}
	s.up(0, env)
	s.rows("select p.name, p.tenant_id, p.type, p.installed_by, s.value from provider p join secret s on s.key = p.configuration_key",
		`vm|keep|victoriametrics|system|{"authentication": {"VMAlertHost": "http://localhost", "VMAlertPort": 1234}, "name": "vm"}`)
	s.rows("select name, description, fingerprint_fields::jsonb, full_deduplication, ignore_fields::jsonb from alertdeduplicationrule", `r1|one|["fingerprint", "source"]|true|["name", "lastReceived"]`)
}

func TestUnchangedProviders(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": threeOfKeep})
	before := rowVersions(t, s.d)
	s.up(0, environment{"KEEP_PROVIDERS": threeOfKeep}).want(t, 0, "up to date")
	if after := rowVersions(t, s.d); after != before {
		t.Error("rows were written")
	}
}

// Keep installs nothing of a broken file, and goes on; here the file is named.
func TestUnparsableProviderFile(t *testing.T) {
	s := newScene(t)
	s.up(65, environment{"KEEP_PROVIDERS_DIRECTORY": s.folder("providers", map[string]string{"a.yaml": "name: [vm\n"})}).want(t, 65, "a.yaml:")
	s.nothing()
}

func TestProviderFileWithoutType(t *testing.T) {
	s := newScene(t)
	s.up(65, environment{"KEEP_PROVIDERS_DIRECTORY": s.folder("providers", map[string]string{"a.yaml": "name: vm\nauthentication: {}\n"})}).want(t, 65, "a.yaml:1:1", "without a type")
	s.nothing()
}

func TestAuthenticationChanges(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": threeOfKeep})
	s.up(0, environment{"KEEP_PROVIDERS": strings.Replace(threeOfKeep, `"VMAlertPort": 1234`, `"VMAlertPort": 4321`, 1)})
	s.rows(providers, "air|airflow\nch|clickhouse\nvm|victoriametrics")
	s.rows("select s.value::jsonb -> 'authentication' ->> 'VMAlertPort' from provider p join secret s on s.key = p.configuration_key where name = 'vm'", "4321")
}

func TestNewRule(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": withRules(`{"r1": {"description": "one", "fingerprint_fields": ["a"]}}`)})
	s.rows(`select r.name, r.provider_id::text = p.id, r.provider_type, r.created_by, r.enabled, r.ignore_fields::jsonb, r.priority, r.is_provisioned, r.full_deduplication
		from alertdeduplicationrule r join provider p on p.name = 'prom'`, "r1|true|prometheus|system|true|[]|0|true|false")
}

// withRules is a manifest with a provider prom that has these rules.
func withRules(rules string) string {
	return `{"prom": {"type": "prometheus", "authentication": {"url": "http://localhost"}, "deduplication_rules": ` + rules + `}}`
}

func TestRuleChanges(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": withRules(`{"r1": {"description": "one", "fingerprint_fields": ["a"]}}`)})
	id := s.sql("select id from alertdeduplicationrule")
	s.up(0, environment{"KEEP_PROVIDERS": withRules(`{"r1": {"description": "two", "fingerprint_fields": ["b"], "full_deduplication": true, "ignore_fields": ["c"]}}`)})
	s.rows("select id, description, fingerprint_fields::jsonb, full_deduplication, ignore_fields::jsonb, last_updated_by from alertdeduplicationrule", id+`|two|["b"]|true|["c"]|system`)
}

func TestRuleLeavesTheManifest(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": withRules(`{"r1": {"fingerprint_fields": ["a"]}, "r2": {"fingerprint_fields": ["a"]}}`)})
	s.d.Exec(t, `insert into alertdeduplicationrule (id, tenant_id, name, description, provider_id, provider_type, last_updated, last_updated_by, created_at, created_by, enabled,
			fingerprint_fields, full_deduplication, ignore_fields, priority, is_provisioned)
		select gen_random_uuid(), tenant_id, 'users', '', provider_id, provider_type, now(), 'user', now(), 'user', true, '[]', false, '[]', 0, false from alertdeduplicationrule where name = 'r1'`)
	s.up(0, environment{"KEEP_PROVIDERS": withRules(`{"r1": {"fingerprint_fields": ["a"]}}`)})
	s.rows("select name, is_provisioned from alertdeduplicationrule order by 1", "r1|true\nusers|false")
}

func TestEmptyProviders(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": "{}"})
	s.nothing()
}

func TestProvidersWithoutRules(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": threeOfKeep})
	s.rows("select count(*) from alertdeduplicationrule", "0")
}
