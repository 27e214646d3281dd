package sqlfiles_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keep-bootstrap/test/pgtest"
)

// rewrittenByKeep has, for each kind of value that Keep changes while it loads a provider or installs its webhook, what the
// manifest says and what is in the secret afterwards.
var rewrittenByKeep = []struct {
	name, providerType, manifest, rewritten string
}{
	{"template", "grafana", `{"host": "http://g", "token": "{{ env.TOKEN }}"}`, `{"host": "http://g", "token": "clear"}`},
	{"template without blanks", "grafana", `{"host": "http://g", "token": "{{env.TOKEN}}"}`, `{"host": "http://g", "token": "clear"}`},
	{"template, not escaped", "grafana", `{"host": "http://g", "token": "{{{ env.TOKEN }}}"}`, `{"host": "http://g", "token": "a&b"}`},
	{"template of a variable that is not set", "grafana", `{"host": "http://g", "token": "{{ env.NONE }}"}`, `{"host": "http://g", "token": ""}`},
	{"two templates in one value", "grafana", `{"host": "http://g", "token": "{{ env.A }}-{{ env.B }}"}`, `{"host": "http://g", "token": "a-b"}`},
	{"template of an address", "grafana", `{"host": "{{ env.HOST }}", "token": "t"}`, `{"host": "http://g", "token": "t"}`},
	{"several templates", "grafana", `{"host": "{{ env.HOST }}", "token": "{{ env.TOKEN }}"}`, `{"host": "http://g", "token": "clear"}`},
	{"refreshed token", "datadog", `{"api_domain": "d", "oauth_token": {"code": "c", "refresh_token": "one"}}`, `{"api_domain": "d", "oauth_token": {"code": "c", "refresh_token": "two"}}`},
	{"refreshed access", "pagerduty", `{"service_id": "s", "oauth_data": {"access_token": "a", "refresh_token": "r", "last_fetched_at": 1}}`, `{"service_id": "s", "oauth_data": {"access_token": "b", "refresh_token": "q", "expires_in": 9, "last_fetched_at": 1.5}}`},
	{"address of the route", "mailgun", `{"sender": "s", "email": "mine@example.com"}`, `{"sender": "s", "email": "keep-1@example.com", "route_id": "r"}`},
	{"host without a scheme", "kibana", `{"api_key": "k", "kibana_host": "kibana.example.com"}`, `{"api_key": "k", "kibana_host": "https://kibana.example.com"}`},
	{
		"local host without a scheme", "openobserve", `{"openObserveUsername": "u", "openObservePassword": "p", "openObserveHost": "127.0.0.1", "openObservePort": 5080, "organisationID": "o"}`,
		`{"openObserveUsername": "u", "openObservePassword": "p", "openObserveHost": "http://127.0.0.1", "openObservePort": 5080, "organisationID": "o"}`,
	},
	{"template of a host", "kibana", `{"api_key": "k", "kibana_host": "{{ env.HOST }}"}`, `{"api_key": "k", "kibana_host": "https://kibana.example.com"}`},
	{"address of the route, not given", "mailgun", `{"sender": "s"}`, `{"sender": "s", "email": "keep-1@example.com", "route_id": "r"}`},
	{"integration link", "grafana_oncall", `{"host": "http://g", "token": "t"}`, `{"host": "http://g", "token": "t", "oncall_integration_link": "http://g/integrations/v1/1"}`},
	{"project", "bigquery", `{"service_account_json": "{}"}`, `{"service_account_json": "{}", "project_id": "p"}`},
}

// keepWrites does to the secret of a provider what Keep does when a value of authentication has changed.
func (d database) keepWrites(name, authentication string) {
	d.t.Helper()
	d.exec(`UPDATE public.secret AS s SET value = json_build_object('authentication', $2::json, 'name', p.name)::text, last_updated = now()
		FROM public.provider AS p WHERE p.name = $1 AND s.key = p.configuration_key`, name, authentication)
}

func (d database) authentication(name string) string {
	d.t.Helper()
	return d.one("SELECT (s.value::jsonb -> 'authentication')::text FROM public.secret AS s JOIN public.provider AS p ON s.key = p.configuration_key WHERE p.name = $1", name)
}

// jsonEqual reports whether two texts are the same JSON.
func jsonEqual(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	return cmp.Equal(x, y)
}

