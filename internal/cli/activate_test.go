package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"keep-bootstrap/internal/cli"
	"keep-bootstrap/test/keepapi"
	"keep-bootstrap/test/pgtest"
)

// withWebhooks has providers that want a webhook, some that do not, and a key for Keep's API.
const withWebhooks = `api_keys:
  - {name: ops, role: admin, secret: ` + canary + `-key}
providers:
  grafana-prod: {type: grafana, install_webhook: true, authentication: {host: "https://grafana.example.com", token: ` + canary + `}}
  kibana: {type: kibana, install_webhook: true, authentication: {kibana_host: "https://kibana.example.com", api_key: ` + canary + `2}}
  sentry: {type: sentry, install_webhook: false, authentication: {organization_slug: acme, api_key: x}}
  vm: {type: victoriametrics, install_webhook: true, authentication: {VMAlertHost: "http://vm", VMAlertPort: 8880}}
`

// activatable is a database where up has installed a manifest, and a Keep that runs on it.
func activatable(t testing.TB, manifest string) (*pgtest.Database, environment, *keepapi.Server) {
	t.Helper()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	keep := keepapi.New(t, d.URL)
	env := environment{"DATABASE_URL": d.URL, "BOOTSTRAP_KEEP_URL": keep.URL, "BOOTSTRAP_LOG_FORMAT": "text"}
	run(t, env, "up", "-f", file(t, manifest)).want(t, 0)
	return d, env, keep
}

func called(t testing.TB, keep *keepapi.Server, want ...string) {
	t.Helper()
	calls, most := keep.Calls()
	if fmt.Sprint(calls) != fmt.Sprint(want) {
		t.Errorf("called %q, want %q", calls, want)
	}
	if most > 1 {
		t.Errorf("%d calls at once", most)
	}
}

const recorded = "select name, webhook_answer, webhook_url, webhook_digest is not null, webhook_at is not null from bootstrap.object where webhook_answer is not null order by 1"

func wantRows(t testing.TB, d *pgtest.Database, sql, want string) {
	t.Helper()
	if got := rows(t, d, sql); got != want {
		t.Errorf("%s\ngives %s\nwant  %s", sql, got, want)
	}
}

// The first run creates the webhook key and installs what is wanted, a second one does nothing, and what was sent is sent again
// when it changes.
func TestActivate(t *testing.T) {
	t.Parallel()
	d, env, keep := activatable(t, withWebhooks)
	waiting := "select name from bootstrap.status() where condition like '%waiting for its webhook' order by 1"
	wantRows(t, d, waiting, "[[grafana-prod] [kibana]]")

	r := run(t, env, "activate").want(t, 0, `using a managed API key name=ops`, "API key created")
	inOrder(t, r.stdout, "Keep gives outside systems the address https://keep.example.com\n",
		"installed    grafana-prod (grafana)", "keep-grafana-webhook-integration-keep", "accepted     kibana (kibana)", "even if Kibana refused",
		"Webhooks: 1 installed, 1 accepted.\n")
	called(t, keep, "webhook grafana-prod", "webhook kibana")
	wantRows(t, d, recorded, "[[grafana-prod installed https://keep.example.com t t] [kibana accepted https://keep.example.com t t]]")
	wantRows(t, d, waiting, "[]")
	wantRows(t, d, `select k.role, k.is_system, k.is_deleted, k.system_description, k.created_by, k.last_used is null, k.key_hash = encode(sha256(s.value::bytea), 'hex'), length(s.value)
		from tenantapikey k join secret s on s.key = 'keep-webhook' where k.reference_id = 'webhook'`, "[[webhook t f Webhooks API key system t t 36]]")

	before := pgtest.RowVersions(t, d.Conn(t))
	r = run(t, env, "activate").want(t, 0)
	inOrder(t, r.stdout, "No changes. Every webhook is installed.\n")
	called(t, keep)
	if pgtest.RowVersions(t, d.Conn(t)) != before {
		t.Error("a run with nothing to do writes rows")
	}
	r = run(t, env, "up", "-f", file(t, withWebhooks)).want(t, 0)
	inOrder(t, r.stdout, "No changes.\n") // the key that activate made is not pruned

	// A changed token, a rename, and a webhook that is wanted only now.
	changed := strings.NewReplacer(canary+"}", canary+"-new}", "install_webhook: false", "install_webhook: true", "  kibana:", "  logs:").Replace(withWebhooks)
	r = run(t, env, "up", "-f", file(t, changed)).want(t, 0)
	inOrder(t, r.stdout, `note: 2 provider(s) wait for a webhook`, `"grafana-prod", "sentry"`)
	wantRows(t, d, waiting, "[[grafana-prod] [sentry]]")
	run(t, env, "activate").want(t, 0)
	called(t, keep, "webhook grafana-prod", "webhook sentry")

	// A changed address of Keep.
	keep.APIURL = "https://alerts.example.com"
	r = run(t, env, "activate").want(t, 0)
	inOrder(t, r.stdout, "delete the older one in Sentry")
	called(t, keep, "webhook grafana-prod", "webhook logs", "webhook sentry")

	// A changed webhook key.
	d.Exec(t, "update secret set value = 'rotated' where key = 'keep-webhook'")
	d.Exec(t, "update tenantapikey set key_hash = encode(sha256('rotated'), 'hex') where reference_id = 'webhook'")
	wantRows(t, d, waiting, "[[grafana-prod] [logs] [sentry]]")
	run(t, env, "activate").want(t, 0)
	called(t, keep, "webhook grafana-prod", "webhook logs", "webhook sentry")

	// What is pruned keeps its webhook outside.
	without, _, _ := strings.Cut(changed, "  sentry:")
	r = run(t, env, "plan", "-f", file(t, without)).want(t, 0)
	inOrder(t, r.stdout, "  -  sentry", "note: its webhook stays in the outside system: an address in the webhook plugin of each project", "  -  vm")
	r = run(t, env, "up", "-f", file(t, without)).want(t, 0)
	inOrder(t, r.stdout, `note: the webhooks of 1 provider(s) stay in the outside system; remove them there: "sentry"`)
	wantRows(t, d, "select count(*) from bootstrap.object where name = 'sentry'", "[[0]]")

	// So does that of a provider whose type changes.
	replaced := file(t, strings.Replace(without, "{type: grafana, install_webhook: true, authentication: {host: \"https://grafana.example.com\", token: "+canary+"-new}}", "{type: prometheus, authentication: {url: \"http://p\"}}", 1))
	inOrder(t, run(t, env, "plan", "-f", replaced).want(t, 0).stdout, "-/+  grafana-prod", "note: its webhook stays in the outside system")
	r = run(t, env, "up", "-f", replaced).want(t, 0)
	inOrder(t, r.stdout, `note: the webhooks of 1 provider(s) stay in the outside system; remove them there: "grafana-prod"`)
}

