// Package install is the run: it brings the providers of one tenant to what the manifest says, in one transaction.
//
// What to write is decided in SQL. This package sends the manifest by COPY, calls the procedure, commits, repeats the
// whole when another session was in the way, and finds out what became of a COMMIT whose answer was lost.
package install

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
)

// Options are the options of install_staged and plan_staged; sql/functions/install_staged.sql says what each means. Nil
// and "" mean that the option was not given, and the default of the routine holds.
type Options struct {
	AllowEmpty          *bool  `json:"allow_empty,omitempty"`
	MaxPrune            string `json:"max_prune,omitempty"`
	Additive            *bool  `json:"additive,omitempty"`
	Adopt               *bool  `json:"adopt,omitempty"`
	DetectRenames       *bool  `json:"detect_renames,omitempty"`
	Generation          *int64 `json:"generation,omitempty"`
	OnDrift             string `json:"on_drift,omitempty"`
	RequireTenant       *bool  `json:"require_tenant,omitempty"`
	TenantName          string `json:"tenant_name,omitempty"`
	AssumeSecretManager string `json:"assume_secret_manager,omitempty"`
	SecretManager       string `json:"secret_manager,omitempty"`
	AllowUnknownTypes   *bool  `json:"allow_unknown_types,omitempty"`
	ProvisionResources  *bool  `json:"provision_resources,omitempty"`
	ToolVersion         string `json:"tool_version,omitempty"`
	// PlanDigest binds the run to a plan: see Plan.Digest.
	PlanDigest *string `json:"plan_digest,omitempty"`
}

func (o Options) document() json.RawMessage {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // texts, numbers and booleans
	}
	return text
}

// Run is one run against one tenant. Close ends it.
type Run struct {
	// Session is the connection; a run uses one, and opens another only when it is lost.
	postgres.Session
	Log    *slog.Logger
	Tenant string
	// Manifest is not needed by SeedTenant.
	Manifest *manifest.Manifest
	Options  Options
	// CreateTables lets Up create Keep's tables in a database that has none.
	CreateTables bool
	// RetryFor limits how long a run that another session hinders is repeated; 0 means DefaultRetryFor.
	RetryFor time.Duration
}

// DefaultRetryFor limits how long a run that locks or other transactions hinder is repeated.
const DefaultRetryFor = 20 * time.Second

// Outcome is what a run did.
type Outcome struct {
	Report   db.RunReport
	Migrated migrate.Result   // of Up and SeedTenant only
	Changes  []db.Change      // see Details
	Checks   []db.CheckResult // see Details
}

// Apply installs the manifest: add, update, rename, replace and prune in one transaction. Safe to repeat: when there is
// nothing to do, no row is written. On an error the rows are as they were before.
//
// Errors: see docs/errors.md; exit code 69 or 78 when schema bootstrap is missing or old.
func (r *Run) Apply(ctx context.Context) (Outcome, error) {
	return r.install(ctx, false)
}

// Up is Apply on a database in any state. What is missing of schema bootstrap is migrated, Keep's tables are created where that
// is allowed, and the foreign key is made deferrable, all in the transaction of the run: a refused run leaves nothing
// behind. On a prepared database this adds no round trips.
func (r *Run) Up(ctx context.Context) (Outcome, error) {
	return r.install(ctx, true)
}

// install is the whole run.
func (r *Run) install(ctx context.Context, prepare bool) (outcome Outcome, err error) {
	outcome.Migrated, err = r.retry(ctx, transaction{
		prepare: prepare, stage: stagedRows(r.Manifest), report: &outcome.Report,
		queue: func(batch *pgx.Batch) { batch.Queue(db.InstallStaged, r.Tenant, r.Options.document()) },
	})
	if err != nil {
		err = fmt.Errorf("installing: %w", r.explain(ctx, prepare, err))
	}
	return outcome, err
}

// Details adds to the outcome of a run that wrote something what it changed, when changes is set, and what verify says,
// when checks is set. Both are read in one round trip.
func (r *Run) Details(ctx context.Context, outcome *Outcome, changes, checks bool) error {
	if outcome.Report.RunID == nil {
		return nil
	}
	batch := &pgx.Batch{}
	batch.Queue(postgres.Settings)
	if changes {
		batch.Queue(db.HistoryChanges, *outcome.Report.RunID).Query(postgres.All(&outcome.Changes))
	}
	if checks {
		batch.Queue(db.Verify, r.Tenant).Query(postgres.All(&outcome.Checks))
	}
	conn, err := r.Connection(ctx)
	if err != nil {
		return AfterCommit(ctx, err)
	}
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return AfterCommit(ctx, fmt.Errorf("reading what the run did: %w", err))
	}
	return nil
}

// SeedTenant prepares the database like Up and makes sure that the tenant exists, in one transaction. Of Keep's tables only
// tenant must be there. Providers are not touched: Keep provisions them itself. Safe to repeat. Of the report,
// only TenantCreated is set.
func (r *Run) SeedTenant(ctx context.Context, name string) (Outcome, error) {
	var result string
	migrated, err := r.retry(ctx, transaction{prepare: true, queue: func(batch *pgx.Batch) {
		batch.Queue(db.EnsureTenant, r.Tenant, name).QueryRow(func(row pgx.Row) error { return row.Scan(&result) })
	}})
	if err != nil {
		err = fmt.Errorf("seeding the tenant: %w", err)
	}
	return Outcome{Migrated: migrated, Report: db.RunReport{TenantCreated: result == "created"}}, err
}

// PrepareKeep makes the foreign key from provider to tenant deferrable. Safe to repeat. Each try waits at most 200 ms for the lock,
// so the application is not held up for longer. Error 55P03 (75) if the lock could not be acquired in time.
func (r *Run) PrepareKeep(ctx context.Context) error {
	_, err := postgres.Retry(ctx, r.policy(), func() (string, error) {
		conn, err := r.Connection(ctx)
		if err != nil {
			return "", err
		}
		var result string
		err = migrate.Query(ctx, conn, func(batch *pgx.Batch) {
			batch.Queue(db.PrepareKeep).QueryRow(func(row pgx.Row) error { return row.Scan(&result) })
		})
		if err == nil && result == "locked" {
			err = &pgconn.PgError{Code: pgerrcode.LockNotAvailable, Message: "the application holds a lock on table provider"}
		}
		if err == nil {
			r.logPrepared(opened{}, result)
		}
		return result, err
	})
	if err != nil {
		return fmt.Errorf("making the foreign key of provider deferrable: %w", err)
	}
	return nil
}

// logPrepared tells what became of schema bootstrap and of the foreign key. A lock that could not be acquired is only a warning:
// the order of a run is right anyway, and the next up tries again.
func (r *Run) logPrepared(done opened, foreignKey string) {
	if done.migrated.Changed() {
		r.Log.Info("schema migrated", "from", done.migrated.From, "to", done.migrated.To)
	}
	if done.tables {
		r.Log.Info("tables of Keep created")
	}
	switch foreignKey {
	case "changed":
		r.Log.Info("foreign key of provider made deferrable")
	case "locked":
		r.Log.Warn("foreign key of provider not made deferrable: the application holds a lock; the next run tries again")
	}
}
