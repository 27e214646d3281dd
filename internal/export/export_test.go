package export_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/export"
	"keep-bootstrap/internal/manifest"
)

// awkward texts: what YAML takes for something else, what it folds or cuts, and what this program takes for a reference.
var awkward = []string{
	"", " ", "no", "Yes", "y", "N", "on", "null", "~", "true", "012", "0x1F", "1e3", "1_000", "12:30", "1.5", ".5", "-.inf", ".nan", "+1",
	"2024-01-02", "2024-01-02T03:04:05Z", "=", "<<", "!x", "&a", "*a", "- a", "? a", ": a", "a: b", "a #b", "#a", "@a", "`a", "%a", "a:",
	"[a]", "{a}", "{{ env.X }}", "{{ x }}", "$(X)", "$(file:/etc/passwd)", "$$(X)", "$$$(X)", "$$$$(X", "$$(", "$(X", "$", "$$$", "a$(X)", "'", `"`, `\`, `a\nb`,
	"trailing ", " leading", "tab\tinside", "\ttab", "two\nlines", "two\nlines\n", "two\n\n\nlines\n\n", "\nfirst", " a\nb", "a \nb", "a\n b", "a\n  b\n c",
	"a\r\nb", "a\rb", "a\u0085b", "a\u2028b\n", "nbsp\u00a0", "\ufeffbom", "zero\u200bwidth", "日本語", "🙂", "🙂\nx", "e\u0301", "\x01", "\x7f\n", "---", "...\nx", "--- a\nb",
	"-----BEGIN KEY-----\nMIIE\nabc=\n-----END KEY-----\n", strings.Repeat("long ", 100), "https://example.com:9090/a?b=c&d=e#f", "a,b", "(x)", "/path/to", "x:1",
	"# not a comment\n# at all", "key: |\n  text", "%TAG ! x\n---\n",
}

func texts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom(awkward),
		rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom(awkward).Draw(t, "a") + rapid.SampledFrom([]string{"", "\n", " ", ": ", " #"}).Draw(t, "joint") + rapid.SampledFrom(awkward).Draw(t, "b")
		}),
		rapid.StringMatching(`[A-Za-z0-9_./: $(){}\[\]#'"\n-]{0,20}`),
		rapid.Custom(func(t *rapid.T) string { return strings.ReplaceAll(rapid.String().Draw(t, "any"), "\x00", "") }),
	)
}

// values generates JSON, numbers among it that YAML can express.
func values(depth int) *rapid.Generator[string] {
	scalars := rapid.OneOf(
		rapid.Map(texts(), quoted), rapid.Map(texts(), quoted),
		rapid.SampledFrom([]string{"null", "true", "false", "0", "-0", "12", "1e3", "-7", "12345678901234567890123", "1.5", "0.1", "-2.25e2", "1.5e300", "1e-7", "0.30000000000000004"}),
		rapid.Map(rapid.Int64(), func(n int64) string { return fmt.Sprint(n) }),
		rapid.Map(rapid.Float64Range(-1e20, 1e20), func(f float64) string { text, _ := json.Marshal(f); return string(text) }),
	)
	if depth == 0 {
		return scalars
	}
	return rapid.OneOf(scalars, scalars, objects(depth-1), rapid.Map(rapid.SliceOfN(values(depth-1), 0, 3), func(items []string) string {
		return "[" + strings.Join(items, ", ") + "]"
	}))
}

func objects(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var members []string
		for _, key := range rapid.SliceOfNDistinct(texts(), 0, 4, rapid.ID).Draw(t, "keys") {
			members = append(members, quoted(key)+": "+values(depth).Draw(t, "value"))
		}
		return "{" + strings.Join(members, ", ") + "}"
	})
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a text
	}
	return string(text)
}

func ptr[T any](v T) *T { return &v }

// load reads an export as a run does.
func load(t rapid.TB, result export.Result) []manifest.Provider {
	t.Helper()
	var environ []string
	for _, v := range result.Variables {
		environ = append(environ, v.Name+"="+v.Value)
	}
	m, err := manifest.Load(manifest.Options{Files: []string{"-"}, Stdin: bytes.NewReader(result.Text), Environ: environ})
	if err != nil {
		t.Fatalf("%v\n%s", err, result.Text)
	}
	return m.Providers
}