// Keep stores a route of Mailgun, and takes the address of the manifest out: neither makes the next run call again.
func TestActivateMailgun(t *testing.T) {
	t.Parallel()
	d, env, keep := activatable(t, "api_keys:\n  - {name: ops, role: admin, secret: ops-key}\nproviders:\n  mail: {type: mailgun, install_webhook: true, authentication: {email: a@b.example.com, sender: me}}\n")
	run(t, env, "activate").want(t, 0)
	wantRows(t, d, "select value::json->'authentication'->>'route_id' from secret where key like 'keep_mailgun%'", "[[route-1]]")
	called(t, keep, "webhook mail")
	run(t, env, "activate").want(t, 0)
	called(t, keep)
}

// Each fault is told apart, the others are installed, and a later run makes up for it.
func TestActivateFaults(t *testing.T) {
	t.Parallel()
	const manifest = "api_keys:\n  - {name: ops, role: admin, secret: ops-key}\nproviders:\n" +
		"  a: {type: grafana, install_webhook: true, authentication: {host: \"https://a\", token: " + canary + "}}\n" +
		"  b: {type: grafana, install_webhook: true, authentication: {host: \"https://b\", token: " + canary + "}}\n" +
		"  c: {type: grafana, install_webhook: true, authentication: {host: \"https://c\", token: " + canary + "}}\n"
	for _, test := range []struct {
		name      string
		set       func(*keepapi.Server)
		exit      int
		stdout    []string
		stderr    []string
		recorded  string
		calls     []string
		nextCalls []string
	}{
		{
			"refused outside", func(k *keepapi.Server) { k.Set("a", "refuse") }, 78,
			[]string{"refused      a (grafana): 401 Client Error: Unauthorized for url: http://127.0.0.1:3000/...", "installed    b", "Webhooks: 2 installed, 1 refused."},
			[]string{"activation-refused: 1 webhook not installed"},
			"a refused f b installed t c installed t",
			[]string{"a", "b", "c"},
			[]string{"a"},
		},
		{
			"Keep fails for one, as JSON", func(k *keepapi.Server) { k.Set("b", "fail") }, 78,
			[]string{"installed    a", "failed       b (grafana): status 500: boom with", "installed    c"},
			[]string{"activation-refused"},
			"a installed t b failed f c installed t",
			[]string{"a", "b", "c"},
			[]string{"b"},
		},
		{
			"Keep fails for one, as text", func(k *keepapi.Server) { k.Text = true; k.Set("b", "fail") }, 78,
			[]string{"failed       b (grafana): status 500: Internal Server Error"},
			nil,
			"a installed t b failed f c installed t",
			[]string{"a", "b", "c"},
			[]string{"b"},
		},
		{
			"Keep fails because its database is gone", func(k *keepapi.Server) { k.Set("b", "break") }, 69,
			[]string{"installed    a", "failed       b", "waiting      c"},
			[]string{"keep-unavailable: Keep answers /whoami with status 500"},
			"a installed t b failed f",
			[]string{"a", "b"},
			[]string{"b", "c"},
		},
		{
			"role refused in the middle", func(k *keepapi.Server) { k.Set("b", "status 403") }, 78,
			[]string{"installed    a", "waiting      b", "waiting      c"},
			[]string{"keep-refused: the role of the API key does not allow this"},
			"a installed t",
			[]string{"a", "b"},
			[]string{"b", "c"},
		},
		{
			"no webhook for the type", func(k *keepapi.Server) { k.Set("a", "message") }, 0,
			[]string{"unsupported  a (grafana): provider does not support webhook", "Webhooks: 2 installed, 1 unsupported."},
			nil,
			"a unsupported f b installed t c installed t",
			[]string{"a", "b", "c"},
			[]string{"a"},
		},
		{
			"connection closed without an answer", func(k *keepapi.Server) { k.Set("a", "drop") }, 75,
			[]string{"unknown      a", "installed    b"},
			[]string{"activation-incomplete: 1 call not answered"},
			"a unknown f b installed t c installed t",
			[]string{"a", "b", "c"},
			[]string{"a"},
		},
		{
			"too many calls without an answer", func(k *keepapi.Server) { k.Set("a", "drop"); k.Set("b", "drop"); k.Set("c", "drop") }, 75,
			[]string{"Webhooks: 3 unknown."},
			[]string{"activation-incomplete: Keep left 3 calls unanswered"},
			"a unknown f b unknown f c unknown f",
			[]string{"a", "b", "c"},
			[]string{"a", "b", "c"},
		},
		{
			"key refused in the middle", func(k *keepapi.Server) { k.Set("b", "status 401") }, 78,
			[]string{"installed    a", "waiting      b", "waiting      c"},
			[]string{"keep-refused: Keep does not accept the API key"},
			"a installed t",
			[]string{"a", "b"},
			[]string{"b", "c"},
		},
		{
			"read-only", func(k *keepapi.Server) { k.ReadOnly = true }, 78, []string{"Webhooks: 3 waiting."}, []string{"keep-refused: this Keep is read-only"}, "", nil, []string{"a", "b", "c"},
		},
		{
			"404 in the middle", func(k *keepapi.Server) { k.Set("a", "status 404") }, 78, nil, []string{"no Keep API at", "status 404"}, "", []string{"a"}, []string{"a", "b", "c"},
		},
		{
			"405", func(k *keepapi.Server) { k.Set("a", "status 405") }, 78, nil, []string{"status 405"}, "", []string{"a"}, []string{"a", "b", "c"},
		},
		{
			"a proxy without Keep", func(k *keepapi.Server) { k.Set("a", "status 502") }, 69, nil, []string{"keep-unavailable: a proxy in front of Keep answers with status 502"}, "", []string{"a"}, []string{"a", "b", "c"},
		},
		{
			"a page instead of an answer", func(k *keepapi.Server) { k.Set("a", "html") }, 78, nil, []string{"is not Keep's API"}, "", []string{"a"}, []string{"a", "b", "c"},
		},
		{
			"an answer nobody expects", func(k *keepapi.Server) { k.Set("a", "status 418") }, 78,
			[]string{"failed       a (grafana): status 418"},
			nil,
			"a failed f b installed t c installed t",
			[]string{"a", "b", "c"},
			[]string{"a"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d, env, keep := activatable(t, manifest)
			test.set(keep)
			r := run(t, env, "activate").want(t, test.exit, test.stderr...)
			for _, text := range test.stdout {
				if !strings.Contains(r.stdout, text) {
					t.Errorf("stdout lacks %q:\n%s", text, r.stdout)
				}
			}
			for _, secret := range []string{"hunter2", canary} {
				if strings.Contains(r.stdout+r.stderr, secret) {
					t.Errorf("shows %s:\n%s%s", secret, r.stdout, r.stderr)
				}
			}
			calls := func(names []string) (all []string) {
				for _, name := range names {
					all = append(all, "webhook "+name)
				}
				return all
			}
			called(t, keep, calls(test.calls)...)
			wantRows(t, d, "select coalesce(string_agg(concat_ws(' ', name, webhook_answer, webhook_digest is not null), ' ' order by name), '') from bootstrap.object where webhook_answer is not null", "[["+test.recorded+"]]")

			keep.Behaviour, keep.ReadOnly, keep.Broken = map[string]string{}, false, false
			run(t, env, "activate").want(t, 0)
			called(t, keep, calls(test.nextCalls)...)
		})
	}
}

