package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
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
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options := input.options(cmd, a)
			var plan *planFile
			if planPath != "" {
				var err error
				if plan, err = readPlanFile(planPath); err != nil {
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
func (a *app) apply(ctx context.Context, input *inputFlags, options install.Options, plan *planFile) error {
	run, t, err := a.inputRun(ctx, input, options)
	if err != nil {
		return err
	}
	defer run.Close(ctx)
	if plan == nil {
		return a.install(ctx, "apply", run, run.Apply)
	}
	at := databaseOf(t.config)
	if err := plan.requireDatabase(at); err != nil {
		return err
	}
	return plan.explain(a.install(ctx, "apply", run, run.Apply), at)
}

// usePlan gives the input the sources of the plan and returns its options. Flags that say something else are an error:
// what was looked at is what is done.
func (a *app) usePlan(cmd *cobra.Command, plan *planFile, input *inputFlags) (install.Options, error) {
	if cmd.Flags().Changed("tenant") && a.tenant != plan.Tenant {
		return install.Options{}, unfitPlan("the plan was made for tenant "+report.Name(plan.Tenant)+", not for "+report.Name(a.tenant), "omit --tenant, or make a new plan")
	}
	if r := plan.Refusal; r != nil {
		return install.Options{}, &postgres.Error{
			Code: r.Code, ExitCode: postgres.ExitRefused,
			Message: "a guard refused this plan when it was made: " + r.Message, Hint: r.Hint + " Then make a new plan.",
		}
	}
	if conflict := a.conflict(cmd, plan, input); conflict != "" {
		return install.Options{}, postgres.Usage("--"+conflict+" conflicts with the plan", "omit it: the plan holds its sources and options")
	}
	a.tenant = plan.Tenant
	input.files, input.strict, input.catalogue = plan.Sources, plan.Strict, catalogueFlag(plan.Catalogue)
	input.allowUnknownTypes = plan.Options.AllowUnknownTypes != nil && *plan.Options.AllowUnknownTypes
	if len(plan.Sources) == 1 && plan.Sources[0] == fromEnvironment {
		input.files = nil
	}
	options := plan.Options
	options.PlanDigest, options.ToolVersion = &plan.Digest, a.Version
	if manager := a.getenv("SECRET_MANAGER_TYPE"); manager != "" {
		options.SecretManager = manager
	}
	return options, nil
}

// conflict names a flag that was given and differs from the plan; "" when there is none. -f is always one, but for its
// variable, which may be set for plan and apply alike.
func (a *app) conflict(cmd *cobra.Command, plan *planFile, input *inputFlags) string {
	flags := cmd.Flags()
	if flags.Changed("file") {
		if !a.fromVariable["file"] || !slices.Equal(sourcesOf(input.files), plan.Sources) {
			return "file"
		}
	}
	if flags.Changed("strict") && input.strict != plan.Strict {
		return "strict"
	}
	if flags.Changed("catalogue") && string(input.catalogue) != plan.Catalogue {
		return "catalogue"
	}
	given, recorded := fields(input.options(cmd, a)), fields(plan.Options)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if name != "tool_version" && name != "secret_manager" && !bytes.Equal(given[name], recorded[name]) {
			return strings.ReplaceAll(name, "_", "-")
		}
	}
	return ""
}

// fields are the options that were given, by their names.
func fields(options install.Options) map[string]json.RawMessage {
	text, err := json.Marshal(options)
	if err != nil {
		panic(err) // texts, numbers and booleans
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		panic(err) // it was made a line above
	}
	return all
}
