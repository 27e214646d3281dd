package cli_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"keep-bootstrap/test/kubetest"
	"keep-bootstrap/test/pgtest"
)

// keepWorld is a database of a Keep whose secrets are elsewhere.
type keepWorld struct {
	t      *testing.T
	d      *pgtest.Database
	values map[string]string // what Keep has stored, by key
}

// newKeepWorld has two provisioned providers, a user's, two API keys, one of them deleted, SMTP settings and a workflow's secrets.
func newKeepWorld(t *testing.T) *keepWorld {
	t.Helper()
	w := &keepWorld{t: t, d: pgtest.New(t, pgtest.Migrated), values: map[string]string{}}
	conn := w.d.Conn(t)
	for name, kind := range map[string]string{"grafana-prod": "grafana", "vm": "victoriametrics", "of-user": "grafana"} {
		authentication := `{"host": "https://g.example.com", "token": "` + canary + `"}`
		if kind == "victoriametrics" {
			authentication = `{"VMAlertHost": "http://vm.example.com", "VMAlertPort": 8880, "note": "\u00fc` + canary + `"}`
		}
		pgtest.KeepProvisioned(t, conn, name, kind, authentication)
	}
	w.d.Exec(t, "update provider set provisioned = false, installed_by = 'someone' where name = 'of-user'")
	for _, row := range pgtest.Table(t, conn, "delete from secret returning key, value") {
		w.values[row[0]] = row[1]
	}
	w.apiKey("ci", "ci-"+canary, false)
	w.apiKey("webhook", "webhook-"+canary, false)
	w.apiKey("gone", "gone-"+canary, true)
	w.d.Exec(t, `insert into workflow (id, tenant_id, name, creation_time, is_deleted, revision, workflow_raw) values ('w-1', 'keep', 'nightly', now(), false, 1, '{}')`)
	w.values["keep_w-1_secrets"] = `{"password": "` + canary + `"}`
	w.values["keep_smtp"] = `{"host": "smtp", "password": "` + canary + `"}`
	return w
}

// apiKey writes an API key as Keep does, without its secret.
func (w *keepWorld) apiKey(name, value string, isDeleted bool) {
	w.t.Helper()
	sum := sha256.Sum256([]byte(value))
	w.d.Exec(w.t, `insert into tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at)
		values ('keep', $1, $2, false, $3, 'someone', 'admin', now())`, name, hex.EncodeToString(sum[:]), isDeleted)
	if !isDeleted {
		w.values["keep-"+name] = value
	}
}

// key is the key of a provider.
func (w *keepWorld) key(name string) string {
	w.t.Helper()
	return pgtest.Table(w.t, w.d.Conn(w.t), "select configuration_key from provider where name = $1", name)[0][0]
}