// What Keep writes into a secret by itself is no drift, changes nothing, and stays until the manifest says something else.
func TestRewrittenByKeep(t *testing.T) {
	for _, test := range rewrittenByKeep {
		t.Run(test.name, func(t *testing.T) {
			d := newDatabase(t)
			manifest := func(name, authentication, more string) string {
				return fmt.Sprintf(`[{"name": %q, "type": %q, "authentication": %s%s}]`, name, test.providerType, authentication, more)
			}
			p := manifest("p", test.manifest, "")
			d.mustInstall(p)
			id := d.providers()["p"]
			d.mustInstall(p, `{"on_drift": "fail"}`) // not loaded yet
			d.keepWrites("p", test.rewritten)

			before := d.rowVersions()
			d.mustInstall(p, `{"on_drift": "fail"}`)
			if after := d.rowVersions(); !slices.Equal(before, after) {
				t.Errorf("an unchanged manifest writes rows:\n%s", cmp.Diff(before, after))
			}
			if got := d.text("SELECT name || ' ' || action FROM bootstrap.plan_providers('keep', $1::json)", p); len(got) > 0 {
				t.Errorf("plan: %q", got)
			}
			if got := d.conditions(); len(got) > 0 && strings.Contains(got[0], "changed") {
				t.Errorf("status: %q", got)
			}
			if got := d.one("SELECT detail FROM bootstrap.verify() WHERE name = 'drift'"); !strings.Contains(got, "nothing") {
				t.Errorf("verify: %s", got)
			}

			// Another field, and a new name that nothing declares: what Keep wrote stays.
			changed := manifest("p", test.manifest, `, "description": "new"`)
			if got := d.text("SELECT concat_ws(' ', name, action, fields, drift) FROM bootstrap.plan_providers('keep', $1::json)", changed); !slices.Equal(got, []string{"p update {description} {}"}) {
				t.Errorf("plan of another field: %q", got)
			}
			d.mustInstall(changed, `{"on_drift": "fail"}`)
			renamed := manifest("q", test.manifest, `, "description": "new"`)
			if got := d.text("SELECT concat_ws(' ', name, action, fields, drift) FROM bootstrap.plan_providers('keep', $1::json)", renamed); !slices.Equal(got, []string{"q rename {name} {}"}) {
				t.Errorf("plan of a new name: %q", got)
			}
			d.mustInstall(renamed, `{"on_drift": "fail"}`)
			if got := d.authentication("q"); !jsonEqual(t, got, test.rewritten) {
				t.Errorf("secret after another change: %s", got)
			}
			if got := d.providers()["q"]; got != id {
				t.Errorf("id %s, was %s", got, id)
			}
		})
	}
}

