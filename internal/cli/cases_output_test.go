package cli_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"keep-bootstrap/internal/cli"
	"keep-bootstrap/test/pgtest"
)

// full is a disk that has room for some bytes.
type full struct {
	room int
	err  error
}

func (f *full) Write(p []byte) (int, error) {
	if len(p) <= f.room {
		f.room -= len(p)
		return len(p), nil
	}
	n := f.room
	f.room = 0
	return n, f.err
}

// onto runs the program with these outputs; stderr is returned when it is nil.
func onto(env environment, stdout, stderr io.Writer, args ...string) (exit int, said string) {
	var environ []string
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	var text strings.Builder
	if stderr == nil {
		stderr = &text
	}
	exit = cli.Main(context.Background(), cli.Environment{Args: args, Environ: environ, Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Version: "test"})
	return exit, text.String()
}

// TestOutputThatCannotBeWritten: a result that was not written completely is exit code 1 with the reason; after a COMMIT the run is named; never is a connection blamed.
func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	path, second := file(t, twoProviders), file(t, strings.Replace(twoProviders, "8880", "8881", 1))
	address := shared(t)
	for _, test := range []struct {
		args     []string
		commits  bool
		database bool
	}{
		{[]string{"up", "-f", path}, true, true},
		{[]string{"apply", "-f", path}, true, true},
		{[]string{"up", "--tenant-only", "--tenant", "other"}, false, true},
		{[]string{"plan", "-f", second}, false, true},
		{[]string{"plan", "-f", second, "--detailed-exitcode"}, false, true},
		{[]string{"plan", "-f", path, "--detailed-exitcode"}, false, true},
		{[]string{"verify"}, false, true},
		{[]string{"status"}, false, true},
		{[]string{"history"}, false, true},
		{[]string{"export"}, false, true},
		{[]string{"migrate", "--status"}, false, true},
		{[]string{"types"}, false, false},
		{[]string{"types", "grafana"}, false, false},
		{[]string{"sql"}, false, false},
		{[]string{"sql", "--roles"}, false, false},
		{[]string{"validate", "-f", path}, false, false},
		{[]string{"version"}, false, false},
		{[]string{"--version"}, false, false},
		{[]string{"--help"}, false, false},
		{[]string{"completion", "bash"}, false, false},
	} {
		for _, form := range []string{"text", "json", "markdown"} {
			if form == "markdown" && test.args[0] != "up" && test.args[0] != "plan" && test.args[0] != "apply" || strings.HasPrefix(test.args[0], "--") && form != "text" {
				continue
			}
			t.Run(strings.Join(test.args[:1], " ")+strings.Join(test.args[min(3, len(test.args)):], " ")+" "+form, func(t *testing.T) {
				t.Parallel()
				env, args := environment{}, slices.Clone(test.args)
				if form != "text" {
					args = append(args, "-o", form)
				}
				longest := math.MaxInt
				if test.database && !test.commits {
					env["DATABASE_URL"] = address
				}
				if !test.commits {
					var all strings.Builder
					onto(env, &all, io.Discard, args...)
					longest = all.Len()
				}
				failures := []full{{0, syscall.ENOSPC}, {20, syscall.EPIPE}}
				if test.args[0] == "plan" || test.args[0] == "types" {
					failures = append(failures, full{0, syscall.EDQUOT}, full{0, syscall.EFBIG}, full{20, syscall.EIO})
				}
				for _, failure := range failures {
					if longest <= failure.room {
						continue // there is room for all of it
					}
					if test.commits {
						env["DATABASE_URL"] = pgtest.New(t, ready).URL
					}
					reason := failure.err
					exit, said := onto(env, &full{failure.room, fmt.Errorf("write /dev/stdout: %w", reason)}, nil, args...)
					if exit != 1 || !strings.Contains(said, reason.Error()) {
						t.Errorf("%v: exit code %d\n%s", reason, exit, said)
					}
					if strings.Contains(said, "connection") || strings.Contains(said, "othing was written") {
						t.Errorf("%v: %s", reason, said)
					}
					if test.commits && (!strings.Contains(said, "committed") || !strings.Contains(said, "run 1")) {
						t.Errorf("does not say that run 1 was committed: %s", said)
					}
				}
			})
		}
	}
}

// shared is a database with two providers, that no test changes.
func shared(t *testing.T) string {
	t.Helper()
	d := pgtest.New(t, ready)
	run(t, environment{"DATABASE_URL": d.URL}, "up", "-f", file(t, twoProviders)).want(t, 0)
	return d.URL
}

