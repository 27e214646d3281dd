package cli_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// installed is a database with twoProviders in it.
func installed(t testing.TB) (*pgtest.Database, environment) {
	t.Helper()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	run(t, env, "up", "-f", file(t, twoProviders)).want(t, 0)
	return d, env
}

// next is twoProviders with one field changed.
var next = strings.Replace(twoProviders, "8880", "8881", 1)

// planTo writes a plan and returns its path.
func planTo(t testing.TB, env environment, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plan.json")
	run(t, env, append([]string{"plan", "--out", path}, args...)...).want(t, 0)
	return path
}

// edited is a copy of a plan file with keys replaced.
func edited(t testing.TB, path string, changes map[string]any) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	for key, value := range changes {
		object[key] = value
	}
	text, err = json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, string(text))
}

func rows(t testing.TB, d *pgtest.Database, sql string) string {
	t.Helper()
	return fmt.Sprint(pgtest.Table(t, d.Conn(t), sql))
}

const secretRows = "select p.name, p.xmin, s.xmin, s.value from provider p join secret s on s.key = p.configuration_key order by 1"

func TestPlanFile(t *testing.T) {
	t.Parallel()
	d, env := installed(t)
	path := planTo(t, env, "-f", file(t, next), "--max-prune", "1")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), canary) || strings.Contains(string(text), "8881") {
		t.Errorf("the plan file holds a value:\n%s", text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	var plan struct {
		Format  int
		Tenant  string
		Digest  string
		Options struct {
			File     []string
			MaxPrune string `json:"max_prune"`
		}
		Changes []map[string]any
	}
	if err := json.Unmarshal(text, &plan); err != nil || plan.Format != 1 || plan.Tenant != "keep" || !filepath.IsAbs(plan.Options.File[0]) ||
		plan.Digest == "" || plan.Options.MaxPrune != "1" || len(plan.Changes) != 1 || plan.Changes[0]["action"] != "update" {
		t.Errorf("%v\n%s", err, text)
	}
	if leftover, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".plan-*")); len(leftover) != 0 {
		t.Errorf("left over: %v", leftover)
	}

	r := run(t, env, "apply", "--plan", path).want(t, 0)
	inOrder(t, r.stdout, "~  vm", "Applied: 0 added, 1 changed, 0 renamed, 0 pruned.\n")
	if got := rows(t, d, "select count(*) from secret where value like '%8881%'"); got != "[[1]]" {
		t.Error("the plan was not applied")
	}
	run(t, env, "apply", "--plan", path, "--log-format", "text").want(t, 78, "KB026", "stale plan")
	inOrder(t, run(t, env, "history").want(t, 0).stdout, "failed", "KB026", "applied", "applied")

	// A plan without changes can be applied as well.
	inOrder(t, run(t, env, "apply", "--plan", planTo(t, env, "-f", file(t, next))).want(t, 0).stdout, "No changes.")
}

