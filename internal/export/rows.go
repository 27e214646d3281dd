package export

import (
	"encoding/json"
	"fmt"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
)

// provider is a provider with its rules, as the database has them.
type provider struct {
	db.ExportedObject
	options struct {
		Description    *string `json:"description"`
		PullingEnabled *bool   `json:"pulling_enabled"`
		PreventDelete  bool    `json:"prevent_delete"`
		InstallWebhook bool    `json:"install_webhook"`
	}
	rules []db.ExportedObject
}

// split sorts the rows of an export: providers with their rules, and all other kinds as they are.
func split(rows []db.ExportedObject) (providers []provider, others []db.ExportedObject, err error) {
	rules := map[string][]db.ExportedObject{} // by provider
	for i := range rows {
		switch r := rows[i]; r.Kind {
		case manifest.KindProvider:
			p := provider{ExportedObject: r}
			if err := json.Unmarshal([]byte(text(r.Options)), &p.options); err != nil {
				return nil, nil, fmt.Errorf("provider %q: %w", r.Name, err)
			}
			providers = append(providers, p)
		case "deduplication_rule":
			rules[text(r.Type)] = append(rules[text(r.Type)], r)
		default:
			others = append(others, r)
		}
	}
	for i := range providers {
		providers[i].rules = rules[providers[i].Name]
	}
	return providers, others, nil
}
