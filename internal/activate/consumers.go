package activate

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/internal/postgres"
)

// States of a provider that Keep consumes from a queue.
const (
	Consuming State = "consuming" // Keep has started its consumer
	Missing   State = "missing"   // it has not: it came after the start of Keep
	Stale     State = "stale"     // Keep consumes for a provider that the database does not have any more
)

// Consumers compares the consumers that Keep has started with the providers of the tenant, and reports each. Keep starts and stops
// consumers only when it starts. It answers for one of its workers, so with several workers or replicas this is a hint. Reads only.
//
// Errors: those of the database; CodeKeepAway, CodeKeepRefused.
func (r *Run) Consumers(ctx context.Context) error {
	var rows []db.ConsumersRow
	err := r.Wait.For(ctx, func(ctx context.Context) error {
		conn, err := r.Connection(ctx)
		if err != nil {
			return err
		}
		return migrate.Query(ctx, conn, func(batch *pgx.Batch) {
			batch.Queue(db.RequireTables)
			batch.Queue(db.AdminKeys, r.Tenant).Query(postgres.All(&r.state.admins))
			batch.Queue(db.Consumers, r.Tenant).Query(postgres.All(&rows))
		})
	})
	if err != nil {
		return err
	}
	if err := r.connectKeep(ctx); err != nil {
		return err
	}
	started, err := r.keep.consumers(ctx)
	if err != nil {
		return err
	}
	const restart = "restart Keep, or send SIGHUP to the master process of gunicorn"
	for _, row := range rows {
		result := Result{ID: row.ID, Name: row.Name, Type: row.Type, State: Consuming}
		if text, ok := started[row.ID]; !ok {
			result.State, result.Hint = Missing, restart
		} else {
			result.Text = text
		}
		r.Each(result)
	}
	for _, id := range slices.Sorted(maps.Keys(started)) {
		if !slices.ContainsFunc(rows, func(row db.ConsumersRow) bool { return row.ID == id }) {
			r.Each(Result{ID: id, State: Stale, Hint: restart})
		}
	}
	return nil
}

// consumers returns the ids of the providers that Keep consumes for, with a remark on those that are not connected.
func (c *Client) consumers(ctx context.Context) (map[string]string, error) {
	body, err := c.read(ctx, "/status")
	if err != nil {
		return nil, err
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
	if json.Unmarshal(body, &status) != nil {
		return nil, c.notKeep()
	}
	started := map[string]string{}
	for _, consumer := range status.Consumer.Consumers {
		started[consumer.ProviderID] = ""
		if consumer.Status.Status == "not-initialized" {
			started[consumer.ProviderID] = "not connected to the queue"
		}
	}
	return started, nil
}