// A call that takes longer than --timeout is not repeated in the run, whatever becomes of it; the next provider is installed.
func TestActivateTimeout(t *testing.T) {
	t.Parallel()
	d, env, keep := activatable(t, withWebhooks)
	keep.Set("grafana-prod", "hang")
	r := run(t, env, "activate", "--timeout", "2s").want(t, 75, "activation-incomplete")
	inOrder(t, r.stdout, "unknown      grafana-prod (grafana): no answer within 2s", "Keep may still be working on it", "accepted     kibana", "Webhooks: 1 accepted, 1 unknown.")
	called(t, keep, "webhook grafana-prod", "webhook kibana")
	wantRows(t, d, recorded, "[[grafana-prod unknown https://keep.example.com f t] [kibana accepted https://keep.example.com t t]]")
	keep.Set("grafana-prod", "")
	run(t, env, "activate").want(t, 0)
	called(t, keep, "webhook grafana-prod")
}

// A redirect is not followed: the key stays with its host.
func TestActivateRedirect(t *testing.T) {
	t.Parallel()
	_, env, keep := activatable(t, withWebhooks)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("called %s with key %q", r.URL, r.Header.Get("X-Api-Key"))
	}))
	defer elsewhere.Close()
	keep.Set("grafana-prod", "redirect "+elsewhere.URL+"/login?token=hunter2")
	r := run(t, env, "activate").want(t, 78, "redirects to "+elsewhere.URL+", and the key is not sent there")
	if strings.Contains(r.stderr, "hunter2") {
		t.Error(r.stderr)
	}
	elsewhere.Close()
	env["BOOTSTRAP_KEEP_URL"] = elsewhere.URL // nobody listens there any more, or somebody else
	if r := run(t, env, "activate"); r.exit == 0 {
		t.Error(r.stdout)
	}
}

