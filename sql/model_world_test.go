package sqlfiles_test

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// world is everything of one tenant, as one query reads it. A version is xmin, xmax and ctid of a row: any write changes it.
type world struct {
	Providers   []liveProvider
	Secrets     map[string]string // version by key
	Rules       []liveRule
	States      []liveState
	TenantState string // version
	Generation  *int64
	LastRun     int64 // 0 before the first run
	Staging     int   // rows in the staging tables, of any tenant
}

type liveProvider struct {
	ID, Name, Type, Key             string
	Description                     *string
	Pulling, Provisioned, Consumer  bool
	KeepsOwn                        string // columns that only Keep writes
	Secret                          *string
	Version, SecretVersion          string
	authentication, furtherInSecret map[string]any // of the parsed secret
	secretName                      any
	readable                        bool // the secret is an object with an object in authentication
}

type liveRule struct {
	ID, Name, ProviderID, Type, Content, Version string
	Provisioned                                  bool
}

// liveState is a row of bootstrap.provider_state.
type liveState struct {
	ID, Name, Type          string
	Description             *string
	Pulling, Guard, Webhook bool
	Keys, RenamedFrom       []string
	Version                 string
}

const worldQuery = `
SELECT json_build_object(
	'Providers', (
		SELECT coalesce(json_agg(json_build_object(
			'ID', p.id, 'Name', p.name, 'Type', p.type, 'Key', p.configuration_key, 'Description', p.description,
			'Pulling', p.pulling_enabled, 'Provisioned', p.provisioned, 'Consumer', p.consumer,
			'KeepsOwn', concat_ws('|', p.installed_by, p.installation_time, p."validatedScopes", p.last_pull_time, p.provider_metadata),
			'Secret', s.value, 'Version', p.xmin || ' ' || p.xmax || ' ' || p.ctid,
			'SecretVersion', s.xmin || ' ' || s.xmax || ' ' || s.ctid) ORDER BY p.name), '[]')
		FROM public.provider AS p LEFT JOIN public.secret AS s ON s.key = p.configuration_key
		WHERE p.tenant_id = $1),
	'Secrets', (
		SELECT coalesce(json_object_agg(s.key, s.xmin || ' ' || s.xmax || ' ' || s.ctid), '{}')
		FROM public.secret AS s WHERE starts_with(s.key, $1 || '_')),
	'Rules', (
		SELECT coalesce(json_agg(json_build_object(
			'ID', r.id, 'Name', r.name, 'ProviderID', coalesce(r.provider_id, ''), 'Type', r.provider_type,
			'Content', json_build_array(r.description, r.fingerprint_fields, r.ignore_fields, r.full_deduplication, r.priority)::text,
			'Version', r.xmin || ' ' || r.xmax || ' ' || r.ctid, 'Provisioned', r.is_provisioned) ORDER BY r.name, r.id), '[]')
		FROM public.alertdeduplicationrule AS r WHERE r.tenant_id = $1),
	'States', (
		SELECT coalesce(json_agg(json_build_object(
			'ID', t.provider_id, 'Name', t.name, 'Type', t.type, 'Description', t.description, 'Pulling', t.pulling_enabled,
			'Guard', t.prevent_delete, 'Webhook', t.install_webhook,
			'Keys', ARRAY(SELECT jsonb_object_keys(t.written_keys) ORDER BY 1), 'RenamedFrom', coalesce(t.renamed_from, '{}'),
			'Version', t.xmin || ' ' || t.xmax || ' ' || t.ctid) ORDER BY t.name, t.provider_id), '[]')
		FROM bootstrap.provider_state AS t WHERE t.tenant_id = $1),
	'TenantState', coalesce((SELECT t.xmin || ' ' || t.xmax || ' ' || t.ctid FROM bootstrap.tenant_state AS t WHERE t.tenant_id = $1), ''),
	'Generation', (SELECT t.generation FROM bootstrap.tenant_state AS t WHERE t.tenant_id = $1),
	'LastRun', (SELECT coalesce(max(r.run_id), 0) FROM bootstrap.run AS r WHERE r.tenant_id = $1),
	'Staging', (SELECT count(*) FROM bootstrap.provider_staging) + (SELECT count(*) FROM bootstrap.input_staging)
		+ (SELECT count(*) FROM bootstrap.planned_change)
)::text`

func readWorld(conn *pgx.Conn, tenant string) (*world, error) {
	var text string
	if err := conn.QueryRow(context.Background(), worldQuery, tenant).Scan(&text); err != nil {
		return nil, err
	}
	w := new(world)
	if err := json.Unmarshal([]byte(text), w); err != nil {
		return nil, err
	}
	for i := range w.Providers {
		w.Providers[i].parse()
	}
	return w, nil
}

// parse takes the secret apart.
func (p *liveProvider) parse() {
	p.authentication, p.furtherInSecret = map[string]any{}, map[string]any{}
	if p.Secret == nil {
		return
	}
	var secret any
	if json.Unmarshal([]byte(*p.Secret), &secret) != nil {
		return
	}
	object, ok := secret.(map[string]any)
	if !ok {
		return
	}
	authentication, ok := object["authentication"].(map[string]any)
	if !ok {
		return
	}
	p.readable, p.authentication = true, authentication
	p.secretName = object["name"]
	for key, value := range object {
		if key != "authentication" && key != "name" {
			p.furtherInSecret[key] = value
		}
	}
}

// sameRows tells whether not one row version differs.
func (w *world) sameRows(other *world) bool { return reflect.DeepEqual(w, other) }

func (w *world) byName() map[string]*liveProvider {
	byName := map[string]*liveProvider{}
	for i := range w.Providers {
		byName[w.Providers[i].Name] = &w.Providers[i]
	}
	return byName
}

func (w *world) byID() map[string]*liveProvider {
	byID := map[string]*liveProvider{}
	for i := range w.Providers {
		byID[w.Providers[i].ID] = &w.Providers[i]
	}
	return byID
}

// orphanSecrets are the keys of secrets that belong to no provider.
func (w *world) orphanSecrets() map[string]bool {
	orphans := map[string]bool{}
	for key := range w.Secrets {
		orphans[key] = true
	}
	for _, p := range w.Providers {
		delete(orphans, p.Key)
	}
	return orphans
}

// describe shows the rows in a few lines, for the report of a failing sequence.
func (w *world) describe() string {
	b := new(strings.Builder)
	show := func(name string, rows any) {
		text, _ := json.Marshal(rows)
		b.WriteString("--   " + name + ": " + string(text) + "\n")
	}
	for _, p := range w.Providers {
		show("provider", p)
	}
	for _, r := range w.Rules {
		show("rule", r)
	}
	for _, s := range w.States {
		show("state", s)
	}
	for _, key := range slices.Sorted(maps.Keys(w.orphanSecrets())) {
		show("secret of no provider", key)
	}
	return b.String()
}
