package sqlfiles_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// wanted is a provider of a manifest.
type wanted struct {
	Name           string
	Type           string
	Authentication map[string]any
	Description    *string
	PullingEnabled *bool
	PreventDelete  *bool
	InstallWebhook *bool
	RenamedFrom    []string
	Rules          map[string]rule
}

// rule is a deduplication rule of a manifest; what is left out has Keep's default.
type rule struct {
	Description *string  `json:"description,omitempty"`
	Fingerprint []string `json:"fingerprint_fields,omitempty"`
	Ignore      []string `json:"ignore_fields,omitempty"`
	Full        *bool    `json:"full_deduplication,omitempty"`
	Priority    *int     `json:"priority,omitempty"`
}

// manifest is a list of providers; Keep's own form (an object by name) implies other defaults than the list form.
type manifest struct {
	OwnForm bool
	Entries []wanted
}

func (m manifest) text() string {
	var entries []string
	for _, e := range m.Entries {
		fields := []string{fmt.Sprintf(`"type": %q`, e.Type)}
		add := func(key string, value any) { fields = append(fields, fmt.Sprintf(`%q: %s`, key, compact(value))) }
		if e.Authentication != nil {
			add("authentication", e.Authentication)
		}
		if e.Description != nil {
			add("description", e.Description)
		}
		if e.PullingEnabled != nil {
			add("pulling_enabled", e.PullingEnabled)
		}
		if e.PreventDelete != nil {
			add("prevent_delete", e.PreventDelete)
		}
		if e.InstallWebhook != nil {
			add("install_webhook", e.InstallWebhook)
		}
		if len(e.RenamedFrom) > 0 {
			add("renamed_from", e.RenamedFrom)
		}
		if e.Rules != nil {
			add("deduplication_rules", e.Rules)
		}
		if m.OwnForm {
			entries = append(entries, fmt.Sprintf(`%q: {%s}`, e.Name, strings.Join(fields, ", ")))
		} else {
			entries = append(entries, fmt.Sprintf(`{"name": %q, %s}`, e.Name, strings.Join(fields, ", ")))
		}
	}
	if m.OwnForm {
		return "{" + strings.Join(entries, ", ") + "}"
	}
	return "[" + strings.Join(entries, ", ") + "]"
}

// wantsWebhook follows Keep's own form, where providers get their webhook unless they say no.
func (m manifest) wantsWebhook(e wanted) bool {
	if e.InstallWebhook != nil {
		return *e.InstallWebhook
	}
	return m.OwnForm
}

func (m manifest) names() map[string]bool {
	names := map[string]bool{}
	for _, e := range m.Entries {
		names[e.Name] = true
	}
	return names
}

// with is the manifest with the entry in place of the one of its name, or at its end.
func (m manifest) with(e wanted) manifest {
	m.Entries = slices.Clone(m.Entries)
	if i := slices.IndexFunc(m.Entries, func(o wanted) bool { return o.Name == e.Name }); i >= 0 {
		m.Entries[i] = e
	} else {
		m.Entries = append(m.Entries, e)
	}
	return m
}

// renamed is the manifest with an entry under another name that declares it; declarations that clash are dropped.
func (m manifest) renamed(from, to string, declare bool) manifest {
	if from == to || m.names()[to] {
		return m
	}
	m.Entries = slices.Clone(m.Entries)
	for i, e := range m.Entries {
		if e.Name == from {
			e.Name = to
			if declare {
				e.RenamedFrom = []string{from}
			}
			m.Entries[i] = e
		}
	}
	if declare {
		m.dropClashes()
	}
	return m
}