// same compares JSON by its values; numbers as floats, which is as far as this test needs to look.
func same(t rapid.TB, got, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("-before +after\n%s", diff)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	names := rapid.Map(texts(), func(s string) string {
		if s == "" || regexp.MustCompile(`(?s)^\$\(.*\)$`).MatchString(s) {
			return "name" + s // a name is never empty, and never a reference
		}
		return s
	})
	rapid.Check(t, func(t *rapid.T) {
		var providers []exportedProvider
		for _, name := range rapid.SliceOfNDistinct(names, 0, 3, rapid.ID).Draw(t, "names") {
			p := exportedProvider{
				name: name, typeName: "grafana", authentication: objects(2).Draw(t, "authentication"),
				options: exportedOptions{
					PullingEnabled: ptr(rapid.Bool().Draw(t, "pulling")), PreventDelete: rapid.Bool().Draw(t, "guarded"), InstallWebhook: rapid.Bool().Draw(t, "webhook"),
				},
			}
			if rapid.Bool().Draw(t, "described") {
				p.options.Description = ptr(texts().Draw(t, "description"))
			}
			if rapid.Bool().Draw(t, "with rules") {
				p.ruleName = fmt.Sprint("rule of ", len(providers))
				p.rule = fmt.Sprintf(`{"description": %[2]s, "fingerprint_fields": [%[2]s], "full_deduplication": true, "ignore_fields": null, "priority": %[1]d}`,
					len(providers), quoted(texts().Draw(t, "rule")))
			}
			providers = append(providers, p)
		}
		withSecrets := rapid.Bool().Draw(t, "with secrets")
		result, err := export.All(rowsOf(providers...), withSecrets)
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Warnings) > 0 || withSecrets && len(result.Variables) > 0 {
			t.Errorf("%q %d variables\n%s", result.Warnings, len(result.Variables), result.Text)
		}
		read := load(t, result)
		if len(read) != len(providers) {
			t.Fatalf("%d providers\n%s", len(read), result.Text)
		}
		for i, p := range providers {
			is, options := read[i], p.options
			same(t, is.Authentication, p.authentication)
			if is.Name != p.name || text(is.Description) != text(options.Description) || (is.Description == nil) != (options.Description == nil) {
				t.Errorf("%+v", is)
			}
			if (is.PullingEnabled != nil) == *options.PullingEnabled || (is.PreventDelete != nil) != options.PreventDelete || is.InstallWebhook != options.InstallWebhook {
				t.Errorf("%+v\n%s", is, result.Text)
			}
			if p.rule != "" {
				same(t, withDefaults(t, "{"+quoted(is.DeduplicationRules[0].Name)+": "+is.DeduplicationRules[0].Content+"}"), withDefaults(t, "{"+quoted(p.ruleName)+": "+p.rule+"}"))
			}
		}
	})
}

// exportedProvider is a provider as bootstrap.export() returns it; rule is that of its only rule, or "".
type exportedProvider struct {
	name, typeName, authentication string
	options                        exportedOptions
	ruleName, rule                 string
}

type exportedOptions struct {
	Description    *string `json:"description,omitempty"`
	PullingEnabled *bool   `json:"pulling_enabled,omitempty"`
	PreventDelete  bool    `json:"prevent_delete"`
	InstallWebhook bool    `json:"install_webhook"`
}

