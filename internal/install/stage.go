package install

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
)

// sourceKind marks the rows of staging that say where the manifest came from.
const sourceKind = "source"

// stage loads the manifest into staging of the open transaction, where nobody else sees it, by one COPY.
func (r *Run) stage(ctx context.Context, conn *pgx.Conn) error {
	rows, err := stagedRows(r.Manifest)
	if err != nil {
		return err
	}
	if _, err := db.New(conn).Stage(ctx, rows); err != nil {
		return fmt.Errorf("loading the manifest: %w", encodable(conn, err))
	}
	return nil
}

// stagedRows are the rows of staging: for each kind that is given a mark at position 0, then its objects, and the sources.
func stagedRows(m *manifest.Manifest) ([]db.StageParams, error) {
	var rows []db.StageParams
	for _, kind := range slices.Sorted(maps.Keys(m.Given)) {
		rows = append(rows, db.StageParams{Kind: kind})
	}
	positions := map[string]int32{}
	add := func(kind, name, content string) {
		positions[kind]++
		rows = append(rows, db.StageParams{Kind: kind, Position: positions[kind], Name: &name, Content: &content})
	}
	rules := 0
	for i := range m.Providers {
		p := &m.Providers[i]
		options := quoted(optionsOf(p))
		rows = append(rows, db.StageParams{
			Kind: manifest.KindProvider, Position: int32(i + 1), Name: &p.Name, Type: &p.Type, Content: &p.Authentication, Options: &options,
		})
		if p.DeduplicationRules == nil {
			continue
		}
		list, err := rulesOf(*p.DeduplicationRules)
		if err != nil {
			return nil, fmt.Errorf("deduplication rules of provider %q: %w", p.Name, err)
		}
		for _, rule := range list {
			rules++
			rows = append(rows, db.StageParams{
				Kind: "deduplication_rule", Position: int32(rules), Name: &rule.name, Type: &p.Name, Content: &rule.content,
			})
		}
	}
	for _, r := range m.Resources {
		add(r.Kind, r.Name, r.Content)
	}
	for _, source := range m.Sources {
		add(sourceKind, source.Name, hex.EncodeToString(source.SHA256[:]))
	}
	return rows, nil
}

// providerOptions is the column options of a provider.
type providerOptions struct {
	ID             string   `json:"id,omitempty"`
	RenamedFrom    []string `json:"renamed_from,omitempty"`
	Description    *string  `json:"description,omitempty"`
	PullingEnabled *bool    `json:"pulling_enabled,omitempty"`
	PreventDelete  *bool    `json:"prevent_delete,omitempty"`
	InstallWebhook bool     `json:"install_webhook"`
}

func optionsOf(p *manifest.Provider) providerOptions {
	webhook := p.InstallWebhookDefault
	if p.InstallWebhook != nil {
		webhook = *p.InstallWebhook
	}
	return providerOptions{p.ID, p.RenamedFrom, p.Description, p.PullingEnabled, p.PreventDelete, webhook}
}

type stagedRule struct{ name, content string }

// rulesOf takes an object {rule name: rule} apart, in its order.
func rulesOf(object string) ([]stagedRule, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(object)))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	var rules []stagedRule
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var content json.RawMessage
		if err := decoder.Decode(&content); err != nil {
			return nil, err
		}
		rules = append(rules, stagedRule{fmt.Sprint(name), string(content)})
	}
	return rules, nil
}

// quoted is the JSON of a value that always has one. What was read stays as it was written: < and & are not escaped.
func quoted(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // texts, lists of texts and booleans
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