// directory writes the secrets as Keep's FILE secret manager does.
func (w *keepWorld) directory() string {
	w.t.Helper()
	directory := w.t.TempDir()
	for key, value := range w.values {
		if err := os.WriteFile(filepath.Join(directory, key), []byte(value), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return directory
}

// kubernetes stores the secrets as Keep's K8S secret manager does.
func (w *keepWorld) kubernetes() *kubetest.Server {
	w.t.Helper()
	server := kubetest.New(w.t)
	for key, value := range w.values {
		server.Put("keep", strings.ReplaceAll(strings.ToLower(key), "_", "-"), value)
	}
	return server
}

// run runs import-secrets, and looks for the secrets in what it prints.
func (w *keepWorld) run(exit int, env environment, args ...string) result {
	w.t.Helper()
	if env == nil {
		env = environment{}
	}
	env["DATABASE_URL"] = w.d.URL
	r := run(w.t, env, append([]string{"import-secrets"}, args...)...).want(w.t, exit)
	if strings.Contains(r.stdout+r.stderr, canary) {
		w.t.Errorf("%q shows a secret:\n%s%s", args, r.stdout, r.stderr)
	}
	return r
}

// stored are the rows of table secret.
func (w *keepWorld) stored() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	for _, row := range pgtest.Table(w.t, w.d.Conn(w.t), "select key, value from secret") {
		all[row[0]] = row[1]
	}
	return all
}

// wantStored compares table secret with what Keep had, except for the keys that are left out.
func (w *keepWorld) wantStored(without ...string) {
	w.t.Helper()
	stored := w.stored()
	for key, value := range w.values {
		got, ok := stored[key]
		if slices.Contains(without, key) {
			if ok {
				w.t.Errorf("%s was copied", key)
			}
			continue
		}
		if got != value {
			w.t.Errorf("%s is %q, want %q", key, got, value)
		}
		delete(stored, key)
	}
	if len(stored) > 0 {
		w.t.Errorf("nobody knows %v", stored)
	}
}

// secretLines are the lines of -o json, "action kind name", and the summary.
func secretLines(t *testing.T, r result) (all []string, summary map[string]any) {
	t.Helper()
	for _, line := range lines(t, r.stdout) {
		switch line["type"] {
		case "secret":
			kind, _ := line["kind"].(string)
			all = append(all, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", line["action"], kind, line["name"])), " "))
		case "summary":
			summary = line
		}
	}
	slices.Sort(all)
	return all, summary
}

// TestImportSecrets: from both stores everything is copied as it is, once; afterwards up finds nothing to do, and ids are kept.
func TestImportSecrets(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"file", "k8s"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			w := newKeepWorld(t)
			var args []string
			env := environment{}
			if store == "file" {
				args = []string{"--from", "file", "--directory", w.directory()}
			} else {
				server := w.kubernetes()
				server.MostPerPage = 2
				args, env["KUBECONFIG"] = []string{"--from", "k8s"}, server.Kubeconfig(t, "keep")
				defer func() {
					if n := len(server.Requests()); n%4 != 0 { // seven Secrets are four pages
						t.Errorf("%d requests", n)
					}
				}()
			}
			ids := pgtest.Table(t, w.d.Conn(t), "select id, name from provider order by name")

			planned := w.run(0, env, append(args, "--dry-run")...)
			if len(w.stored()) > 0 || !strings.Contains(planned.stdout, "7 to copy.") {
				t.Errorf("a dry run:\n%s\n%v", planned.stdout, w.stored())
			}
			r := w.run(0, env, append(args, "-o", "json")...)
			copied, summary := secretLines(t, r)
			want := []string{
				"add api_key ci", "add api_key webhook", "add provider grafana-prod", "add provider of-user", "add provider vm", "add smtp SMTP settings", "add workflow nightly",
			}
			if !slices.Equal(copied, want) || summary["add"] != 7.0 || summary["changed"] != true || summary["dry_run"] != false {
				t.Errorf("copied %q, want %q\n%v", copied, want, summary)
			}
			w.wantStored()

			before := pgtest.RowVersions(t, w.d.Conn(t))
			if again := w.run(0, env, append(args, "--refresh")...); !strings.Contains(again.stdout, ": 7 unchanged.") {
				t.Errorf("a second run:\n%s", again.stdout)
			}
			manifest := file(t, `providers:
  grafana-prod: {type: grafana, authentication: {host: "https://g.example.com", token: `+canary+`}}
  vm: {type: victoriametrics, authentication: {VMAlertHost: "http://vm.example.com", VMAlertPort: 8880, note: "ü`+canary+`"}}
`)
			plan := run(t, environment{"DATABASE_URL": w.d.URL}, "plan", "-f", manifest, "--detailed-exitcode").want(t, 0)
			if plan.stdout != "No changes.\n" {
				t.Errorf("after the import:\n%s", plan.stdout)
			}
			if after := pgtest.RowVersions(t, w.d.Conn(t)); after != before {
				t.Error("a second run wrote rows")
			}
			if up := run(t, environment{"DATABASE_URL": w.d.URL}, "up", "-f", manifest).want(t, 0); !strings.HasSuffix(up.stdout, "No changes.\n") {
				t.Errorf("up after the import:\n%s", up.stdout)
			}
			w.wantStored()
			wantRows(t, w.d, "select name, origin, condition from bootstrap.status() where kind = 'provider' order by 1",
				"[[grafana-prod bootstrap installed, waiting for its webhook] [of-user user installed] [vm bootstrap installed]]")
			if plan = run(t, environment{"DATABASE_URL": w.d.URL}, "plan", "-f", manifest, "--detailed-exitcode").want(t, 0); plan.stdout != "No changes.\n" {
				t.Errorf("after up:\n%s", plan.stdout)
			}
			if after := pgtest.Table(t, w.d.Conn(t), "select id, name from provider order by name"); fmt.Sprint(after) != fmt.Sprint(ids) {
				t.Errorf("ids %v, were %v", after, ids)
			}
			run(t, environment{"DATABASE_URL": w.d.URL}, "verify").want(t, 0)
		})
	}
}