// Keep goes away between two calls: the run ends, and the next one begins where it has ended.
func TestActivateKeepGoesAway(t *testing.T) {
	t.Parallel()
	d, env, keep := activatable(t, withWebhooks)
	var proxy *httptest.Server
	proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keep.ServeHTTP(w, r)
		if strings.Contains(r.URL.Path, "/webhook/grafana/") {
			proxy.Listener.Close()
		}
	}))
	defer proxy.Close()
	r := run(t, environment{"DATABASE_URL": d.URL, "BOOTSTRAP_KEEP_URL": proxy.URL, "BOOTSTRAP_LOG_FORMAT": "text"}, "activate").want(t, 69, "keep-unavailable: Keep cannot be reached", "connection refused")
	inOrder(t, r.stdout, "installed    grafana-prod", "waiting      kibana", "Webhooks: 1 installed, 1 waiting.\n")
	wantRows(t, d, recorded, "[[grafana-prod installed https://keep.example.com t t]]")
	called(t, keep, "webhook grafana-prod")
	run(t, env, "activate").want(t, 0)
	called(t, keep, "webhook kibana")
}

// --wait waits for a Keep that is still starting: a proxy without it, then a Keep without its database.
func TestActivateWaits(t *testing.T) {
	t.Parallel()
	_, env, keep := activatable(t, withWebhooks)
	var asked atomic.Int32
	starting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := asked.Add(1); {
		case n == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case n == 3:
			w.WriteHeader(http.StatusInternalServerError)
		default:
			keep.ServeHTTP(w, r)
		}
	}))
	defer starting.Close()
	env["BOOTSTRAP_KEEP_URL"] = starting.URL
	run(t, env, "activate", "--wait=1m").want(t, 0, "waiting", "status 503", "/whoami with status 500")
	called(t, keep, "webhook grafana-prod", "webhook kibana")
}

// What Keep rewrites in a secret while it loads a provider neither makes up nor activate do anything again.
func TestActivateRewrittenByKeep(t *testing.T) {
	t.Parallel()
	manifest := `api_keys:
  - {name: ops, role: admin, secret: ops-key}
providers:
  grafana-prod: {type: grafana, install_webhook: true, authentication: {host: "https://grafana.example.com", token: "{{ env.GRAFANA_TOKEN }}"}}
  logs: {type: kibana, install_webhook: true, authentication: {kibana_host: kibana.example.com, api_key: "{{env.KIBANA}}"}}
  vm: {type: victoriametrics, authentication: {VMAlertHost: "{{ env.VM }}"}}
`
	d, env, keep := activatable(t, manifest)
	run(t, env, "activate", "--scopes=vm").want(t, 0)
	called(t, keep, "webhook grafana-prod", "webhook logs", "scopes vm")
	const secrets = "select s.value::json -> 'authentication' ->> k from secret s, unnest(array['token', 'api_key', 'VMAlertHost']) k where s.value like '{%' and s.value::json -> 'authentication' ->> k is not null order by 1"
	const rendered = "[[value of env.GRAFANA_TOKEN] [value of env.KIBANA] [value of env.VM]]"
	wantRows(t, d, secrets, rendered)

	before := pgtest.RowVersions(t, d.Conn(t))
	for _, drift := range []string{"overwrite", "keep", "fail"} {
		if r := run(t, env, "up", "-f", file(t, manifest), "--on-drift", drift).want(t, 0); r.stdout != "No changes.\n" {
			t.Errorf("--on-drift=%s: %s", drift, r.stdout)
		}
	}
	run(t, env, "activate").want(t, 0)
	called(t, keep)
	if pgtest.RowVersions(t, d.Conn(t)) != before {
		t.Error("rows were written")
	}
	if r := run(t, env, "verify").want(t, 0); strings.Contains(r.stdout, "outside of keep-bootstrap since") {
		t.Error(r.stdout)
	}

	// Another field of the same provider leaves the rendered value alone, and another template is written.
	run(t, env, "up", "-f", file(t, strings.Replace(manifest, "type: grafana,", "type: grafana, description: new,", 1)), "--on-drift", "fail").want(t, 0)
	wantRows(t, d, secrets, rendered)
	r := run(t, env, "up", "-f", file(t, strings.Replace(manifest, "GRAFANA_TOKEN", "OTHER", 1)), "--on-drift", "fail").want(t, 0)
	inOrder(t, r.stdout, `"grafana-prod"`, "Applied: 0 added, 1 changed")
	wantRows(t, d, secrets, "[[value of env.KIBANA] [value of env.VM] [{{ env.OTHER }}]]")
	run(t, env, "activate").want(t, 0)
	called(t, keep, "webhook grafana-prod")
}

