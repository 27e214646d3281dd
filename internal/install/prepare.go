package install

import (
	"context"
	"fmt"

	"github.com/cenkalti/backoff/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
)

// seededTenant is the tenant whose row the migrations create.
const seededTenant = "keep"

// needsPreparation reports whether a run failed because of something that prepare can do.
func (r *Run) needsPreparation(err error) bool {
	if err == nil {
		return false
	}
	code := postgres.From(err).Code
	return code == postgres.CodeNoSchema || code == postgres.CodeOldSchema || code == "KB010" && r.CreateTables
}

// prepare migrates schema bootstrap, creates Keep's tables where that is allowed, and makes the foreign key deferrable.
// Safe to repeat. A foreign key whose lock is not to be had is only a warning: the order of a run is right anyway.
func (r *Run) prepare(ctx context.Context) (migrate.Result, error) {
	conn, err := r.connection(ctx)
	if err != nil {
		return migrate.Result{}, err
	}
	result, err := migrate.Up(ctx, conn, r.Log)
	if err != nil {
		return result, err
	}
	if result.Changed() {
		r.Log.Info("schema migrated", "from", result.From, "to", result.To)
	}
	r.logReady(migrate.Status{Version: result.To})
	if result.TenantSeeded && r.Tenant == seededTenant {
		r.logTenant(true)
	}
	if r.CreateTables {
		created, err := db.New(conn).CreateKeepTables(ctx)
		if err != nil {
			return result, fmt.Errorf("creating Keep's tables: %w", err)
		}
		if created == "created" {
			r.Log.Info("tables of Keep created")
		}
	}
	return result, r.foreignKey(db.New(conn).PrepareKeep(ctx))
}

// foreignKey judges what PrepareKeep returned. A lock that is not to be had is only a warning: the order of a run is
// right anyway, and the next up tries again.
func (r *Run) foreignKey(result string, err error) error {
	switch {
	case postgres.Is(err, "55P03", "40P01"):
		r.Log.Warn("the foreign key of provider is not deferrable, because the application holds a lock; the next run tries again")
		return nil
	case err != nil:
		return err
	case result == "changed":
		r.Log.Info("foreign key of provider is deferrable now")
	}
	return nil
}

// PrepareKeep makes the foreign key from provider to tenant deferrable and returns changed, unchanged or absent. Safe to
// repeat. Each try waits at most 200 ms for the lock, so the application is not held up for longer; in between it waits.
// Error 55P03 (75) when the lock was not to be had in time.
func (r *Run) PrepareKeep(ctx context.Context) (string, error) {
	operation := func() (string, error) {
		conn, err := r.connection(ctx)
		if err != nil {
			return "", backoff.Permanent(err)
		}
		result, err := db.New(conn).PrepareKeep(ctx)
		if err == nil || postgres.Is(err, "55P03", "40P01") {
			return result, err
		}
		return result, backoff.Permanent(err)
	}
	result, err := backoff.Retry(ctx, operation, r.pauses(), backoff.WithMaxElapsedTime(r.retryFor()))
	if err != nil {
		return result, fmt.Errorf("making the foreign key of provider deferrable: %w", err)
	}
	return result, r.foreignKey(result, nil)
}
