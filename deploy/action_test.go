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
			Steps []struct{ ID, Run string }
		}
	}
	if err := yaml.Unmarshal(text, &action); err != nil {
		t.Fatal(err)
	}
	script := ""
	for _, step := range action.Runs.Steps {
		if step.ID == "plan" {
			script = step.Run
		}
	}
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
}