// rowsOf are the rows of providers, and after them those of their rules.
func rowsOf(providers ...exportedProvider) []db.ExportedObject {
	var rows, rules []db.ExportedObject
	for _, p := range providers {
		options := string(must(json.Marshal(p.options)))
		rows = append(rows, db.ExportedObject{Kind: "provider", Name: p.name, Type: &p.typeName, Content: p.authentication, Options: &options})
		if p.rule != "" {
			rules = append(rules, db.ExportedObject{Kind: "deduplication_rule", Name: p.ruleName, Type: &p.name, Content: p.rule})
		}
	}
	return append(rows, rules...)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// withDefaults adds to each rule what Keep assumes.
func withDefaults(t rapid.TB, rules string) string {
	t.Helper()
	var all map[string]map[string]any
	if err := json.Unmarshal([]byte(rules), &all); err != nil {
		t.Fatal(err)
	}
	for _, rule := range all {
		for key, value := range map[string]any{"description": "", "fingerprint_fields": []any{}, "ignore_fields": []any{}, "full_deduplication": false, "priority": 0} {
			if rule[key] == nil {
				rule[key] = value
			}
		}
	}
	return string(must(json.Marshal(all)))
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

const canary = "s3cret-canary"

func TestForm(t *testing.T) {
	t.Parallel()
	result, err := export.All(rowsOf(
		exportedProvider{
			name: "grafana-prod", typeName: "grafana", authentication: `{"host": "https://g.example.com", "token": "` + canary + `"}`,
			options:  exportedOptions{PullingEnabled: ptr(true)},
			ruleName: "by-name", rule: `{"description": "", "fingerprint_fields": ["name"], "full_deduplication": false, "ignore_fields": [], "priority": 0}`,
		},
		exportedProvider{
			name: "gcp", typeName: "gke",
			authentication: `{"service_account_json": {"id": "` + canary + `1", "list": ["` + canary + `2", 3, null], "port": 80}, "empty": "", "zone": "x", "region": "012", "cluster_name": "a\nb\n"}`,
			options:        exportedOptions{Description: ptr("no"), PullingEnabled: ptr(false), PreventDelete: true, InstallWebhook: true},
		},
	), false)
	if err != nil || len(result.Warnings) > 0 {
		t.Fatal(err, result.Warnings)
	}
	const want = `providers:
- name: grafana-prod
  type: grafana
  authentication:
    host: https://g.example.com
    token: $(GRAFANA_PROD_TOKEN)
  deduplication_rules:
    by-name:
      fingerprint_fields:
      - name
- name: gcp
  type: gke
  description: "no"
  pulling_enabled: false
  prevent_delete: true
  install_webhook: true
  authentication:
    service_account_json:
      id: $(GCP_SERVICE_ACCOUNT_JSON_ID)
      list:
      - $(GCP_SERVICE_ACCOUNT_JSON_LIST_1)
      - 3
      - null
      port: 80
    empty: ""
    zone: $(GCP_ZONE)
    region: "012"
    cluster_name: |
      a
      b
# Variables that this file refers to:
#   GRAFANA_PROD_TOKEN
#   GCP_SERVICE_ACCOUNT_JSON_ID
#   GCP_SERVICE_ACCOUNT_JSON_LIST_1
#   GCP_ZONE
`
	if diff := cmp.Diff(want, string(result.Text)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if strings.Contains(string(result.Text)+fmt.Sprint(result.Warnings), canary) {
		t.Error("a secret is shown")
	}
	if result, err := export.All(nil, false); err != nil || string(result.Text) != "providers: []\n" {
		t.Errorf("%s %v", result.Text, err)
	}
}

func TestNamesOfVariables(t *testing.T) {
	t.Parallel()
	var providers []exportedProvider
	for _, name := range []string{"a-b", "a_b", "日本", "1st", "keep", "bootstrap", "database"} {
		providers = append(providers, exportedProvider{name: name, typeName: "x", authentication: `{"providers": "` + canary + `", "url": "x", "ü": "x"}`})
	}
	result, err := export.All(rowsOf(providers...), false)
	if err != nil || len(result.Warnings) > 0 {
		t.Fatal(err, result.Warnings)
	}
	var names []string
	for _, v := range result.Variables {
		names = append(names, v.Name)
		if !regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`).MatchString(v.Name) {
			t.Errorf("%q", v.Name)
		}
	}
	if sorted := slices.Compact(slices.Sorted(slices.Values(names))); len(sorted) != len(names) {
		t.Errorf("%q", names)
	}
	for _, taken := range []string{"KEEP_PROVIDERS", "DATABASE_URL", "BOOTSTRAP_URL"} {
		if slices.Contains(names, taken) {
			t.Errorf("%s has another meaning", taken)
		}
	}
}

func TestWhatYAMLCannotSay(t *testing.T) {
	t.Parallel()
	for authentication, want := range map[string]string{
		`{"a": 1.50, "b": 1}`:                   `provider "p": YAML cannot express exactly ["a"]`,
		`{"a": 12345678901234567.25}`:           `provider "p": YAML cannot express exactly ["a"]`,
		`{"host": "nul \u0000 ` + canary + `"}`: "this program would refuse the export",
	} {
		result, err := export.All(rowsOf(exportedProvider{name: "p", typeName: "grafana", authentication: authentication}), false)
		if err != nil || len(result.Warnings) != 1 || !strings.HasPrefix(result.Warnings[0], want) || strings.Contains(result.Warnings[0], canary) {
			t.Errorf("%s: %v %q", authentication, err, result.Warnings)
		}
	}
	for _, broken := range []string{"", "[]", `"` + canary + `"`, `{"a": `, `{} x`} {
		if _, err := export.All(rowsOf(exportedProvider{name: "p", authentication: broken}), false); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

// A number that is too large for a float is written in all its digits.
func TestHugeNumber(t *testing.T) {
	t.Parallel()
	result, err := export.All(rowsOf(exportedProvider{name: "p", typeName: "grafana", authentication: `{"a": -1e400}`}), true)
	if err != nil || len(result.Warnings) > 0 || !strings.Contains(string(result.Text), "a: -1"+strings.Repeat("0", 400)+"\n") {
		t.Errorf("%v %q\n%s", err, result.Warnings, result.Text)
	}
}

// A workflow is read again as the same text, whatever its text ends with.
func TestWorkflowsKeepTheirEnd(t *testing.T) {
	t.Parallel()
	const start = "id: w\nactions:\n- name: a\n  provider:\n    type: http\n    with:\n      body: "
	for _, end := range []string{"wait...\n", "|+\n        a\n\n...\n", "|\n        ...\n", "'a\n\n        '\n"} {
		content := `{"raw": ` + quoted(start+end) + `}`
		result, err := export.All([]db.ExportedObject{{Kind: "workflow", Name: "w", Content: content}}, false)
		if err != nil || len(result.Warnings) > 0 {
			t.Fatal(err, result.Warnings)
		}
		m, err := manifest.Load(manifest.Options{Files: []string{"-"}, Stdin: bytes.NewReader(result.Text)})
		if err != nil {
			t.Fatal(err)
		}
		var read struct{ Raw string }
		if err := json.Unmarshal([]byte(m.Resources[0].Content), &read); err != nil || read.Raw != start+end {
			t.Errorf("%q became %q: %v", start+end, read.Raw, err)
		}
	}
}
