package activate

import (
	"context"
	"maps"
	"slices"
)

// States of a provider that Keep consumes from a queue.
const (
	Consuming State = "consuming" // Keep has started its consumer
	Missing   State = "missing"   // it has not: it came after the start of Keep
	Stale     State = "stale"     // Keep consumes for a provider that the database does not have any more
)

// RestartKeep is what to do when consumers are missing or stale.
const RestartKeep = "restart Keep, or send SIGHUP to the master process of gunicorn"

// Consumers compares the consumers that Keep has started with the providers of the tenant, and reports each. Keep starts and stops
// consumers only when it starts. It answers for one of its workers, so with several workers or replicas this is a hint. Reads only.
//
// Errors: those of the database; CodeKeepAway, CodeKeepRefused.
func (r *Run) Consumers(ctx context.Context) error {
	if err := r.Wait.For(ctx, r.read); err != nil {
		return err
	}
	if err := r.connectKeep(ctx); err != nil {
		return err
	}
	var status struct {
		Consumer struct {
			Consumers []struct {
				ProviderID string `json:"provider_id"`
				Status     struct {
					Status any `json:"status"`
				} `json:"status"`
			} `json:"consumers"`
		} `json:"consumer"`
	}
	if err := r.get(ctx, "/status", &status); err != nil {
		return err
	}
	started := map[string]string{} // ids of providers, with a remark
	for _, consumer := range status.Consumer.Consumers {
		started[consumer.ProviderID] = ""
		if consumer.Status.Status == "not-initialized" {
			started[consumer.ProviderID] = "not connected to the queue"
		}
	}
	for _, row := range r.consuming {
		result := Result{ID: row.ID, Name: row.Name, Type: row.Type, State: Consuming}
		var ok bool
		if result.Text, ok = started[row.ID]; !ok {
			result.State, result.Hint = Missing, RestartKeep
		}
		delete(started, row.ID)
		r.Each(result)
	}
	for _, id := range slices.Sorted(maps.Keys(started)) {
		r.Each(Result{ID: id, State: Stale, Hint: RestartKeep})
	}
	return nil
}
