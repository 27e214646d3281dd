package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/cli"
	"keep-bootstrap/test/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const newestKeep = pgtest.NewestKeep

const canary = pgtest.Canary

const twoProviders = `providers:
  grafana-prod:
    type: grafana
    authentication:
      host: https://grafana.example.com
      token: ` + canary + `
  vm:
    type: victoriametrics
    authentication:
      VMAlertHost: http://vm.example.com
      VMAlertPort: 8880
`

// result is what one execution of the program left.
type result struct {
	exit           int
	stdout, stderr string
}

// environment is a set of variables.
type environment map[string]string

// run executes the program in this process.
func run(t testing.TB, env environment, args ...string) result {
	t.Helper()
	return runWith(t, env, "", nil, args...)
}

// runWith executes the program with text on stdin; what it prints on stderr is also written to watch.
func runWith(t testing.TB, env environment, stdin string, watch io.Writer, args ...string) result {
	t.Helper()
	var stdout, stderr strings.Builder
	var errors io.Writer = &stderr
	if watch != nil {
		errors = io.MultiWriter(&stderr, watch)
	}
	var environ []string
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	exit := cli.Main(context.Background(), cli.Environment{
		Args: args, Environ: environ, Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: errors, Version: "test",
	})
	r := result{exit, stdout.String(), stderr.String()}
	if strings.Contains(r.stdout+r.stderr, canary) {
		t.Errorf("%q shows a secret:\n%s%s", args, r.stdout, r.stderr)
	}
	return r
}

// want fails the test unless the exit code is the expected one and stderr has all the texts.
func (r result) want(t testing.TB, exit int, stderr ...string) result {
	t.Helper()
	if r.exit != exit {
		t.Errorf("exit code %d, want %d\n%s%s", r.exit, exit, r.stdout, r.stderr)
	}
	for _, text := range stderr {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("stderr lacks %q:\n%s", text, r.stderr)
		}
	}
	return r
}

// lines parses JSON lines and checks the first.
func lines(t testing.TB, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("not JSON: %q: %v", line, err)
		}
		if object["type"] == nil {
			t.Errorf("a line without a type: %s", line)
		}
		fitsSchema(t, line)
		all = append(all, object)
	}
	if len(all) == 0 || all[0]["type"] != "version" || all[0]["format"] != 1.0 || all[0]["bootstrap"] != "test" {
		t.Errorf("the first line is not the version line: %s", text)
	}
	return all
}

func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "providers.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var changed = pgtest.Changed

