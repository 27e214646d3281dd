package cli

import (
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// buildVersion is the version of the module. Go makes one from the revision that the program was built from.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version
	}
	return "unknown"
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print the version of the program and its migrations",
		Long:    "Print the version of the program, the version of Go that built it, and its migrations.",
		Example: "  keep-bootstrap version -o json",
		Run:     func(*cobra.Command, []string) { a.out.Program() },
	}
}