func TestPlanFileWithVariables(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL, "TOKEN": canary, "KEEP_PROVIDERS": `{"g": {"type": "grafana", "authentication": {"host": "https://g", "token": "$(TOKEN)"}}}`}
	run(t, env, "migrate").want(t, 0)
	path := planTo(t, env)
	env["TOKEN"] = canary + "2"
	run(t, env, "apply", "--plan", path, "--log-format", "text").want(t, 78, "KB026")
	env["TOKEN"] = canary
	run(t, env, "apply", "--plan", path).want(t, 0)

	// stdin and a relative path are sources, too.
	path = filepath.Join(t.TempDir(), "plan.json")
	env = environment{"DATABASE_URL": d.URL}
	runWith(t, env, twoProviders, nil, "plan", "--max-prune", "5", "-f", "-", "--out", path).want(t, 0)
	runWith(t, env, twoProviders, nil, "apply", "--plan", path).want(t, 0)
	relative, err := filepath.Rel(must(os.Getwd()), file(t, next))
	if err != nil {
		t.Fatal(err)
	}
	run(t, env, "apply", "--plan", planTo(t, env, "-f", relative)).want(t, 0)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestStalePlanFile(t *testing.T) {
	t.Parallel()
	d, env := installed(t)
	input := file(t, next)
	refused := func(name, path string, env environment, exit int, stderr []string, args ...string) {
		t.Helper()
		before := rows(t, d, secretRows)
		run(t, env, append([]string{"apply", "--log-format", "text", "--plan", path}, args...)...).want(t, exit, stderr...)
		if rows(t, d, secretRows) != before {
			t.Errorf("%s: rows were written", name)
		}
	}
	path := planTo(t, env, "-f", input)

	refused("another tenant", path, env, 78, []string{"KB026", "tenant keep", "other"}, "--tenant", "other")
	refused("another file", path, env, 64, []string{"--file"}, "-f", file(t, next))
	refused("a variable with another file", path, environment{"DATABASE_URL": d.URL, "BOOTSTRAP_FILE": file(t, twoProviders)}, 64, []string{"--file"})
	refused("another option", path, env, 64, []string{"--max-prune"}, "--max-prune", "9")
	refused("strict", path, env, 64, []string{"--strict"}, "--strict")

	other, _ := installed(t)
	refused("another database", path, environment{"DATABASE_URL": other.URL}, 78, []string{"KB026", "made for database " + d.Name, "this is " + other.Name})
	sameName := edited(t, path, map[string]any{"database": map[string]any{"host": "elsewhere", "port": 1, "name": other.Name}})
	refused("another server", sameName, environment{"DATABASE_URL": other.URL}, 78, []string{"KB026", "on elsewhere:1", "stale plan: it was made for database"})

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused("truncated", file(t, string(text[:len(text)/2])), env, 65, []string{"not a bootstrap plan file", "truncated"})
	refused("empty", file(t, ""), env, 65, []string{"not a bootstrap plan file"})
	refused("another kind of JSON", input, env, 65, []string{"not a bootstrap plan file"})
	refused("other JSON", file(t, `{"providers": []}`), env, 65, []string{"another kind of JSON"})
	refused("not there", path+"x", env, 65, []string{"no such file"})
	refused("a directory", t.TempDir(), env, 65, []string{"not a bootstrap plan file"})
	refused("a wrong kind", edited(t, path, map[string]any{"tenant": 1}), env, 65, nil)
	refused("no tenant", edited(t, path, map[string]any{"tenant": ""}), env, 65, nil)
	refused("an older form", edited(t, path, map[string]any{"sources": []string{input}, "options": map[string]any{}}), env, 65, []string{"another form"})
	refused("an unknown option", edited(t, path, map[string]any{"options": map[string]any{"file": []string{input}, "max_pruned": "1"}}), env, 65,
		[]string{"changed since"})
	refused("newer", edited(t, path, map[string]any{"format": 2, "bootstrap": "v9", "new": "x"}), env, 78, []string{"newer version", "v9"})

	d.Exec(t, "update secret set value = replace(value, '8880', '8879') where key like '%victoria%'")
	refused("stale", path, env, 78, []string{"KB026", "stale plan"})
	if err := os.WriteFile(input, []byte(twoProviders), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("another input", path, env, 78, []string{"KB026"})
	if err := os.Remove(input); err != nil {
		t.Fatal(err)
	}
	refused("no input", path, env, 65, []string{"no such file"})

	for _, out := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none", "plan.json")} {
		run(t, env, "plan", "-f", file(t, next), "--out", out, "--log-format", "text").want(t, 64, "cannot write the plan")
	}
}

// What was given for the plan may be said again, and the tenant comes from the plan.
func TestPlanFileAndItsFlags(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL, "BOOTSTRAP_FILE": file(t, twoProviders), "BOOTSTRAP_ON_DRIFT": "keep"}
	run(t, env, "migrate").want(t, 0)
	path := planTo(t, env, "--tenant", "other", "--generation", "3")
	inOrder(t, run(t, env, "apply", "--plan", path, "--generation", "3", "-f", env["BOOTSTRAP_FILE"], "-o", "json").want(t, 0).stdout, `"tenant":"other"`, `"add":2`)
	if got := rows(t, d, "select tenant_id, count(*) from provider group by 1"); got != "[[other 2]]" {
		t.Error(got)
	}
	run(t, env, "apply", "--plan", path, "--generation", "4").want(t, 64)
}

