package cli_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"

	"keep-bootstrap/test/pgtest"
)

const threeMistakes = `providers:
  - name: a
    type: grafanaa
  - name: b
    type: victoriametrics
    authentication:
      VMAlertHst: ` + canary + `
      VMAlertPort: "70000"
      other: ` + canary + `
`

func TestValidate(t *testing.T) {
	t.Parallel()
	text := []string{"--log-format", "text"}
	good, bad := file(t, twoProviders), file(t, threeMistakes)
	validate := func(env environment, args ...string) result {
		return run(t, env, append(append([]string{"validate"}, text...), args...)...)
	}
	if r := validate(nil, "-f", good).want(t, 0); r.stdout != "valid: 2 providers in 1 source\n" || r.stderr != "" {
		t.Errorf("%q %q", r.stdout, r.stderr)
	}
	validate(nil, good, "-f", good).want(t, 65, `duplicate name "vm", already used`)
	validate(nil).want(t, 64, "no-source")
	validate(environment{"KEEP_PROVIDERS": `{"a": {"type": "http"}}`}).want(t, 0)
	validate(environment{"BOOTSTRAP_FILE": bad}).want(t, 65)
	validate(nil, "/nonexistent.yaml").want(t, 65, "no such file")

	r := validate(nil, "-f", bad).want(t, 65)
	for i, want := range []string{
		`warning: ` + bad + `:9:7: provider "b": has the authentication field "other", which Keep ignores (`,
		bad + `:3:11: provider "a": has the type "grafanaa", which Keep does not know: did you mean "grafana"? (`,
		bad + `:7:7: provider "b": has the authentication field "VMAlertHst", which Keep ignores: did you mean "VMAlertHost"? (`,
		bad + `:8:20: provider "b": has the authentication field "VMAlertPort", which must be a port number from 1 to 65535 (`,
		`error: input: the input has 3 problems`,
	} {
		if line := strings.Split(r.stderr, "\n")[i]; !strings.HasPrefix(line, want) {
			t.Errorf("line %d is\n%s, want\n%s", i, line, want)
		}
	}
	validate(nil, "-f", bad, "--strict").want(t, 65, "4 problems")
	validate(nil, "-f", bad, "--allow-unknown-types").want(t, 65, "2 problems")

	referring := file(t, "providers:\n  a: {type: prometheus, install_webhook: $(X), authentication: {url: $(URL), password: '$(file:/none)', verify: '$(env:V)'}}\n")
	validate(nil, "-f", referring).want(t, 65, "4 problems", "X", "URL", "/none", `"V"`)
	validate(nil, "-f", referring, "--skip-references").want(t, 0)
}

