package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/export"
	"keep-bootstrap/test/pgtest"
)

// awkward are texts that YAML, or this program, could take for something else.
var awkward = []string{
	"no", "012", "1e3", "", "trailing  ", " leading", `it's "quoted"`, "two\nlines\n", "a\r\nb\tc", "Grüße 日本 🙂", "{{ env.X }}", "{{ x }}",
	"$(X)", "$$(X)", "$(env:HOME)", "null", "~", "12:30", "2024-01-02", "- a", "a: b #c", "=", "<<", "\u2028", "*x", "!x", "%x", "@x", "key: |\n  a\n b",
}

// awkwardManifest is a manifest in Keep's own JSON form with the awkward texts as names and values.
func awkwardManifest(t testing.TB) (text string, env environment) {
	t.Helper()
	env = environment{}
	providers := map[string]any{}
	for i, text := range awkward {
		// Through a variable, a text is taken as it is, except for one line end; an empty one is written out.
		variable := fmt.Sprintf("TEXT_%d", i)
		reference := "$(" + variable + ")"
		if env[variable] = text; strings.HasSuffix(text, "\n") {
			env[variable] += "\n"
		} else if text == "" {
			reference = ""
		}
		name := "name " + text
		if i%2 == 0 && text != "" && !strings.HasPrefix(text, "$(") {
			name = text
		}
		providers[name] = map[string]any{
			"type": "grafana", "install_webhook": i%3 == 0, "pulling_enabled": i%4 != 0, "description": reference, "prevent_delete": i%5 == 0,
			"authentication": map[string]any{
				"host": "https://" + fmt.Sprint(i) + ".example.com", "token": reference, "datasource_uid": reference, "own": map[string]any{
					text + "k": []any{reference, 1, json.RawMessage("12345678901234567890"), json.RawMessage("1.5"), json.RawMessage("1e3"), true, nil}, "password": canary,
				},
			},
		}
	}
	providers["gcp"] = map[string]any{
		"type": "prometheus", "authentication": map[string]any{"url": "https://user:" + canary + "@p", "password": canary},
		"deduplication_rules": map[string]any{
			"no":    map[string]any{"description": "$(TEXT_0)", "fingerprint_fields": []string{"$(TEXT_1)", "b"}, "full_deduplication": true, "priority": 3},
			"plain": map[string]any{"fingerprint_fields": []string{"name"}},
		},
	}
	object, err := json.Marshal(providers)
	if err != nil {
		t.Fatal(err)
	}
	return string(object), env
}

// copied is an environment with more in it.
func copied(env environment, more environment) environment {
	all := environment{}
	for _, set := range []environment{env, more} {
		for name, value := range set {
			all[name] = value
		}
	}
	return all
}

func TestExport(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	database := environment{"DATABASE_URL": d.URL}
	manifest, variables := awkwardManifest(t)
	run(t, copied(database, copied(variables, environment{"KEEP_PROVIDERS": manifest})), "up").want(t, 0)
	user := rows(t, d, `insert into provider (id, tenant_id, name, description, type, installed_by, installation_time, configuration_key, "validatedScopes", consumer, pulling_enabled, last_pull_time, provisioned, provider_metadata)
		select 'user', tenant_id, 'user', description, type, installed_by, installation_time, 'user', "validatedScopes", consumer, pulling_enabled, last_pull_time, false, provider_metadata from provider limit 1 returning id`)
	if user != "[[user]]" {
		t.Fatal(user)
	}

	d.Exec(t, `insert into secret (key, value, last_updated) values ('user', '{"authentication": {}, "name": "user"}', now())`)

	exported := run(t, database, "export", "--log-format", "text").want(t, 0, "set these variables before using the export")
	if strings.Contains(exported.stdout, "name: user\n") {
		t.Error("a user's provider is exported")
	}
	if strings.Contains(exported.stderr, "warn") {
		t.Error(exported.stderr)
	}
	names := regexp.MustCompile(`(?m)^#   ([A-Z0-9_]+)$`).FindAllStringSubmatch(exported.stdout, -1)
	if len(names) < len(awkward) {
		t.Fatalf("%d variables\n%s", len(names), exported.stdout)
	}
	for _, name := range names {
		if !strings.Contains(exported.stderr, name[1]) {
			t.Errorf("%s is not in the log", name[1])
		}
	}

	path := filepath.Join(t.TempDir(), "with secrets.yaml")
	run(t, database, "export", "--with-secrets", "--out", path).want(t, 0)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	withSecrets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(withSecrets), canary) {
		t.Error("--with-secrets writes none")
	}
	env := copied(database, valuesOf(t, d, exported.stdout))
	for name, test := range map[string]struct {
		env  environment
		file string
	}{
		"with references": {env, file(t, exported.stdout)},
		"with secrets":    {env, path},
	} {
		plan := run(t, test.env, "plan", "-f", test.file, "--detailed-exitcode").want(t, 0)
		if !strings.HasSuffix(plan.stdout, "No changes.\n") {
			t.Errorf("%s:\n%s", name, plan.stdout)
		}
	}
}

// valuesOf are the variables that an export of the database refers to, with their values.
func valuesOf(t testing.TB, d *pgtest.Database, exported string) environment {
	t.Helper()
	rows, err := db.New(d.Conn(t)).Export(context.Background(), db.ExportParams{TenantID: "keep"})
	if err != nil {
		t.Fatal(err)
	}
	result, err := export.All(rows, false)
	if err != nil {
		t.Fatal(err)
	}
	if string(result.Text) != exported {
		t.Errorf("printed:\n%s\nmade:\n%s", exported, result.Text)
	}
	env := environment{}
	for _, v := range result.Variables {
		env[v.Name] = v.Value
	}
	return env
}

func TestExportRefuses(t *testing.T) {
	t.Parallel()
	d, env := installed(t)
	path := file(t, "mine")
	run(t, env, "export", "--with-secrets", "--log-format", "text").want(t, 64, "--out")
	run(t, env, "export", "--with-secrets", "--out", path, "--log-format", "text").want(t, 64, "already")
	run(t, env, "export", "--out", path, "--log-format", "text").want(t, 64, "already")
	if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
		t.Errorf("%s %v", text, err)
	}
	run(t, env, "export", "--out", filepath.Join(t.TempDir(), "none", "x"), "--log-format", "text").want(t, 64, "cannot write the export")
	out := filepath.Join(t.TempDir(), "x.yaml")
	last := lines(t, run(t, env, "export", "--out", out, "-o", "json").want(t, 0).stdout)[1]
	if last["providers"] != 2.0 || last["variables"] != 1.0 {
		t.Errorf("%v", last)
	}
	run(t, copied(env, environment{"GRAFANA_PROD_TOKEN": canary}), "plan", "-f", out, "--detailed-exitcode").want(t, 0)
	if got := run(t, env, "export", "--tenant", "other").want(t, 0).stdout; got != "providers: []\n" {
		t.Error(got)
	}
	role, address := d.Role(t, "")
	d.Exec(t, "grant usage on schema bootstrap to "+role)
	run(t, environment{"DATABASE_URL": address}, "export").want(t, 77)
}
