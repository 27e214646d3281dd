package cli_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keep-bootstrap/test/pgtest"
)

// allKinds is one file with everything.
const allKinds = `providers:
  - name: prom
    type: prometheus
    authentication: {url: http://localhost}
    deduplication_rules:
      r1: {fingerprint_fields: [a]}
  - name: chat
    type: slack
    authentication: {webhook_url: https://hooks.slack.com/services/` + canary + `}
workflows:
  - workflow:
      id: tell
      name: Tell the channel
      description: says what is wrong
      triggers:
        - type: interval
          value: 10m
      actions:
        - name: say
          provider:
            type: slack
            config: "{{ providers.chat }}"
            with:
              message: |
                Alert {{ alert.name }}
                is on.
  - id: second
    triggers: []
    disabled: true
dashboards:
  - dashboard_name: Overview
    dashboard_config: {layout: [{i: a, w: 3}], widget_data: []}
mapping_rules:
  - name: teams
    matchers: [[service]]
    rows: [{service: backend, team: one}]
default_user:
  username: admin
  password: $(ADMIN_PASSWORD)
api_keys:
  - {name: ci, role: noc, secret: $(CI_KEY)}
  - {name: ops, role: admin, secret: $(OPS_KEY)}
`

// all is the environment of allKinds.
func (s *scene) all() environment {
	return environment{
		"DATABASE_URL": s.d.URL, "BOOTSTRAP_FILE": s.file(allKinds),
		"ADMIN_PASSWORD": canary + "-password", "CI_KEY": canary + "-ci", "OPS_KEY": canary + "-ops",
	}
}

func (s *scene) file(text string) string {
	s.Helper()
	return filepath.Join(s.folder("input", map[string]string{"keep.yaml": text}), "keep.yaml")
}

// installedAll is what everything gives after a run with allKinds: one user, two keys, two providers, four secrets, one rule, two
// workflows, one dashboard, one mapping rule.
const installedAll = "0|1|2|2|4|1|2|1|1"

func TestAllKinds(t *testing.T) {
	s := newScene(t)
	env := s.all()
	plan := run(t, env, "plan", "--detailed-exitcode").want(t, 2)
	inOrder(t, plan.stdout, "  +  user admin", "  +  API key ci", "  +  prom", "  +  rule r1 of prom", "  +  workflow Tell the channel", "  +  dashboard Overview", "  +  mapping rule teams",
		"Plan: 2 to add, 0 to change, 0 to rename, 0 to prune, 1 deduplication rule; users: 1 to add; API keys: 2 to add; workflows: 2 to add; dashboards: 1 to add; mapping rules: 1 to add.\n")
	s.nothing()

	first := run(t, env, "up", "--log-format", "text").want(t, 0, "installed providers=2 default_user=1 api_keys=2 workflows=2 dashboards=1 mapping_rules=1")
	inOrder(t, first.stdout, "users: 1 added; API keys: 2 added; workflows: 2 added; dashboards: 1 added; mapping rules: 1 added.\n")
	s.rows(everything, installedAll)
	s.rows("select name, description, interval, is_disabled, revision, provisioned_file from workflow order by name",
		"Tell the channel|says what is wrong|600|false|1|\nsecond||0|true|1|")
	s.rows(`select workflow_raw from workflow where name = 'Tell the channel'`, `workflow:
  id: tell
  name: Tell the channel
  description: says what is wrong
  triggers:
  - type: interval
    value: 10m
  actions:
  - name: say
    provider:
      type: slack
      config: "{{ providers.chat }}"
      with:
        message: |
          Alert {{ alert.name }}
          is on.
`)
	s.rows(`select username, role, password_hash = encode(sha256('`+canary+`-password'), 'hex') from "user"`, "admin|admin|true")

	versions := rowVersions(t, s.d)
	second := run(t, env, "up", "--log-format", "text").want(t, 0, "up to date providers=2 default_user=1 api_keys=2 workflows=2 dashboards=1 mapping_rules=1")
	if second.stdout != "No changes.\n" {
		t.Errorf("%s", second.stdout)
	}
	run(t, env, "plan", "--detailed-exitcode").want(t, 0)
	if rowVersions(t, s.d) != versions {
		t.Error("the second run wrote rows")
	}
	run(t, env, "verify").want(t, 0)
	status := run(t, env, "status").want(t, 0).stdout
	inOrder(t, status, "chat", "prom", "user admin", "API key ci", "workflow Tell the channel", "dashboard Overview", "mapping rule teams")
	if strings.Contains(status, `""`) {
		t.Errorf("a kind without types shows one:\n%s", status)
	}
	inOrder(t, run(t, env, "history").want(t, 0).stdout, "2 added, 0 changed, 0 renamed, 0 pruned, 1 deduplication rule; 7 other resources.")
	inOrder(t, run(t, env, "history", "1").want(t, 0).stdout, "  +  user admin", "  +  workflow second")
	inOrder(t, run(t, env, "validate").want(t, 0).stdout, "valid: 2 providers, 1 user, 2 API keys, 2 workflows, 1 dashboard, 1 mapping rule in 1 source")

	// A kind is left alone when its key is gone, and what is left of it goes when the key is there.
	env["BOOTSTRAP_FILE"] = s.file("workflows:\n  - {id: second, triggers: [], disabled: true}\ndashboards: []\n")
	run(t, env, "plan", "--log-format", "text").want(t, 78, "KB020")
	last := lines(t, run(t, env, "plan", "-o", "json", "--allow-empty", "--detailed-exitcode").want(t, 2).stdout)
	if end := last[len(last)-1]; end["prune"] != 0.0 || end["resources"] != 2.0 || fmt.Sprint(end["kinds"]) != "map[dashboard:map[add:0 adopt:0 change:0 prune:1] workflow:map[add:0 adopt:0 change:0 prune:1]]" {
		t.Errorf("%v", end)
	}
	markdown := run(t, env, "plan", "-o", "markdown", "--allow-empty").want(t, 0).stdout
	inOrder(t, markdown, "workflows: 1 to prune; dashboards: 1 to prune", "<code>workflow Tell the channel</code>")
	inOrder(t, run(t, env, "up", "--allow-empty").want(t, 0).stdout, "Applied: workflows: 1 pruned; dashboards: 1 pruned.")
	s.rows(everything, "0|1|2|2|4|1|2|0|1")
	s.rows(workflows, "second")
}