func TestUsage(t *testing.T) {
	t.Parallel()
	nowhere := environment{"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/db"}
	with := func(more environment) environment {
		all := environment{}
		for _, set := range []environment{nowhere, more} {
			for name, value := range set {
				all[name] = value
			}
		}
		return all
	}
	broken := file(t, "providers:\n  a:\n    type: [\n")
	for _, test := range []struct {
		name   string
		env    environment
		args   []string
		exit   int
		stderr []string
	}{
		{"no source", nowhere, []string{"up"}, 64, []string{"no-source", "KEEP_PROVIDERS", "KEEP_PROVIDERS_DIRECTORY"}},
		{"no source for plan", nowhere, []string{"plan"}, 64, []string{"KEEP_PROVIDERS"}},
		{"no source for apply", nowhere, []string{"apply"}, 64, []string{"KEEP_PROVIDERS"}},
		{"broken input", nowhere, []string{"up", "-f", broken}, 65, []string{"providers.yaml:", "error: input:"}},
		{"broken JSON of Keep", with(environment{"KEEP_PROVIDERS": `{"a": {`}), []string{"up"}, 65, []string{"KEEP_PROVIDERS:1:"}},
		{"both of Keep's variables", with(environment{"KEEP_PROVIDERS": `{}`, "KEEP_PROVIDERS_DIRECTORY": "/x"}), []string{"up"}, 65, nil},
		{"undefined reference", with(environment{"KEEP_PROVIDERS": `{"a": {"type": "grafana", "authentication": {"host": "$(NONE)"}}}`}), []string{"up"}, 65, []string{"NONE"}},
		{"unknown flag", nowhere, []string{"up", "--none"}, 64, []string{"--none"}},
		{"unknown command", nowhere, []string{"upp"}, 64, []string{`unknown command "upp"`, "did you mean up?"}},
		{"plan without a path", nowhere, []string{"apply", "--plan", ""}, 64, []string{"--plan is empty"}},
		{"catalogue without a path", nowhere, []string{"validate", "--catalogue="}, 64, []string{"--catalogue is empty"}},
		{"file without -f", nowhere, []string{"up", "five.yaml"}, 64, []string{`unexpected argument "five.yaml"`, "did you mean -f five.yaml?"}},
		{"URL as an argument", nowhere, []string{"up", "postgresql://keep:" + canary + "@db/keep"}, 64, []string{"unexpected argument"}},
		{"misspelt choice", nowhere, []string{"plan", "--on-drift", "never"}, 64, []string{"must be overwrite or keep or fail"}},
		{"output", nowhere, []string{"status", "-o", "xml"}, 64, []string{"text or json"}},
		{"wait", nowhere, []string{"status", "--wait=soon"}, 64, []string{"duration"}},
		{"log format", nowhere, []string{"status", "--log-format", "xml"}, 64, nil},
		{"variable of a flag", with(environment{"BOOTSTRAP_WAIT": "soon"}), []string{"status"}, 64, []string{"BOOTSTRAP_WAIT"}},
		{"empty tenant", nowhere, []string{"status", "--tenant", ""}, 64, nil},
		{"MySQL", environment{"DATABASE_CONNECTION_STRING": "mysql+pymysql://keep:" + canary + "@db/keep"}, []string{"status"}, 64, []string{"mysql", "DATABASE_CONNECTION_STRING"}},
		{"broken URL", environment{"DATABASE_URL": "postgresql://keep:" + canary + "@db:port/keep"}, []string{"status"}, 64, []string{"DATABASE_URL"}},
		{"history", nowhere, []string{"history", "x"}, 64, nil},
		{"unreachable", nowhere, []string{"status"}, 69, []string{"127.0.0.1:1"}},
		{"unreachable for up", with(environment{"KEEP_PROVIDERS": "{}"}), []string{"up"}, 69, []string{"connection refused"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := run(t, test.env, append([]string{"--log-format", "text"}, test.args...)...).want(t, test.exit, test.stderr...)
			if r.stdout != "" {
				t.Errorf("stdout: %s", r.stdout)
			}
		})
	}
}

