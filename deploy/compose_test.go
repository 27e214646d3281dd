//go:build deploy

package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"keep-bootstrap/test/pgtest"
)

// TestCompose checks examples/compose.yaml against the schema of compose, what its services must agree on, and runs ours on a
// real database.
func TestCompose(t *testing.T) {
	t.Parallel()
	const path = "../examples/compose.yaml"
	if output, err := exec.Command("../.tools/bin/check-jsonschema", "--builtin-schema", "vendor.compose-spec", path).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Compose takes ${NAME:-default} from its own environment, which has none of them here.
	text = regexp.MustCompile(`\$\{\w+:-(.*?)\}`).ReplaceAll(text, []byte("$1"))
	var file struct {
		Services map[string]struct {
			Build       struct{ Context, Dockerfile string }
			Command     []string
			Environment map[string]string
			Volumes     []string
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	keep, ours := file.Services["keep-backend"].Environment, file.Services["keep-bootstrap"]
	if keep["SECRET_MANAGER_TYPE"] != "DB" || keep["PROVISION_RESOURCES"] != "false" || keep["DATABASE_CONNECTION_STRING"] != ours.Environment["DATABASE_CONNECTION_STRING"] {
		t.Errorf("Keep gets %v", keep)
	}
	for _, name := range []string{ours.Build.Context, filepath.Join(ours.Build.Context, ours.Build.Dockerfile)} {
		if _, err := os.Stat(filepath.Join("../examples", name)); err != nil {
			t.Error(err)
		}
	}
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	ours.Environment["DATABASE_CONNECTION_STRING"] = strings.Replace(d.URL, "postgres://", "postgresql+psycopg2://", 1)
	run := container{args: ours.Command, env: ours.Environment, mounts: map[string]string{}}
	for _, volume := range ours.Volumes {
		parts := strings.Split(volume, ":")
		source, err := filepath.Abs(filepath.Join("../examples", parts[0]))
		if err != nil {
			t.Fatal(err)
		}
		run.mounts[parts[1]] = source
	}
	if log, exit := run.run(t); exit != 0 || !strings.Contains(log, "Applied: 5 added") {
		t.Errorf("exit code %d\n%s", exit, log)
	}
}
