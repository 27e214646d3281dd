package install

import (
	"context"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/test/pgtest"
)

// An interrupt right before the statements are sent leaves the connection open, and its transaction in progress: that is
// known to have written nothing.
func TestInterruptedBeforeTheStatements(t *testing.T) {
	t.Parallel()
	config, err := postgres.Source{ConnString: pgtest.New(t, pgtest.Migrated).URL, Origin: "test"}.Config()
	if err != nil {
		t.Fatal(err)
	}
	run := &Run{Session: postgres.Session{Config: config}, Log: slog.New(slog.DiscardHandler), Tenant: "keep"}
	defer run.Close(context.Background())
	ctx, cancel := context.WithCancel(t.Context())
	_, err = run.retry(ctx, transaction{queue: func(batch *pgx.Batch) {
		batch.Queue("SELECT")
		cancel()
	}})
	if e := postgres.From(err); e == nil || e.Code != postgres.CodeInterrupted {
		t.Error(err)
	}
}
