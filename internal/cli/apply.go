package cli

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/planfile"
	"keep-bootstrap/internal/postgres"
)

func (a *app) applyCommand() *cobra.Command {
	var input inputFlags
	var planPath string
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "install the input in a migrated database",
		Long: `Install the input for the tenant: add, update, rename, replace and prune in one transaction. Create
the tenant if it does not exist. apply does not migrate, unlike keep-bootstrap up. It is safe to
repeat.

--plan FILE applies a plan file of keep-bootstrap plan --out, with its sources and options. It is
refused if the input or the database has changed since, and for another tenant or database.`,
		Example: example("keep-bootstrap apply --plan plan.json"),
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options := input.options(cmd, a)
			var plan *planfile.Plan
			if planPath != "" {
				var err error
				if plan, err = planfile.Read(planPath); err != nil {
					return err
				}
				if options, err = a.usePlan(cmd, plan, &input); err != nil {
					return err
				}
			}
			return a.apply(cmd.Context(), &input, options, plan)
		},
	}
	input.register(cmd)
	a.metricsFlag(cmd)
	cmd.Flags().StringVar(&planPath, "plan", "", "apply this plan `file` of plan --out, and nothing else")
	return cmd
}

// apply installs what the input says; with a plan, only if that still fits.
func (a *app) apply(ctx context.Context, input *inputFlags, options install.Options, plan *planfile.Plan) error {
	run, t, err := a.inputRun(ctx, input, options)
	if err != nil {
		return err
	}
	defer run.Close(ctx)
	if plan == nil {
		return a.install(ctx, "apply", run, run.Apply)
	}
	at := planfile.DatabaseOf(t.config)
	if err := plan.RequireDatabase(at); err != nil {
		return err
	}
	return plan.Explain(a.install(ctx, "apply", run, run.Apply), at)
}

// usePlan gives the input the sources of the plan and returns its options. Flags that say something else are an error:
// the reviewed plan is what is applied.
func (a *app) usePlan(cmd *cobra.Command, plan *planfile.Plan, input *inputFlags) (install.Options, error) {
	if cmd.Flags().Changed("tenant") {
		if err := plan.RequireTenant(a.tenant); err != nil {
			return install.Options{}, err
		}
	}
	if err := plan.RequireAllowed(); err != nil {
		return install.Options{}, err
	}
	if conflict := a.conflict(cmd, plan, input); conflict != "" {
		return install.Options{}, postgres.Usage("--"+conflict+" conflicts with the plan", "omit it: the plan holds its sources and options")
	}
	a.tenant = plan.Tenant
	input.source.Files, input.source.Strict, input.catalogue = plan.Files(), plan.Strict, plan.Catalogue
	input.source.AllowUnknownTypes = plan.Options.AllowUnknownTypes != nil && *plan.Options.AllowUnknownTypes
	options := plan.Options
	options.PlanDigest, options.ToolVersion = &plan.Digest, a.Version
	options.SecretManager = cmp.Or(a.getenv("SECRET_MANAGER_TYPE"), options.SecretManager)
	return options, nil
}

// conflict names a flag that was given and differs from the plan; "" when there is none. -f is always one, except from its
// variable, which may be set for both plan and apply.
func (a *app) conflict(cmd *cobra.Command, plan *planfile.Plan, input *inputFlags) string {
	flags := cmd.Flags()
	switch {
	case flags.Changed("file") && (!a.fromVariable["file"] || !slices.Equal(planfile.SourcesOf(input.source.Files), plan.Sources)):
		return "file"
	case flags.Changed("strict") && input.source.Strict != plan.Strict:
		return "strict"
	case flags.Changed("catalogue") && input.catalogue != plan.Catalogue:
		return "catalogue"
	}
	return plan.Differs(input.options(cmd, a))
}