// TestImportSecretsKeepsRows: a row that exists stays, unless --refresh is given and it differs.
func TestImportSecretsKeepsRows(t *testing.T) {
	t.Parallel()
	w := newKeepWorld(t)
	args := []string{"--from", "file", "--directory", w.directory()}
	newer := `{"authentication": {"host": "https://newer.example.com", "token": "` + canary + `"}, "name": "grafana-prod"}`
	w.d.Exec(t, "insert into secret (key, value, last_updated) values ($1, $2, '2020-01-01'), ($3, $4, '2020-01-01')", w.key("grafana-prod"), newer, w.key("vm"), w.values[w.key("vm")])

	r := w.run(0, nil, args...)
	if !strings.Contains(r.stdout, "5 copied, 1 kept although the store differs, 1 unchanged.") || !strings.Contains(r.stdout, "=  grafana-prod") {
		t.Error(r.stdout)
	}
	if w.stored()[w.key("grafana-prod")] != newer {
		t.Error("a row that existed was overwritten")
	}
	if r = w.run(0, nil, append(args, "--refresh", "--dry-run")...); !strings.Contains(r.stdout, "~  grafana-prod") || !strings.Contains(r.stdout, "1 to overwrite, 6 unchanged.") {
		t.Error(r.stdout)
	}
	w.run(0, nil, append(args, "--refresh")...)
	w.wantStored()
	if rows := pgtest.Table(t, w.d.Conn(t), "select key from secret where last_updated = '2020-01-01'"); len(rows) != 1 || rows[0][0] != w.key("vm") {
		t.Errorf("untouched: %v", rows)
	}
}

