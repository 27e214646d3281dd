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

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
)

// Options are the options of install_staged and plan_staged; _check_options in sql/functions says what each means. Nil
// and "" mean that the option was not given, and the default of the routine holds.
type Options struct {
	AllowEmpty          *bool  `json:"allow_empty,omitempty"`
	MaxPrune            string `json:"max_prune,omitempty"`
	Adopt               *bool  `json:"adopt,omitempty"`
	DetectRenames       *bool  `json:"detect_renames,omitempty"`
	Generation          *int64 `json:"generation,omitempty"`
	OnDrift             string `json:"on_drift,omitempty"`
	RequireTenant       *bool  `json:"require_tenant,omitempty"`
	TenantName          string `json:"tenant_name,omitempty"`
	AssumeSecretManager string `json:"assume_secret_manager,omitempty"`
	SecretManager       string `json:"secret_manager,omitempty"`
	AllowUnknownTypes   *bool  `json:"allow_unknown_types,omitempty"`
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
	// Connect opens a connection; a run uses one, and opens another only when it is lost.
	Connect func(context.Context) (*pgx.Conn, error)
	Log     *slog.Logger
	Tenant  string
	// Manifest is not needed by SeedTenant.
	Manifest *manifest.Manifest
	Options  Options
	// CreateTables lets Up create Keep's tables in a database that has none.
	CreateTables bool
	// RetryFor limits how long a run that another session hinders is repeated; 0 means DefaultRetryFor.
	RetryFor time.Duration

	conn  *pgx.Conn
	ready bool // that the schema is ready has been logged
}

// DefaultRetryFor limits how long a run that locks or other transactions hinder is repeated.
const DefaultRetryFor = 20 * time.Second

// Outcome is what a run did.
type Outcome struct {
	Report   db.RunReport
	Migrated migrate.Result   // of Up and SeedTenant only
	Changes  []db.Change      // see Details
	Checks   []db.CheckResult // see Details; of SeedTenant too
}

// Apply installs the manifest: add, update, rename, replace and prune in one transaction. Safe to repeat: when there is
// nothing to do, no row is written. On an error the rows are as they were before.
//
// Errors: every class of docs/design.md; exit code 69 or 78 when schema bootstrap is missing or old.
func (r *Run) Apply(ctx context.Context) (Outcome, error) {
	return r.retry(ctx, func() (Outcome, error) { return r.attempt(ctx) })
}

// Up is Apply on a database in any state: it first migrates schema bootstrap, creates Keep's tables where that is
// allowed and makes the foreign key deferrable, and verifies after a run that changed something. On a database that is
// ready nothing of that costs a round trip: the run itself sees whether there is a need.
//
// The migration is a transaction of its own; if the run then fails, schema bootstrap stays and the providers are as they
// were.
func (r *Run) Up(ctx context.Context) (Outcome, error) {
	foreignKey := func(ctx context.Context, conn db.DBTX) error {
		result, err := db.New(conn).PrepareKeep(ctx)
		return r.foreignKey(result, err)
	}
	attempt := func() (Outcome, error) { return r.attempt(ctx, foreignKey) }
	outcome, err := r.retry(ctx, attempt)
	var migrated migrate.Result
	if r.needsPreparation(err) {
		if migrated, err = r.prepare(ctx); err != nil {
			return Outcome{Migrated: migrated}, err
		}
		outcome, err = r.retry(ctx, attempt)
	}
	outcome.Migrated = migrated
	return outcome, err
}

// Details adds to the outcome of a run that wrote something what it changed, when changes is set, and what verify says,
// when checks is set. Both are read in one round trip.
func (r *Run) Details(ctx context.Context, outcome *Outcome, changes, checks bool) error {
	if outcome.Report.RunID == nil {
		return nil
	}
	var queries []postgres.Query
	if changes {
		queries = append(queries, func(ctx context.Context, conn db.DBTX) (err error) {
			outcome.Changes, err = db.New(conn).HistoryChanges(ctx, *outcome.Report.RunID)
			return err
		})
	}
	if checks {
		queries = append(queries, r.verify(outcome))
	}
	conn, err := r.connection(ctx)
	if err != nil {
		return AfterCommit(ctx, err)
	}
	if err := postgres.Together(ctx, conn, queries...); err != nil {
		return AfterCommit(ctx, fmt.Errorf("reading what the run did: %w", err))
	}
	return nil
}

func (r *Run) verify(outcome *Outcome) postgres.Query {
	return func(ctx context.Context, conn db.DBTX) (err error) {
		outcome.Checks, err = db.New(conn).Verify(ctx, r.Tenant)
		return err
	}
}

// SeedTenant prepares the database like Up and makes sure that the tenant exists. Providers are not touched: Keep
// provisions them itself. Safe to repeat. It returns whether the tenant was created.
func (r *Run) SeedTenant(ctx context.Context, name string) (Outcome, bool, error) {
	migrated, err := r.prepare(ctx)
	outcome := Outcome{Migrated: migrated}
	if err != nil {
		return outcome, false, err
	}
	var result string
	outcome, err = r.retry(ctx, func() (Outcome, error) {
		conn, err := r.connection(ctx)
		if err != nil {
			return outcome, err
		}
		err = postgres.Together(ctx, conn,
			func(ctx context.Context, conn db.DBTX) (err error) { return db.New(conn).RequireKeep(ctx) },
			func(ctx context.Context, conn db.DBTX) (err error) {
				result, err = db.New(conn).EnsureTenant(ctx, db.EnsureTenantParams{TenantID: r.Tenant, TenantName: name})
				return err
			},
			r.verify(&outcome))
		return outcome, err
	})
	if err != nil {
		return outcome, false, fmt.Errorf("seeding the tenant: %w", err)
	}
	r.logTenant(result == "created")
	return outcome, result == "created", nil
}

// Close ends the connection.
func (r *Run) Close(ctx context.Context) {
	if r.conn != nil {
		postgres.Close(ctx, r.conn)
		r.conn = nil
	}
}

// connection returns the connection of the run, a new one when there is none or it is gone.
func (r *Run) connection(ctx context.Context) (*pgx.Conn, error) {
	if r.conn != nil && !r.conn.IsClosed() {
		return r.conn, nil
	}
	conn, err := r.Connect(ctx)
	if err != nil {
		return nil, err
	}
	r.conn = conn
	return conn, nil
}

func (r *Run) logReady(status migrate.Status) {
	if !r.ready {
		r.Log.Info("schema ready", "version", status.Version)
		r.ready = true
	}
}

func (r *Run) logTenant(created bool) {
	state := "exists"
	if created {
		state = "created"
	}
	r.Log.Info("tenant " + r.Tenant + " " + state)
}
