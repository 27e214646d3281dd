package sqldoc_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/test/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// migrated returns a connection to a database with Keep's tables and every migration.
func migrated(t *testing.T) *pgx.Conn {
	t.Helper()
	return pgtest.New(t, pgtest.Template{Name: "migrated", Build: func(ctx context.Context, url string) error {
		if err := pgtest.Keep("67ff7efffed4").Build(ctx, url); err != nil {
			return err
		}
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = migrate.Up(ctx, conn, slog.New(slog.DiscardHandler))
		return err
	}}).Conn(t)
}