// TestImportSecretsReportsBothSides: what is missing or unfit is named, exit code 78, and the rest is copied.
func TestImportSecretsReportsBothSides(t *testing.T) {
	t.Parallel()
	w := newKeepWorld(t)
	conn := w.d.Conn(t)
	for _, name := range []string{"no-json", "no-authentication", "list", "broken-text", "zero", "lost", "pipe", "in-database"} {
		pgtest.KeepProvisioned(t, conn, name, "grafana", `{}`)
	}
	bad := map[string]string{"no-json": canary, "no-authentication": `{"name": "` + canary + `"}`, "list": `{"authentication": ["` + canary + `"]}`, "broken-text": "{\xff" + canary, "zero": "{}\x00" + canary}
	for name, value := range bad {
		w.values[w.key(name)] = value
	}
	w.apiKey("rotated", "rotated-"+canary, false)
	w.values["keep-rotated"] += "\n"
	w.apiKey("x/../../outside", "outside-"+canary, false) // a name may be anything
	delete(w.values, "keep-x/../../outside")
	w.d.Exec(t, "delete from secret where key <> $1", w.key("in-database"))
	delete(w.values, "keep_smtp")
	directory := w.directory()
	for name, value := range map[string]string{"keep_grafana_0123": "{}", "keep-old": canary, "other": canary, "keeper": canary} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(directory), "outside"), []byte("outside-"+canary), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{w.key("pipe"), "keep-x"} {
		if err := os.Mkdir(filepath.Join(directory, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}

	r := w.run(78, nil, "--from", "file", "--directory", directory, "-o", "json")
	got, summary := secretLines(t, r)
	want := []string{
		"add api_key ci", "add api_key webhook", "add provider grafana-prod", "add provider of-user", "add provider vm", "add workflow nightly",
		"refuse api_key x/../../outside", "missing provider lost", "refuse api_key rotated", "refuse provider broken-text", "refuse provider list", "refuse provider no-authentication",
		"refuse provider no-json", "refuse provider pipe", "refuse provider zero", "unchanged provider in-database", "unused keep-old", "unused keep_grafana_0123",
	}
	slices.Sort(want)
	if !slices.Equal(got, want) || summary["missing"] != 1.0 || summary["refuse"] != 8.0 {
		t.Errorf("got %q\nwant %q\n%v", got, want, summary)
	}
	fitsSchema(t, r.stderr)
	var failure map[string]any
	if err := json.Unmarshal([]byte(r.stderr), &failure); err != nil || failure["code"] != "secrets" || !strings.Contains(fmt.Sprint(failure["message"]), "1 missing, 8 refused; the others were copied") {
		t.Errorf("%v %v", failure, err)
	}
	text := w.run(78, nil, "--from", "file", "--directory", directory)
	for _, part := range []string{"?  lost", w.key("lost"), "!  API key rotated", "its SHA-256 digest is another (keep-rotated)", ".  keep-old"} {
		if !strings.Contains(text.stdout, part) {
			t.Errorf("no %q in\n%s", part, text.stdout)
		}
	}
	if rows := pgtest.Table(t, conn, "select count(*) from secret"); rows[0][0] != "7" {
		t.Errorf("%s rows", rows[0][0])
	}

	// A row of the database that Keep could not use is found as well, whatever the store says.
	w.d.Exec(t, "update secret set value = 'x' where key = $1", w.key("vm"))
	if r = w.run(78, nil, "--from", "file", "--directory", directory); !strings.Contains(r.stdout, "!  vm") || !strings.Contains(r.stdout, "the value in the database is not JSON") {
		t.Error(r.stdout)
	}
}

// TestImportSecretsOneName: two keys that Kubernetes stores under one name are refused, both; a single one is not.
func TestImportSecretsOneName(t *testing.T) {
	t.Parallel()
	w := newKeepWorld(t)
	w.apiKey("Build_Bot", "bot-"+canary, false)
	w.apiKey("build-bot", "bot-2-"+canary, false)
	w.apiKey("smtp", "smtp-"+canary, false) // keep-smtp, as the SMTP settings
	w.apiKey("Upper_Case", "upper-"+canary, false)
	server := w.kubernetes()
	env := environment{"KUBECONFIG": server.Kubeconfig(t, "keep")}
	r := w.run(78, env, "--from", "k8s")
	for _, part := range []string{"!  API key Build_Bot", "!  API key build-bot", "!  API key smtp", "!  SMTP settings", "both have that name in Kubernetes", "+  API key Upper_Case"} {
		if !strings.Contains(r.stdout, part) {
			t.Errorf("no %q in\n%s", part, r.stdout)
		}
	}
	w.wantStored("keep-Build_Bot", "keep-build-bot", "keep-smtp", "keep_smtp")

	// Entered by hand, they are no longer in question.
	for _, key := range []string{"keep-Build_Bot", "keep-build-bot", "keep-smtp", "keep_smtp"} {
		w.d.Exec(t, "insert into secret (key, value, last_updated) values ($1, $2, now())", key, w.values[key])
	}
	w.run(0, env, "--from", "k8s")
	w.run(78, env, "--from", "k8s", "--refresh", "--dry-run")
}

// TestImportSecretsKubernetesFailures: each refusal of the API has its exit code and a next step, and nothing is written.
func TestImportSecretsKubernetesFailures(t *testing.T) {
	t.Parallel()
	w := newKeepWorld(t)
	elsewhere := kubetest.New(t)
	answer := func(code int, message string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			kubetest.Fail(w, code, "X", message)
			return true
		}
	}
	for name, test := range map[string]struct {
		change func(*kubetest.Server)
		exit   int
		want   string
	}{
		"401":              {func(s *kubetest.Server) { s.Token = "another" }, 77, "401"},
		"403":              {func(s *kubetest.Server) { s.Verbs = []string{"get"} }, 77, "grant the verb list"},
		"404":              {func(s *kubetest.Server) { s.Answer = answer(404, "not here") }, 65, "404"},
		"410":              {func(s *kubetest.Server) { s.Answer = answer(410, "expired") }, 75, "expired"},
		"429":              {func(s *kubetest.Server) { s.Answer = answer(429, "slow down") }, 75, "slow down"},
		"500":              {func(s *kubetest.Server) { s.Answer = answer(500, "token-of-the-test "+"etcd") }, 75, "(token) etcd"},
		"no JSON":          {func(s *kubetest.Server) { s.Answer = html }, 65, "not a list of Kubernetes Secrets"},
		"redirect":         {func(s *kubetest.Server) { s.Answer = redirect(elsewhere.URL) }, 65, "not followed"},
		"gone":             {func(s *kubetest.Server) { s.Close() }, 69, "connection refused"},
		"page without end": {func(s *kubetest.Server) { s.Answer = endless }, 65, "not a list of Kubernetes Secrets"},
	} {
		t.Run(name, func(t *testing.T) {
			server := w.kubernetes()
			env := environment{"KUBECONFIG": server.Kubeconfig(t, "keep")}
			test.change(server)
			r := w.run(test.exit, env, "--from", "k8s")
			if !strings.Contains(r.stderr, test.want) || strings.Contains(r.stdout+r.stderr, "token-of-the-test") {
				t.Errorf("no %q in\n%s", test.want, r.stderr)
			}
		})
	}
	if len(w.stored()) > 0 {
		t.Errorf("written: %v", w.stored())
	}
	if sent := elsewhere.Requests(); len(sent) > 0 {
		t.Errorf("a redirect was followed: %q", sent)
	}

	// A list that expires once is begun again.
	server := w.kubernetes()
	server.MostPerPage = 3
	expired := false
	server.Answer = func(w http.ResponseWriter, r *http.Request) bool {
		if expired || r.URL.Query().Get("continue") == "" {
			return false
		}
		expired = true
		kubetest.Fail(w, http.StatusGone, "Expired", "The provided continue parameter is too old")
		return true
	}
	w.run(0, environment{"KUBECONFIG": server.Kubeconfig(t, "keep")}, "--from", "k8s")
	w.wantStored()
}

