package sqldoc_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// migrated returns a connection to a database with Keep's tables and every migration.
func migrated(t *testing.T) *pgx.Conn {
	t.Helper()
	return pgtest.New(t, pgtest.Migrated).Conn(t)
}
