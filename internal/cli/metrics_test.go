package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"keep-bootstrap/test/pgtest"
)

// TestMetricsFile: what a scrape sees after a run that changed something, one that changed nothing, a plan, and failures.
func TestMetricsFile(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep("67ff7efffed4"))
	directory := t.TempDir()
	path := filepath.Join(directory, "keep.prom")
	env := environment{"DATABASE_URL": d.URL, "BOOTSTRAP_METRICS_FILE": path}
	one := file(t, "providers:\n  - {name: one, type: grafana, authentication: {host: http://g, token: hunter2}}\nworkflows: []\n")
	line := regexp.MustCompile(`^(# (HELP|TYPE) keep_bootstrap_\w+ .+|keep_bootstrap_\w+\{(\w+="(\\.|[^"\\])*",?)+\} [0-9.]+)$`)
	read := func(want ...string) string {
		t.Helper()
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			if !line.MatchString(l) {
				t.Errorf("not in the text format: %s", l)
			}
		}
		for _, w := range want {
			if !strings.Contains(text, w+"\n") {
				t.Errorf("lacks %s:\n%s", w, text)
			}
		}
		if strings.Contains(text, "hunter2") {
			t.Error("has a secret")
		}
		return text
	}
	begin := time.Now().Add(-time.Second)
	run(t, env, "up", "-f", one).want(t, 0)
	text := read(`keep_bootstrap_last_run_success{tenant="keep",command="up"} 1`, `keep_bootstrap_last_run_exit_code{tenant="keep",command="up"} 0`,
		`keep_bootstrap_last_run_changes{tenant="keep",command="up",kind="provider",action="add"} 1`, `keep_bootstrap_build_info{version="test"} 1`)
	seconds := regexp.MustCompile(`last_run_timestamp_seconds\{.*\} (\d+)\.`).FindStringSubmatch(text)
	if seconds == nil {
		t.Fatal(text)
	} else if ended, err := time.ParseDuration(seconds[1] + "s"); err != nil || time.Unix(0, 0).Add(ended).Before(begin) {
		t.Errorf("ended %v", ended)
	}
	run(t, env, "up", "-f", one).want(t, 0)
	read(`keep_bootstrap_last_run_changes{tenant="keep",command="up",kind="provider",action="add"} 0`)
	d.Exec(t, "update provider set name = 'other'")
	run(t, env, "plan", "-f", one, "--detailed-exitcode").want(t, 2)
	read(`keep_bootstrap_last_run_success{tenant="keep",command="plan"} 1`, `keep_bootstrap_last_run_exit_code{tenant="keep",command="plan"} 2`)
	run(t, env, "up", "-f", file(t, "providers: 1"), "--tenant", `a"\b`).want(t, 65)
	if text := read(`keep_bootstrap_last_run_exit_code{tenant="a\"\\b",command="up"} 65`); strings.Contains(text, "changes") {
		t.Errorf("counts of a run that failed:\n%s", text)
	}
	if entries, err := os.ReadDir(directory); err != nil || len(entries) != 1 {
		t.Errorf("files are left: %v %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	env["BOOTSTRAP_METRICS_FILE"] = filepath.Join(directory, "none", "keep.prom")
	run(t, env, "plan", "-f", one).want(t, 0, "metrics file not written")
}