// Keep is not there, has lost its database, does not know the key, or is that of another tenant.
func TestActivateReadiness(t *testing.T) {
	t.Parallel()
	d, env, keep := activatable(t, withWebhooks)
	with := func(name, value string) environment {
		other := environment{name: value}
		for name, value := range env {
			if _, ok := other[name]; !ok {
				other[name] = value
			}
		}
		return other
	}
	nobody := httptest.NewServer(nil)
	nobody.Close()
	run(t, with("BOOTSTRAP_KEEP_URL", nobody.URL), "activate").want(t, 69, "keep-unavailable: Keep cannot be reached at "+nobody.URL, "connection refused")
	run(t, with("BOOTSTRAP_KEEP_URL", nobody.URL), "activate", "--wait=1s").want(t, 69, "gave up after 1s: Keep cannot be reached")
	run(t, with("KEEP_API_KEY", "wrong-"+canary), "activate").want(t, 78, "keep-refused: Keep does not accept the API key")
	run(t, with("BOOTSTRAP_KEEP_URL", keep.URL+"/v2"), "activate").want(t, 78, "no Keep API at "+keep.URL+"/v2")
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }))
	defer page.Close()
	run(t, with("BOOTSTRAP_KEEP_URL", page.URL), "activate").want(t, 78, "is not Keep's API")

	keep.Broken = true
	run(t, env, "activate").want(t, 69, "keep-unavailable: Keep answers /whoami with status 500")
	keep.Broken = false
	called(t, keep)
	wantRows(t, d, "select count(*) from tenantapikey where reference_id = 'webhook'", "[[0]]")

	d.Exec(t, "insert into tenant (id, name) values ('other', 'o')")
	d.Exec(t, "insert into tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at) select 'other', r, encode(sha256(r::bytea), 'hex'), true, false, 'x', r, now() from unnest(array['admin', 'noc']) r")
	run(t, with("KEEP_API_KEY", "admin"), "activate").want(t, 78, `the API key belongs to tenant "other", not to "keep"`)
	d.Exec(t, "update tenantapikey set tenant_id = 'keep' where role = 'noc'")
	run(t, with("KEEP_API_KEY", "noc"), "activate").want(t, 78, "the role of the API key does not allow this")
	wantRows(t, d, recorded, "[]")

	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte(canary+"-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, with("KEEP_API_KEY", "wrong"), "activate", "--api-key-file", keyFile).want(t, 0)
	if strings.Contains(r.stderr, "managed API key") {
		t.Error(r.stderr)
	}

	// With AUTH_TYPE=noauth Keep takes any key.
	keep.NoAuth = true
	run(t, with("KEEP_API_KEY", "anything"), "activate").want(t, 0)
}

// Keep answers 200 with a key that it refuses itself: it is looked for before the first call, and by verify.
func TestActivateWebhookKey(t *testing.T) {
	t.Parallel()
	d, env, keep := activatable(t, withWebhooks)
	run(t, env, "activate").want(t, 0)
	called(t, keep, "webhook grafana-prod", "webhook kibana")
	for _, test := range []struct{ name, breakIt, mend, stderr, hint string }{
		{"secret and row differ", "update secret set value = 'other' where key = 'keep-webhook'", "update tenantapikey set key_hash = encode(sha256('other'), 'hex') where reference_id = 'webhook'", "its row in table tenantapikey and its secret do not match", "PUT /settings/apikey"},
		{"no secret", "delete from secret where key = 'keep-webhook'", "insert into secret select 'keep-webhook', 'other', now()", "its secret is missing", "PUT /settings/apikey"},
		{"role", "update tenantapikey set role = 'noc' where reference_id = 'webhook'", "update tenantapikey set role = 'webhook' where reference_id = 'webhook'", "may not send alerts", "role webhook"},
		{"deleted", "update tenantapikey set is_deleted = true where reference_id = 'webhook'", "delete from tenantapikey where tenant_id = 'keep' and reference_id = 'webhook' and is_deleted", "is marked deleted", "DELETE FROM tenantapikey WHERE tenant_id = 'keep' AND reference_id = 'webhook' AND is_deleted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d.Exec(t, test.breakIt)
			run(t, env, "activate").want(t, 78, "webhook-key: ", test.stderr, test.hint)
			called(t, keep)
			verify := run(t, env, "verify").want(t, 78, "1 check failed")
			inOrder(t, verify.stdout, "webhook_key", test.stderr, test.hint)
			d.Exec(t, test.mend)
			inOrder(t, run(t, env, "verify").want(t, 0).stdout, "webhook_key")
			run(t, env, "activate").want(t, 0)
			keep.Calls()
			run(t, env, "activate").want(t, 0)
			called(t, keep)
		})
	}
	t.Run("a secret of another tenant's key", func(t *testing.T) {
		d.Exec(t, "delete from tenantapikey where reference_id = 'webhook'")
		d.Exec(t, "insert into tenant (id, name) values ('keep-webhook', 'o')")
		d.Exec(t, "insert into tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at) values ('keep-webhook', '', 'h', true, false, 'x', 'noc', now())")
		before := rows(t, d, "select value from secret where key = 'keep-webhook'")
		run(t, env, "activate").want(t, 0) // 'keep-webhook-' is not 'keep-webhook'
		if rows(t, d, "select value from secret where key = 'keep-webhook'") == before {
			t.Error("the secret of a key that is gone was taken for a new one")
		}
	})
	t.Run("Keep has another database", func(t *testing.T) {
		other, _, _ := activatable(t, withWebhooks)
		stranger := keepapi.New(t, other.URL)
		run(t, environment{"DATABASE_URL": d.URL, "BOOTSTRAP_KEEP_URL": stranger.URL}, "activate").want(t, 78, "Keep gives outside systems another key than this database holds")
	})
}

