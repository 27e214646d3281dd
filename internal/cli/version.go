package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/migrate"
)

// buildVersion is the version of the module, or the revision that the program was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value[:min(12, len(setting.Value))]
		}
	}
	return "unknown"
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print the version of the program and its migrations",
		Long:    "Print the version of the program, the version of Go that built it, and its migrations.",
		Example: example("keep-bootstrap version -o json"),
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			names := migrate.Names()
			if a.output == formatJSON {
				return a.lines().last(struct {
					Type       string   `json:"type"`
					Go         string   `json:"go"`
					Platform   string   `json:"platform"`
					Schema     int32    `json:"schema"`
					Migrations []string `json:"migrations"`
				}{"program", runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, migrate.Known(), names})
			}
			_, err := fmt.Fprintf(a.Stdout, "keep-bootstrap %s (%s, %s/%s)\nmigrations 1 to %d: %s\n",
				a.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, migrate.Known(), strings.Join(names, " "))
			return err
		},
	}
}
