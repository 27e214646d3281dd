package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/planfile"
	"keep-bootstrap/internal/report"
)

func (a *app) validateCommand() *cobra.Command {
	var options planfile.Options
	var skipReferences bool
	cmd := &cobra.Command{
		Use:   "validate [FILE...]",
		Short: "check the input without a database",
		Long: `Check the input without a database: syntax, references, names, types and authentication fields. All
problems are reported at once, each with its place and the fix. The exit code is 65 if there is one.
Warnings do not count. up, plan and apply make the same checks before they write anything.

The input is given by arguments, -f, or the variables that keep-bootstrap up --help lists.
--skip-references ignores missing variables and files, as needed in a pre-commit hook.`,
		Example: "  keep-bootstrap validate --strict providers.yaml",
		Args:    cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			options.File = append(options.File, args...)
			source, err := a.source(options)
			if err != nil {
				return err
			}
			source.SkipReferences = skipReferences
			m, err := manifest.Load(source)
			if m == nil {
				return err
			}
			if a.out.Format != report.JSON {
				report.Warnings(a.Stderr, m.Warnings, terminal(a.Stderr))
			}
			problems, _ := errors.AsType[*manifest.Problems](err)
			a.out.Validation(m, err == nil, problems)
			return err
		},
	}
	sourceFlags(cmd, &options)
	cmd.Flags().BoolVar(&skipReferences, "skip-references", false,
		"do not resolve references; their variables and files are not required")
	return cmd
}