// Help fits 100 columns, and each command has one example.
func TestHelp(t *testing.T) {
	t.Parallel()
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		name := cmd.CommandPath()
		if cmd.Example == "" || strings.Contains(cmd.Example, "\n") {
			t.Errorf("%s has not one example: %q", name, cmd.Example)
		}
		r := run(t, nil, append(strings.Fields(name)[1:], "--help")...).want(t, 0)
		for line := range strings.SplitSeq(r.stdout, "\n") {
			if len(line) > 100 {
				t.Errorf("%s --help has a line of %d columns: %s", name, len(line), line)
			}
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(cli.Command("test"))
	run(t, nil, "completion", "bash").want(t, 0)
	if r := run(t, nil, "version").want(t, 0); !strings.Contains(r.stdout, "keep-bootstrap test") || !strings.Contains(r.stdout, "001_schema.sql") {
		t.Errorf("version: %s", r.stdout)
	}
	if r := run(t, nil, "sql").want(t, 0); !strings.Contains(r.stdout, "CREATE SCHEMA bootstrap") {
		t.Error("sql prints no script")
	}
}

// The errors of a command look the same in text and in JSON, and each is on stderr.
func TestErrorsInTextAndJSON(t *testing.T) {
	t.Parallel()
	env := environment{"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/db"}
	text := run(t, env, "--log-format", "text", "status").want(t, 69)
	inJSON := run(t, env, "status", "-o", "json").want(t, 69)
	var object struct {
		Type, Code, Message, Hint string
		ExitCode                  int `json:"exit_code"`
		Retry                     bool
	}
	if err := json.Unmarshal([]byte(inJSON.stderr), &object); err != nil {
		t.Fatalf("%v: %s", err, inJSON.stderr)
	}
	if want := fmt.Sprintf("error: %s: %s\nhint: %s\n", object.Code, object.Message, object.Hint); text.stderr != want {
		t.Errorf("text %q, from JSON %q", text.stderr, want)
	}
	if object.Type != "error" || object.ExitCode != 69 || !object.Retry {
		t.Errorf("%+v", object)
	}
	if r := run(t, env, "status", "-o", "json", "-o", "xml").want(t, 64, "text or json"); !json.Valid([]byte(r.stderr)) {
		t.Errorf("a wrong word takes the place of json: %s", r.stderr)
	}
	r := run(t, env, "up", "-o", "json", "-f", file(t, "providers:\n  a: {type: grafana, authentification: {}}\n")).want(t, 65)
	var withProblems struct {
		Problems []struct {
			File    string
			Line    int
			Message string
		}
	}
	if err := json.Unmarshal([]byte(r.stderr), &withProblems); err != nil {
		t.Fatalf("%v: %s", err, r.stderr)
	}
	if len(withProblems.Problems) == 0 || withProblems.Problems[0].Line != 2 {
		t.Errorf("%s", r.stderr)
	}
}

func TestUpPlanApply(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	path := file(t, twoProviders)

	run(t, env, "plan", "-f", path, "--log-format", "text").want(t, 69, "no-schema", "keep-bootstrap migrate")

	first := run(t, env, "up", "-f", path, "--log-format", "text").want(t, 0)
	inOrder(t, first.stderr, "schema migrated", "tenant created tenant=keep", "installed providers=2")
	inOrder(t, first.stdout, "  +  grafana-prod", "  +  vm", "Applied: 2 added, 0 changed, 0 renamed, 0 pruned.\n")

	second := run(t, env, "up", "-f", path, "--log-format", "text").want(t, 0)
	inOrder(t, second.stderr, "up to date providers=2")
	if !strings.HasSuffix(second.stdout, "No changes.\n") {
		t.Errorf("second run: %s", second.stdout)
	}
	run(t, env, "plan", "-f", path, "--detailed-exitcode").want(t, 0)

	next := file(t, strings.Replace(strings.Replace(twoProviders, "8880", "8881", 1), "grafana-prod:", "grafana-live:\n    renamed_from: [grafana-prod]", 1)+
		"  new:\n    type: prometheus\n    authentication: {url: http://p}\n")
	plan := run(t, env, "plan", "-f", next, "--detailed-exitcode").want(t, 2)
	inOrder(t, plan.stdout, "grafana-prod -> grafana-live")
	for _, line := range []string{"  +  new ", "  ~  vm ", "authentication.VMAlertPort", "  >  grafana-prod -> grafana-live", "\nPlan: 1 to add, 1 to change, 1 to rename, 0 to prune.\n"} {
		if !strings.Contains(plan.stdout, line) {
			t.Errorf("plan lacks %q:\n%s", line, plan.stdout)
		}
	}

	planned := lines(t, run(t, env, "plan", "-f", next, "-o", "json").want(t, 0).stdout)
	if last := planned[len(planned)-1]; len(planned) != 5 || last["type"] != "summary" || last["add"] != 1.0 || last["change"] != 1.0 || last["rename"] != 1.0 || last["changed"] != true {
		t.Errorf("%v", planned)
	}
	applied := lines(t, run(t, env, "apply", "-f", next, "-o", "json").want(t, 0).stdout)
	if last := applied[len(applied)-1]; last["type"] != "summary" || last["command"] != "apply" || last["add"] != 1.0 || last["run"] == nil || last["unchanged"] != 0.0 {
		t.Errorf("%v", applied)
	}
	changes := 0
	for _, line := range applied {
		if line["type"] == "change" {
			changes++
		}
	}
	if changes != 3 {
		t.Errorf("%d changes: %v", changes, applied)
	}

	empty := file(t, "providers: {}\n")
	refused := run(t, env, "plan", "-f", empty, "--log-format", "text").want(t, 78, "KB020", "--allow-empty")
	inOrder(t, refused.stdout, "refused: KB020", "Plan: 0 to add, 0 to change, 0 to rename, 3 to prune.")
	run(t, env, "apply", "-f", empty, "--log-format", "text").want(t, 78, "error: KB020", "hint: ")
	history := run(t, env, "history").want(t, 0)
	inOrder(t, history.stdout, "failed", "KB020", "applied", "1 added, 1 changed, 1 renamed, 0 pruned", "applied", "2 added")
	run(t, environment{"DATABASE_URL": d.URL, "BOOTSTRAP_ALLOW_EMPTY": "true", "BOOTSTRAP_FILE": empty}, "apply").want(t, 0)
	inOrder(t, run(t, env, "status").want(t, 0).stdout, "tenant keep has no providers")
}

func inOrder(t testing.TB, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Errorf("%q is not there, or not after what comes before it:\n%s", part, text)
			return
		}
		rest = after
	}
}

