package cli

import (
	"io"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/migrate"
	sqlfiles "keep-bootstrap/sql"
)

func (a *app) sqlCommand() *cobra.Command {
	var roles bool
	cmd := &cobra.Command{
		Use:   "sql",
		Short: "print the SQL as a script for psql",
		Long: `Print a script that does the same as keep-bootstrap migrate, for review and for psql. It runs in one
transaction. No database is needed.

--roles prints a second script, to run after the first. It creates the roles runner (may install)
and auditor (may inspect), which need no privileges on any table and cannot read a secret.`,
		Example: "  keep-bootstrap sql > bootstrap.sql",
		RunE: func(*cobra.Command, []string) error {
			script, err := sqlfiles.Roles, error(nil)
			if !roles {
				script, err = migrate.Script(a.Version)
			}
			if err != nil {
				return err
			}
			_, err = io.WriteString(&a.out, script)
			return err
		},
	}
	cmd.Flags().BoolVar(&roles, "roles", false, "print the script of the roles instead")
	return cmd
}