func TestRefusedPlanFile(t *testing.T) {
	t.Parallel()
	d, env := installed(t)
	path := filepath.Join(t.TempDir(), "plan.json")
	run(t, env, "plan", "-f", file(t, "providers: {}"), "--out", path, "--log-format", "text").want(t, 78, "KB020")
	run(t, env, "apply", "--plan", path, "--log-format", "text").want(t, 78, "KB020", "when it was made")
	run(t, env, "apply", "--plan", path, "--allow-empty", "--log-format", "text").want(t, 78, "KB020")
	if got := rows(t, d, "select count(*) from provider"); got != "[[2]]" {
		t.Error(got)
	}
}

func TestPlanOfAnOlderGeneration(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	run(t, env, "up", "-f", file(t, twoProviders), "--generation", "7").want(t, 0)
	path := filepath.Join(t.TempDir(), "plan.json")
	inOrder(t, run(t, env, "plan", "-f", file(t, next), "--generation", "6", "--out", path, "--detailed-exitcode").want(t, 0).stdout, "a higher generation is installed", "No changes.")
	inOrder(t, run(t, env, "apply", "--plan", path).want(t, 0).stdout, "generation 6 is older than the installed one, 7", "No changes.")
}

func TestThePlanFileOfTheProgram(t *testing.T) {
	t.Parallel()
	d, _ := installed(t)
	env := environment{"DATABASE_URL": changed(t, d.URL, func(u *url.URL) { u.RawQuery += "&application_name=ci" })}
	path := filepath.Join(t.TempDir(), "plan.json")
	execute(t, env, "plan", "-f", file(t, next), "--out", path, "--detailed-exitcode").want(t, 2)
	execute(t, env, "apply", "--plan", path).want(t, 0)
	execute(t, env, "apply", "--plan", path).want(t, 78, "KB026")
}

// A plan is bound to the rows that it changes, of every kind.
func TestPlanOfRowsThatChangedMeanwhile(t *testing.T) {
	t.Parallel()
	for kind, edits := range map[string][3]string{
		"rule":         {"fingerprint_fields: [a]", "fingerprint_fields: [b]", "update alertdeduplicationrule set description = 'theirs'"},
		"workflow":     {"says what is wrong", "says it", "update workflow set interval = 7 where name like 'Tell%'"},
		"dashboard":    {"w: 3", "w: 4", `update dashboard set dashboard_config = '{"theirs": 1}'`},
		"mapping rule": {"team: one", "team: two", "update mappingrule set priority = 9"},
		"API key":      {"name: ci, role: noc", "name: ci, role: admin", "update tenantapikey set role = 'webhook' where reference_id = 'ci'"},
		"provider":     {"http://localhost", "http://elsewhere", "update provider set description = 'theirs' where name = 'prom'"},
	} {
		t.Run(kind, func(t *testing.T) {
			s := newScene(t)
			env := s.all()
			run(t, env, "up").want(t, 0)
			env["BOOTSTRAP_FILE"] = s.file(strings.Replace(allKinds, edits[0], edits[1], 1))
			path := planTo(t, env)
			s.d.Exec(t, edits[2])
			run(t, env, "apply", "--plan", path, "--log-format", "text").want(t, 78, "KB026", "stale plan")
			run(t, env, "apply", "--plan", planTo(t, env)).want(t, 0)
			run(t, env, "plan", "--detailed-exitcode").want(t, 0)
		})
	}
}

// The journal names what a run was made from, and no value of it.
func TestHistoryNamesTheInput(t *testing.T) {
	t.Parallel()
	_, env := installed(t)
	history := lines(t, run(t, env, "history", "-o", "json").want(t, 0).stdout)
	if inputs, _ := history[1]["inputs"].([]any); len(inputs) != 1 || !strings.HasSuffix(fmt.Sprint(inputs[0]), ".yaml") {
		t.Errorf("%v", history)
	}
	for _, args := range [][]string{{"history"}, {"history", "1"}, {"history", "1", "-o", "json"}} {
		if r := run(t, env, args...).want(t, 0); strings.Contains(r.stdout+r.stderr, canary) {
			t.Errorf("%q shows a secret", args)
		}
	}
}
