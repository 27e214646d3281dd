package install

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

// stageResources loads what the manifest has beside providers, in one COPY. Where it has nothing of the kind there is
// none: then the run is about providers.
func (r *Run) stageResources(ctx context.Context, conn *pgx.Conn) error {
	given := r.Manifest.Given
	given.Providers = false
	if given == (manifest.Kinds{}) {
		return nil
	}
	next, stop := iter.Pull(resources(r.Manifest))
	defer stop()
	resources := postgres.Direct{Conn: conn, Rows: &resourceRows{next: next}}
	if _, err := db.New(resources).StageResources(ctx, nil); err != nil {
		return fmt.Errorf("loading the manifest: %w", err)
	}
	return nil
}

// resourceRows gives one resource after the other, so that their documents are not held twice.
type resourceRows struct {
	next func() (db.StageResourcesParams, bool)
	row  db.StageResourcesParams
}

func (s *resourceRows) Next() (ok bool) {
	s.row, ok = s.next()
	return ok
}

func (s *resourceRows) Values() ([]any, error) {
	return []any{s.row.Kind, s.row.Position, s.row.Name, s.row.Content}, nil
}

func (s *resourceRows) Err() error { return nil }

// resources yields the rows of resource_staging: for each kind that is given a mark, then its resources.
func resources(m *manifest.Manifest) iter.Seq[db.StageResourcesParams] {
	return func(yield func(db.StageResourcesParams) bool) {
		kind := func(name string, given bool, count int, at func(int) (name, content string)) bool {
			if !given {
				return true
			}
			if !yield(db.StageResourcesParams{Kind: name}) {
				return false
			}
			for i := range count {
				resource, content := at(i)
				if !yield(db.StageResourcesParams{Kind: name, Position: int32(i + 1), Name: &resource, Content: &content}) {
					return false
				}
			}
			return true
		}
		_ = kind("provider", m.Given.Providers, 0, nil) &&
			kind(manifest.KindUser, m.Given.User, count(m.User), func(int) (string, string) { return m.User.Username, user(m.User) }) &&
			kind(manifest.KindAPIKey, m.Given.APIKeys, len(m.APIKeys), func(i int) (string, string) { return m.APIKeys[i].Name, apiKey(&m.APIKeys[i]) }) &&
			kind(manifest.KindWorkflow, m.Given.Workflows, len(m.Workflows), func(i int) (string, string) { return m.Workflows[i].Name, workflow(&m.Workflows[i]) }) &&
			kind(manifest.KindDashboard, m.Given.Dashboards, len(m.Dashboards), func(i int) (string, string) {
				return m.Dashboards[i].Name, `{"config": ` + m.Dashboards[i].Config + `}`
			}) &&
			kind(manifest.KindMappingRule, m.Given.MappingRules, len(m.MappingRules), func(i int) (string, string) {
				rule := &m.MappingRules[i]
				return rule.Name, `{"definition": ` + rule.Definition + `, "provisioned_file": ` + textOrNull(rule.ProvisionedFile) + `}`
			})
	}
}

func count(user *manifest.User) int {
	if user == nil {
		return 0
	}
	return 1
}

// The documents of resource_staging are put together as text: what was read stays as it was written.

func workflow(w *manifest.Workflow) string {
	return `{"definition": ` + w.Definition + `, "raw": ` + quoted(w.Raw) + `, "provisioned_file": ` + textOrNull(w.ProvisionedFile) + `}`
}

func user(u *manifest.User) string {
	return `{"password": ` + quoted(u.Password) + `, "reset_password": ` + strconv.FormatBool(u.ResetPassword) + `}`
}

func apiKey(k *manifest.APIKey) string {
	return `{"role": ` + quoted(k.Role) + `, "secret": ` + quoted(k.Secret) + `}`
}

func textOrNull(text *string) string {
	if text == nil {
		return "null"
	}
	return quoted(*text)
}

func quoted(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text
	}
	return string(encoded)
}
