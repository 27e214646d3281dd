package cli

import (
	"runtime/debug"

	"github.com/spf13/cobra"
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
		Args:    noArguments,
		Run:     func(*cobra.Command, []string) { a.out.Program() },
	}
}
