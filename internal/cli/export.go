package cli

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/export"
	"keep-bootstrap/internal/file"
	"keep-bootstrap/internal/postgres"
)

func (a *app) exportCommand() *cobra.Command {
	var withSecrets, all bool
	var out string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "print the provisioned resources as a manifest",
		Long: `Print the provisioned providers, workflows, dashboards, mapping rules, API keys and the default user
of the tenant as YAML, for which plan shows no changes. Nothing is written to the database. Each
secret is a reference $(NAME); the end of the file and the log list the variables. Passwords of
users cannot be exported.

--with-secrets writes secrets in clear text, to a new file readable by its owner only (--out).`,
		Example: "  keep-bootstrap export --out providers.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if withSecrets && out == "" {
				return postgres.Usage("--with-secrets needs --out: secrets are not printed", "add --out FILE")
			}
			var objects []db.ExportedObject
			err := a.read(cmd.Context(), func(batch *pgx.Batch) { batch.Queue(db.Export, a.tenant, all).Query(postgres.All(&objects)) })
			if err != nil {
				return err
			}
			result, err := export.All(objects, withSecrets)
			if err != nil {
				return err
			}
			if err := a.writeExport(out, withSecrets, result.Text); err != nil {
				return err
			}
			a.logExport(result)
			if out != "" {
				a.out.Export(a.tenant, out, result)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&withSecrets, "with-secrets", false, "write secrets in clear text instead of references; needs --out")
	cmd.Flags().BoolVar(&all, "all", false, "export objects created by users too")
	cmd.Flags().StringVar(&out, "out", "", "write to this new `file`; an existing file is not overwritten")
	return cmd
}

// writeExport writes to stdout or to a new file. The file is readable by its owner only when there are secrets in it.
func (a *app) writeExport(path string, withSecrets bool, text []byte) error {
	if path == "" {
		_, err := a.out.Write(text)
		return err
	}
	mode := os.FileMode(0o644)
	if withSecrets {
		mode = 0o600
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return postgres.Usage(path+" already exists; refusing to overwrite it", "give --out another path, or remove the file")
	}
	if err == nil {
		_, err = out.Write(text)
		if err = errors.Join(err, out.Close()); err != nil {
			os.Remove(path)
		}
	}
	if err != nil {
		return postgres.Usage("cannot write the export to "+path+": "+file.Reason(err), "give --out the path of a file in a directory that exists")
	}
	return nil
}

// logExport logs what users of the file must know.
func (a *app) logExport(result export.Result) {
	for _, warning := range result.Warnings {
		a.log.Warn(warning)
	}
	if len(result.Variables) == 0 {
		return
	}
	names := make([]string, len(result.Variables))
	for i, v := range result.Variables {
		names[i] = v.Name
	}
	a.log.Info("set these variables before using the export", "variables", strings.Join(names, ", "))
}
