package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/manifest"
)

const validateLong = `Check the input without a database: syntax, references, names, types and authentication fields. All
problems are reported at once, each with its place and the fix. The exit code is 65 if there is one.
Warnings do not count. up, plan and apply make the same checks before they write anything.

The input is given by arguments, -f, or the variables that keep-bootstrap up --help lists.
--skip-references ignores missing variables and files, as needed in a pre-commit hook.`

func (a *app) validateCommand() *cobra.Command {
	var input sourceFlags
	var skipReferences bool
	cmd := &cobra.Command{
		Use:     "validate [FILE...]",
		Short:   "check the input without a database",
		Long:    validateLong,
		Example: example("keep-bootstrap validate --strict providers.yaml"),
		RunE: func(_ *cobra.Command, args []string) error {
			input.files = append(input.files, args...)
			options, err := input.options(a)
			if err != nil {
				return err
			}
			options.SkipReferences = skipReferences
			m, err := manifest.Load(options)
			if m == nil {
				return err
			}
			return a.showValidation(m, err)
		},
	}
	input.register(cmd)
	cmd.Flags().BoolVar(&skipReferences, "skip-references", false, "do not resolve references; their variables and files are not required")
	return cmd
}

// problemLine is a problem or a warning as JSON.
type problemLine struct {
	Type string `json:"type"`
	manifest.Problem
}

// validationLine is the last line of validate.
type validationLine struct {
	Type      string `json:"type"`
	Command   string `json:"command"`
	Valid     bool   `json:"valid"`
	Providers int    `json:"providers"`
	// Resources are the other kinds that are given, with the number of objects of each.
	Resources map[string]int `json:"resources,omitempty"`
	Sources   int            `json:"sources"`
	Problems  int            `json:"problems"`
	Warnings  int            `json:"warnings"`
}

// showValidation prints the warnings and the result. In text the problems follow as those of any command.
func (a *app) showValidation(m *manifest.Manifest, invalid error) error {
	if a.output == formatJSON {
		return a.validationLines(m, invalid)
	}
	var text strings.Builder
	for _, warning := range m.Warnings {
		a.writeProblem(&text, "warning: ", warning)
	}
	fmt.Fprint(a.Stderr, text.String())
	if invalid != nil {
		return invalid
	}
	_, err := fmt.Fprintf(a.Stdout, "valid: %s in %s\n", contents(m), count(len(m.Sources), "source"))
	return err
}

func (a *app) validationLines(m *manifest.Manifest, invalid error) error {
	resources := manifestKinds(m)
	if invalid != nil {
		resources = nil // as there are no providers then
	}
	last := validationLine{
		Type: "summary", Command: "validate", Valid: invalid == nil, Providers: len(m.Providers), Resources: resources, Sources: len(m.Sources), Warnings: len(m.Warnings),
	}
	lines := a.lines()
	if problems := problemsOf(invalid); problems != nil {
		last.Problems = problems.Total
		for _, problem := range problems.List {
			lines.write(problemLine{"problem", problem})
		}
	}
	for _, warning := range m.Warnings {
		lines.write(problemLine{"warning", warning})
	}
	if err := lines.last(last); err != nil {
		return err
	}
	return invalid
}