// TestOutputThatCannotBeWrittenToAFile: of --out as well.
func TestOutputThatCannotBeWrittenToAFile(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	address := shared(t)
	for _, args := range [][]string{{"export", "--out", "/dev/full"}, {"plan", "-f", file(t, twoProviders), "--out", "/dev/full"}} {
		r := run(t, environment{"DATABASE_URL": address}, args...)
		if r.exit == 0 || r.exit == 2 || r.exit == 75 || strings.Contains(r.stderr, "connection") {
			t.Errorf("%v: exit code %d\n%s", args, r.exit, r.stderr)
		}
	}
}

// TestOutputLogThatCannotBeWritten: lines of the log that cannot be written change no exit code.
func TestOutputLogThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, ready)
	env := environment{"DATABASE_URL": d.URL}
	broken := file(t, "providers: [")
	for _, test := range []struct {
		args []string
		exit int
	}{
		{[]string{"up", "-f", file(t, twoProviders)}, 0},
		{[]string{"plan", "-f", file(t, strings.Replace(twoProviders, "8880", "1", 1)), "--detailed-exitcode"}, 2},
		{[]string{"verify"}, 0},
		{[]string{"validate", "-f", broken}, 65},
		{[]string{"up", "-f", broken, "-o", "json"}, 65},
		{[]string{"nonsense"}, 64},
	} {
		if exit, _ := onto(env, io.Discard, &full{0, syscall.ENOSPC}, test.args...); exit != test.exit {
			t.Errorf("%v: exit code %d, want %d", test.args, exit, test.exit)
		}
	}
}

// TestControlCharactersReachTerminal: whatever names, files, variables and journal texts hold, no control character reaches the terminal, and no line is forged.
func TestControlCharactersReachTerminal(t *testing.T) {
	t.Parallel()
	s := &scene{TB: t, d: pgtest.New(t, ready), dir: t.TempDir()}
	for _, evil := range []string{"a\x1b[31mb", "a\nforged line", "a\rb", "a\x9b31mb", "a\u202eb", "a\u2028b", "a\u0085b", "a\x7fb", "a\u2066b"} {
		plain := func(where, text string) {
			t.Helper()
			for _, line := range strings.Split(text, "\n") {
				if strings.HasPrefix(line, "forged line") {
					t.Errorf("%s: a forged line in %q", where, text)
				}
			}
			for _, r := range text {
				if strings.HasPrefix(text, "{") {
					break // JSON escapes what it must
				}
				if r != '\n' && r != '\t' && (r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == '\u2028' || r == '\u2066') {
					t.Errorf("%s: %q", where, text)
					return
				}
			}
		}
		folder := s.folder("evil", map[string]string{evil + ".yaml": "name: " + evil})
		base := environment{"DATABASE_URL": s.d.URL}
		manifest := fmt.Sprintf(`{"providers": [{"name": %q, "type": "prometheus", "authentication": {"url": "http://p"}}], "workflows": [{"id": %[1]q, "name": %[1]q}], "dashboards": [{"dashboard_name": %[1]q, "dashboard_config": {}}],
			"mapping_rules": [{"name": %[1]q, "matchers": [["a"]], "rows": [{"a": "b"}]}]}`, strings.ToValidUTF8(evil, "?"))
		s.d.Exec(t, "call bootstrap.record_failure('keep', 'KB021', $1, $1)", strings.ToValidUTF8(evil, "?"))
		for _, test := range []struct {
			env  environment
			args []string
		}{
			{nil, []string{"validate", "-f", filepath.Join(folder, evil+".yaml")}},
			{nil, []string{"validate", "-f", filepath.Join(folder, evil)}},
			{environment{"KEEP_PROVIDERS_DIRECTORY": folder}, []string{"validate"}},
			{environment{"KEEP_WORKFLOWS_DIRECTORY": folder}, []string{"validate", "--log-format", "text"}},
			{environment{"KEEP_PROVIDER_" + evil: "{"}, []string{"validate"}},
			{environment{"BOOTSTRAP_" + evil: "x"}, []string{"validate", "-f", file(t, twoProviders)}},
			{nil, []string{"status", "--tenant", evil}},
			{nil, []string{"plan", "-f", file(t, manifest), "--log-format", "text"}},
			{nil, []string{"plan", "-f", file(t, manifest), "-o", "markdown"}},
			{nil, []string{"up", "-f", file(t, manifest), "--log-format", "text", "--adopt", "--max-prune", "100%"}},
			{nil, []string{"up", "-f", file(t, manifest), "--on-drift", evil}},
			{nil, []string{"up", "-f", file(t, manifest), "--max-prune", evil}},
			{nil, []string{evil}},
			{nil, []string{"up", "--" + evil}},
			{nil, []string{"status"}},
			{nil, []string{"history"}},
			{nil, []string{"history", "1"}},
			{nil, []string{"verify"}},
			{environment{"DATABASE_URL": strings.Replace(s.d.URL, "?", "?application_name="+"a%1b%5b31mb&", 1)}, []string{"history"}},
			{environment{"DATABASE_URL": "postgresql://u@127.0.0.1:1/" + evil}, []string{"status"}},
			{environment{"DATABASE_URL": "postgresql://" + evil + "@127.0.0.1:1/d?" + evil + "=1"}, []string{"status"}},
			{nil, []string{"status", "--database-url-file", evil}},
			{nil, []string{"apply", "--plan", evil}},
			{nil, []string{"types", evil}},
			{nil, []string{"up", "--env-file", evil}},
		} {
			r := run(t, copied(base, test.env), test.args...)
			plain(fmt.Sprintf("%q stdout", test.args), r.stdout)
			plain(fmt.Sprintf("%q %q stderr", test.args, test.env), r.stderr)
		}
	}
}

