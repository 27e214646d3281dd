package install

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
)

// Related is what helps to judge a plan but is not part of it.
type Related struct {
	// Dependents are the objects that reference providers to be pruned, replaced or renamed, by provider.id; of renamed
	// ones only the workflows, since they name providers by name. Every provider that was checked has an entry.
	Dependents map[string][]db.Dependent
	// NotCounted says why Dependents lacks providers; "" when it lacks none.
	NotCounted string
	// LastRuns is the run that wrote a provider last, by provider.id. Read only if one was changed outside of keep-bootstrap since.
	LastRuns map[string]int64
}

// Related looks up what references the providers of a plan, and the runs that wrote changed ones last. Either ends
// after two seconds, because the tables are large and belong to Keep. It never fails: what it could not find out is
// missing. Reads only.
func (r *Run) Related(ctx context.Context, changes []db.PlannedChange) Related {
	related := Related{Dependents: map[string][]db.Dependent{}, LastRuns: map[string]int64{}}
	actions := map[string]string{} // by provider.id
	drifted := false
	for i := range changes {
		c := &changes[i]
		drifted = drifted || len(c.Drift) > 0
		removed := c.Action == "prune" || c.Action == "replace"
		if c.Kind == manifest.KindProvider && c.ObjectID != nil && (removed || c.Action == "rename") {
			actions[*c.ObjectID] = c.Action
		}
	}
	if drifted {
		var providers []db.ProviderStatus
		err := r.briefly(ctx, func(batch *pgx.Batch) {
			batch.Queue(db.Status, r.Tenant).Query(postgres.All(&providers))
		})
		if err != nil {
			r.Log.Debug("the last runs of the providers were not read", "because", postgres.From(err).Message)
		}
		for i := range providers {
			if p := &providers[i]; p.Kind == manifest.KindProvider && p.ChangedRun != nil {
				related.LastRuns[p.ObjectID] = *p.ChangedRun
			}
		}
	}
	if len(actions) > 0 {
		r.countDependents(ctx, actions, &related)
	}
	return related
}

func (r *Run) countDependents(ctx context.Context, actions map[string]string, related *Related) {
	ids, err := json.Marshal(slices.Collect(maps.Keys(actions)))
	if err != nil {
		panic(err) // a list of texts
	}
	var dependents []db.Dependent
	err = r.briefly(ctx, func(batch *pgx.Batch) {
		batch.Queue(db.Dependents, r.Tenant, json.RawMessage(ids)).Query(postgres.All(&dependents))
	})
	switch {
	case postgres.Is(err, pgerrcode.QueryCanceled):
		related.NotCounted = "it took longer than two seconds"
	case postgres.Is(err, pgerrcode.InsufficientPrivilege):
		related.NotCounted = "the role may not call bootstrap.dependents"
	case err != nil:
		related.NotCounted = postgres.From(err).Message
	default:
		for id := range actions {
			related.Dependents[id] = nil
		}
	}
	for _, d := range dependents {
		if d.Count > 0 && (actions[d.ProviderID] != "rename" || d.Kind == "workflows") {
			related.Dependents[d.ProviderID] = append(related.Dependents[d.ProviderID], d)
		}
	}
}

// briefly sends a query in a transaction of its own that the server ends after two seconds.
func (r *Run) briefly(ctx context.Context, queue func(*pgx.Batch)) error {
	conn, err := r.Connection(ctx)
	if err != nil {
		return err
	}
	return migrate.Query(ctx, conn, func(batch *pgx.Batch) {
		batch.Queue("SELECT pg_catalog.set_config('statement_timeout', '2s', true)")
		queue(batch)
	})
}