// A provider that a workflow names and that is not there, or goes, or is renamed, is shown by the plan.
func TestWorkflowOfAMissingProvider(t *testing.T) {
	s := newScene(t)
	env := s.all()
	env["BOOTSTRAP_FILE"] = s.file(strings.ReplaceAll(allKinds, "name: chat\n", "name: other\n"))
	inOrder(t, run(t, env, "plan").want(t, 0).stdout, "  +  workflow Tell the channel", "       note: ", "chat")
	env["BOOTSTRAP_FILE"] = s.file(allKinds)
	if plan := run(t, env, "plan").want(t, 0); strings.Contains(plan.stdout, "note: ") {
		t.Errorf("%s", plan.stdout)
	}
	run(t, env, "up").want(t, 0)
	env["BOOTSTRAP_FILE"] = s.file(strings.Replace(allKinds, "  - name: chat\n", "  - name: chatter\n    renamed_from: chat\n", 1))
	inOrder(t, run(t, env, "plan").want(t, 0).stdout, "  >  chat -> chatter", "referenced by 1 workflow: Tell the channel")
	env["BOOTSTRAP_FILE"] = s.file(strings.Replace(allKinds, "    type: slack\n    authentication: {webhook_url: https://hooks.slack.com/services/"+canary+"}\n", "    type: console\n", 1))
	inOrder(t, run(t, env, "plan").want(t, 0).stdout, "chat", "1 workflow: Tell the channel")
}