// TestKeptDriftIsToldTwoWays: what someone else did and a run keeps is one truth in plan, run, report, verify and exit code.
func TestKeptDriftIsToldTwoWays(t *testing.T) {
	for name, edit := range map[string]string{
		"deleted provider": "delete from provider where name = 'prom'", "deleted dashboard": "delete from dashboard", "deleted workflow": "update workflow set is_deleted = true where name = 'second'",
		"edited provider": "update secret set value = replace(value, 'http://localhost', 'http://theirs') where key like '%prometheus%'", "edited workflow": "update workflow set is_disabled = true where name = 'Tell the channel'",
		"edited mapping rule": "update mappingrule set rows = '[]'", "edited key": "update tenantapikey set role = 'admin' where reference_id = 'ci'", "renamed dashboard": "update dashboard set dashboard_name = 'theirs'",
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			env := s.all()
			run(t, env, "up").want(t, 0)
			s.d.Exec(t, edit)
			run(t, env, "up", "--on-drift=fail").want(t, 78, "KB025")
			runs := s.sql("select count(*) from bootstrap.history() where outcome = 'applied'")
			before := s.sql(everything)
			for range 2 {
				plan := run(t, env, "plan", "--on-drift=keep", "--detailed-exitcode").want(t, 0)
				if !strings.Contains(plan.stdout, "outside of keep-bootstrap") {
					t.Errorf("plan: %s", plan.stdout)
				}
				for _, command := range []string{"up", "apply"} {
					r := run(t, env, command, "--on-drift=keep", "--log-format", "text").want(t, 0)
					if !strings.Contains(r.stdout, "outside of keep-bootstrap") || strings.Contains(r.stderr, "up to date") && strings.Contains(name, "deleted") {
						t.Errorf("%s: %s%s", command, r.stdout, r.stderr)
					}
				}
			}
			s.rows("select count(*) from bootstrap.history() where outcome = 'applied'", runs)
			s.rows(everything, before)
			// A run that also writes something ends alike.
			more := strings.Replace(allKinds, "providers:\n", "providers:\n  - {name: more, type: prometheus, authentication: {url: http://more}}\n", 1)
			r := run(t, copied(env, environment{"BOOTSTRAP_FILE": s.file(more)}), "up", "--on-drift=keep", "--log-format", "text")
			a := run(t, copied(env, environment{"BOOTSTRAP_FILE": s.file(more)}), "apply", "--on-drift=keep")
			if r.exit != 0 || a.exit != 0 {
				t.Errorf("up %d, apply %d\n%s%s", r.exit, a.exit, r.stdout, r.stderr)
			}
			plan := run(t, env, "plan", "--detailed-exitcode", "--max-prune=100%").want(t, 2)
			verify := run(t, env, "verify")
			if !strings.Contains(verify.stdout, "outside of keep-bootstrap") || !strings.Contains(plan.stdout, "outside of keep-bootstrap") {
				t.Errorf("verify:\n%s\nplan:\n%s", verify.stdout, plan.stdout)
			}
		})
	}
	t.Run("a field that the manifest does not give", func(t *testing.T) {
		s := newScene(t)
		env := s.all()
		run(t, env, "up").want(t, 0)
		s.d.Exec(t, "update provider set description = 'by hand', pulling_enabled = false")
		if r := run(t, env, "plan", "--detailed-exitcode").want(t, 0); r.stdout != "No changes.\n" {
			t.Errorf("plan: %s", r.stdout)
		}
		if r := run(t, env, "verify").want(t, 0); strings.Contains(r.stdout, "changed outside of keep-bootstrap since") {
			t.Errorf("verify: %s", r.stdout)
		}
		run(t, env, "up", "--on-drift=fail").want(t, 0)
		s.rows("select distinct description from provider", "by hand")
	})
}

