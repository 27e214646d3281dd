package export

import (
	"encoding/json"
	"fmt"
	"strings"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
)

// provider is a provider with its rules, as a manifest would declare it.
type provider struct {
	Name, Type         string
	Authentication     string // JSON object, in clear text
	Description        *string
	PullingEnabled     *bool
	PreventDelete      bool
	InstallWebhook     bool
	DeduplicationRules *string // JSON object of rule name to rule, or nil
}

// split sorts the rows of an export: providers with their rules, and all other kinds as they are.
func split(rows []db.ExportedObject) (providers []provider, others []db.ExportedObject, err error) {
	rules := map[string][]string{} // by provider
	for i := range rows {
		r := &rows[i]
		switch r.Kind {
		case manifest.KindProvider:
			p := provider{Name: r.Name, Type: text(r.Type), Authentication: r.Content}
			var options struct {
				Description    *string `json:"description"`
				PullingEnabled *bool   `json:"pulling_enabled"`
				PreventDelete  bool    `json:"prevent_delete"`
				InstallWebhook bool    `json:"install_webhook"`
			}
			if err := json.Unmarshal([]byte(text(r.Options)), &options); err != nil {
				return nil, nil, fmt.Errorf("provider %q: %w", r.Name, err)
			}
			p.Description, p.PullingEnabled = options.Description, options.PullingEnabled
			p.PreventDelete, p.InstallWebhook = options.PreventDelete, options.InstallWebhook
			providers = append(providers, p)
		case "deduplication_rule":
			name, err := json.Marshal(r.Name)
			if err != nil {
				panic(err) // a text
			}
			rules[text(r.Type)] = append(rules[text(r.Type)], string(name)+": "+r.Content)
		default:
			others = append(others, *r)
		}
	}
	for i := range providers {
		if list := rules[providers[i].Name]; list != nil {
			object := "{" + strings.Join(list, ", ") + "}"
			providers[i].DeduplicationRules = &object
		}
	}
	return providers, others, nil
}
