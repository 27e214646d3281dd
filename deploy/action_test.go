//go:build deploy

package deploy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"keep-bootstrap/test/pgtest"
)

// TestPlanAction runs the script of the GitHub action as a runner does, on a real database.
func TestPlanAction(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../.github/actions/plan/action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Runs struct {
			Steps []struct{ Name, Run string }
		}
	}
	if err := yaml.Unmarshal(text, &action); err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{}
	for _, step := range action.Runs.Steps {
		scripts[step.Name] = step.Run
	}
	script := scripts["plan"]
	program := pgtest.Bootstrap(t)
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	directory := t.TempDir()
	good, bad := filepath.Join(directory, "my providers.yaml"), filepath.Join(directory, "bad.yaml")
	for path, text := range map[string]string{
		good: "providers:\n  - {name: one, type: grafana, authentication: {host: http://g, token: $(TOKEN)}}\n",
		bad:  "providers:\n  - {name: one, type: grafan, authentication: {}}\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	variables := []string{"DATABASE_URL=" + d.URL, "TOKEN=hunter2", "PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH")}
	command := func(args ...string) {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Env = variables
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, output)
		}
	}
	plan := func(file string, exit int, output, summary string) {
		t.Helper()
		place := t.TempDir()
		cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
		cmd.Env = append(variables, "RUNNER_TEMP="+place, "GITHUB_OUTPUT="+place+"/output", "GITHUB_STEP_SUMMARY="+place+"/summary", "FILES="+file+"\n", "ARGUMENTS=--max-prune=1\n")
		printed, err := cmd.CombinedOutput()
		code := 0
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			code = failed.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		gotOutput, _ := os.ReadFile(place + "/output")
		gotSummary, _ := os.ReadFile(place + "/summary")
		if code != exit || string(gotOutput) != output || !strings.Contains(string(gotSummary), summary) {
			t.Errorf("exit code %d, output %q, summary\n%s\nprinted\n%s", code, gotOutput, gotSummary, printed)
		}
		if strings.Contains(string(printed)+string(gotSummary), "hunter2") {
			t.Error("a secret is shown")
		}
	}
	command("migrate")
	plan(good, 0, "changed=true\nexit-code=2\n", "one")
	plan(bad, 65, "changed=false\nexit-code=65\n", "did you mean")
	command("up", "-f", good)
	plan(good, 0, "changed=false\nexit-code=0\n", "No changes")

	// The comment, with a gh that knows of an earlier one, or does not.
	for earlier, want := range map[string]string{"": "--method POST repos/o/r/issues/5/comments", "17\n18": "--method PATCH repos/o/r/issues/comments/17"} {
		place := t.TempDir()
		files := map[string]string{
			"gh":                     "#!/bin/sh\ncase $* in *paginate*) printf '%s' \"$EARLIER\";; *) echo \"$*\" >>\"$RUNNER_TEMP/calls\";; esac\n",
			"keep-bootstrap-plan.md": "the plan\n",
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(place, name), []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", scripts["comment"])
		cmd.Env = []string{"PATH=" + place + ":" + os.Getenv("PATH"), "RUNNER_TEMP=" + place, "EARLIER=" + strings.ReplaceAll(earlier, `\n`, "\n"), "GH_REPO=o/r", "NUMBER=5"}
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		calls, _ := os.ReadFile(filepath.Join(place, "calls"))
		body, _ := os.ReadFile(filepath.Join(place, "keep-bootstrap-comment.md"))
		if !strings.Contains(string(calls), want) || strings.Count(string(calls), "\n") != 1 || string(body) != "<!-- keep-bootstrap plan -->\nthe plan\n" {
			t.Errorf("calls %q, want %q; comment %q", calls, want, body)
		}
	}
}
