package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

// metrics are what --metrics-file says about a run, in addition to its time and exit code.
type metrics struct {
	file    string
	command string // the command that ran
	begin   time.Time
	changes *tally // nil unless the run came to its end
}

// metricsFlag gives a command the flag --metrics-file.
func (a *app) metricsFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.metrics.file, "metrics-file", "", "write the outcome to this `file` as Prometheus metrics, for the textfile collector")
}

// writeMetrics writes the file of --metrics-file in the text format of Prometheus. A reader sees the old file or the new one,
// never a part: it is renamed into its place. A file that cannot be written is a warning, because the run is done.
func (a *app) writeMetrics(exit int) {
	if a.metrics.file == "" {
		return
	}
	if err := replaceFile(a.metrics.file, a.metrics.text(a.tenant, a.Version, exit, time.Now())); err != nil {
		a.log.Warn("metrics file not written", "error", err.Error())
	}
}

func replaceFile(path, text string) error {
	// The textfile collector reads *.prom, which this name is not.
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Chmod(0o644) // the collector is another user
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // of no use to anyone
	}
	return err
}

var labelValue = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (m *metrics) text(tenant, version string, exit int, end time.Time) string {
	var b strings.Builder
	run := fmt.Sprintf(`{tenant="%s",command="%s"}`, labelValue.Replace(tenant), m.command)
	gauge := func(name, help string) {
		fmt.Fprintf(&b, "# HELP keep_bootstrap_%[1]s %[2]s\n# TYPE keep_bootstrap_%[1]s gauge\n", name, help)
	}
	one := func(name, help, labels string, value any) {
		gauge(name, help)
		fmt.Fprintf(&b, "keep_bootstrap_%s%s %v\n", name, labels, value)
	}
	success := 0
	if exit == postgres.ExitOK || exit == postgres.ExitChanges {
		success = 1
	}
	one("build_info", "Version of the program of the last run.", `{version="`+labelValue.Replace(version)+`"}`, 1)
	one("last_run_timestamp_seconds", "When the last run ended.", run, fmt.Sprintf("%.3f", float64(end.UnixMilli())/1000))
	one("last_run_success", "1 if the last run succeeded.", run, success)
	one("last_run_exit_code", "Exit code of the last run.", run, exit)
	one("last_run_duration_seconds", "How long the last run took.", run, fmt.Sprintf("%.3f", end.Sub(m.begin).Seconds()))
	if m.changes == nil {
		return b.String()
	}
	gauge("last_run_changes", "Changes that the last run made, or that plan found, by kind and action.")
	counts := map[string]map[string]int{
		manifest.KindProvider: {
			"add": m.changes.Add, "update": m.changes.Update, "rename": m.changes.Rename, "replace": m.changes.Replace,
			"prune": m.changes.Prune, "adopt": m.changes.Adopt,
		},
		"deduplication_rule": {"any": m.changes.Rules},
	}
	for _, k := range otherKinds() {
		c := m.changes.Kinds[k.Word]
		counts[k.Word] = map[string]int{"add": c.Add, "update": c.Update, "prune": c.Prune, "adopt": c.Adopt}
	}
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		for _, action := range slices.Sorted(maps.Keys(counts[kind])) {
			fmt.Fprintf(&b, "keep_bootstrap_last_run_changes%s,kind=%q,action=%q} %d\n", strings.TrimSuffix(run, "}"), kind, action, counts[kind][action])
		}
	}
	return b.String()
}
