package cli

import (
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/report"
)

// metricsFlag gives a command the flag --metrics-file.
func (a *app) metricsFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.metricsFile, "metrics-file", "", "write the outcome to this `file` as Prometheus metrics, for the textfile collector")
}

// writeMetrics writes the file of --metrics-file in the text format of Prometheus. A reader sees the old file or the new one,
// never a part: it is renamed into its place. A file that cannot be written is a warning, because the run is done.
func (a *app) writeMetrics(exit int) {
	if a.metricsFile == "" {
		return
	}
	metrics := report.Metrics{Command: a.command, Tenant: a.tenant, Version: a.Version, Begin: a.begin, Exit: exit, Counts: a.counts}
	if err := replaceFile(a.metricsFile, metrics.Text(time.Now())); err != nil {
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