func TestInspection(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	for _, command := range []string{"status", "verify", "history"} {
		run(t, env, command, "--log-format", "text").want(t, 69, "no-schema")
	}
	runWith(t, env, twoProviders, nil, "up", "-f", "-").want(t, 0)

	status := run(t, env, "status").want(t, 0)
	inOrder(t, status.stdout, "NAME", "grafana-prod", "bootstrap", "installed", "vm")
	all := lines(t, run(t, env, "status", "-o", "json").want(t, 0).stdout)
	if len(all) != 4 || all[1]["name"] != "grafana-prod" || all[1]["origin"] != "bootstrap" || all[1]["changed_at"] == nil {
		t.Errorf("%v", all)
	}
	run(t, env, "verify").want(t, 0)
	if history := lines(t, run(t, env, "history", "-o", "json").want(t, 0).stdout); len(history) != 2 || history[1]["outcome"] != "applied" || history[1]["add"] != 2.0 {
		t.Errorf("%v", history)
	}
	if changes := lines(t, run(t, env, "history", "1", "-o", "json").want(t, 0).stdout); len(changes) != 4 || changes[1]["type"] != "run" || changes[2]["action"] != "add" {
		t.Errorf("%v", changes)
	}
	inOrder(t, run(t, env, "history", "1").want(t, 0).stdout, "+  grafana-prod", "+  vm")

	d.Exec(t, "delete from provider where name = 'vm'")
	verify := run(t, env, "verify", "--log-format", "text").want(t, 78, "verify", "1 check failed")
	inOrder(t, verify.stdout, "FAIL  objects: deleted outside of keep-bootstrap: provider \"vm\"", "PROVISION_RESOURCES")
	checks := lines(t, run(t, env, "verify", "-o", "json").want(t, 78).stdout)
	if last := checks[len(checks)-1]; last["ok"] != false {
		t.Errorf("%v", checks)
	}
	inOrder(t, run(t, env, "status").want(t, 0).stdout, "deleted outside of keep-bootstrap")
	// up installs it again.
	runWith(t, env, twoProviders, nil, "up", "-f", "-").want(t, 0)
	run(t, env, "verify").want(t, 0)
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_CONNECTION_STRING": strings.Replace(d.URL, "postgres://", "postgresql+psycopg2://", 1)}
	inOrder(t, run(t, env, "migrate").want(t, 0).stdout, "from version 0 to")
	inOrder(t, run(t, env, "migrate").want(t, 0).stdout, "up to date")
	last := lines(t, run(t, env, "migrate", "-o", "json").want(t, 0).stdout)
	if len(last) != 2 || last[1]["changed"] != false {
		t.Errorf("%v", last)
	}
	run(t, env, "migrate", "--to", "99").want(t, 64)
	inOrder(t, run(t, env, "migrate", "--to", "0").want(t, 0).stdout, "removed")
	inOrder(t, run(t, env, "migrate", "--to", "0").want(t, 0).stdout, "not installed")
}

