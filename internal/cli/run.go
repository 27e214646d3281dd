package cli

import (
	"cmp"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/local"
	"keep-bootstrap/internal/planfile"
	"keep-bootstrap/internal/postgres"
)

// inputFlags gives a command the flags of those that install providers or plan to.
func inputFlags(cmd *cobra.Command, o *planfile.Options) {
	sourceFlags(cmd, o)
	flags := cmd.Flags()
	optional(flags, &o.AllowEmpty, "allow-empty", "allow an empty manifest, list or directory to prune everything it covers")
	flags.StringVar(&o.MaxPrune, "max-prune", "",
		"prune or replace at most this many objects per kind, as `N or N%` (default half of them, at least 3)")
	optional(flags, &o.Additive, "additive", "add and update only; prune and replace nothing")
	optional(flags, &o.Adopt, "adopt", "adopt objects created by users whose names are in the manifest")
	optional(flags, &o.DetectRenames, "detect-renames", "detect renames that renamed_from does not declare")
	flags.Lookup("detect-renames").DefValue = "true"
	flags.Func("generation", "`number` of this configuration; do nothing if a higher one is installed", func(text string) error {
		number, err := strconv.ParseInt(text, 10, 64)
		o.Generation = &number
		return err
	})
	choice(cmd, flags, &o.OnDrift, "on-drift", "",
		"what to do with changes made outside of keep-bootstrap: `{overwrite|keep|fail}` (default overwrite)",
		"overwrite", "keep", "fail")
	optional(flags, &o.RequireTenant, "require-tenant", "refuse the run if the tenant does not exist, instead of creating it")
	flags.StringVar(&o.TenantName, "tenant-name", "",
		"`name` for a new tenant (default \"Single Tenant\" for keep, otherwise the id)")
	choice(cmd, flags, &o.AssumeSecretManager, "assume-secret-manager", "",
		"`db`: assume that Keep stores its secrets in the database, even if detection says otherwise", "db")
}

// database finds the database; without anything that hints at one it starts the local PostgreSQL. Only commands that can
// do something with an empty database create the local one. --wait never does: who waits for a database means another one.
func (a *app) database(ctx context.Context, create bool) (*postgres.Config, error) {
	source, err := postgres.Find(a.databaseURLFile, a.variables)
	if err != nil {
		return nil, err
	}
	if a.isLocal = !source.Given(); a.isLocal {
		if source, err = a.localDatabase(ctx, create); err != nil {
			return nil, err
		}
	}
	config, err := source.Config()
	if err != nil {
		return nil, err
	}
	for _, warning := range config.Warnings {
		a.log.Warn("database connection", "warning", warning)
	}
	a.server = config.Address()
	return config, nil
}

func (a *app) localDatabase(ctx context.Context, create bool) (postgres.Source, error) {
	if a.wait > 0 {
		return postgres.Source{}, postgres.Usage("--wait needs a database",
			"set DATABASE_URL, or omit --wait to use the local PostgreSQL")
	}
	if status, err := local.Inspect(ctx, a.local()); !create && err == nil && status.URL() == "" {
		return postgres.Source{}, &postgres.Error{
			Code: postgres.CodeUnreachable, ExitCode: postgres.ExitUnavailable,
			Message: "no database given, and no local database exists",
			Hint:    "set DATABASE_URL, or run keep-bootstrap up, which creates a local database",
		}
	}
	server, err := a.startLocal(ctx)
	if err != nil {
		return postgres.Source{}, err
	}
	a.log.Info("no database given, using the local PostgreSQL", "port", server.Port, "data", server.DataDirectory)
	return postgres.Source{ConnString: server.URL(), Origin: "local PostgreSQL"}, nil
}

// newRun finds the database and prepares a run against it. create is that of database.
func (a *app) newRun(ctx context.Context, create bool) (*install.Run, error) {
	config, err := a.database(ctx, create)
	return &install.Run{
		Session: postgres.Session{Config: config},
		Log:     a.log,
		Tenant:  a.tenant,
		Options: install.Options{ToolVersion: a.Version},
	}, err
}

// inputRun reads the input, finds the database and prepares a run of that input with these options, and with what the
// environment says. create is that of database.
func (a *app) inputRun(ctx context.Context, options planfile.Options, create bool) (*install.Run, error) {
	m, err := a.load(options)
	if err != nil {
		return nil, err
	}
	run, err := a.newRun(ctx, create)
	run.Manifest, run.Options = m, options.Options
	o := &run.Options
	o.ToolVersion, o.SecretManager = a.Version, cmp.Or(a.variables["SECRET_MANAGER_TYPE"], o.SecretManager)
	if provisions := a.variables["PROVISION_RESOURCES"] == "true"; provisions { // the exact text that Keep compares with
		o.ProvisionResources = &provisions
	}
	if options.Catalogue != "" { // the database lacks the user's types; they were checked before
		o.AllowUnknownTypes = new(true)
	}
	if a.isLocal && o.MaxPrune == "" {
		o.MaxPrune = "100%" // the local database is for trying things out
	}
	return run, err
}

// waiting runs attempt, again and again when --wait was given, and logs what is under way.
func waiting[T any](
	ctx context.Context, a *app, what string, attempt func(context.Context) (T, error),
) (result T, err error) {
	defer a.progress(what)()
	err = postgres.NewWait(a.wait, a.log).For(ctx, func(ctx context.Context) (err error) {
		result, err = attempt(ctx)
		return err
	})
	return result, err
}

// progress logs what is under way once it takes more than a second, and then every ten. The function that it returns
// ends that.
func (a *app) progress(what string) (done func()) {
	start, stop := time.Now(), make(chan struct{})
	var logging sync.WaitGroup
	logging.Go(func() {
		for pause := time.Second; ; pause = 10 * time.Second {
			select {
			case <-time.After(pause):
				a.log.Info(what+" ...", "for", time.Since(start).Round(time.Second).String())
			case <-stop:
				return
			}
		}
	})
	return func() {
		close(stop)
		logging.Wait()
	}
}
