package sqlfiles_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// wanted is an object of a manifest, whatever its kind.
type wanted struct {
	Kind, Name     string
	Fields         map[string]any    // as object.Fields; of a provider, authentication instead of secret
	Former         []string          // names, of a provider
	Guard          *bool             // prevent_delete, of a provider
	Rules          map[string]wanted // of a provider
	Reset          bool              // of the user
	SecretOrPassed string            // in clear text, of an API key or user
}

func (e wanted) authentication() map[string]any {
	authentication, _ := e.Fields["authentication"].(map[string]any)
	return authentication
}

// manifest says what is wanted of some kinds; a kind that it does not give stays as it is.
type manifest struct {
	Given   map[string]bool
	Entries []wanted
}

func (m manifest) of(kind string) (entries []wanted) {
	for _, e := range m.Entries {
		if e.Kind == kind {
			entries = append(entries, e)
		}
	}
	return entries
}

func (m manifest) names(kind string) map[string]bool {
	names := map[string]bool{}
	for _, e := range m.of(kind) {
		names[e.Name] = true
	}
	return names
}

// text is the manifest as JSON; @ stands for the tenant.
func (m manifest) text() string {
	var parts []string
	for kind, key := range map[string]string{"provider": "providers", "workflow": "workflows", "dashboard": "dashboards", "mapping_rule": "mapping_rules", "api_key": "api_keys", "user": "default_user"} {
		if !m.Given[kind] {
			continue
		}
		var list []string
		for _, e := range m.of(kind) {
			list = append(list, e.json())
		}
		if kind == "user" {
			parts = append(parts, fmt.Sprintf("%q: %s", key, list[0]))
		} else {
			parts = append(parts, fmt.Sprintf("%q: [%s]", key, strings.Join(list, ", ")))
		}
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}

func (e wanted) json() string {
	f := e.Fields
	switch e.Kind {
	case "provider":
		all := map[string]any{"name": e.Name, "type": f["type"], "description": f["description"], "pulling_enabled": f["pulling"], "authentication": e.authentication(), "install_webhook": false}
		if e.Guard != nil {
			all["prevent_delete"] = *e.Guard
		}
		if len(e.Former) > 0 {
			all["renamed_from"] = e.Former
		}
		rules := map[string]any{}
		for name, r := range e.Rules {
			rules[name] = map[string]any{"description": r.Fields["description"], "fingerprint_fields": r.Fields["fingerprint"], "full_deduplication": r.Fields["full"], "priority": r.Fields["priority"]}
		}
		all["deduplication_rules"] = rules
		return compact(all)
	case "workflow":
		return f["raw"].(string)
	case "dashboard":
		return compact(map[string]any{"dashboard_name": e.Name, "dashboard_config": f["config"]})
	case "mapping_rule":
		return compact(map[string]any{"name": e.Name, "type": f["type"], "priority": f["priority"], "matchers": f["matchers"], "rows": f["rows"], "description": f["description"]})
	case "api_key":
		return compact(map[string]any{"name": e.Name, "role": f["role"], "secret": e.SecretOrPassed})
	}
	return compact(map[string]any{"username": e.Name, "password": e.SecretOrPassed, "reset_password": e.Reset})
}

// options are those of a run; nil and "" are left out.
type options struct {
	AllowEmpty        *bool   `json:"allow_empty,omitempty"`
	MaxPrune          *string `json:"max_prune,omitempty"`
	Adopt             *bool   `json:"adopt,omitempty"`
	DetectRenames     *bool   `json:"detect_renames,omitempty"`
	OnDrift           string  `json:"on_drift,omitempty"`
	AllowUnknownTypes bool    `json:"allow_unknown_types"`
	AssumeDB          string  `json:"assume_secret_manager"`
}

func (o options) allowsEmpty() bool { return o.AllowEmpty != nil && *o.AllowEmpty }
func (o options) adopts() bool      { return o.Adopt != nil && *o.Adopt }
func (o options) detects() bool     { return o.DetectRenames == nil || *o.DetectRenames }

// A step is either SQL run by someone else, or an install of a manifest made from the one of the install before.
type step struct {
	SQL     string // run by someone else; :'tenant' stands for the tenant
	Next    func(last manifest) manifest
	Options options
}

// GoString is what rapid shows of a step; the script says more.
func (s step) GoString() string {
	if s.SQL == "" {
		return "install"
	}
	return "edit"
}

var (
	names     = []string{"a", "b", "c", "d", "e"}
	types     = []string{"airflow", "airflow", "of a newer Keep"} // no field is needed
	keys      = []string{"k", "l", "m"}
	values    = []any{"v", "w", float64(1), true, map[string]any{"x": []any{"y"}}}
	ruleNames = []string{"r", "s"}
	others    = []string{"api_key", "workflow", "dashboard", "mapping_rule"} // kinds with a name and no more than that to know them by
)

// optional draws nil most of the time.
func optional[T any](t *rapid.T, label string, values ...T) *T {
	i := rapid.IntRange(0, 3*len(values)).Draw(t, label) - 2*len(values) - 1
	if i < 0 {
		return nil
	}
	return &values[i]
}

func drawProvider(t *rapid.T) wanted {
	e := wanted{Kind: "provider", Name: rapid.SampledFrom(names).Draw(t, "name"), Rules: map[string]wanted{}, Fields: map[string]any{
		"type": rapid.SampledFrom(types).Draw(t, "type"), "description": rapid.SampledFrom([]any{"one", "two"}).Draw(t, "description"),
		"pulling": rapid.IntRange(0, 3).Draw(t, "pulling") > 0, "authentication": rapid.MapOfN(rapid.SampledFrom(keys), rapid.SampledFrom(values), 0, 3).Draw(t, "authentication"),
	}}
	e.Guard = optional(t, "prevent_delete", false, false, true)
	if rapid.IntRange(0, 3).Draw(t, "renames") == 3 {
		e.Former = rapid.SliceOfNDistinct(rapid.SampledFrom(append(names, "gone")), 1, 3, rapid.ID).Draw(t, "renamed_from")
	}
	for _, name := range ruleNames {
		if rapid.IntRange(0, 3).Draw(t, "rule") == 3 {
			e.Rules[name] = wanted{Fields: map[string]any{
				"description": rapid.SampledFrom([]any{"", "one"}).Draw(t, "description"), "fingerprint": rapid.SampledFrom([]any{[]any{}, []any{"a", "b"}, []any{"b", "a"}}).Draw(t, "fingerprint"),
				"full": rapid.Bool().Draw(t, "full"), "priority": float64(rapid.IntRange(0, 1).Draw(t, "priority")), "enabled": true, "ignore": []any{},
			}}
		}
	}
	return e
}

func drawOther(t *rapid.T, kind string) wanted {
	e := wanted{Kind: kind, Name: rapid.SampledFrom(names[:4]).Draw(t, "name")}
	one := func(label string, values ...any) any { return rapid.SampledFrom(values).Draw(t, label) }
	switch kind {
	case "api_key":
		e.SecretOrPassed = fmt.Sprintf("@%s%d", e.Name, rapid.IntRange(0, 1).Draw(t, "secret"))
		e.Fields = map[string]any{"role": one("role", "noc", "admin"), "deleted": false, "secret": e.SecretOrPassed}
	case "workflow":
		description, interval, disabled := one("description", "one", "two"), one("interval", float64(0), float64(60)), one("disabled", false, false, true)
		e.Fields = map[string]any{
			"description": description, "interval": interval, "disabled": disabled, "deleted": false, "provisioned": true,
			"raw": compact(map[string]any{"id": e.Name, "description": description, "interval": interval, "disabled": disabled}),
		}
	case "dashboard":
		e.Fields = map[string]any{"config": map[string]any{"x": one("config", float64(1), float64(2))}}
	case "mapping_rule":
		e.Fields = map[string]any{
			"priority": one("priority", float64(0), float64(1)), "type": "csv", "matchers": []any{[]any{"a"}}, "rows": []any{map[string]any{"a": one("row", "x", "y")}},
			"description": one("description", "one", "two"), "disabled": false, "override": true, "condition": nil, "provisioned": true,
		}
	}
	return e
}

func drawUser(t *rapid.T) wanted {
	password := rapid.SampledFrom([]string{"p", "q"}).Draw(t, "password")
	hash := sha256.Sum256([]byte(password))
	return wanted{Kind: "user", Name: "u", SecretOrPassed: password, Reset: rapid.Bool().Draw(t, "reset"), Fields: map[string]any{"password": hex.EncodeToString(hash[:])}}
}

// drawManifest draws a manifest of the kinds.
func drawManifest(t *rapid.T, given []string, least int) manifest {
	m := manifest{Given: map[string]bool{}}
	for _, kind := range given {
		m.Given[kind] = true
		if kind == "user" {
			m.Entries = append(m.Entries, drawUser(t))
			continue
		}
		m.Entries = append(m.Entries, rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) wanted {
			if kind == "provider" {
				return drawProvider(t)
			}
			return drawOther(t, kind)
		}), least, 4, func(e wanted) string { return e.Name }).Draw(t, kind)...)
	}
	if rapid.IntRange(0, 7).Draw(t, "clashes go") > 1 {
		m.dropClashes()
	}
	return m
}

