package cli

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keep-bootstrap/internal/local"
	"keep-bootstrap/internal/postgres"
)

// localVersionFlag is the version of the local PostgreSQL.
func (a *app) localVersionFlag(flags *pflag.FlagSet) {
	flags.StringVar(&a.localVersion, "local-version", local.DefaultVersion, "major `version` of the local PostgreSQL")
}

// local is the local PostgreSQL.
func (a *app) local() local.Options { return local.Options{Version: a.localVersion, Logger: a.log} }

// startLocal starts the local PostgreSQL.
func (a *app) startLocal(ctx context.Context) (local.Status, error) {
	defer a.progress("starting the local PostgreSQL")()
	return local.Start(ctx, a.local())
}

func (a *app) localCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "local",
		Short: "manage the private local PostgreSQL, used if no database is given",
		Long: `Manage the private PostgreSQL server of the current user. keep-bootstrap up starts it if no database
is given, and leaves it running. Its data survives a stop.`,
		Example: "  keep-bootstrap local psql -c 'select name, type from provider'",
	}
	a.localVersionFlag(cmd.PersistentFlags())
	add := func(use, short, long string, run func(cmd *cobra.Command, args []string) error) *cobra.Command {
		sub := &cobra.Command{Use: use, Short: short, Long: long, Example: "  keep-bootstrap local " + use, RunE: run}
		cmd.AddCommand(sub)
		return sub
	}
	// showing does something, and shows the state of the server then.
	showing := func(do func(context.Context) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, _ []string) error {
			if err := do(cmd.Context()); err != nil {
				return err
			}
			status, err := local.Inspect(cmd.Context(), a.local())
			if err != nil {
				return err
			}
			a.out.Local(status)
			return nil
		}
	}
	add("start", "start the local server", "Start the local server. The first start downloads PostgreSQL. It is safe to repeat.",
		showing(func(ctx context.Context) error {
			_, err := a.startLocal(ctx)
			return err
		}))
	add("stop", "stop the local server", "Stop the local server and end its connections. The data stays. It is safe to repeat.",
		showing(func(ctx context.Context) error {
			_, err := local.Stop(ctx, a.local())
			return err
		}))
	add("reset", "stop the local server and delete its data",
		"Stop the local server and delete its data, without confirmation: the next start begins with an empty\n"+
			"database. A directory that keep-bootstrap did not create is refused. It is safe to repeat.",
		showing(func(ctx context.Context) error {
			status, err := local.Inspect(ctx, a.local())
			if err != nil {
				return err
			}
			deleted, err := local.Reset(ctx, a.local())
			if deleted {
				a.log.Info("deleted the data of the local PostgreSQL", "directory", status.DataDirectory)
			}
			return err
		}))
	add("status", "show the local server", "Show whether the local server runs, its port and its data directory. Nothing is changed.",
		showing(func(context.Context) error { return nil }))
	add("url", "print the database URL of the local server, with its password",
		"Print the database URL of the local server, with its password.",
		func(cmd *cobra.Command, _ []string) error {
			status, err := a.running(cmd.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(&a.out, status.URL())
			return err
		})
	psql := add("psql", "open psql on the local server",
		"Open psql on the local server. All arguments after psql are passed to psql, except --local-version\nand --help.",
		a.psql)
	psql.Use, psql.Args = "psql [ARGUMENT...]", cobra.ArbitraryArgs
	psql.Example = "  keep-bootstrap local psql -c '\\dn'"
	return cmd
}

// forPSQL puts -- in front of the arguments of `local psql` that are for psql, because cobra takes flags for its own.
func forPSQL(root *cobra.Command, args []string) []string {
	cmd, _, err := root.Find(args)
	if err != nil || cmd.CommandPath() != "keep-bootstrap local psql" {
		return args
	}
	i := slices.Index(args, "psql") + 1
	for ; i < len(args); i++ {
		switch {
		case args[i] == "--local-version":
			i++ // its value
		case args[i] == "--":
			return args
		case args[i] == "--help", strings.HasPrefix(args[i], "--local-version="):
		default:
			return slices.Insert(slices.Clone(args), i, "--")
		}
	}
	return args
}

// running is the status of a server that runs, or an error.
func (a *app) running(ctx context.Context) (local.Status, error) {
	status, err := local.Inspect(ctx, a.local())
	if err == nil && !status.Running {
		err = postgres.New(postgres.CodeLocal, "the local PostgreSQL is not running", "run keep-bootstrap local start")
	}
	return status, err
}

func (a *app) psql(command *cobra.Command, args []string) error {
	ctx := command.Context()
	status, err := a.running(ctx)
	if err != nil {
		return err
	}
	program, err := local.PSQL()
	if err != nil {
		return err
	}
	// psql handles interrupts itself: it cancels the statement and continues.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, args...)
	for name, value := range a.variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, status.Environment()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.Stdin, a.Stdout, a.Stderr
	err = cmd.Run()
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() >= 0 {
		a.exit = cmd.ProcessState.ExitCode()
		return nil
	}
	return err
}
