package cli

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "list the resources of the tenant, their origin and condition",
		Long: `List the resources of the tenant: who created each (keep-bootstrap, Keep's own provisioning or a
user), the run that wrote it last, and its condition. Nothing is written.`,
		Example: "  keep-bootstrap status -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var providers []db.ProviderStatus
			err := a.read(cmd.Context(), func(batch *pgx.Batch) { batch.Queue(db.Status, a.tenant).Query(postgres.All(&providers)) })
			if err == nil {
				a.out.Status(a.tenant, providers)
			}
			return err
		},
	}
}

// read sends queries to a database that is migrated, in one round trip. Reads only, so it works on a standby.
func (a *app) read(ctx context.Context, queue func(*pgx.Batch)) error {
	config, err := a.database(ctx, false)
	if err != nil {
		return err
	}
	_, err = waiting(ctx, a, "reading the database", func(ctx context.Context) (struct{}, error) {
		conn, err := postgres.Connect(ctx, config)
		if err != nil {
			return struct{}{}, err
		}
		defer postgres.Close(ctx, conn)
		return struct{}{}, migrate.Query(ctx, conn, queue)
	})
	return err
}