// Only what Keep writes by itself is left alone: what the manifest changes is written, and what someone else changes is drift.
func TestRewrittenByKeepOrNot(t *testing.T) {
	const template, clear = `{"host": "http://g", "token": "{{ env.TOKEN }}"}`, `{"host": "http://g", "token": "clear"}`
	for _, test := range []struct {
		name, providerType, before, live, after string
		plan                                    string // name, action, fields, drift
		secret                                  string
	}{
		{
			"another template", "grafana", template, clear, `{"host": "http://g", "token": "{{ env.OTHER }}"}`,
			"p update {authentication.token} {}", `{"host": "http://g", "token": "{{ env.OTHER }}"}`,
		},
		{
			"template becomes a value", "grafana", template, clear, `{"host": "http://g", "token": "t"}`,
			"p update {authentication.token} {}", `{"host": "http://g", "token": "t"}`,
		},
		{"template becomes the value that it had", "grafana", template, clear, clear, "p update {authentication.token} {}", clear},
		{"value becomes a template", "grafana", clear, clear, template, "p update {authentication.token} {}", template},
		{
			"another host takes no credential along", "grafana", template, clear, `{"host": "http://else", "token": "{{ env.TOKEN }}"}`,
			"p update {authentication.host,authentication.token} {}", `{"host": "http://else", "token": "{{ env.TOKEN }}"}`,
		},
		{
			"template is removed", "mailgun", `{"sender": "{{ env.S }}", "email_domain": "d"}`, `{"sender": "s", "email_domain": "d"}`, `{"email_domain": "d"}`,
			"p update {authentication.sender} {}", `{"email_domain": "d"}`,
		},
		{
			"someone changes the host", "grafana", template, `{"host": "http://else", "token": "clear"}`, template,
			"p update {authentication.host,authentication.token} {authentication.host,authentication.token}", template,
		},
		{
			"someone removes the token", "grafana", template, `{"host": "http://g"}`, template,
			"p update {authentication.token} {authentication.token}", template,
		},
		{
			"someone changes a host with a scheme", "kibana", `{"api_key": "k", "kibana_host": "https://a"}`, `{"api_key": "k", "kibana_host": "http://a"}`, `{"api_key": "k", "kibana_host": "https://a"}`,
			"p update {authentication.kibana_host} {authentication.kibana_host}", `{"api_key": "k", "kibana_host": "https://a"}`,
		},
		{
			"someone changes a host without a scheme", "kibana", `{"api_key": "k", "kibana_host": "a"}`, `{"api_key": "k", "kibana_host": "https://b"}`, `{"api_key": "k", "kibana_host": "a"}`,
			"p update {authentication.kibana_host} {authentication.kibana_host}", `{"api_key": "k", "kibana_host": "https://a"}`,
		},
		{
			"another token to refresh", "pagerduty", `{"oauth_data": {"refresh_token": "a"}}`, `{"oauth_data": {"refresh_token": "b"}}`, `{"oauth_data": {"refresh_token": "c"}}`,
			"p update {authentication.oauth_data} {}", `{"oauth_data": {"refresh_token": "c"}}`,
		},
		{
			"the same name of another type", "sendgrid", `{"api_key": "k", "from_email": "a", "email": "a"}`, `{"api_key": "k", "from_email": "a", "email": "b"}`, `{"api_key": "k", "from_email": "a", "email": "a"}`,
			"p update {authentication.email} {authentication.email}", `{"api_key": "k", "from_email": "a", "email": "a"}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDatabase(t)
			manifest := func(authentication string) string {
				return fmt.Sprintf(`[{"name": "p", "type": %q, "authentication": %s}]`, test.providerType, authentication)
			}
			d.mustInstall(manifest(test.before))
			d.keepWrites("p", test.live)
			if got := d.text("SELECT concat_ws(' ', name, action, fields, drift) FROM bootstrap.plan_providers('keep', $1::json)", manifest(test.after)); !slices.Equal(got, []string{test.plan}) {
				t.Errorf("plan: %q, want %q", got, test.plan)
			}
			d.mustInstall(manifest(test.after))
			if got := d.authentication("p"); !jsonEqual(t, got, test.secret) {
				t.Errorf("secret: %s", got)
			}
			if got := d.text("SELECT name || ' ' || action FROM bootstrap.plan_providers('keep', $1::json)", manifest(test.after)); len(got) > 0 {
				t.Errorf("plan afterwards: %q", got)
			}
			if got := d.text("SELECT k FROM bootstrap.object, unnest(keys) AS k WHERE k LIKE '%env%' OR k LIKE '%refresh%'"); len(got) > 0 {
				t.Errorf("remembered: %q", got)
			}
		})
	}
}

// A host that is null or no text is left for problems() and Keep to judge.
func TestHostWithoutAScheme(t *testing.T) {
	d := newDatabase(t)
	for given, want := range map[string]string{
		`"a"`: `"https://a"`, `"localhost:5601"`: `"http://localhost:5601"`, `"http://a"`: `"http://a"`, `"https://a"`: `"https://a"`, `""`: `""`, `null`: `null`, `5`: `5`,
		`"{{ env.HOST }}"`: `"{{ env.HOST }}"`, `"a\"b\\c"`: `"https://a\"b\\c"`,
	} {
		d.mustInstall(`[{"name": "p", "type": "kibana", "authentication": {"api_key": "k", "kibana_host": ` + given + `}}]`)
		if got := d.one("SELECT (s.value::jsonb -> 'authentication' -> 'kibana_host')::text FROM public.secret AS s"); got != want {
			t.Errorf("%s is stored as %s, want %s", given, got, want)
		}
	}
}

// What Keep has provisioned and rewritten is adopted without a write, except where nobody can tell that the manifest says the same.
func TestRewrittenByKeepIsAdopted(t *testing.T) {
	for _, test := range rewrittenByKeep {
		t.Run(test.name, func(t *testing.T) {
			d := newDatabase(t)
			id := pgtest.KeepProvisioned(t, d.Conn, "p", test.providerType, test.manifest)
			p := fmt.Sprintf(`[{"name": "p", "type": %q, "authentication": %s}]`, test.providerType, test.manifest)
			plan := func() string {
				return strings.Join(d.text("SELECT concat_ws(' ', name, action, fields) FROM bootstrap.plan_providers('keep', $1::json)", p), "; ")
			}
			isHost := strings.Contains(test.name, "host without a scheme")
			if got := plan(); got != "p unchanged {}" && !isHost {
				t.Errorf("as in the manifest: %s", got)
			}
			d.keepWrites("p", test.rewritten)
			isValue := strings.Contains(test.manifest, "{{") // which may have another template by now
			if got := plan(); got != "p unchanged {}" && !isValue || isValue && !strings.HasPrefix(got, "p adopt {authentication.") {
				t.Errorf("rewritten: %s", got)
			}
			d.mustInstall(p)
			if want := test.rewritten; !isValue && !jsonEqual(t, d.authentication("p"), want) || d.providers()["p"] != id {
				t.Errorf("secret: %s", d.authentication("p"))
			}
			if got := plan(); got != "" {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}