func html(w http.ResponseWriter, _ *http.Request) bool {
	fmt.Fprint(w, "<html>please log in</html>")
	return true
}

func redirect(to string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, to+r.URL.RequestURI(), http.StatusTemporaryRedirect)
		return true
	}
}

func endless(w http.ResponseWriter, _ *http.Request) bool {
	fmt.Fprint(w, `{"kind": "SecretList", "metadata": {"continue": "same"}, "items": []}`)
	return true
}

// TestImportSecretsNamespace: which namespace is read, and that other Secrets in it are left alone.
func TestImportSecretsNamespace(t *testing.T) {
	t.Parallel()
	w := newKeepWorld(t)
	server := w.kubernetes()
	server.Secrets["keep"]["keep-providers"] = kubetest.Secret{Data: map[string]string{"KEEP_PROVIDERS": canary}}
	server.Secrets["keep"]["sh.helm.release.v1.keep.v1"] = kubetest.Secret{Type: "helm.sh/release.v1", Data: map[string]string{"value": canary}}
	server.Put("keep", "keep-old", canary)
	kubeconfig := server.Kubeconfig(t, "nothing-here")
	r := w.run(78, environment{"KUBECONFIG": kubeconfig}, "--from", "k8s", "--dry-run")
	if !strings.Contains(r.stdout, "namespace nothing-here of ") || !strings.Contains(r.stdout, "5 missing.") {
		t.Error(r.stdout)
	}
	w.run(0, environment{"KUBECONFIG": kubeconfig, "K8S_NAMESPACE": "keep"}, "--from", "k8s", "--dry-run")
	w.run(0, environment{"KUBECONFIG": "/nowhere", "BOOTSTRAP_KUBECONFIG": kubeconfig, "BOOTSTRAP_FROM": "K8S", "BOOTSTRAP_DRY_RUN": "1", "K8S_NAMESPACE": "x"}, "--namespace", "keep")
	r = w.run(0, environment{"KUBECONFIG": kubeconfig}, "--from", "k8s", "--namespace", "keep", "-o", "json")
	if got, summary := secretLines(t, r); summary["unused"] != 1.0 || !slices.Contains(got, "unused keep-old") {
		t.Errorf("%q %v", got, summary)
	}
	w.wantStored()
}

