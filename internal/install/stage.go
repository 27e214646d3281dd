package install

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
)

// stagedRows are the rows of staging: for each kind that is given a mark at position 0, then its objects, and the sources.
func stagedRows(m *manifest.Manifest) (rows []db.StageParams) {
	for _, kind := range slices.Sorted(maps.Keys(m.Given)) {
		rows = append(rows, db.StageParams{Kind: kind})
	}
	positions := map[string]int32{}
	add := func(row db.StageParams) {
		positions[row.Kind]++
		row.Position = positions[row.Kind]
		rows = append(rows, row)
	}
	for i := range m.Providers {
		p := &m.Providers[i]
		add(db.StageParams{Kind: manifest.KindProvider, Name: &p.Name, Type: &p.Type, Content: &p.Authentication, Options: optionsOf(p)})
		for j := range p.DeduplicationRules {
			rule := &p.DeduplicationRules[j]
			add(db.StageParams{Kind: "deduplication_rule", Name: &rule.Name, Type: &p.Name, Content: &rule.Content})
		}
	}
	for i := range m.Resources {
		resource := &m.Resources[i]
		add(db.StageParams{Kind: resource.Kind, Name: &resource.Name, Content: &resource.Content})
	}
	for i := range m.Sources {
		digest := hex.EncodeToString(m.Sources[i].SHA256[:])
		add(db.StageParams{Kind: "source", Name: &m.Sources[i].Name, Content: &digest})
	}
	return rows
}

// optionsOf is the column options of a provider.
func optionsOf(p *manifest.Provider) *string {
	options, err := json.Marshal(struct {
		ID             string   `json:"id,omitempty"`
		RenamedFrom    []string `json:"renamed_from,omitempty"`
		Description    *string  `json:"description,omitempty"`
		PullingEnabled *bool    `json:"pulling_enabled,omitempty"`
		PreventDelete  *bool    `json:"prevent_delete,omitempty"`
		InstallWebhook bool     `json:"install_webhook"`
	}{p.ID, p.RenamedFrom, p.Description, p.PullingEnabled, p.PreventDelete, p.InstallWebhook})
	if err != nil {
		panic(err) // texts, lists of texts and booleans
	}
	text := string(options)
	return &text
}