// TestPlanDependsOnFolder: the same content in another folder, spelling or order, or exported, is no change.
func TestPlanDependsOnFolder(t *testing.T) {
	s := newScene(t)
	workflow, mapping := simpleWorkflow("one"), simpleMapping("m", "a")
	a, b := s.folder("a", map[string]string{"w.yaml": workflow}), s.folder("b", map[string]string{"other.yml": strings.ReplaceAll(workflow, "\n", "\r\n")})
	c, e := s.folder("c", map[string]string{"m.yaml": mapping}), s.folder("e", map[string]string{"x.yaml": strings.ReplaceAll(mapping, "\n", "\r\n")})
	database := environment{"DATABASE_URL": s.d.URL}
	run(t, copied(database, environment{"KEEP_WORKFLOWS_DIRECTORY": a, "KEEP_MAPPINGS_DIRECTORY": c}), "up").want(t, 0)
	before := rowVersions(t, s.d)
	plan := filepath.Join(s.dir, "plan.json")
	for _, env := range []environment{{"KEEP_WORKFLOWS_DIRECTORY": b, "KEEP_MAPPINGS_DIRECTORY": e}, {"KEEP_WORKFLOWS_DIRECTORY": a + "/../b/", "KEEP_MAPPINGS_DIRECTORY": e + "/."}} {
		if r := run(t, copied(database, env), "plan", "--detailed-exitcode", "--out", plan).want(t, 0); !strings.Contains(r.stdout, "No changes.") {
			t.Errorf("%s", r.stdout)
		}
		run(t, copied(database, env), "up").want(t, 0)
		if err := os.Remove(plan); err != nil {
			t.Fatal(err)
		}
	}
	changed := s.folder("f", map[string]string{"w.yaml": strings.Replace(workflow, "hello", "hello world", 1)})
	run(t, copied(database, environment{"KEEP_WORKFLOWS_DIRECTORY": changed}), "plan", "--out", plan).want(t, 0)
	if rowVersions(t, s.d) != before {
		t.Error("rows were written")
	}
	run(t, copied(database, environment{"KEEP_WORKFLOWS_DIRECTORY": s.folder("g", map[string]string{"z.yaml": strings.Replace(workflow, "hello", "hello world", 1)})}), "apply", "--plan", plan).want(t, 0)
}

// TestCredentialsInURLQueryExported: export --all writes references for credentials in addresses, and a plan of the export says that nothing changes.
func TestCredentialsInURLQueryExported(t *testing.T) {
	s := newScene(t)
	env := environment{"DATABASE_URL": s.d.URL}
	manifest := `providers:
  - {name: a, type: grafana, authentication: {host: "https://g.example.com/?api_key=` + canary + `", token: ` + canary + `}}
  - {name: b, type: prometheus, authentication: {url: "https://user:` + canary + `@p.example.com/x#token=` + canary + `"}}
  - {name: c, type: slack, authentication: {webhook_url: "https://hooks.slack.com/services/T/B/` + canary + `"}}
`
	run(t, env, "up", "-f", s.file(manifest)).want(t, 0)
	s.d.Exec(t, `insert into dashboard (id, tenant_id, dashboard_name, dashboard_config, created_by, created_at, updated_at, is_active, is_private) values ('u', 'keep', 'theirs', '{"a": 1}', 'me@x', now(), now(), true, false)`)
	out := filepath.Join(s.dir, "export.yaml")
	for _, args := range [][]string{{"export", "--out", out}, {"export", "--all", "--out", out}} {
		_ = os.Remove(out)
		r := run(t, env, args...).want(t, 0) // run searches for the canary
		text, err := os.ReadFile(out)
		if err != nil || strings.Contains(string(text), canary) {
			t.Errorf("%v: %v\n%s", args, err, text)
		}
		if strings.Contains(string(text), "theirs") != (len(args) == 4) {
			t.Errorf("%v: %s", args, text)
		}
		_ = r
		with := filepath.Join(s.dir, fmt.Sprint("with", len(args)))
		run(t, env, append(append([]string{}, args[:len(args)-2]...), "--with-secrets", "--out", with)...).want(t, 0)
		plan := run(t, env, "plan", "-f", with, "--detailed-exitcode")
		if len(args) == 3 && (plan.exit != 0 || !strings.Contains(plan.stdout, "No changes.")) {
			t.Errorf("%v: plan of the export: exit code %d\n%s%s", args, plan.exit, plan.stdout, plan.stderr)
		}
		if len(args) == 4 {
			run(t, env, "up", "-f", with, "--adopt").want(t, 0)
			if r := run(t, env, "plan", "-f", with, "--detailed-exitcode").want(t, 0); !strings.Contains(r.stdout, "No changes.") {
				t.Errorf("%s", r.stdout)
			}
		}
	}
	run(t, env, "plan", "-f", s.file(strings.ReplaceAll(manifest, "T/B", "T/C"))).want(t, 0)
	run(t, env, "status").want(t, 0)
}