// TestImportSecretsUsage: mistakes in flags are found before a database or a store is touched.
func TestImportSecretsUsage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		exit int
		want string
		env  environment
		args []string
	}{
		{64, "--from is required", nil, nil},
		{64, "must be k8s or file", nil, []string{"--from", "vault"}},
		{64, "needs --directory", nil, []string{"--from", "file"}},
		{64, "--namespace cannot be combined with --from file", nil, []string{"--from", "file", "--directory", "/x", "--namespace", "y"}},
		{64, "--directory cannot be combined with --from k8s", nil, []string{"--from", "k8s", "--directory", "/x"}},
		{64, "no kubeconfig is given", nil, []string{"--from", "k8s"}},
		{65, "no usable service account", environment{"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}, []string{"--from", "k8s"}},
		{65, "cannot be read", nil, []string{"--from", "k8s", "--kubeconfig", "/nowhere"}},
	} {
		env := environment{"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
		for name, value := range test.env {
			env[name] = value
		}
		run(t, env, append([]string{"import-secrets"}, test.args...)...).want(t, test.exit, test.want)
	}
	d := pgtest.New(t, pgtest.Migrated)
	run(t, environment{"DATABASE_URL": d.URL}, "import-secrets", "--from", "file", "--directory", "/nowhere").want(t, 65, "cannot be read")
	r := run(t, environment{"DATABASE_URL": d.URL, "SECRET_MANAGER_DIRECTORY": t.TempDir()}, "import-secrets", "--from", "FILE").want(t, 0)
	if !strings.Contains(r.stdout, "tenant keep references no secrets") {
		t.Error(r.stdout)
	}
	empty := pgtest.New(t, pgtest.Keep(newestKeep))
	run(t, environment{"DATABASE_URL": empty.URL}, "import-secrets", "--from", "file", "--directory", t.TempDir()).want(t, 69, "no-schema")
	none := pgtest.New(t, pgtest.Empty)
	run(t, environment{"DATABASE_URL": none.URL}, "migrate").want(t, 0)
	run(t, environment{"DATABASE_URL": none.URL}, "import-secrets", "--from", "file", "--directory", t.TempDir()).want(t, 69, "KB010")
}

// TestImportSecretsTrust: a table of Keep's that another role could run code with is not read, and a row that another tenant names
// is not written.
func TestImportSecretsTrust(t *testing.T) {
	t.Parallel()
	w := newKeepWorld(t)
	directory := w.directory()
	role, _ := w.d.Role(t, "")
	w.d.Exec(t, "grant trigger on secret to "+role)
	w.run(78, nil, "--from", "file", "--directory", directory).want(t, 78, "KB013")
	w.d.Exec(t, "revoke trigger on secret from "+role)

	_, other := w.d.Role(t, "")
	w.d.Exec(t, "grant usage on schema bootstrap to public")
	r := run(t, environment{"DATABASE_URL": other}, "import-secrets", "--from", "file", "--directory", directory).want(t, 77, "42501")
	if strings.Contains(r.stdout+r.stderr, canary) {
		t.Error(r.stderr)
	}
	if len(w.stored()) > 0 {
		t.Errorf("written: %v", w.stored())
	}

	w.d.Exec(t, "insert into tenant (id, name) values ('keep-ci', 'Other')")
	w.d.Exec(t, `insert into tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at)
		values ('keep-ci', 'x', 'h', false, false, 'x', 'admin', now())`)
	w.apiKey("ci-x", "shared-"+canary, false)
	if r := w.run(78, nil, "--from", "file", "--directory", w.directory()); !strings.Contains(r.stdout, "!  API key ci-x  another tenant uses the same key") {
		t.Error(r.stdout)
	}
	w.wantStored("keep-ci-x")
}

// TestImportSecretsForeignCode: a trigger or constraint that refuses a row is named, and the value is neither in the error nor in the
// server's log.
func TestImportSecretsForeignCode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ sql, want string }{
		"check":   {"alter table secret add constraint short check (length(value) < 5)", "constraint short of table secret is violated"},
		"trigger": {"create function f() returns trigger language plpgsql as $$ begin raise exception 'bad %', new.value; end $$; create trigger g before insert on secret for each row execute function f()", "by trigger g of public.secret"},
		"deferred": {"create function f() returns trigger language plpgsql as $$ begin raise exception 'bad %', new.value; end $$; " +
			"create constraint trigger g after insert on secret deferrable initially deferred for each row execute function f()", "by trigger g of public.secret"},
		"skips":   {"create function f() returns trigger language plpgsql as $$ begin return null; end $$; create trigger g before insert on secret for each row execute function f()", "KB041"},
		"changes": {"create function f() returns trigger language plpgsql as $$ begin new.value := 'x'; return new; end $$; create trigger g before insert on secret for each row execute function f()", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newKeepWorld(t)
			w.d.Exec(t, test.sql)
			r := w.run(map[bool]int{true: 78, false: 1}[name == "skips" || name == "changes"], nil, "--from", "file", "--directory", w.directory())
			if !strings.Contains(r.stderr, test.want) {
				t.Errorf("no %q in\n%s", test.want, r.stderr)
			}
			if name != "changes" && len(w.stored()) > 0 {
				t.Errorf("written: %v", w.stored())
			}
		})
	}
}