func TestValidateJSON(t *testing.T) {
	t.Parallel()
	r := run(t, nil, "validate", "-o", "json", "-f", file(t, threeMistakes)).want(t, 65, `"exit_code":65`)
	all := lines(t, r.stdout)
	if len(all) != 6 {
		t.Fatalf("%d lines: %s", len(all), r.stdout)
	}
	for i, want := range []string{"version", "problem", "problem", "problem", "warning", "summary"} {
		if all[i]["type"] != want {
			t.Errorf("line %d is %v, want a %s", i, all[i], want)
		}
	}
	if last := all[5]; last["valid"] != false || last["problems"] != 3.0 || last["warnings"] != 1.0 {
		t.Errorf("%v", last)
	}
	if first := all[1]; first["code"] != "type" || first["line"] != 3.0 || first["column"] != 11.0 || first["provider"] != "a" {
		t.Errorf("%v", first)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	table := run(t, nil, "types").want(t, 0).stdout
	inOrder(t, table, "TYPE", "checkmk", "cannot be installed", "grafana ", "Grafana", "host, token", "webhook", "kafka", "consumer")
	if n := strings.Count(table, "\n"); n != 127 {
		t.Errorf("%d lines", n)
	}
	inOrder(t, run(t, nil, "types", "clickhouse").want(t, 0).stdout,
		"FIELD", "host", "required", "no_scheme_url", "a host", "port", "required", "protocol", "enum", `"clickhouse"`, `one of "clickhouse", "clickhouses", "http", "https"`, "boolean", "true")
	inOrder(t, run(t, nil, "types", "datadog").want(t, 0).stdout, "api_key and app_key; oauth_token", "FIELD")
	inOrder(t, run(t, nil, "types", "http").want(t, 0).stdout, "no authentication fields")
	run(t, nil, "types", "Grafana-Loki", "--log-format", "text").want(t, 64, `did you mean "grafana_loki"?`)
	run(t, nil, "types", "a", "b").want(t, 64)
	if all := lines(t, run(t, nil, "types", "-o", "json").want(t, 0).stdout); len(all) != 127 {
		t.Errorf("%d lines", len(all))
	}
	one := lines(t, run(t, nil, "types", "slack", "-o", "json").want(t, 0).stdout)
	if len(one) != 2 || one[1]["name"] != "slack" || len(one[1]["one_of"].([]any)) != 2 {
		t.Errorf("%v", one)
	}
}

// TestCatalogueFile: the example of docs/validate.md extends the catalogue.
func TestCatalogueFile(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/validate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	text, _, found := strings.Cut(rest, "```")
	path := filepath.Join(t.TempDir(), "catalogue.json")
	if err := os.WriteFile(path, []byte(text), 0o600); !found || err != nil {
		t.Fatal(err)
	}
	inOrder(t, run(t, nil, "types", "acme", "--catalogue", path).want(t, 0).stdout, "acme", "token; password", "mode", "url")
	acme := file(t, "providers:\n  a: {type: acme, authentication: {url: https://a, token: "+canary+"}}\n")
	run(t, nil, "validate", "-f", acme).want(t, 65, "acme")
	run(t, nil, "validate", "-f", acme, "--catalogue", path).want(t, 0)
	run(t, nil, "validate", "-f", file(t, "providers:\n  a: {type: acme, authentication: {url: a}}\n"), "--catalogue", path).want(t, 65, "2 problems")
	run(t, nil, "validate", "-f", acme, "--catalogue", "/nonexistent").want(t, 64, "--catalogue")
	run(t, nil, "validate", "-f", acme, "--catalogue", acme).want(t, 64, "not a catalogue of types")

	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	run(t, env, "up", "-f", acme, "--catalogue", path).want(t, 0)
	run(t, env, "up", "-f", acme).want(t, 65)
}

// reference is a variable that an example names.
var reference = regexp.MustCompile(`\$\(([A-Z_]+)\)`)

// TestExampleTypes: each example is valid, can be planned and installed, and its references are resolved.
func TestExampleTypes(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	env := environment{"DATABASE_URL": d.URL}
	examples, err := filepath.Glob("../../examples/types/*.yaml")
	if err != nil || len(examples) < 12 {
		t.Fatalf("%d examples, %v", len(examples), err)
	}
	secrets := map[string]string{} // of the example by its file
	for _, path := range examples {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			found := reference.FindStringSubmatch(line)
			if found == nil || strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			value := canary + " $(" + found[1] + ") \"{{ \\ é"
			if strings.HasSuffix(found[1], "_URL") {
				value = "https://hooks.example.com/" + canary
			}
			env[found[1]], secrets[path] = value, found[1]
		}
	}
	run(t, env, "migrate").want(t, 0)
	for _, path := range examples {
		run(t, nil, "validate", "--skip-references", "--strict", "-f", path).want(t, 0)
		run(t, env, "validate", "--strict", "-f", path).want(t, 0)
		inOrder(t, run(t, env, "plan", "-f", path).want(t, 0).stdout, "+  ")
	}
	run(t, env, "up", "--strict", "-f", "../../examples/types").want(t, 0)
	run(t, env, "plan", "-f", "../../examples/types", "--detailed-exitcode").want(t, 0)
	conn := d.Conn(t)
	for _, path := range examples {
		typeName := strings.TrimSuffix(filepath.Base(path), ".yaml")
		stored := pgtest.Table(t, conn, `select exists (select from json_each_text(s.value::json -> 'authentication') where value = $2)
			from provider p join secret s on s.key = p.configuration_key where p.type = $1`, typeName, env[secrets[path]])
		if len(stored) != 1 || secrets[path] != "" && stored[0][0] != "t" {
			t.Errorf("%s: the secret holds %s: %v", typeName, secrets[path], stored)
		}
	}
}

