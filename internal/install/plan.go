package install

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/postgres"
)

// Plan is what Apply would write.
type Plan struct {
	Changes []db.PlannedChange
	// Digest binds a later Apply to this plan, by Options.PlanDigest: if the manifest or the rows have changed, it is refused
	// (KB026). It holds no secret. Empty if the generation of the options is older than the one installed: then Apply does nothing.
	Digest string
	// Refusal is the error with which Apply would end because of a guard, or nil.
	Refusal *postgres.Error
}

// Plan returns what Apply would write, and writes nothing: its transaction is rolled back. A row whose Refusal is set is
// one that a guard would refuse.
//
// Errors: as Apply; 69 on a standby, because staging has to be written.
func (r *Run) Plan(ctx context.Context) (plan Plan, err error) {
	var report db.PlanReportRow
	_, err = r.try(ctx, transaction{
		dry: true, stage: stagedRows(r.Manifest),
		queue: func(batch *pgx.Batch) {
			batch.Queue(db.PlanStaged, r.Tenant, r.Options.document()).Query(postgres.All(&plan.Changes))
			batch.Queue(db.PlanReport).Query(postgres.One(&report))
		},
	})
	if err != nil {
		return Plan{}, fmt.Errorf("planning: %w", r.explain(ctx, false, err))
	}
	plan.Digest = text(report.PlanDigest)
	if report.Refusal != nil {
		plan.Refusal = postgres.From(&pgconn.PgError{
			Code: *report.Refusal, Message: text(report.Message), Detail: text(report.Detail), Hint: text(report.Hint),
		})
	}
	return plan, nil
}

func text(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}