// TestImportSecretsAtOnce: runs at the same time, and one beside up, end well: everything is there once.
func TestImportSecretsAtOnce(t *testing.T) {
	t.Parallel()
	w := newKeepWorld(t)
	directory := w.directory()
	results := make(chan result, 4)
	for range cap(results) {
		go func() {
			results <- run(t, environment{"DATABASE_URL": w.d.URL}, "import-secrets", "--from", "file", "--directory", directory)
		}()
	}
	for range cap(results) {
		if r := <-results; r.exit != 0 {
			t.Errorf("%d\n%s%s", r.exit, r.stdout, r.stderr)
		}
	}
	w.wantStored()

	// A row that another transaction is about to write is waited for, and then kept.
	w.d.Exec(t, "delete from secret where key = 'keep-ci'")
	tx, err := w.d.Conn(t).Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(context.Background(), "insert into secret (key, value, last_updated) values ('keep-ci', $1, now())", w.values["keep-ci"]); err != nil {
		t.Fatal(err)
	}
	go func() {
		results <- run(t, environment{"DATABASE_URL": w.d.URL}, "import-secrets", "--from", "file", "--directory", directory)
	}()
	pgtest.Until(t, "the run waits", func() bool {
		return len(pgtest.Table(t, w.d.Conn(t), "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")) > 0
	})
	if err := tx.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	if r := <-results; r.exit != 0 || !strings.Contains(r.stdout, ": 7 unchanged.") {
		t.Errorf("%d\n%s%s", r.exit, r.stdout, r.stderr)
	}
}