// rotated is the manifest in which each of the names has the content of the next one and declares its name.
func (m manifest) rotated(names []string) manifest {
	m.Entries = slices.Clone(m.Entries)
	content := map[string]wanted{}
	for _, e := range m.Entries {
		content[e.Name] = e
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !m.names()[name] })
	for i, name := range names {
		at := slices.IndexFunc(m.Entries, func(e wanted) bool { return e.Name == name })
		from := names[(i+1)%len(names)]
		e := content[from]
		e.Name, e.RenamedFrom = name, nil
		if from != name {
			e.RenamedFrom = []string{from}
		}
		m.Entries[at] = e
	}
	m.dropClashes()
	return m
}

// dropClashes removes declarations that the manifest must not have: of the own name, and of a name claimed before.
func (m manifest) dropClashes() {
	claimed := map[string]bool{}
	for i, e := range m.Entries {
		var kept []string
		for _, name := range e.RenamedFrom {
			if name != e.Name && !claimed[name] {
				claimed[name] = true
				kept = append(kept, name)
			}
		}
		m.Entries[i].RenamedFrom = kept
	}
}

// options are those of a run; nil and "" are left out.
type options struct {
	AllowEmpty    *bool   `json:"allow_empty,omitempty"`
	MaxPrune      *string `json:"max_prune,omitempty"`
	Adopt         *bool   `json:"adopt,omitempty"`
	DetectRenames *bool   `json:"detect_renames,omitempty"`
	OnDrift       string  `json:"on_drift,omitempty"`
	Generation    *int64  `json:"generation,omitempty"`
	AssumeDB      string  `json:"assume_secret_manager,omitempty"`
}

func (o options) allowsEmpty() bool { return o.AllowEmpty != nil && *o.AllowEmpty }
func (o options) adopts() bool      { return o.Adopt != nil && *o.Adopt }
func (o options) detects() bool     { return o.DetectRenames == nil || *o.DetectRenames }