// verify looks at the key where it may and where Keep has one, and fails for nothing else.
func TestVerifyWebhookKey(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	run(t, env, "migrate").want(t, 0)
	check := func(env environment) (found map[string]any) {
		t.Helper()
		for _, line := range lines(t, run(t, env, "verify", "-o", "json").want(t, 0).stdout) {
			if line["name"] == "webhook_key" {
				found = line
			}
		}
		return found
	}
	if found := check(env); found["ok"] != true || !strings.Contains(fmt.Sprint(found["detail"]), "no API key webhook yet") {
		t.Errorf("%v", found)
	}
	_, auditor := d.Roles(t, pgtest.Login{URL: d.URL})
	if found := check(environment{"DATABASE_URL": auditor.URL}); found != nil {
		t.Errorf("without rights on the table: %v", found)
	}
	d.Exec(t, "drop table tenantapikey")
	if found := check(env); found != nil {
		t.Errorf("without the table: %v", found)
	}
}

func TestActivateLocalAddress(t *testing.T) {
	t.Parallel()
	d, env, keep := activatable(t, withWebhooks)
	for _, address := range []string{"http://localhost:8080", "http://127.0.0.1:8080", "http://0.0.0.0:8080", "http://[::1]:8080", "http://[::ffff:127.0.0.1]", "keep", "http://LOCALHOST.:8080/"} {
		keep.APIURL = address
		run(t, env, "activate").want(t, 78, "an address that they cannot reach", "--allow-local-url")
	}
	called(t, keep)
	wantRows(t, d, recorded, "[]")
	keep.APIURL = "http://localhost:8080/"
	run(t, env, "activate", "--allow-local-url").want(t, 0, "it is local", "ends in a slash", "not https")
	called(t, keep, "webhook grafana-prod", "webhook kibana")
}

// Two runs at once install each webhook once, one call at a time; and an up with something to do waits for the call.
func TestActivateConcurrently(t *testing.T) {
	t.Parallel()
	d, env, keep := activatable(t, withWebhooks)
	keep.Set("grafana-prod", "hang")
	done := make(chan result, 3)
	for range 2 {
		go func() { done <- run(t, env, "activate") }()
	}
	<-keep.Hanging
	go func() { done <- run(t, env, "up", "-f", file(t, strings.Replace(withWebhooks, "8880", "8881", 1))) }()
	pgtest.Until(t, "the other two wait for the lock", func() bool {
		return rows(t, d, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == "[[2]]"
	})
	keep.Release <- struct{}{}
	for range 3 {
		(<-done).want(t, 0)
	}
	calls, most := keep.Calls()
	if len(calls) != 2 || most != 1 {
		t.Errorf("calls %q, %d at once", calls, most)
	}
	wantRows(t, d, "select value like '%8881%' from secret where key like 'keep_victoria%'", "[[t]]")
}

// A run that is interrupted in the middle of a call leaves what was recorded before, and the next one finishes.
func TestActivateInterrupted(t *testing.T) {
	t.Parallel()
	d, env, keep := activatable(t, withWebhooks)
	keep.Set("kibana", "hang")
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-keep.Hanging
		cancel()
	}()
	var stdout, stderr strings.Builder
	exit := cli.Main(ctx, cli.Environment{
		Args: []string{"activate"}, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Version: "test",
		Environ: []string{"DATABASE_URL=" + d.URL, "BOOTSTRAP_KEEP_URL=" + keep.URL, "BOOTSTRAP_LOG_FORMAT=text"},
	})
	if exit != 75 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit code %d\n%s%s", exit, stdout.String(), stderr.String())
	}
	wantRows(t, d, recorded, "[[grafana-prod installed https://keep.example.com t t]]")
	called(t, keep, "webhook grafana-prod", "webhook kibana")
	keep.Set("kibana", "")
	run(t, env, "activate").want(t, 0)
	called(t, keep, "webhook kibana")
}