// TestImportSecretsLeaveNoTrace: no secret of the store, and no credential for it, is in an output, in the server's log or statistics.
func TestImportSecretsLeaveNoTrace(t *testing.T) {
	t.Parallel()
	w := newSecretsWorld(t)
	_, start := w.log(0)
	stop := w.watch()
	w.program(0, nil, "", "migrate")
	conn := w.d.Conn(t)
	directory, server := t.TempDir(), kubetest.New(t)
	server.Token = w.canaries.at("token of Kubernetes")
	var broken atomic.Bool
	server.Answer = func(rw http.ResponseWriter, _ *http.Request) bool {
		if broken.Load() {
			kubetest.Fail(rw, 500, "InternalError", "the token "+server.Token)
		}
		return broken.Load()
	}
	store := func(name, place string, form string) {
		id := pgtest.KeepProvisioned(t, conn, name, "grafana", "{}")
		value := fmt.Sprintf(form, w.canaries.at(place))
		if err := os.WriteFile(filepath.Join(directory, "keep_grafana_"+id), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		server.Put("keep", "keep-grafana-"+id, value)
	}
	const good = `{"authentication": {"host": "https://g", "token": "%s"}, "name": "g"}`
	store("good", "good secret", good)
	store("no json", "no json", "%s")
	store("no authentication", "no authentication", `{"token": "%s"}`)
	store("bytes", "bytes", "%s\xff")
	w.apiKeyOfAnother("ci", directory, server)
	file := []string{"import-secrets", "--from", "file", "--directory", directory}
	kubeconfig := environment{"KUBECONFIG": server.Kubeconfig(t, "keep")}
	k8s := []string{"import-secrets", "--from", "k8s"}

	w.d.Exec(t, "delete from secret")
	w.program(78, nil, "", append(file, "--dry-run")...)
	owner := must(url.Parse(w.owner)).User.Username()
	for i, hindrance := range []struct {
		exit       int
		make, mend string
	}{
		{1, "create function spoil() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$; create trigger spoil before insert on bootstrap.staging for each row execute function spoil()", "drop function spoil cascade"},
		{1, "alter table secret add constraint spoil check (length(value) < 5)", "alter table secret drop constraint spoil"},
		{78, "create function spoil() returns trigger language plpgsql as $$ begin new.value := 'x'; return new; end $$; create trigger spoil before insert on secret for each row execute function spoil()", "drop function spoil cascade"},
		{1, "create function spoil() returns trigger language plpgsql as $$ begin raise exception 'no: %%', new.value; end $$; create trigger spoil before insert on secret for each row execute function spoil()", "drop function spoil cascade"},
		{1, "create function spoil() returns trigger language plpgsql as $$ begin raise exception 'no: %%', new.value; end $$; create constraint trigger spoil after insert on secret deferrable initially deferred for each row execute function spoil()", "drop function spoil cascade"},
		{1, "create function spoil() returns trigger language plpgsql as $$ begin perform new.value::integer; return new; end $$; create trigger spoil before insert on secret for each row execute function spoil()", "drop function spoil cascade"},
		{77, "revoke insert on secret from %[1]s", "grant all on secret to %[1]s"},
	} {
		w.d.Exec(t, strings.NewReplacer("%[1]s", owner, "%%", "%").Replace(hindrance.make))
		if i%2 == 0 {
			w.program(hindrance.exit, nil, "", append(file, "-o", "json")...)
		} else {
			w.program(hindrance.exit, kubeconfig, "", k8s...)
		}
		w.d.Exec(t, strings.ReplaceAll(hindrance.mend, "%[1]s", owner))
		if rows := pgtest.Table(t, conn, "select key from secret"); len(rows) > 0 {
			t.Errorf("%s: written: %v", hindrance.make, rows)
		}
	}
	w.program(78, kubeconfig, "", k8s...)
	for _, args := range [][]string{{"-o", "json"}, {"--refresh"}, {"--refresh", "--dry-run", "-o", "json"}} {
		w.program(78, nil, "", append(file, args...)...)
	}
	broken.Store(true)
	w.program(75, kubeconfig, "", k8s...)
	noYAML := w.file("kubeconfig", "users: ["+server.Token+"]\nclusters: "+server.Token+"\n")
	w.program(65, environment{"KUBECONFIG": noYAML}, "", k8s...)

	t.Logf("%d samples", stop())
	w.stored()
	text, _ := w.log(start)
	w.note("log", text)
	for where, text := range w.seen {
		for _, found := range w.canaries.found(text.String()) {
			t.Errorf("in %s: %s", where, found)
		}
	}
	if rows := pgtest.Table(t, conn, "select count(*) from secret where value like '%CANARYGOODSECRET%'"); rows[0][0] != "1" {
		t.Error("the good secret was not copied")
	}
}

// apiKeyOfAnother writes an API key whose value in the stores is not its own.
func (w *secretsWorld) apiKeyOfAnother(name, directory string, server *kubetest.Server) {
	w.t.Helper()
	w.d.Exec(w.t, `insert into tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at)
		values ('keep', $1, 'hash', false, false, 'someone', 'admin', now())`, name)
	value := w.canaries.at("API key")
	if err := os.WriteFile(filepath.Join(directory, "keep-"+name), []byte(value), 0o600); err != nil {
		w.t.Fatal(err)
	}
	server.Put("keep", "keep-"+name, value)
}