// TestPreCommitHook runs the hook as pre-commit does: its entry with the names of files behind it.
func TestPreCommitHook(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../.pre-commit-hooks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var hooks []struct{ ID, Entry, Language, Files string }
	if err := yaml.Unmarshal(text, &hooks); err != nil || len(hooks) != 1 || hooks[0].ID != "keep-bootstrap-validate" || hooks[0].Language != "golang" {
		t.Fatalf("%v %v", hooks, err)
	}
	hook := hooks[0]
	files := regexp.MustCompile(hook.Files)
	for path, checked := range map[string]bool{
		"keep/providers.yaml": true, "deploy/keep/providers/a/b.yml": true, "keep/providers.json": true, "providers.yaml": false, "keep/workflows/a.yaml": false,
	} {
		if files.MatchString(path) != checked {
			t.Errorf("%s: checked is not %t", path, checked)
		}
	}
	words := strings.Fields(hook.Entry)
	if words[0] != "bootstrap" {
		t.Fatalf("entry %s", hook.Entry)
	}
	examples, err := filepath.Glob("../../examples/types/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, nil, slices.Concat(words[1:], examples)...).want(t, 0)
	execute(t, nil, slices.Concat(words[1:], examples, []string{file(t, threeMistakes)})...).want(t, 65, "did you mean")
	execute(t, nil, slices.Concat(words[1:], []string{"-f", "../../examples/types"})...).want(t, 0)
	if r := execute(t, maps.Clone(environment{}), slices.Concat(words[1:], examples)...); strings.Contains(r.stderr, "{") {
		t.Errorf("not text: %s", r.stderr)
	}
}

// TestFieldsAreChecked: what the fields of authentication may hold is checked here, by validate as by up, before the database is touched.
func TestFieldsAreChecked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ provider, refused string }{
		{`{type: datadog, authentication: {api_key: a, app_key: b, domain: "http://` + canary + `"}}`, `"domain", which must be a URL that begins with https://`},
		{`{type: clickhouse, authentication: {host: h, port: 1, username: u, password: p, protocol: ` + canary + `}}`, `"protocol", which must be one of "clickhouse", "clickhouses", "http", "https"`},
		{`{type: clickhouse, authentication: {host: h, port: 70000, username: u, password: p}}`, `"port", which must be a port number from 1 to 65535`},
		{`{type: cilium, authentication: {cilium_base_endpoint: h, use_tls: ` + canary + `}}`, `"use_tls", which must be true or false`},
		{`{type: mysql, authentication: {host: h, username: u, password: p, port: ` + canary + `}}`, `"port", which must be a whole number`},
		{`{type: grafana, authentication: {host: "http://g", tokn: ` + canary + `}}`, `"tokn", which Keep ignores: did you mean "token"?`},
		{`{type: grafana, authentication: {host: "http://g"}}`, `"token"`},
		{`{type: slack, authentication: {}}`, `webhook_url`},
		{`{type: grafana, authentication: {host: "http://g", token: null}}`, `"token"`},
		{`{type: grafana_loki, authentication: {host_url: "http://g", username: null}}`, ""},
	} {
		path := file(t, "providers:\n  p: "+test.provider+"\n")
		if test.refused == "" {
			run(t, nil, "validate", "-f", path).want(t, 0)
			continue
		}
		run(t, nil, "validate", "--log-format", "text", "-f", path).want(t, 65, test.refused)
		run(t, environment{"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}, "up", "--log-format", "text", "-f", path).want(t, 65, test.refused)
	}
}
