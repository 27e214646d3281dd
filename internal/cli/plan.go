package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/postgres"
)

func (a *app) planCommand() *cobra.Command {
	var input inputFlags
	var detailed bool
	var out string
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "show what apply would write, and write nothing",
		Long: `plan shows the changes that apply would make: + add, ~ update, > rename, -/+ replace, - prune, = adopt, with the
names of the fields that differ and never a value, what someone else changed since the last run, and what hangs on
providers that go. When a guard would refuse, the plan is shown and the exit code is 78.

--out FILE also writes the plan to a file for apply --plan FILE. The file holds no secret; apply reads the same sources
again, and refuses when they or the rows have changed in between.

Flags win over variables (BOOTSTRAP_FILE, BOOTSTRAP_MAX_PRUNE, ...), variables over defaults.`,
		Example: example(
			"keep-bootstrap plan -f providers.yaml",
			"keep-bootstrap plan -f providers.yaml --detailed-exitcode -o json"),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			run, t, err := a.inputRun(ctx, &input, input.options(cmd, a))
			if err != nil {
				return err
			}
			defer run.Close(ctx)
			var plan install.Plan
			done := a.progress("planning " + contents(run.Manifest))
			err = a.waiting(ctx, func(ctx context.Context) (err error) {
				plan, err = run.Plan(ctx)
				return err
			})
			done()
			if err != nil {
				return err
			}
			related := run.Related(ctx, plan.Changes)
			view := newPlanView(a.tenant, &plan, &related)
			if plan.Digest == "" && run.Options.Generation != nil {
				view.notes = append(view.notes, "the generation is older than the one that is installed: apply would do nothing")
			}
			if out != "" {
				if err := a.writePlanFile(out, t, &input, run, &view, plan.Digest); err != nil {
					return err
				}
			}
			if err := a.showPlan(&view); err != nil {
				return err
			}
			if view.refusal != nil {
				return view.refusal
			}
			if detailed {
				a.exit = view.exit()
			}
			return nil
		},
	}
	input.register(cmd)
	a.metricsFlag(cmd)
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit code 2 when there are changes")
	cmd.Flags().StringVar(&out, "out", "", "`file` to write the plan to, for apply --plan")
	return cmd
}

// exit is the exit code with --detailed-exitcode.
func (v *planView) exit() int {
	if v.total.sum() > 0 {
		return postgres.ExitChanges
	}
	return postgres.ExitOK
}

func (a *app) writePlanFile(path string, t target, input *inputFlags, run *install.Run, view *planView, digest string) error {
	file := planFile{
		Type: planFileType, Format: planFileFormat, Bootstrap: a.Version, Made: time.Now().UTC().Truncate(time.Second),
		Tenant: run.Tenant, Database: databaseOf(t.config), Sources: sourcesOf(input.files), Strict: input.strict, Catalogue: string(input.catalogue),
		Options: run.Options, Digest: digest, Summary: view.total, Changes: view.changes,
	}
	if r := view.refusal; r != nil {
		file.Refusal = &planRefusal{Code: r.Code, Message: r.Message, Hint: r.Hint}
	}
	if err := file.write(path); err != nil {
		return err
	}
	a.log.Info("plan written", "file", path)
	return nil
}