func compact(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// A step is either SQL of someone else, or an install of a manifest made from the one of the install before.
type step struct {
	SQL     string // of someone else; :'tenant' stands for the tenant
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
	names     = []string{"a", "b", "c", "d", "e", "f"}
	types     = []string{"grafana", "grafana", "grafana", "prometheus", "kafka"}
	keys      = []string{"host", "token", "url", "extra"} // known of grafana: host, token; prometheus: url; kafka: host
	values    = []any{"v", "v", "w", float64(1), true, map[string]any{"x": []any{"y"}}}
	ruleNames = []string{"r", "s"}
)

// optional draws nil most of the time.
func optional[T any](t *rapid.T, label string, values ...T) *T {
	i := rapid.IntRange(0, 3*len(values)).Draw(t, label) - 2*len(values) - 1
	if i < 0 {
		return nil
	}
	return &values[i]
}

var genEntry = rapid.Custom(func(t *rapid.T) wanted {
	e := wanted{
		Name:           rapid.SampledFrom(names).Draw(t, "name"),
		Type:           rapid.SampledFrom(types).Draw(t, "type"),
		Description:    optional(t, "description", "one", "two"),
		PullingEnabled: optional(t, "pulling_enabled", true, false),
		PreventDelete:  optional(t, "prevent_delete", false, false, true),
		InstallWebhook: optional(t, "install_webhook", true, false),
	}
	if rapid.IntRange(0, 5).Draw(t, "authentication") > 0 {
		e.Authentication = rapid.MapOfN(rapid.SampledFrom(keys), rapid.SampledFrom(values), 0, 3).Draw(t, "authentication")
	}
	if rapid.IntRange(0, 3).Draw(t, "renames") == 3 {
		e.RenamedFrom = rapid.SliceOfNDistinct(rapid.SampledFrom(append(names, "gone")), 1, 3, rapid.ID).Draw(t, "renamed_from")
	}
	if rapid.IntRange(0, 2).Draw(t, "rules") == 2 {
		e.Rules = rapid.MapOfN(rapid.SampledFrom(ruleNames), genRule, 0, 2).Draw(t, "deduplication_rules")
	}
	return e
})

var genRule = rapid.Custom(func(t *rapid.T) rule {
	return rule{
		Description: optional(t, "rule description", "one"),
		Fingerprint: rapid.SliceOfN(rapid.SampledFrom(keys), 0, 2).Draw(t, "fingerprint"),
		Full:        optional(t, "full", true, false),
		Priority:    optional(t, "priority", 1),
	}
})

// genManifest draws a manifest of at least one provider.
var genManifest = rapid.Custom(func(t *rapid.T) manifest {
	m := manifest{
		OwnForm: rapid.Bool().Draw(t, "own form"),
		Entries: rapid.SliceOfNDistinct(genEntry, 1, 6, func(e wanted) string { return e.Name }).Draw(t, "providers"),
	}
	if rapid.IntRange(0, 7).Draw(t, "clashes go") > 0 {
		m.dropClashes()
	}
	return m
})

// genFirst draws the install that most sequences begin with: something is there for the other steps.
var genFirst = rapid.Custom(func(t *rapid.T) step {
	m := manifest{
		OwnForm: rapid.Bool().Draw(t, "own form"),
		Entries: rapid.SliceOfNDistinct(genEntry, 3, 6, func(e wanted) string { return e.Name }).Draw(t, "providers"),
	}
	m.dropClashes()
	return step{Next: func(manifest) manifest { return m }}
})

var genOptions = rapid.Custom(func(t *rapid.T) options {
	o := options{
		AllowEmpty:    optional(t, "allow_empty", true, false),
		MaxPrune:      optional(t, "max_prune", "6", "1", "0", "50%", "100%"),
		Adopt:         optional(t, "adopt", true),
		DetectRenames: optional(t, "detect_renames", false),
		OnDrift:       rapid.SampledFrom([]string{"", "", "", "overwrite", "keep", "keep", "fail"}).Draw(t, "on_drift"),
	}
	if rapid.IntRange(0, 4).Draw(t, "with generation") == 4 {
		o.Generation = new(rapid.Int64Range(0, 5).Draw(t, "generation"))
	}
	if rapid.IntRange(0, 2).Draw(t, "assume") == 2 {
		o.AssumeDB = "db"
	}
	return o
})

var genInstall = rapid.Custom(func(t *rapid.T) step {
	s := step{Options: genOptions.Draw(t, "options")}
	switch rapid.SampledFrom([]string{"again", "again", "fresh", "with", "with", "without", "rename", "rename", "rename", "rotate", "empty"}).Draw(t, "manifest") {
	case "fresh":
		fresh := genManifest.Draw(t, "manifest")
		s.Next = func(manifest) manifest { return fresh }
	case "with":
		e := genEntry.Draw(t, "provider")
		s.Next = func(last manifest) manifest {
			next := last.with(e)
			next.dropClashes()
			return next
		}
	case "without":
		name := rapid.SampledFrom(names).Draw(t, "name")
		s.Next = func(last manifest) manifest {
			last.Entries = slices.DeleteFunc(slices.Clone(last.Entries), func(e wanted) bool { return e.Name == name })
			return last
		}
	case "rename":
		from, to := rapid.SampledFrom(names).Draw(t, "from"), rapid.SampledFrom(names).Draw(t, "to")
		declare := rapid.Bool().Draw(t, "declare")
		s.Next = func(last manifest) manifest { return last.renamed(from, to, declare) }
	case "rotate":
		order := rapid.Permutation(names).Draw(t, "order")
		n := rapid.IntRange(2, 4).Draw(t, "length")
		s.Next = func(last manifest) manifest { return last.rotated(order[:n]) }
	case "empty":
		s.Next = func(last manifest) manifest { return manifest{OwnForm: last.OwnForm} }
	case "again":
		s.Next = func(last manifest) manifest { return last }
	}
	return s
})

// genEdit is what someone else does: Keep, its users, or an administrator with psql.
var genEdit = rapid.Custom(func(t *rapid.T) step {
	name := rapid.SampledFrom(names).Draw(t, "of")
	other := func() string { return rapid.SampledFrom(names).Draw(t, "other") }
	key := func() string { return rapid.SampledFrom(keys).Draw(t, "key") }
	value := func() string { return compact(rapid.SampledFrom(values).Draw(t, "value")) }
	own := fmt.Sprintf("tenant_id = :'tenant' AND name = '%s'", name)
	secret := fmt.Sprintf("key = (SELECT configuration_key FROM public.provider WHERE %s)", own)
	inSecret := func(expression string) string {
		return fmt.Sprintf("UPDATE public.secret SET value = %s WHERE %s AND value LIKE '{%%'", expression, secret)
	}

	kinds := map[string]func() string{
		"user adds a provider":                           func() string { return insertProvider(t, name, false, true) },
		"Keep adds a provider":                           func() string { return insertProvider(t, name, true, true) },
		"Keep adds a provider with its secret elsewhere": func() string { return insertProvider(t, name, true, false) },
		"user makes it anew":                             func() string { return deleteProvider(own) + ";\n" + insertProvider(t, name, false, true) },
		"Keep makes it anew":                             func() string { return deleteProvider(own) + ";\n" + insertProvider(t, name, true, true) },
		"user deletes it": func() string {
			return deleteProvider(own + " AND NOT provisioned")
		},
		"Keep adds a key": func() string {
			return inSecret(`jsonb_set(value::jsonb, '{authentication,webhook}', '"added by Keep"')::text`)
		},
		"Keep adds to the secret": func() string { return inSecret(`jsonb_set(value::jsonb, '{further}', '[1]')::text`) },
		"Keep uses it": func() string {
			return fmt.Sprintf(`UPDATE public.provider SET "validatedScopes" = '{"x": true}', last_pull_time = now(), provider_metadata = '{"v": 1}' WHERE %s`, own)
		},
		"Keep deletes what is provisioned": func() string {
			return deleteProvider("tenant_id = :'tenant' AND provisioned")
		},
		"rows of providers are deleted": func() string { return "DELETE FROM public.provider WHERE tenant_id = :'tenant' AND provisioned" },
		"row is deleted": func() string {
			return fmt.Sprintf("DELETE FROM public.provider WHERE %s", own)
		},
		"rename": func() string {
			to := other()
			return fmt.Sprintf("UPDATE public.provider SET name = '%s' WHERE %s AND NOT EXISTS (SELECT FROM public.provider WHERE tenant_id = :'tenant' AND name = '%s')", to, own, to)
		},
		"retype": func() string {
			return fmt.Sprintf("UPDATE public.provider SET type = '%s' WHERE %s", rapid.SampledFrom(types).Draw(t, "type"), own)
		},
		"redescribe": func() string { return fmt.Sprintf("UPDATE public.provider SET description = 'three' WHERE %s", own) },
		"stop pulling": func() string {
			return fmt.Sprintf("UPDATE public.provider SET pulling_enabled = NOT pulling_enabled WHERE %s", own)
		},
		"change a key": func() string {
			return inSecret(fmt.Sprintf(`jsonb_set(value::jsonb, '{authentication,%s}', '%s')::text`, key(), value()))
		},
		"remove a key": func() string {
			return inSecret(fmt.Sprintf(`(value::jsonb #- '{authentication,%s}')::text`, key()))
		},
		"change the order of keys": func() string { return inSecret("value::jsonb::text") },
		"rename in the secret":     func() string { return inSecret(`jsonb_set(value::jsonb, '{name}', '"wrong"')::text`) },
		"provisioned": func() string {
			return fmt.Sprintf("UPDATE public.provider SET provisioned = NOT provisioned WHERE %s", own)
		},
		"delete the secret": func() string { return fmt.Sprintf("DELETE FROM public.secret WHERE %s", secret) },
		"spoil the secret": func() string {
			return fmt.Sprintf("UPDATE public.secret SET value = '%s' WHERE %s", rapid.SampledFrom([]string{"not JSON", "[1]", `{"name": 5}`, `{"authentication": []}`}).Draw(t, "text"), secret)
		},
		"delete a rule": func() string {
			return fmt.Sprintf("DELETE FROM public.alertdeduplicationrule WHERE tenant_id = :'tenant' AND name = '%s'", rapid.SampledFrom(ruleNames).Draw(t, "rule"))
		},
		"change a rule": func() string {
			return fmt.Sprintf("UPDATE public.alertdeduplicationrule SET priority = 7, description = 'changed' WHERE tenant_id = :'tenant' AND name = '%s'", rapid.SampledFrom(ruleNames).Draw(t, "rule"))
		},
		"user adds a rule": func() string {
			return fmt.Sprintf("INSERT INTO public.alertdeduplicationrule (id, tenant_id, name, description, provider_id, provider_type, last_updated, last_updated_by, created_at, created_by, enabled, fingerprint_fields, full_deduplication, ignore_fields, priority, is_provisioned)\n  SELECT gen_random_uuid(), tenant_id, 'r', 'of a user', id, type, now(), 'user', now(), 'user', true, '[]', false, '[]', 0, false FROM public.provider WHERE %s", own)
		},
	}
	return step{SQL: kinds[rapid.SampledFrom(slices.Sorted(maps.Keys(kinds))).Draw(t, "edit")]()}
})

// deleteProvider removes providers with their secrets, as Keep does.
func deleteProvider(condition string) string {
	return fmt.Sprintf("WITH gone AS (DELETE FROM public.provider WHERE %s RETURNING configuration_key)\n  DELETE FROM public.secret WHERE key IN (SELECT configuration_key FROM gone)", condition)
}

// insertProvider writes a provider as Keep does: for a user, or by its own provisioning.
func insertProvider(t *rapid.T, name string, provisioned, withSecret bool) string {
	kind := rapid.SampledFrom(types).Draw(t, "type")
	secret := compact(map[string]any{"authentication": rapid.MapOfN(rapid.SampledFrom(keys), rapid.SampledFrom(values), 0, 3).Draw(t, "authentication"), "name": name})
	return fmt.Sprintf(`INSERT INTO public.tenant (id, name, configuration) VALUES (:'tenant', 'Single Tenant', 'null') ON CONFLICT DO NOTHING;
WITH new AS (SELECT replace(gen_random_uuid()::text, '-', '') AS id WHERE NOT EXISTS (SELECT FROM public.provider WHERE tenant_id = :'tenant' AND name = '%[1]s')),
  row AS (INSERT INTO public.provider (id, tenant_id, name, type, installed_by, installation_time, configuration_key, "validatedScopes", consumer, pulling_enabled, provisioned, provider_metadata)
    SELECT id, :'tenant', '%[1]s', '%[2]s', 'someone', now(), :'tenant' || '_%[2]s_' || id, '{}', %[3]v, true, %[4]v, '{}' FROM new)
  INSERT INTO public.secret (key, value, last_updated) SELECT :'tenant' || '_%[2]s_' || id, '%[5]s', now() FROM new WHERE %[6]v`,
		name, kind, kind == "kafka", provisioned, secret, withSecret)
}

// genSteps draws a sequence. Its last step is an install, because an edit alone shows nothing.
var genSteps = rapid.Custom(func(t *rapid.T) []step {
	var steps []step
	if rapid.IntRange(0, 4).Draw(t, "begins with an install") > 0 {
		steps = append(steps, genFirst.Draw(t, "first step"))
	}
	steps = append(steps, rapid.SliceOfN(rapid.OneOf(genEdit, genInstall, genEdit), 1, 5).Draw(t, "steps")...)
	return append(steps, genInstall.Draw(t, "last step"))
})
