package sqlfiles_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// object is a row of Keep's with what of it is compared, whatever its kind.
type object struct {
	Kind, ID, Name       string
	Provisioned, Deleted bool
	Written              string         // orders deleted rows of one name: the newest comes back
	Version              string         // xmin and ctid, of the secret too: any write changes it
	Fields               map[string]any // without the name
	KeepsOwn             string         // what only Keep writes
}

// world is everything of one tenant.
type world struct {
	Objects []object
	Users   int // of all tenants
}

// kinds in the order of a plan.
var kinds = []string{"user", "api_key", "provider", "deduplication_rule", "workflow", "dashboard", "mapping_rule"}

// Fields are JSON values; of a secret that is none, the text. The fields of a wanted object (model_steps_test.go) have the same names.
const worldQuery = `
SELECT json_build_object('Users', (SELECT count(*) FROM public."user"), 'Objects', (SELECT coalesce(json_agg(o ORDER BY o."Kind", o."Name", o."ID"), '[]') FROM (
	SELECT 'provider' AS "Kind", p.id AS "ID", p.name AS "Name", p.provisioned AS "Provisioned", false AS "Deleted", '' AS "Written",
		concat_ws(' ', p.xmin, p.ctid, s.xmin, s.ctid) AS "Version",
		json_build_object('type', p.type, 'description', p.description, 'pulling', p.pulling_enabled, 'provisioned', p.provisioned, 'secret', s.value) AS "Fields",
		concat_ws('|', p.installed_by, p.installation_time, p."validatedScopes", p.last_pull_time, p.provider_metadata) AS "KeepsOwn"
	FROM public.provider AS p LEFT JOIN public.secret AS s ON s.key = p.configuration_key WHERE p.tenant_id = $1
	UNION ALL
	SELECT 'deduplication_rule', r.id::text, concat(r.provider_id, ' ', r.name), r.is_provisioned, false, '', concat_ws(' ', r.xmin, r.ctid),
		json_build_object('description', r.description, 'enabled', r.enabled, 'fingerprint', r.fingerprint_fields, 'ignore', r.ignore_fields,
			'full', r.full_deduplication, 'priority', r.priority, 'type', r.provider_type), concat_ws('|', r.created_by, r.created_at)
	FROM public.alertdeduplicationrule AS r WHERE r.tenant_id = $1
	UNION ALL
	SELECT 'workflow', f.id, f.name, f.provisioned, f.is_deleted, f.last_updated::text, concat_ws(' ', f.xmin, f.ctid),
		json_build_object('description', f.description, 'interval', f.interval, 'disabled', f.is_disabled, 'deleted', f.is_deleted, 'provisioned', f.provisioned, 'raw', f.workflow_raw),
		concat_ws('|', f.created_by, f.creation_time)
	FROM public.workflow AS f WHERE f.tenant_id = $1 AND NOT f.is_test
	UNION ALL
	SELECT 'dashboard', d.id, d.dashboard_name, coalesce(d.created_by = 'system', false), false, d.updated_at::text, concat_ws(' ', d.xmin, d.ctid),
		json_build_object('config', d.dashboard_config), concat_ws('|', d.created_by, d.created_at)
	FROM public.dashboard AS d WHERE d.tenant_id = $1
	UNION ALL
	SELECT 'mapping_rule', m.id::text, m.name, m.is_provisioned, false, m.last_updated_at::text, concat_ws(' ', m.xmin, m.ctid),
		json_build_object('priority', m.priority, 'type', m.type, 'matchers', m.matchers, 'rows', m.rows, 'disabled', m.disabled, 'override', m.override,
			'condition', m.condition, 'description', m.description, 'provisioned', m.is_provisioned), concat_ws('|', m.created_by, m.created_at)
	FROM public.mappingrule AS m WHERE m.tenant_id = $1
	UNION ALL
	SELECT 'api_key', k.reference_id, k.reference_id, k.is_system, k.is_deleted, '', concat_ws(' ', k.xmin, k.ctid, s.xmin, s.ctid),
		json_build_object('role', k.role, 'deleted', k.is_deleted, 'secret', CASE WHEN encode(sha256(s.value::bytea), 'hex') = k.key_hash THEN s.value END),
		concat_ws('|', k.is_system, k.created_by, k.created_at)
	FROM public.tenantapikey AS k LEFT JOIN public.secret AS s ON s.key = k.tenant_id || '-' || k.reference_id WHERE k.tenant_id = $1
	UNION ALL
	SELECT 'user', u.id::text, u.username, true, false, '', concat_ws(' ', u.xmin, u.ctid), json_build_object('password', u.password_hash), concat_ws('|', u.role, u.created_at)
	FROM public."user" AS u WHERE u.tenant_id = $1
) AS o))::text`

func readWorld(conn *pgx.Conn, tenant string) (*world, error) {
	var text string
	if err := conn.QueryRow(context.Background(), worldQuery, tenant).Scan(&text); err != nil {
		return nil, err
	}
	w := new(world)
	return w, json.Unmarshal([]byte(text), w)
}

// versions are the row versions of everything, as one text.
func (w *world) versions() string {
	b := new(strings.Builder)
	for _, o := range w.Objects {
		fmt.Fprintln(b, o.Kind, o.ID, o.Version)
	}
	return b.String()
}

func (w *world) find(kind, id string) *object {
	for i := range w.Objects {
		if o := &w.Objects[i]; o.Kind == kind && o.ID == id {
			return o
		}
	}
	return nil
}

func (w *world) of(kind string) (objects []*object) {
	for i := range w.Objects {
		if w.Objects[i].Kind == kind {
			objects = append(objects, &w.Objects[i])
		}
	}
	return objects
}

// authentication is the one in the secret of a provider; nil when Keep could not read it.
func (o *object) authentication() map[string]any {
	var secret struct {
		Authentication map[string]any `json:"authentication"`
	}
	text, _ := o.Fields["secret"].(string)
	if json.Unmarshal([]byte(text), &secret) != nil {
		return nil
	}
	return secret.Authentication
}

// snapshot is what of an object is ours: a change of it by someone else is drift. Of a secret these are the keys that the manifest had.
func (o *object) snapshot(keys []string) string {
	fields := maps.Clone(o.Fields)
	fields["name"] = o.Name
	if o.Kind == "provider" {
		delete(fields, "secret")
		authentication := o.authentication()
		fields["readable"] = authentication != nil
		for _, key := range keys {
			fields["authentication."+key] = authentication[key]
		}
	}
	return compact(fields)
}

// describe shows the rows in a few lines, for the report of a failing sequence.
func (w *world) describe() string {
	b := new(strings.Builder)
	for _, kind := range kinds {
		for _, o := range w.of(kind) {
			fmt.Fprintf(b, "--   %s %s %q provisioned=%v %s\n", kind, o.ID, o.Name, o.Provisioned, compact(o.Fields))
		}
	}
	return b.String()
}

func compact(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// canonical makes texts of JSON comparable.
func canonical(value any) any {
	text, ok := value.(string)
	if !ok {
		return value
	}
	var parsed any
	if !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &parsed) != nil {
		return value
	}
	return parsed
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
