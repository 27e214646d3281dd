package report

import (
	"fmt"
	"strings"
	"time"

	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

// Metrics are what is told of a run in the text format of Prometheus.
type Metrics struct {
	Command, Tenant, Version string
	Begin                    time.Time
	Exit                     int
	Counts                   *Counts // nil unless the run came to its end
}

var labelValue = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// Text is the metrics of a run that ended at that time.
func (m *Metrics) Text(end time.Time) string {
	var b strings.Builder
	run := fmt.Sprintf(`tenant="%s",command="%s"`, labelValue.Replace(m.Tenant), m.Command)
	gauge := func(name, help string) {
		fmt.Fprintf(&b, "# HELP keep_bootstrap_%[1]s %[2]s\n# TYPE keep_bootstrap_%[1]s gauge\n", name, help)
	}
	one := func(name, help, labels string, value any) {
		gauge(name, help)
		fmt.Fprintf(&b, "keep_bootstrap_%s{%s} %v\n", name, labels, value)
	}
	success := 0
	if m.Exit == postgres.ExitOK || m.Exit == postgres.ExitChanges {
		success = 1
	}
	one("build_info", "Version of the program of the last run.", `version="`+labelValue.Replace(m.Version)+`"`, 1)
	one("last_run_timestamp_seconds", "When the last run ended.", run, fmt.Sprintf("%.3f", float64(end.UnixMilli())/1000))
	one("last_run_success", "1 if the last run succeeded.", run, success)
	one("last_run_exit_code", "Exit code of the last run.", run, m.Exit)
	one("last_run_duration_seconds", "How long the last run took.", run, fmt.Sprintf("%.3f", end.Sub(m.Begin).Seconds()))
	if m.Counts == nil {
		return b.String()
	}
	gauge("last_run_changes", "Changes that the last run made, or that plan found, by kind and action.")
	changes := func(kind, action string, n int) {
		fmt.Fprintf(&b, "keep_bootstrap_last_run_changes{%s,kind=%q,action=%q} %d\n", run, kind, action, n)
	}
	changes(ruleKind, "any", m.Counts.Rules)
	for _, a := range actions {
		changes(manifest.KindProvider, a.name, *m.Counts.provider(a.key))
		if a.key == "rename" || a.key == "replace" {
			continue // of other kinds, these count as updates
		}
		for _, k := range otherKinds() {
			changes(k.Word, a.name, m.Counts.Kinds[k.Word][a.key])
		}
	}
	return b.String()
}
