package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/fleet"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

func (a *app) fleetReportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fleet-report FILE...",
		Short: "show the results of many databases in one table",
		Long: `Read the results of up, apply or plan on many databases and show one line for each: done, failed
with the reason, or pending. No database is needed. The exit code is 0 if all are done, else 78.

Each file holds the output of one run (stdout and stderr, preferably with -o json) and is named
after the database; or it holds the output of kubectl get jobs,pods -o json for an indexed Job of
the chart, whose pod messages are read. - is stdin.`,
		Example: "  keep-bootstrap fleet-report results/*.jsonl",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			var results []report.Database
			for _, path := range paths {
				content, err := os.ReadFile(path)
				if path == "-" {
					content, err = io.ReadAll(a.Stdin)
				}
				if err != nil {
					return postgres.Usage(fmt.Sprintf("cannot read a result: %v", err), "give the files that contain the output of the runs")
				}
				found, err := fleet.Read(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), content)
				if err != nil {
					return postgres.Usage(path+": "+err.Error(), "give what kubectl get jobs,pods -o json prints")
				}
				results = append(results, found...)
			}
			counts := a.out.Fleet(results)
			done, failed, pending := counts[report.Done], counts[report.Failed], counts[report.Pending]
			if done == len(results) {
				return nil
			}
			all := report.Number(len(results), "database")
			return postgres.New(postgres.CodeFleet,
				fmt.Sprintf("%d of %s done, %d failed, %d pending", done, all, failed, pending),
				"fix the causes and run again; databases that are done are not changed")
		},
	}
}