// dropClashes removes former names that the manifest must not have: of its own providers, and of a name claimed before.
func (m manifest) dropClashes() {
	claimed, taken := map[string]bool{}, m.names("provider")
	for i, e := range m.Entries {
		m.Entries[i].Former = slices.DeleteFunc(slices.Clone(e.Former), func(name string) bool {
			if taken[name] || claimed[name] {
				return true
			}
			claimed[name] = true
			return false
		})
	}
}

func (m manifest) clone() manifest {
	c := manifest{Given: map[string]bool{}, Entries: slices.Clone(m.Entries)}
	maps.Copy(c.Given, m.Given)
	return c
}

var genOptions = rapid.Custom(func(t *rapid.T) options {
	return options{
		AllowEmpty:    optional(t, "allow_empty", true, false),
		MaxPrune:      optional(t, "max_prune", "6", "1", "0", "50%", "100%"),
		Adopt:         optional(t, "adopt", true),
		DetectRenames: optional(t, "detect_renames", false),
		OnDrift:       rapid.SampledFrom([]string{"", "", "overwrite", "keep", "keep", "fail"}).Draw(t, "on_drift"),
		AssumeDB:      "db", AllowUnknownTypes: true,
	}
})

var genInstall = rapid.Custom(func(t *rapid.T) step {
	s := step{Options: genOptions.Draw(t, "options")}
	switch rapid.SampledFrom([]string{"again", "again", "fresh", "with", "with", "without", "rename", "rename", "some", "empty"}).Draw(t, "manifest") {
	case "fresh":
		fresh := drawManifest(t, drawKinds(t), 1)
		s.Next = func(manifest) manifest { return fresh }
	case "with":
		kind := rapid.SampledFrom(append(others, "provider", "provider")).Draw(t, "kind")
		e := drawManifest(t, []string{kind}, 1).Entries[0]
		s.Next = func(last manifest) manifest {
			next := last.clone()
			next.Entries = append(slices.DeleteFunc(next.Entries, func(o wanted) bool { return o.Kind == e.Kind && o.Name == e.Name }), e)
			next.Given[e.Kind] = true
			next.dropClashes()
			return next
		}
	case "without":
		name := rapid.SampledFrom(names).Draw(t, "name")
		s.Next = func(last manifest) manifest {
			next := last.clone()
			next.Entries = slices.DeleteFunc(next.Entries, func(e wanted) bool { return e.Name == name })
			return next
		}
	case "rename":
		from, to := rapid.SampledFrom(names).Draw(t, "from"), rapid.SampledFrom(names).Draw(t, "to")
		declare := rapid.Bool().Draw(t, "declare")
		s.Next = func(last manifest) manifest {
			next := last.clone()
			if next.names("provider")[to] {
				return next
			}
			for i, e := range next.Entries {
				if e.Kind == "provider" && e.Name == from {
					next.Entries[i].Name, next.Entries[i].Former = to, nil
					if declare {
						next.Entries[i].Former = append([]string{from}, e.Former...) // lists of former names may grow for ever
					}
				}
			}
			next.dropClashes()
			return next
		}
	case "some":
		given := drawKinds(t)
		s.Next = func(last manifest) manifest {
			next := last.clone()
			maps.DeleteFunc(next.Given, func(kind string, _ bool) bool { return !slices.Contains(given, kind) })
			next.Entries = slices.DeleteFunc(next.Entries, func(e wanted) bool { return !next.Given[e.Kind] })
			return next
		}
	case "empty":
		kind := rapid.SampledFrom(append(others, "provider")).Draw(t, "kind")
		s.Next = func(manifest) manifest { return manifest{Given: map[string]bool{kind: true}} }
	case "again":
		s.Next = func(last manifest) manifest { return last }
	}
	return s
})

