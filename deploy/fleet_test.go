//go:build deploy

package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// TestFleet installs into a hundred databases, of which one has an old Keep, one does not answer, and one gets bad input: 97 are
// done, and the table tells the reasons of the three, from the messages of an indexed Job's pods and from JSON lines.
func TestFleet(t *testing.T) {
	t.Parallel()
	const size, old, unreachable, bad = 100, 17, 42, 99
	program := pgtest.Bootstrap(t)
	path := []string{"PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH")}
	directory := readable(t, map[string]string{
		"all.yaml": "providers:\n  - {name: grafana, type: grafana, authentication: {host: http://grafana, token: $(TOKEN)}}\n",
		"bad.yaml": "providers:\n  - {name: grafana, type: grafana, authentication: {hots: http://grafana, token: $(TOKEN)}}\n",
	})
	databases, names := make([]*pgtest.Database, size), make([]string, size)
	for i := range databases {
		names[i] = fmt.Sprintf("team-%02d", i)
		revision, manifest := newestKeep, "all.yaml"
		switch i {
		case old:
			revision = "4f8c4b185d5b"
		case bad:
			manifest = "bad.yaml"
		}
		databases[i] = pgtest.New(t, pgtest.Keep(revision))
		url := databases[i].URL
		if i == unreachable {
			url = "postgresql://keep@127.0.0.1:1/keep"
		}
		text := fmt.Sprintf("DATABASE_URL=%s\nTOKEN=hunter2-%d\nBOOTSTRAP_FILE=%s\n", url, i, filepath.Join(directory, manifest))
		if err := os.WriteFile(filepath.Join(directory, names[i]+".env"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	// The pods of an indexed Job, eight at a time, as kubectl get jobs,pods -o json shows them afterwards.
	type object = map[string]any
	items := make([]object, size)
	next := make(chan int)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for i := range next {
				cmd := exec.Command(program, "up", "--env-file", filepath.Join(directory, names[i]+".env"), "--log-format", "text")
				cmd.Env = path
				output, err := cmd.CombinedOutput()
				exit := 0
				if failed, ok := errors.AsType[*exec.ExitError](err); ok {
					exit = failed.ExitCode()
				} else if err != nil {
					t.Error(err)
				}
				ended := object{"exitCode": exit, "reason": "Completed"}
				if exit != 0 {
					ended = object{"exitCode": exit, "reason": "Error", "message": message(string(output))}
				}
				items[i] = object{
					"apiVersion": "v1", "kind": "Pod",
					"metadata": object{
						"name": fmt.Sprintf("bootstrap-fleet-%d-abcde", i), "creationTimestamp": "2026-01-01T00:00:00Z",
						"annotations": object{"batch.kubernetes.io/job-completion-index": fmt.Sprint(i)},
						"labels":      object{"batch.kubernetes.io/job-name": "bootstrap-fleet"},
					},
					"status": object{"containerStatuses": []object{{"name": "keep-bootstrap", "state": object{"terminated": ended}}}},
				}
			}
		})
	}
	for i := range size {
		next <- i
	}
	close(next)
	workers.Wait()
	job := object{"apiVersion": "batch/v1", "kind": "Job", "metadata": object{
		"name": "bootstrap-fleet", "annotations": object{"keep-bootstrap/databases": strings.Join(names, ",")},
	}}
	listed, err := json.Marshal(object{"apiVersion": "v1", "kind": "List", "items": slices.Concat(items, []object{job})})
	if err != nil {
		t.Fatal(err)
	}
	report := exec.Command(program, "fleet-report", "-")
	report.Env, report.Stdin = path, strings.NewReader(string(listed))
	var table strings.Builder
	report.Stdout = &table
	if failed, ok := errors.AsType[*exec.ExitError](report.Run()); !ok || failed.ExitCode() != 78 {
		t.Errorf("exit code %v", failed)
	}
	told(t, table.String(), names[old], names[unreachable], names[bad])
	for i, d := range databases {
		want := [][]string{{fmt.Sprintf("hunter2-%d", i)}}
		switch i {
		case old: // it has no table secret
			continue
		case unreachable, bad:
			want = nil
		}
		if rows := pgtest.Table(t, d.Conn(t), "select value::json -> 'authentication' ->> 'token' from secret"); !slices.EqualFunc(rows, want, slices.Equal) {
			t.Errorf("%s has %v, want %v", names[i], rows, want)
		}
	}

	// The same without Kubernetes; the databases that are done have nothing to do.
	run := exec.Command("fleet/run.sh", directory)
	run.Env = path
	output, err := run.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() != 78 {
		t.Errorf("run.sh: %v\n%s", err, output)
	}
	told(t, string(output), names[old], names[unreachable], names[bad])
	if n := strings.Count(string(output), "No changes"); n != 97 {
		t.Errorf("%d databases have no changes", n)
	}
}

// told checks the table of the fleet.
func told(t *testing.T, table, old, unreachable, bad string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if len(lines) != 102 || lines[101] != "97 done, 3 failed, 0 pending." {
		t.Fatalf("%d lines:\n%s", len(lines), table)
	}
	for i, want := range [][]string{{old, "failed", "78", "KB011"}, {unreachable, "failed", "69", "127.0.0.1:1"}, {bad, "failed", "65", "bad.yaml:2:53"}} {
		line := lines[98+i]
		for _, word := range want {
			if !strings.Contains(line, word) {
				t.Errorf("%q lacks %q", line, word)
			}
		}
	}
	if strings.Contains(table, "hunter2") {
		t.Error("a secret is shown")
	}
	t.Log("\n" + strings.Join(lines[97:], "\n"))
}
