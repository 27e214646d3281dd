package install

import (
	"context"
	"fmt"

	"keep-bootstrap/internal/database"
	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/pgerr"
)

// Plan returns what Apply would write, and writes nothing: its transaction is rolled back. A row whose Refusal is set is
// one that a guard would refuse; see Refusal.
//
// Errors: as Apply; 69 on a standby, because staging has to be written.
func (r *Run) Plan(ctx context.Context) ([]db.PlannedChange, error) {
	conn, err := r.connection(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := r.begin(ctx, conn); err != nil {
		return nil, err
	}
	if err := r.stage(ctx, conn); err != nil {
		rollback(ctx, conn)
		return nil, err
	}
	var changes []db.PlannedChange
	err = database.Together(ctx, conn,
		func(ctx context.Context, conn db.DBTX) (err error) {
			changes, err = db.New(conn).PlanStaged(ctx, db.PlanStagedParams{TenantID: r.Tenant, Options: r.Options.document()})
			return err
		},
		database.Statement("ROLLBACK"))
	if err != nil {
		rollback(ctx, conn)
		return nil, fmt.Errorf("planning: %w", r.explain(err))
	}
	return changes, nil
}

// remedies say for each guard what lets the run through.
var remedies = map[string]string{
	"KB020": "the manifest is empty: if that is meant, give --allow-empty",
	"KB021": "more would be pruned or replaced than allowed: if that is meant, give --max-prune N",
	"KB022": "a provider with prevent_delete would be pruned or replaced: install it with prevent_delete: false first",
	"KB025": "someone changed a provider since the last run: see the plan, then give --on-drift overwrite or --on-drift keep",
	"KB024": "a name belongs to a provider that a user made: rename it in the manifest, or take it over with --adopt",
}

// Refusal returns the error with which Apply would end because of a guard, or nil.
func Refusal(changes []db.PlannedChange) error {
	var refused *pgerr.Error
	var count int
	for _, change := range changes {
		if change.Refusal == nil {
			continue
		}
		count++
		if refused == nil || *change.Refusal < refused.Code {
			refused = &pgerr.Error{Code: *change.Refusal, ExitCode: pgerr.ExitRefused, Hint: remedies[*change.Refusal]}
		}
	}
	if refused == nil {
		return nil
	}
	refused.Message = fmt.Sprintf("apply would be refused because of %d change(s), marked in the plan", count)
	return refused
}
