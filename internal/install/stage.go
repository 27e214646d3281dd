package install

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

// stage loads the manifest into the staging tables of the open transaction, where nobody else sees it.
func (r *Run) stage(ctx context.Context, conn *pgx.Conn) error {
	if len(r.Manifest.Providers) > 0 {
		next, stop := iter.Pull(slices.Values(r.Manifest.Providers))
		defer stop()
		providers := postgres.Direct{Conn: conn, Rows: &providerRows{next: next}}
		if _, err := db.New(providers).StageProviders(ctx, nil); err != nil {
			return fmt.Errorf("loading the manifest: %w", err)
		}
	}
	if err := r.stageResources(ctx, conn); err != nil {
		return err
	}
	inputs := make([]db.StageInputsParams, len(r.Manifest.Sources))
	for i, source := range r.Manifest.Sources {
		inputs[i] = db.StageInputsParams{Position: int32(i + 1), Name: source.Name, Digest: hex.EncodeToString(source.SHA256[:])}
	}
	if len(inputs) > 0 {
		if _, err := db.New(postgres.Direct{Conn: conn}).StageInputs(ctx, inputs); err != nil {
			return fmt.Errorf("loading the names of the sources: %w", err)
		}
	}
	return nil
}

// providerRows gives one provider after the other as the row of db.StageProvidersParams, so that a large manifest is not
// held twice.
type providerRows struct {
	next     func() (manifest.Provider, bool)
	provider manifest.Provider
	position int
}

func (s *providerRows) Next() (ok bool) {
	s.position++
	s.provider, ok = s.next()
	return ok
}

func (s *providerRows) Values() ([]any, error) {
	row := stagedProvider(&s.provider, s.position)
	return []any{
		row.Position, row.Name, row.Type, row.Authentication, row.DeduplicationRules, row.RenamedFrom, row.Description,
		row.PullingEnabled, row.PreventDelete, row.InstallWebhook,
	}, nil
}

func (s *providerRows) Err() error { return nil }

func stagedProvider(p *manifest.Provider, position int) db.StageProvidersParams {
	webhook := p.InstallWebhookDefault
	if p.InstallWebhook != nil {
		webhook = *p.InstallWebhook
	}
	row := db.StageProvidersParams{
		Position: int32(position), Name: &p.Name, Type: &p.Type, Authentication: &p.Authentication,
		DeduplicationRules: p.DeduplicationRules, Description: p.Description,
		PullingEnabled: boolText(p.PullingEnabled), PreventDelete: boolText(p.PreventDelete), InstallWebhook: boolText(&webhook),
	}
	if len(p.RenamedFrom) > 0 {
		names, err := json.Marshal(p.RenamedFrom)
		if err != nil {
			panic(err) // a list of texts
		}
		list := string(names)
		row.RenamedFrom = &list
	}
	return row
}

func boolText(value *bool) *string {
	if value == nil {
		return nil
	}
	text := strconv.FormatBool(*value)
	return &text
}