// The program is killed in the middle of a call: what was answered before stays recorded, the lock is free at once although Keep goes
// on with the call, and the next run asks for what has no answer, once. The webhook key stays the same.
func TestActivateKilled(t *testing.T) {
	t.Parallel()
	d, env, keep := activatable(t, withWebhooks)
	keep.Set("kibana", "hang")
	cmd := command(t, env, "activate")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-keep.Hanging
	wantRows(t, d, "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'keep-bootstrap' and state = 'idle in transaction'", "[[1]]")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("%v\n%s%s", err, stdout.String(), stderr.String())
	}
	called(t, keep, "webhook grafana-prod", "webhook kibana")
	pgtest.Until(t, "the server has ended the session of the program", func() bool {
		return rows(t, d, "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'keep-bootstrap'") == "[[0]]"
	})
	wantRows(t, d, recorded, "[[grafana-prod installed https://keep.example.com t t]]")
	wantRows(t, d, "select name from bootstrap.status() where condition like '%waiting for its webhook'", "[[kibana]]")
	d.Exec(t, "set lock_timeout = '1ms'; select from bootstrap.tenant for update")
	key := rows(t, d, "select key_hash from tenantapikey where reference_id = 'webhook'")

	keep.Set("kibana", "")
	r := execute(t, env, "activate").want(t, 0)
	inOrder(t, r.stdout, "accepted     kibana", "Webhooks: 1 accepted, 1 unchanged.\n")
	called(t, keep, "webhook kibana")
	keep.Release <- struct{}{} // the first call ends in Keep only now
	wantRows(t, d, recorded, "[[grafana-prod installed https://keep.example.com t t] [kibana accepted https://keep.example.com t t]]")
	wantRows(t, d, "select key_hash from tenantapikey where reference_id = 'webhook'", key)
	execute(t, env, "activate").want(t, 0)
	called(t, keep)
}

// Whoever may not become the owner of the schema may not activate, and nothing is called.
func TestActivateAsRunner(t *testing.T) {
	t.Parallel()
	d, env, keep := activatable(t, withWebhooks)
	_, address := d.Role(t, "")
	env["DATABASE_URL"] = address
	run(t, env, "activate").want(t, 77)
	called(t, keep)
}

func TestActivateJSON(t *testing.T) {
	t.Parallel()
	_, env, keep := activatable(t, withWebhooks)
	keep.Set("kibana", "refuse")
	r := run(t, env, "activate", "-o", "json").want(t, 78)
	all := lines(t, r.stdout)
	if got := fmt.Sprint(all[len(all)-1]["webhooks"]); len(all) != 5 || got != "map[installed:1 refused:1]" {
		t.Errorf("%s", r.stdout)
	}
	if all[1]["api_url"] != "https://keep.example.com" || all[2]["state"] != "installed" || all[2]["name"] != "grafana-prod" || all[3]["state"] != "refused" {
		t.Errorf("%s", r.stdout)
	}
}

// Nothing to activate: Keep is not called, and need not be there.
func TestActivateNothing(t *testing.T) {
	t.Parallel()
	_, env, _ := activatable(t, "providers:\n  vm: {type: victoriametrics, authentication: {VMAlertHost: \"http://vm\"}}\n")
	env["BOOTSTRAP_KEEP_URL"] = "http://127.0.0.1:1"
	if r := run(t, env, "activate").want(t, 0); r.stdout != "No managed provider has install_webhook.\n" {
		t.Error(r.stdout)
	}
}

func TestActivateUsage(t *testing.T) {
	t.Parallel()
	env := environment{"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/db", "BOOTSTRAP_LOG_FORMAT": "text"}
	empty := file(t, " \n")
	for _, test := range []struct {
		args   []string
		stderr string
	}{
		{nil, "--keep-url is required"},
		{[]string{"--keep-url", "keep:8080"}, "--keep-url is not the address"},
		{[]string{"--keep-url", "http://u:" + canary + "@keep"}, "--keep-url is not the address"},
		{[]string{"--keep-url", "http://keep", "--timeout", "0s"}, "--timeout"},
		{[]string{"--keep-url", "http://keep", "--api-key-file", "/none"}, "cannot be read"},
		{[]string{"--keep-url", "http://keep", "--api-key-file", empty}, "is empty"},
		{[]string{"--keep-url", "http://keep", "--api-key-file", file(t, "a\nb")}, "not allowed in an HTTP header"},
	} {
		run(t, env, append([]string{"activate"}, test.args...)...).want(t, 64, test.stderr)
	}
}