func TestKeepsTables(t *testing.T) {
	t.Parallel()
	path := file(t, twoProviders)
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		d := pgtest.New(t, pgtest.Empty)
		env := environment{"DATABASE_URL": d.URL}
		run(t, env, "up", "-f", path, "--log-format", "text").want(t, 69, "KB010", "--wait")
		run(t, env, "up", "--tenant-only", "--log-format", "text").want(t, 69, "KB010")
		run(t, env, "up", "-f", path, "--wait=300ms", "--log-format", "text").want(t, 69, "KB010", "gave up after 300ms")
		run(t, env, "migrate").want(t, 0)
		run(t, env, "up", "-f", path, "--create-tables").want(t, 0)
	})
	t.Run("too old", func(t *testing.T) {
		t.Parallel()
		d := pgtest.New(t, pgtest.Keep("4f8c4b185d5b"))
		run(t, environment{"DATABASE_URL": d.URL}, "up", "-f", path, "--log-format", "text").want(t, 78, "KB011", "secret")
	})
	t.Run("in another schema", func(t *testing.T) {
		t.Parallel()
		d := pgtest.New(t, pgtest.Keep(newestKeep))
		d.Exec(t, "alter schema public rename to keep; create schema public")
		run(t, environment{"DATABASE_URL": d.URL}, "up", "-f", path, "--log-format", "text").want(t, 78, "KB012")
	})
	t.Run("appear in time", func(t *testing.T) {
		t.Parallel()
		d := pgtest.New(t, pgtest.Empty)
		var once sync.Once
		watch := writer(func(text string) {
			if strings.Contains(text, "waiting") {
				once.Do(func() {
					if err := pgtest.Keep(newestKeep).Build(context.Background(), d.URL); err != nil {
						t.Error(err)
					}
				})
			}
		})
		r := runWith(t, environment{"DATABASE_URL": d.URL}, twoProviders, watch, "up", "-f", "-", "--wait", "--log-format", "text").want(t, 0)
		inOrder(t, r.stderr, "waiting", "KB010", "schema migrated", "installed providers=2")
	})
}

// writer is a function that gets what is written.
type writer func(string)

func (w writer) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}

func TestTenant(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL, "BOOTSTRAP_TENANT": "other"}
	path := file(t, twoProviders)
	run(t, env, "up", "-f", path, "--require-tenant", "--log-format", "text").want(t, 78, "KB004")
	run(t, env, "up", "--tenant-only", "--tenant-name", "Other").want(t, 0)
	inOrder(t, run(t, env, "up", "--tenant-only").want(t, 0).stdout, "tenant other exists")
	if rows := pgtest.Table(t, d.Conn(t), "select name, (select count(*) from provider) from tenant where id = 'other'"); fmt.Sprint(rows) != "[[Other 0]]" {
		t.Errorf("%v", rows)
	}
	run(t, env, "up", "-f", path, "--require-tenant").want(t, 0)
}

func TestPrivileges(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	name := d.Name + "_role"
	d.Exec(t, fmt.Sprintf("create role %s login password 'pw'", name))
	t.Cleanup(func() { d.Exec(t, fmt.Sprintf("drop owned by %[1]s cascade; drop role %[1]s", name)) })
	weak := environment{"DATABASE_URL": changed(t, d.URL, func(u *url.URL) { u.User = url.UserPassword(name, "pw") })}
	path := file(t, twoProviders)
	run(t, weak, "up", "-f", path, "--log-format", "text").want(t, 77, "42501")
	run(t, environment{"DATABASE_URL": d.URL}, "migrate").want(t, 0)
	run(t, weak, "apply", "-f", path, "--log-format", "text").want(t, 77, "42501")
	run(t, weak, "status", "--log-format", "text").want(t, 77)
	wrong := environment{"DATABASE_URL": changed(t, d.URL, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), canary) })}
	run(t, wrong, "up", "-f", path, "--wait", "--log-format", "text").want(t, 77, "28P01")
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	path := file(t, twoProviders)
	run(t, environment{"DATABASE_URL": d.URL}, "up", "-f", path).want(t, 0)
	readOnly := environment{"DATABASE_URL": changed(t, d.URL, func(u *url.URL) {
		u.RawQuery += "&options=-c%20default_transaction_read_only%3Don"
	})}
	run(t, readOnly, "apply", "-f", path, "--log-format", "text").want(t, 69)
	run(t, readOnly, "plan", "-f", path, "--log-format", "text").want(t, 69)
	run(t, readOnly, "status").want(t, 0)
	run(t, readOnly, "verify").want(t, 0)
	run(t, readOnly, "history").want(t, 0)
}

