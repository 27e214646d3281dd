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
		Short: "show the changes that apply would make",
		Long: `Show the changes that apply would make: + add, ~ update, > rename, -/+ replace, - prune, = adopt,
with the names of the differing fields but no values, the changes made outside of keep-bootstrap,
and the alerts and workflows that reference providers to be removed. Nothing is written. If a guard
would refuse the run, the plan is shown and the exit code is 78.

--out FILE also writes the plan to a file for apply --plan FILE. The file holds no secret. apply
reads the same sources again, and refuses if they or the database have changed since.`,
		Example: example("keep-bootstrap plan -f providers.yaml --detailed-exitcode"),
		Args:    cobra.NoArgs,
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
				view.notes = append(view.notes, "a higher generation is installed: apply would do nothing")
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
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "end with exit code 2 if there are changes")
	cmd.Flags().StringVar(&out, "out", "", "write the plan to this `file`, for apply --plan")
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