// drawKinds draws which kinds a manifest gives.
func drawKinds(t *rapid.T) []string {
	all := append([]string{"provider", "user"}, others...)
	return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, len(all), rapid.ID).Draw(t, "kinds")
}

// tableOf says where a kind is, under what name, and how one is made by Keep or a user; %[1]s is the name, %[2]v whether Keep made it.
var tableOf = map[string]struct{ table, name, insert string }{
	"provider": {"provider", "name", `WITH new AS (INSERT INTO public.provider (id, tenant_id, name, type, description, installed_by, installation_time, configuration_key, "validatedScopes", consumer, pulling_enabled, provisioned, provider_metadata)
    SELECT x.id, :'tenant', '%[1]s', 'airflow', 'one', 'someone', now(), :'tenant' || '_airflow_' || x.id, '{}', false, true, %[2]v, '{}' FROM (SELECT replace(gen_random_uuid()::text, '-', '') AS id) AS x
    WHERE NOT EXISTS (SELECT FROM public.provider WHERE tenant_id = :'tenant' AND name = '%[1]s') RETURNING configuration_key)
  INSERT INTO public.secret (key, value, last_updated) SELECT configuration_key, '{"authentication": {"k": "v"}, "name": "%[1]s"}', now() FROM new`},
	"workflow": {"workflow", "name", `INSERT INTO public.workflow (id, tenant_id, name, workflow_raw, description, created_by, updated_by, creation_time, interval, is_deleted, revision, last_updated, provisioned, is_disabled, is_test)
  SELECT gen_random_uuid()::text, :'tenant', '%[1]s', '{"id": "%[1]s"}', 'one', 'someone', 'someone', now(), 0, false, 1, clock_timestamp(), %[2]v, false, false`},
	"dashboard": {"dashboard", "dashboard_name", `INSERT INTO public.dashboard (id, tenant_id, dashboard_name, dashboard_config, created_by, created_at, updated_at, is_active, is_private)
  SELECT gen_random_uuid()::text, :'tenant', '%[1]s', '{"x": 1}', CASE WHEN %[2]v THEN 'system' ELSE 'me' END, now(), now(), true, false ON CONFLICT DO NOTHING`},
	"mapping_rule": {"mappingrule", "name", `INSERT INTO public.mappingrule (tenant_id, name, type, description, matchers, rows, priority, created_by, created_at, disabled, override, last_updated_at, is_provisioned, is_multi_level)
  SELECT :'tenant', '%[1]s', 'csv', 'one', '[["a"]]', '[{"a": "x"}]', 0, 'someone', now(), false, true, clock_timestamp(), %[2]v, false
  WHERE NOT EXISTS (SELECT FROM public.mappingrule WHERE tenant_id = :'tenant' AND name = '%[1]s')`},
	"api_key": {"tenantapikey", "reference_id", `WITH new AS (INSERT INTO public.tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at)
    SELECT :'tenant', '%[1]s', encode(sha256((:'tenant' || '%[1]s made')::bytea), 'hex'), %[2]v, false, CASE WHEN %[2]v THEN 'system' ELSE 'me' END, 'noc', now() ON CONFLICT DO NOTHING RETURNING reference_id)
  INSERT INTO public.secret (key, value, last_updated) SELECT :'tenant' || '-' || reference_id, :'tenant' || '%[1]s made', now() FROM new ON CONFLICT (key) DO UPDATE SET value = excluded.value`},
}

