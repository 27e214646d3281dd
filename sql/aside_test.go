package sqlfiles_test

import (
	"context"
	"testing"

	"keep-bootstrap/test/pgtest"
)

// What a waiting run has set aside as unchanged is looked at again when it has the lock: the run before it may have pruned it.
func TestSetAsideAgainAfterWaiting(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	shared := pgtest.New(t, migrated)
	first, second, observer := database{shared.Conn(t), t}, database{shared.Conn(t), t}, database{shared.Conn(t), t}
	both := `{"vms": {` + vms + `}, "g": {` + grafana("t") + `}}`
	first.mustInstall(both)

	tx, err := first.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, `CALL bootstrap.install_providers('keep', $1::json)`, `{"vms": {`+vms+`}}`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- second.install(`{"vms": {` + vms + `}, "g": {` + grafana("t") + `}, "new": {` + grafana("n") + `}}`)
	}()
	waitFor(t, observer, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", "1")
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := observer.one("SELECT string_agg(name, ' ' ORDER BY name) FROM public.provider"); got != "g new vms" {
		t.Errorf("%s, want g new vms", got)
	}
	if got := observer.one("SELECT count(*) FROM bootstrap.provider_state"); got != "3" {
		t.Errorf("%s rows of state, want 3", got)
	}
}

// A secret that the application writes between the plan and its locks is seen: the key that it added stays.
func TestPlannedAgainWhenARowWasWritten(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	shared := pgtest.New(t, migrated)
	application, run, observer := database{shared.Conn(t), t}, database{shared.Conn(t), t}, database{shared.Conn(t), t}
	run.mustInstall(`{"g": {` + grafana("t") + `}}`)

	tx, err := application.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, `UPDATE public.secret SET value = jsonb_set(value::jsonb, '{authentication,webhook_id}', '"w"')::text`); err != nil {
		t.Fatal(err)
	}
	// A lock_timeout of the routine's own would end the wait before the test lets go.
	run.exec("ALTER PROCEDURE bootstrap._install(text, jsonb) SET lock_timeout = '60s'")
	done := make(chan error, 1)
	go func() { done <- run.install(`{"g": {` + grafana("changed") + `}}`) }()
	waitFor(t, observer, "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'transactionid' AND NOT granted AND datname = current_database()", "1")
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got := observer.one("SELECT concat_ws(' ', value::jsonb -> 'authentication' ->> 'token', value::jsonb -> 'authentication' ->> 'webhook_id') FROM public.secret")
	if got != "changed w" {
		t.Errorf("%s, want changed w", got)
	}
}

// A name that stands twice is refused with the place of the first, also when one of the two is unchanged.
func TestTwiceAndUnchanged(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`[{"name": "g", ` + grafana("t") + `}]`)
	d.refused("KB001", `[{"name": "g", `+grafana("t")+`}, {"name": "g", `+grafana("other")+`}]`)
	d.refused("KB001", `[{"name": "g", `+grafana("t")+`}, {"name": "g", `+grafana("t")+`}]`)
}
