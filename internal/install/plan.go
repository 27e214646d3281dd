package install

import (
	"context"
	"fmt"
	"slices"

	"keep-bootstrap/internal/database"
	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/pgerr"
)

// Plan is what Apply would write.
type Plan struct {
	Changes []db.PlannedChange
	// Digest binds a later Apply to this plan, by Options.PlanDigest: when the manifest or the rows are not the same
	// any more, it is refused (KB026). It holds no secret. Empty when the generation of the options is older than the
	// one that is installed: then Apply does nothing.
	Digest string
}

// Plan returns what Apply would write, and writes nothing: its transaction is rolled back. A row whose Refusal is set is
// one that a guard would refuse; see Refusal.
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
	err = database.Together(ctx, conn,
		func(ctx context.Context, conn db.DBTX) (err error) {
			plan.Changes, err = db.New(conn).PlanStaged(ctx, db.PlanStagedParams{TenantID: r.Tenant, Options: r.Options.document()})
			return err
		},
		func(ctx context.Context, conn db.DBTX) (err error) {
			plan.Digest, err = db.New(conn).PlanDigest(ctx)
			return err
		},
		database.Statement("ROLLBACK"))
	if err != nil {
		rollback(ctx, conn)
		return Plan{}, fmt.Errorf("planning: %w", r.explain(err))
	}
	return plan, nil
}

// remedies say for each guard what lets the run through.
var remedies = map[string]string{
	"KB020": "the manifest is empty: if that is meant, give --allow-empty",
	"KB021": "more would be pruned or replaced than allowed: if that is meant, give --max-prune N",
	"KB022": "a provider with prevent_delete would be pruned or replaced: install it with prevent_delete: false first",
	"KB025": "someone changed a provider since the last run: see the plan, then give --on-drift overwrite or --on-drift keep",
	"KB024": "a name belongs to something that a user made: rename it in the manifest, or take it over with --adopt",
	"KB028": "the secret of an API key belongs to another key: give the key a secret of its own",
	"KB029": "no user has the name of the default user, and there are several: name the one whose password is to be reset",
}

// Refusal returns the error with which Apply would end because of a guard, or nil.
func Refusal(changes []db.PlannedChange) error {
	var codes []string
	for i := range changes {
		if changes[i].Refusal != nil {
			codes = append(codes, *changes[i].Refusal)
		}
	}
	return RefusalOf(codes)
}

// precedence is the order in which guards are named when several refuse; the same as in the routine _refuse.
var precedence = []string{"KB020", "KB022", "KB024", "KB028", "KB029", "KB025", "KB021"}

// RefusalOf is Refusal for the SQLSTATEs of the changes that guards refuse.
func RefusalOf(codes []string) error {
	if len(codes) == 0 {
		return nil
	}
	code := codes[0]
	for _, known := range precedence {
		if slices.Contains(codes, known) {
			code = known
			break
		}
	}
	return &pgerr.Error{
		Code: code, ExitCode: pgerr.ExitRefused, Hint: remedies[code],
		Message: fmt.Sprintf("apply would be refused because of %d change(s), marked in the plan", len(codes)),
	}
}
