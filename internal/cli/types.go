package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/postgres"
)

func (a *app) typesCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "types [TYPE]",
		Short: "list the provider types, or the authentication fields of one type",
		Long: `List the provider types in the catalogue, or the authentication fields of one type: kind, whether
required, and Keep's default. No database is needed.`,
		Example: "  keep-bootstrap types grafana",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			types, err := loadCatalogue(path)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				a.out.Types(types)
				return nil
			}
			t, ok := types.Type(args[0])
			if !ok {
				hint := "run keep-bootstrap types to list them"
				if near := types.Nearest(args[0]); near != "" {
					hint = fmt.Sprintf("did you mean %q? run keep-bootstrap types to list all", near)
				}
				return postgres.Usage(fmt.Sprintf("the catalogue has no type %q", args[0]), hint)
			}
			a.out.Type(t)
			return nil
		},
	}
	catalogueFlag(cmd, &path)
	return cmd
}
