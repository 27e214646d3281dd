package install

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/postgres"
)

// Plan is what Apply would write.
type Plan struct {
	Changes []db.PlannedChange
	// Digest binds a later Apply to this plan, by Options.PlanDigest: when the manifest or the rows are not the same
	// any more, it is refused (KB026). It holds no secret. Empty when the generation of the options is older than the
	// one that is installed: then Apply does nothing.
	Digest string
	// Refusal is the error with which Apply would end because of a guard, or nil.
	Refusal *postgres.Error
}

// Plan returns what Apply would write, and writes nothing: its transaction is rolled back. A row whose Refusal is set is
// one that a guard would refuse.
//
// Errors: as Apply; 69 on a standby, because staging has to be written.
func (r *Run) Plan(ctx context.Context) (Plan, error) {
	conn, err := r.connection(ctx)
	if err != nil {
		return Plan{}, err
	}
	if _, err := r.begin(ctx, conn); err != nil {
		return Plan{}, err
	}
	if err := r.stage(ctx, conn); err != nil {
		rollback(ctx, conn)
		return Plan{}, err
	}
	var plan Plan
	err = postgres.Together(ctx, conn,
		func(ctx context.Context, conn db.DBTX) (err error) {
			plan.Changes, err = db.New(conn).PlanStaged(ctx, db.PlanStagedParams{TenantID: r.Tenant, Options: r.Options.document()})
			return err
		},
		func(ctx context.Context, conn db.DBTX) (err error) {
			plan.Digest, err = db.New(conn).PlanDigest(ctx)
			return err
		},
		func(ctx context.Context, conn db.DBTX) error {
			refusals, err := db.New(conn).PlanRefusal(ctx)
			for _, r := range refusals {
				plan.Refusal = postgres.From(&pgconn.PgError{Code: r.Code, Message: r.Message, Detail: r.Detail, Hint: r.Hint})
			}
			return err
		},
		postgres.Statement("ROLLBACK"))
	if err != nil {
		rollback(ctx, conn)
		return Plan{}, fmt.Errorf("planning: %w", r.explain(err))
	}
	return plan, nil
}
