package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
	sqlfiles "keep-bootstrap/sql"
)

func (a *app) migrateCommand() *cobra.Command {
	var to int32
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "install or remove schema bootstrap",
		Long: `migrate brings schema bootstrap of the database to the version that this program knows, in one transaction, makes the
foreign key of Keep's table provider deferrable, and seeds tenant keep. Where Keep's tables do not exist yet, the last two
are left to the next run. It is safe to repeat and to run from many places at once.

--to N goes to another version. --to 0 removes everything of schema bootstrap, restores the foreign key, and touches no
row and no other table of Keep.

Flags win over variables (BOOTSTRAP_TO, ...), variables over defaults.`,
		Example: example(
			"keep-bootstrap migrate",
			"keep-bootstrap migrate --to 0"),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			t, err := a.target(ctx, "", true)
			if err != nil {
				return err
			}
			run := a.newRun(t)
			defer run.Close(ctx)
			var result migrate.Result
			done := a.progress("migrating")
			err = a.waiting(ctx, func(ctx context.Context) (err error) {
				if cmd.Flags().Changed("to") {
					result, err = migrateTo(ctx, a, t.config, to)
					return err
				}
				if result, err = migrateTo(ctx, a, t.config, -1); err != nil {
					return err
				}
				return run.PrepareKeep(ctx)
			})
			done()
			if err != nil {
				return err
			}
			return a.showMigration(result)
		},
	}
	cmd.Flags().Int32Var(&to, "to", 0, "`version` to migrate to (default the newest)")
	return cmd
}

// migrateTo migrates to a version, or to the newest when it is negative.
func migrateTo(ctx context.Context, a *app, config *postgres.Config, version int32) (migrate.Result, error) {
	conn, err := postgres.Connect(ctx, config)
	if err != nil {
		return migrate.Result{}, err
	}
	defer postgres.Close(ctx, conn)
	if version < 0 {
		return migrate.Up(ctx, conn, a.log)
	}
	return migrate.To(ctx, conn, a.log, version)
}

func (a *app) sqlCommand() *cobra.Command {
	var roles bool
	cmd := &cobra.Command{
		Use:   "sql",
		Short: "print the migrations, or the roles, as one script for psql",
		Long: `sql prints a script that leaves a database in the same state as keep-bootstrap migrate, version table included. It needs no
database. A DBA can read it, and run it with psql in one transaction.

sql --roles prints another script, to be run after that one: it makes a role that may install and a role that may look,
neither of which can read a secret or write a table, and lets the routines of schema bootstrap run with the rights of
their owner.

Flags win over variables (BOOTSTRAP_ROLES, ...), variables over defaults.`,
		Example: example(
			"keep-bootstrap sql > bootstrap.sql",
			"keep-bootstrap sql --roles > roles.sql"),
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			script, err := sqlfiles.Roles, error(nil)
			if !roles {
				script, err = migrate.Script(a.Version)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.Stdout, script)
			return err
		},
	}
	cmd.Flags().BoolVar(&roles, "roles", false, "the script of the roles, not of the migrations")
	return cmd
}