// Scopes are validated one at a time. What does something in the outside system must be named.
func TestActivateScopes(t *testing.T) {
	t.Parallel()
	const manifest = `api_keys:
  - {name: ops, role: admin, secret: ops-key}
providers:
  dd: {type: datadog, install_webhook: false, authentication: {api_key: ` + canary + `, app_key: ` + canary + `}}
  g1: {type: grafana, install_webhook: false, authentication: {host: "https://a", token: ` + canary + `}}
  g2: {type: grafana, install_webhook: false, authentication: {host: "https://b", token: ` + canary + `}}
  slack: {type: slack, authentication: {webhook_url: "https://hooks"}}
  vm: {type: victoriametrics, authentication: {VMAlertHost: "http://vm", BasicAuthPassword: ` + canary + `}}
`
	d, env, keep := activatable(t, manifest)
	keep.Scopes = map[string]string{
		"g1": `{"alert.rules:read": true, "alert.provisioning:read": true}`,
		"g2": `{"alert.rules:read": true, "alert.provisioning:read": "Missing scope of ` + canary + `", "other": false}`,
		"vm": "raise", "dd": `{"events_read": true}`, "slack": `{}`,
	}
	r := run(t, env, "activate").want(t, 0)
	called(t, keep)
	if r.stdout != "No managed provider has install_webhook.\n" {
		t.Error(r.stdout)
	}

	r = run(t, env, "activate", "--scopes").want(t, 78, "activation-refused: scopes of 2 providers not valid")
	inOrder(t, r.stdout, "skipped      dd (datadog) scopes\n", "creates and deletes a monitor", "--scopes=dd runs it", "valid        g1 (grafana) scopes\n", "invalid      g2 (grafana) scopes\n",
		"alert.provisioning:read: Missing scope of ***\n", "other: false\n", "failed       vm (victoriametrics) scopes: status 500: HTTPConnectionPool", "Scopes: 1 valid, 1 skipped, 1 invalid, 1 failed.\n")
	called(t, keep, "scopes g1", "scopes g2", "scopes vm")
	wantRows(t, d, `select "validatedScopes" from provider where name = 'g1'`, `[[{"alert.rules:read": true, "alert.provisioning:read": true}]]`)

	r = run(t, env, "activate", "--scopes=dd", "--scopes=slack", "-o", "json").want(t, 0)
	called(t, keep, "scopes dd", "scopes slack")
	all := lines(t, r.stdout)
	if got := fmt.Sprint(all[1]["scopes"], all[len(all)-1]["scopes"]); got != "map[events_read:true] map[valid:2]" {
		t.Errorf("%s", r.stdout)
	}
	run(t, env, "activate", "--scopes=none").want(t, 64, `--scopes: not a managed provider: "none"`)

	keep.Scopes["g1"] = "hang"
	r = run(t, env, "activate", "--scopes=g1", "--scopes=g2", "--timeout", "2s").want(t, 75, "1 call not answered")
	inOrder(t, r.stdout, "unknown      g1", "invalid      g2")
	called(t, keep, "scopes g1", "scopes g2")
	keep.ReadOnly = true
	r = run(t, env, "activate", "--scopes").want(t, 78, "this Keep is read-only")
	inOrder(t, r.stdout, "Scopes: 1 skipped, 3 waiting.")
}

// Keep starts and stops consumers only when it starts: what differs from the rows needs a restart.
func TestActivateStatus(t *testing.T) {
	t.Parallel()
	const manifest = `api_keys:
  - {name: ops, role: admin, secret: ops-key}
providers:
  k1: {type: kafka, authentication: {host: "h:9092", topic: t}}
  k2: {type: kafka, authentication: {host: "h:9092", topic: u}}
  vm: {type: victoriametrics, authentication: {VMAlertHost: "http://vm"}}
`
	d, env, keep := activatable(t, manifest)
	ids := map[string]string{}
	for _, row := range pgtest.Table(t, d.Conn(t), "select name, id from provider") {
		ids[row[0]] = row[1]
	}
	keep.Consumers = []string{ids["k1"], ids["k2"]}
	r := run(t, env, "activate", "--status").want(t, 0)
	inOrder(t, r.stdout, "consuming    k1 (kafka): not connected to the queue\n", "consuming    k2", "Consumers: 2 consuming.\n")

	keep.Consumers = []string{ids["k1"], "0123"}
	r = run(t, env, "activate", "--status").want(t, 78, "activation-refused: 2 consumers out of date", "SIGHUP")
	inOrder(t, r.stdout, "consuming    k1", "missing      k2 (kafka)\n", "restart Keep", "stale        provider 0123, which is gone", "Consumers: 1 consuming, 1 missing, 1 stale.\n")
	all := lines(t, run(t, env, "activate", "--status", "-o", "json").want(t, 78).stdout)
	if len(all) != 5 || all[2]["state"] != "missing" || all[3]["id"] != "0123" {
		t.Errorf("%v", all)
	}
	called(t, keep)
	run(t, env, "activate", "--status", "--scopes").want(t, 64)
	keep.Broken = true
	run(t, env, "activate", "--status").want(t, 69)
}

// up --activate does both in a row, and stops after up if that fails.
func TestUpActivate(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	keep := keepapi.New(t, d.URL)
	env := environment{"DATABASE_URL": d.URL, "BOOTSTRAP_KEEP_URL": keep.URL, "BOOTSTRAP_LOG_FORMAT": "text"}
	path := file(t, withWebhooks)
	run(t, environment{"DATABASE_URL": d.URL}, "up", "-f", path, "--activate").want(t, 64, "--keep-url is required")
	run(t, env, "up", "-f", path, "--activate", "-o", "markdown").want(t, 64)
	run(t, env, "up", "--tenant-only", "--activate").want(t, 64)
	wantRows(t, d, "select to_regnamespace('bootstrap') is null", "[[t]]")

	r := run(t, env, "up", "-f", path, "--activate").want(t, 0)
	inOrder(t, r.stdout, "Applied: 4 added", "installed    grafana-prod", "Webhooks: 1 installed, 1 accepted.\n")
	called(t, keep, "webhook grafana-prod", "webhook kibana")
	all := lines(t, run(t, env, "up", "-f", path, "--activate", "-o", "json").want(t, 0).stdout)
	var summaries []any
	for _, line := range all {
		if line["type"] == "summary" {
			summaries = append(summaries, line["command"], line["changed"])
		}
	}
	if got := fmt.Sprint(summaries); got != "[up false activate false]" {
		t.Error(got)
	}
	run(t, env, "up", "-f", file(t, "providers: []"), "--activate").want(t, 78, "KB02")
	called(t, keep)
}
