package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/report"
)

func (a *app) validateCommand() *cobra.Command {
	var input sourceFlags
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
			input.source.Files = append(input.source.Files, args...)
			options, err := input.options(a)
			if err != nil {
				return err
			}
			m, err := manifest.Load(options)
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
	input.register(cmd)
	cmd.Flags().BoolVar(&input.source.SkipReferences, "skip-references", false,
		"do not resolve references; their variables and files are not required")
	return cmd
}