// The export leads to the same rows, in another database too.
func TestExportOfAllKinds(t *testing.T) {
	s := newScene(t)
	env := s.all()
	env["BOOTSTRAP_FILE"] = s.file(strings.Replace(allKinds, "  - id: second\n    triggers: []\n    disabled: true\n", `  - id: second
    steps: []
    x: &a {b: 'c', d: [1, yes, 2024-01-01, "e"]}
    y: *a
    text: |+
      kept

  - name: third
    actions: []
    long: "a:\n\nb"
    '=': ~
`, 1))
	run(t, env, "up").want(t, 0)
	exported := run(t, env, "export", "--log-format", "text").want(t, 0)
	for _, secret := range []string{canary, "-password", "-ops"} {
		if strings.Contains(exported.stdout, secret) {
			t.Errorf("the export shows %q", secret)
		}
	}
	if strings.Contains(exported.stderr, "warn") {
		t.Error(exported.stderr)
	}
	env["BOOTSTRAP_FILE"] = s.file(exported.stdout)
	env["CHAT_WEBHOOK_URL"], env["CI_SECRET"], env["OPS_SECRET"] = "https://hooks.slack.com/services/"+canary, env["CI_KEY"], env["OPS_KEY"]
	if plan := run(t, env, "plan", "--detailed-exitcode", "--log-format", "text").want(t, 0); plan.stdout != "No changes.\n" {
		t.Errorf("%s\n%s", exported.stdout, plan.stdout)
	}
	if again := run(t, env, "export").want(t, 0); again.stdout != exported.stdout {
		t.Errorf("the export changes:\n%s\n%s", exported.stdout, again.stdout)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	s := newScene(t)
	dir := s.folder("secrets", map[string]string{"password": canary + "\n", "keys": "ci:noc:" + canary + "1\n", "providers": promOnly})
	s.up(0, environment{
		"KEEP_DEFAULT_PASSWORD_FILE": filepath.Join(dir, "password"), "KEEP_DEFAULT_API_KEYS_FILE": filepath.Join(dir, "keys"),
		"KEEP_PROVIDERS_FILE": filepath.Join(dir, "providers"),
	})
	s.rows(`select username, password_hash = encode(sha256('`+canary+`'), 'hex') from "user"`, "keep|true")
	s.rows("select value from secret where key = 'keep-ci'", canary+"1")
	s.rows(providers, "prom|prometheus")
	// The user is left as it is, unless a reset is asked for.
	s.up(0, environment{"KEEP_DEFAULT_USERNAME": "keep", "KEEP_DEFAULT_PASSWORD": "other"})
	s.rows(`select password_hash = encode(sha256('`+canary+`'), 'hex') from "user"`, "true")
	s.up(0, environment{"KEEP_DEFAULT_USERNAME": "keep", "KEEP_DEFAULT_PASSWORD": "other", "KEEP_FORCE_RESET_DEFAULT_PASSWORD": "true"})
	s.rows(`select password_hash = encode(sha256('other'), 'hex') from "user"`, "true")
}

// An older Keep has no column for provisioned mapping rules: that kind is refused, the rest is installed.
func TestOlderKeepLacksAKind(t *testing.T) {
	t.Parallel()
	s := &scene{TB: t, d: pgtest.New(t, pgtest.Keep("9dd1be4539e0")), dir: t.TempDir()}
	s.up(78, s.mappings(map[string]string{"a.yaml": oneMapping})).want(t, 78, "KB027", "is_provisioned")
	s.up(0, copied(s.workflows("one"), environment{"KEEP_PROVIDERS": promOnly, "KEEP_DEFAULT_API_KEYS": "ci:noc:" + canary}))
	s.rows(workflows, "one")
	run(t, environment{"DATABASE_URL": s.d.URL}, "status").want(t, 0)
	run(t, environment{"DATABASE_URL": s.d.URL}, "export").want(t, 0)
	run(t, environment{"DATABASE_URL": s.d.URL}, "verify").want(t, 0)
}

// Killed while it waits for a lock on a table that it writes, or after a random time, a run leaves everything or nothing,
// and the next one completes it.
func TestAllKindsKilled(t *testing.T) {
	t.Parallel()
	const none = "0|0|0|0|0|0|0|0|0"
	check := func(t *testing.T, s *scene) {
		t.Helper()
		flush(t, s.d)
		state := s.sql(everything)
		if state != none && state != installedAll {
			t.Errorf("after the kill: %s", state)
		}
		if state := s.sql("select (select count(*) from bootstrap.history()), (select count(*) from bootstrap.status() where kind <> 'provider' and origin = 'bootstrap')"); state != "0|0" && state != "1|7" {
			t.Errorf("after the kill, records: %s", state)
		}
		execute(t, s.all(), "up").want(t, 0)
		s.rows(everything, installedAll)
	}
	for _, table := range []string{`"user"`, "tenantapikey", "provider", "secret", "alertdeduplicationrule", "workflow", "workflowversion", "dashboard", "mappingrule", "bootstrap.change"} {
		t.Run(table, func(t *testing.T) {
			s := newScene(t)
			holder, observer := s.d.Conn(t), s.d.Conn(t)
			if _, err := holder.Exec(t.Context(), "begin; lock table "+table+" in share mode"); err != nil {
				t.Fatal(err)
			}
			cmd := command(t, s.all(), "up")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waiting := false
			for range 200_000 {
				if err := observer.QueryRow(t.Context(), `select exists (select from pg_stat_activity
					where datname = current_database() and application_name = 'keep-bootstrap' and wait_event_type = 'Lock')`).Scan(&waiting); err != nil {
					t.Fatal(err)
				}
				if waiting {
					break
				}
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			_ = cmd.Wait()
			if !waiting {
				t.Error("the run did not wait for the lock")
			}
			if _, err := holder.Exec(t.Context(), "rollback"); err != nil {
				t.Fatal(err)
			}
			check(t, s)
		})
	}
	random := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	for i := range 8 {
		after := time.Duration(random.IntN(600)) * time.Millisecond
		t.Run(fmt.Sprint("random ", i), func(t *testing.T) {
			s := newScene(t)
			cmd := command(t, s.all(), "up")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
			_ = cmd.Wait()
			timer.Stop()
			check(t, s)
		})
	}
}