// changesOf is what people do to an object of a kind in the application.
var changesOf = map[string][]string{
	"workflow":     {"description = 'theirs'", "is_disabled = NOT is_disabled", "workflow_raw = 'theirs'", "interval = 7", "is_deleted = true, last_updated = clock_timestamp()"},
	"dashboard":    {`dashboard_config = '{"theirs": 1}'`},
	"mapping_rule": {"disabled = true", "condition = 'theirs'", "priority = 9", `rows = '[{"a": "theirs"}]'`},
	"api_key":      {"role = 'webhook'", "is_deleted = true", "key_hash = encode(sha256(gen_random_uuid()::text::bytea), 'hex')"},
}

// genEdit is what someone else does: Keep, its users, or an administrator with psql.
var genEdit = rapid.Custom(func(t *rapid.T) step {
	kind := rapid.SampledFrom([]string{"provider", "provider", "provider", "deduplication_rule", "workflow", "dashboard", "mapping_rule", "api_key", "user"}).Draw(t, "kind")
	name := rapid.SampledFrom(names).Draw(t, "of")
	place := tableOf[kind]
	own := fmt.Sprintf("tenant_id = :'tenant' AND %s = '%s'", place.name, name)
	secret := fmt.Sprintf("key = (SELECT configuration_key FROM public.provider WHERE %s)", own)
	inSecret := func(expression string) string {
		return fmt.Sprintf("UPDATE public.secret SET value = %s WHERE %s AND value LIKE '{%%\"authentication\": {%%'", expression, secret)
	}
	insert := func(byKeep bool) string {
		return "INSERT INTO public.tenant (id, name, configuration) VALUES (:'tenant', 'Single Tenant', 'null') ON CONFLICT DO NOTHING;\n" + fmt.Sprintf(place.insert, name, byKeep)
	}
	// The row goes and another one comes under its name.
	anew := func(byKeep bool) string {
		versions := ""
		if kind == "workflow" {
			versions = fmt.Sprintf("DELETE FROM public.workflowversion WHERE workflow_id IN (SELECT id FROM public.workflow WHERE %s);\n", own)
		}
		return versions + fmt.Sprintf("DELETE FROM public.%s WHERE %s;\n", place.table, own) + insert(byKeep)
	}
	var edits []string
	switch kind {
	case "user":
		edits = []string{`UPDATE public."user" SET password_hash = 'theirs' WHERE tenant_id = :'tenant'`, `DELETE FROM public."user" WHERE tenant_id = :'tenant'`}
	case "deduplication_rule":
		rules := fmt.Sprintf("tenant_id = :'tenant' AND name = '%s'", rapid.SampledFrom(ruleNames).Draw(t, "rule"))
		edits = []string{
			"UPDATE public.alertdeduplicationrule SET description = 'theirs' WHERE " + rules, "UPDATE public.alertdeduplicationrule SET enabled = false WHERE " + rules,
			"UPDATE public.alertdeduplicationrule SET priority = 7 WHERE " + rules, "DELETE FROM public.alertdeduplicationrule WHERE " + rules,
			"INSERT INTO public.alertdeduplicationrule (id, tenant_id, name, description, provider_id, provider_type, last_updated, last_updated_by, created_at, created_by, enabled, fingerprint_fields, full_deduplication, ignore_fields, priority, is_provisioned)\n" +
				"  SELECT gen_random_uuid(), tenant_id, 'r', 'of a user', id, type, now(), 'user', now(), 'user', true, '[]', false, '[]', 0, false FROM public.provider WHERE tenant_id = :'tenant' AND name = '" + name + "'",
		}
	case "provider":
		other := rapid.SampledFrom(names).Draw(t, "other")
		edits = []string{
			insert(false), insert(true), anew(false), anew(true),
			fmt.Sprintf("WITH gone AS (DELETE FROM public.provider WHERE %s RETURNING configuration_key)\n  DELETE FROM public.secret WHERE key IN (SELECT configuration_key FROM gone)", own),
			"DELETE FROM public.provider WHERE " + own,
			fmt.Sprintf("UPDATE public.provider SET name = '%s' WHERE %s AND NOT EXISTS (SELECT FROM public.provider WHERE tenant_id = :'tenant' AND name = '%[1]s')", other, own),
			fmt.Sprintf("UPDATE public.provider SET name = 'x' WHERE %[1]s;\nUPDATE public.provider SET name = '%[2]s' WHERE tenant_id = :'tenant' AND name = '%[3]s';\nUPDATE public.provider SET name = '%[3]s' WHERE tenant_id = :'tenant' AND name = 'x'", own, name, other),
			"UPDATE public.provider SET type = 'of a newer Keep' WHERE " + own, "UPDATE public.provider SET description = 'theirs' WHERE " + own,
			"UPDATE public.provider SET pulling_enabled = NOT pulling_enabled WHERE " + own,
			`UPDATE public.provider SET "validatedScopes" = '{"x": true}', last_pull_time = now(), provider_metadata = '{"v": 1}' WHERE ` + own,
			inSecret(`jsonb_set(value::jsonb, '{authentication,webhook}', '"added by Keep"')::text`), inSecret(`jsonb_set(value::jsonb, '{further}', '[1]')::text`), inSecret("value::jsonb::text"),
			inSecret(fmt.Sprintf(`jsonb_set(value::jsonb, '{authentication,%s}', '"theirs"')::text`, rapid.SampledFrom(keys).Draw(t, "key"))),
			inSecret(fmt.Sprintf(`(value::jsonb #- '{authentication,%s}')::text`, rapid.SampledFrom(keys).Draw(t, "key"))),
			"DELETE FROM public.secret WHERE " + secret,
			fmt.Sprintf("UPDATE public.secret SET value = '%s' WHERE %s", rapid.SampledFrom([]string{"not JSON", "[1]", `{"name": 5}`, `{"authentication": []}`}).Draw(t, "text"), secret),
		}
	default:
		edits = []string{insert(false), insert(true), anew(false), anew(true), anew(true)}
		if kind != "api_key" {
			other := rapid.SampledFrom(names).Draw(t, "other")
			edits = append(edits, fmt.Sprintf("UPDATE public.%s SET %s = '%s' WHERE %s AND NOT EXISTS (SELECT FROM public.%[1]s WHERE tenant_id = :'tenant' AND %[2]s = '%[3]s')", place.table, place.name, other, own))
		}
		if kind == "workflow" {
			edits = append(edits, fmt.Sprintf("DELETE FROM public.workflowversion WHERE workflow_id IN (SELECT id FROM public.workflow WHERE %[1]s);\nDELETE FROM public.workflow WHERE %[1]s", own))
		} else {
			edits = append(edits, fmt.Sprintf("DELETE FROM public.%s WHERE %s", place.table, own)+map[bool]string{
				true: fmt.Sprintf(";\nDELETE FROM public.secret WHERE key = :'tenant' || '-%s'", name),
			}[kind == "api_key"])
		}
		for _, change := range changesOf[kind] {
			edits = append(edits, fmt.Sprintf("UPDATE public.%s SET %s WHERE %s", place.table, change, own))
		}
	}
	return step{SQL: rapid.SampledFrom(edits).Draw(t, "edit")}
})

// genSteps draws a sequence. Most begin with an install, and all end with one, because an edit alone shows nothing.
var genSteps = rapid.Custom(func(t *rapid.T) []step {
	var steps []step
	if rapid.IntRange(0, 4).Draw(t, "begins with an install") > 0 {
		first := drawManifest(t, append([]string{"provider", "user"}, others...), 2)
		first.dropClashes()
		steps = append(steps, step{Next: func(manifest) manifest { return first }, Options: options{AssumeDB: "db", AllowUnknownTypes: true}})
	}
	steps = append(steps, rapid.SliceOfN(rapid.OneOf(genEdit, genInstall, genEdit), 1, 6).Draw(t, "steps")...)
	return append(steps, genInstall.Draw(t, "last step"))
})
