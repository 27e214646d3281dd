package cli

import (
	"time"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/file"
	"keep-bootstrap/internal/report"
)

// metricsFlag gives a command the flag --metrics-file.
func (a *app) metricsFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.metricsFile, "metrics-file", "", "write the outcome to this `file` as Prometheus metrics, for the textfile collector")
}

// writeMetrics writes the file of --metrics-file in the text format of Prometheus. A reader sees the old file or the new one,
// never a part: it is renamed into its place. A file that cannot be written is a warning, because the run is done.
func (a *app) writeMetrics() {
	if a.metricsFile == "" {
		return
	}
	metrics := report.Metrics{
		Command: a.command, Tenant: a.tenant, Version: a.Version, Begin: a.begin, Exit: a.exit, Counts: a.counts,
	}
	// The collector is another user.
	if err := file.Replace(a.metricsFile, []byte(metrics.Text(time.Now())), 0o644); err != nil {
		a.log.Warn("metrics file not written", "error", err.Error())
	}
}