func TestProblemsOfTheDatabaseHavePlaces(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	path := file(t, "providers:\n  a:\n    type: prometheus\n    authentication: {url: http://x}\n  b:\n    type: victoriametrics\n    authentication: {token: "+canary+"}\n")
	// The program would find it by itself, were it not for a catalogue in which the type needs nothing.
	types := file(t, `{"types": {"victoriametrics": {}}}`)
	r := run(t, environment{"DATABASE_URL": d.URL}, "up", "-f", path, "--catalogue", types, "--log-format", "text").want(t, 65, "error: KB001", path+":5:", "VMAlertHost")
	if rows := pgtest.Table(t, d.Conn(t), "select count(*) from provider"); rows[0][0] != "0" {
		t.Errorf("rows were written\n%s", r.stderr)
	}
}

func TestManyChanges(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	var text strings.Builder
	text.WriteString("providers:\n")
	for i := range 250 {
		fmt.Fprintf(&text, "  p%03d: {type: prometheus, authentication: {url: \"http://p\"}}\n", i)
	}
	path := file(t, text.String())
	run(t, env, "migrate").want(t, 0)
	plan := run(t, env, "plan", "-f", path).want(t, 0)
	if n := strings.Count(plan.stdout, "\n"); n != 202 {
		t.Errorf("%d lines", n)
	}
	inOrder(t, plan.stdout, "p000", "p199", "... and 50 more", "Plan: 250 to add, 0 to change, 0 to rename, 0 to prune.")
	if all := lines(t, run(t, env, "plan", "-f", path, "-o", "json").want(t, 0).stdout); len(all) != 252 {
		t.Errorf("%d JSON lines", len(all))
	}
	inOrder(t, run(t, env, "up", "-f", path).want(t, 0).stdout, "250 changes: keep-bootstrap history 1", "Applied: 250 added")
}

func TestSecretManager(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL, "SECRET_MANAGER_TYPE": "k8s", "KEEP_PROVIDERS": `{"p": {"type": "prometheus", "authentication": {"url": "http://x"}}}`}
	run(t, env, "up", "--log-format", "text").want(t, 78, "KB023", "--assume-secret-manager")
	run(t, env, "up", "--assume-secret-manager", "db").want(t, 0)
	env["SECRET_MANAGER_TYPE"] = "DB"
	run(t, env, "up").want(t, 0)
}

func TestGeneration(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	newer, older := file(t, twoProviders), file(t, strings.Replace(twoProviders, "8880", "1", 1))
	env := environment{"DATABASE_URL": d.URL, "BOOTSTRAP_GENERATION": "7"}
	run(t, env, "up", "-f", newer).want(t, 0)
	r := run(t, env, "up", "-f", older, "--generation", "6").want(t, 0)
	inOrder(t, r.stdout, "generation 6 is older than the installed one, 7", "No changes.")
	if inOrder(t, r.stderr, "generation 6 is older than the installed one, 7"); strings.Contains(r.stderr, "up to date") {
		t.Errorf("the log says that all is up to date: %s", r.stderr)
	}
	inOrder(t, run(t, env, "up", "-f", older, "--generation", "8").want(t, 0).stdout, "1 changed")
}

func TestDrift(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	path := file(t, twoProviders)
	run(t, env, "up", "-f", path).want(t, 0)
	d.Exec(t, "update secret set value = replace(value, '8880', '8889') where key like '%victoriametrics%'")
	inOrder(t, run(t, env, "plan", "-f", path).want(t, 0).stdout, "~  vm", "authentication.VMAlertPort", "(changed outside of keep-bootstrap since run 1)")
	run(t, env, "apply", "-f", path, "--on-drift", "fail", "--log-format", "text").want(t, 78, "KB025")
	run(t, env, "apply", "-f", path, "--on-drift", "what", "--log-format", "text").want(t, 64, "must be overwrite or keep or fail")
	inOrder(t, run(t, env, "plan", "-f", path, "--on-drift", "keep", "--detailed-exitcode").want(t, 0).stdout, "vm", "changed outside of keep-bootstrap since run 1; kept", "No changes.")
	run(t, env, "apply", "-f", path, "--on-drift", "keep").want(t, 0)
	if rows := pgtest.Table(t, d.Conn(t), "select count(*) from secret where value like '%8889%'"); rows[0][0] != "1" {
		t.Error("the change was not kept")
	}
	run(t, env, "apply", "-f", path).want(t, 0)
	if rows := pgtest.Table(t, d.Conn(t), "select count(*) from secret where value like '%8880%'"); rows[0][0] != "1" {
		t.Error("the change was not undone")
	}
}
