package manifest

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keep-bootstrap/internal/document"
)

func ptr[T any](value T) *T { return &value }

// load loads what must be good.
func load(t testing.TB, options Options) *Manifest {
	t.Helper()
	manifest, err := Load(options)
	if err != nil {
		t.Fatal(err)
	}
	return manifest
}

// problemsOf loads what must be bad.
func problemsOf(t testing.TB, options Options) []Problem {
	t.Helper()
	_, err := Load(options)
	problems, ok := errors.AsType[*Problems](err)
	if !ok {
		t.Fatalf("error %v, want problems", err)
	}
	return problems.List
}

// write writes a file below dir and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// names lists the providers' names.
func names(m *Manifest) string {
	var list []string
	for _, p := range m.Providers {
		list = append(list, p.Name)
	}
	return strings.Join(list, ",")
}

// stdin loads a text from standard input.
func stdin(text string, environ ...string) Options {
	return Options{Files: []string{"-"}, Stdin: strings.NewReader(text), Environ: environ}
}

// TestForms reads the same two providers in every form.
func TestForms(t *testing.T) {
	t.Parallel()
	rules := []Rule{{"by service", `{"description": "one alert a service", "fingerprint_fields": ["service"], "full_deduplication": false, "ignore_fields": []}`}}
	want := []Provider{
		{
			Name: "vm", Type: "victoriametrics", DeduplicationRules: rules,
			Authentication: `{"VMAlertHost": "http://localhost", "VMAlertPort": 8880, "insecure": false, "note": "\u00e9 \ud83d\ude00 \"x\""}`,
		},
		{Name: "logs", Type: "http", Authentication: "{}"},
	}
	for _, c := range []struct {
		form  string
		file  string
		named bool
	}{
		{"object.json", `{
			"vm": {"type": "victoriametrics",
				"authentication": {"VMAlertHost": "http://localhost", "VMAlertPort": 8880, "insecure": false, "note": "é \ud83d\ude00 \"x\""},
				"deduplication_rules": {"by service": {"description": "one alert a service", "fingerprint_fields": ["service"], "full_deduplication": false, "ignore_fields": []}}},
			"logs": {"type": "http"}}`, true},
		{"object.yaml", `
vm:
  type: victoriametrics
  authentication:
    VMAlertHost: http://localhost
    VMAlertPort: 8880
    insecure: false
    note: é 😀 "x"
  deduplication_rules:
    by service: {description: one alert a service, fingerprint_fields: [service], full_deduplication: off, ignore_fields: []}
logs:
  type: http
  authentication:
`, true},
		{"list.yaml", `
- name: vm
  type: victoriametrics
  authentication: {VMAlertHost: http://localhost, VMAlertPort: 8880, insecure: false, note: 'é 😀 "x"'}
  deduplication_rules:
    - name: by service
      provider_name: vm
      provider_type: victoriametrics
      description: one alert a service
      fingerprint_fields: [service]
      full_deduplication: false
      ignore_fields: []
      priority:
- name: logs
  type: http
  deduplication_rules: ~
`, false},
		{"list.json", `[{"name": "vm", "type": "victoriametrics",
			"authentication": {"VMAlertHost": "http://localhost", "VMAlertPort": 8880, "insecure": false, "note": "é 😀 \"x\""},
			"deduplication_rules": [{"name": "by service", "description": "one alert a service", "fingerprint_fields": ["service"], "full_deduplication": false, "ignore_fields": []}]},
			{"name": "logs", "type": "http", "authentication": null}]`, false},
		{"providers-list.yaml", `
x-vm: &vm
  VMAlertHost: http://localhost
  VMAlertPort: 8880
x-rule: &rule {description: one alert a service, fingerprint_fields: [service], full_deduplication: false, ignore_fields: []}
providers:
  - name: vm
    type: victoriametrics
    authentication:
      <<: *vm
      insecure: false
      note: "\u00e9 \U0001F600 \"x\""
    deduplication_rules:
      by service: *rule
  - {type: http, name: logs}
`, false},
		{"providers-object.yaml", `
providers:
  vm:
    type: victoriametrics
    authentication: {VMAlertHost: http://localhost, VMAlertPort: 8880, insecure: false, note: 'é 😀 "x"'}
    deduplication_rules:
      by service: {description: one alert a service, fingerprint_fields: [service], full_deduplication: false, ignore_fields: []}
  logs: {type: http}
`, true},
		{"no-extension", `{"providers": [{"name": "vm", "type": "victoriametrics",
			"authentication": {"VMAlertHost": "http://localhost", "VMAlertPort": 8880, "insecure": false, "note": "é 😀 \"x\""},
			"deduplication_rules": [{"name": "by service", "description": "one alert a service", "fingerprint_fields": ["service"], "full_deduplication": false, "ignore_fields": []}]},
			{"name": "logs", "type": "http"}]}`, false},
	} {
		t.Run(c.form, func(t *testing.T) {
			t.Parallel()
			path := write(t, t.TempDir(), c.form, c.file)
			bom := write(t, t.TempDir(), c.form, "\ufeff"+c.file)
			crlf := write(t, t.TempDir(), c.form, strings.ReplaceAll(c.file, "\n", "\r\n"))
			ways := map[string]Options{
				"file": {Files: []string{path}}, "bom": {Files: []string{bom}}, "crlf": {Files: []string{crlf}}, "stdin": stdin(c.file),
			}
			if strings.HasSuffix(c.form, ".json") {
				ways["variable"] = Options{Environ: []string{"KEEP_PROVIDERS=" + c.file}}
				ways["path"] = Options{Environ: []string{"KEEP_PROVIDERS=" + path, "KEEP_PROVIDERS_DIRECTORY="}}
			}
			for way, options := range ways {
				got := load(t, options)
				if len(got.Warnings) > 0 {
					t.Errorf("%s: warnings %v", way, got.Warnings)
				}
				providers := got.Providers
				for i := range providers {
					p := &providers[i]
					if p.Source.Line == 0 || p.Source.Column == 0 || p.Source.File == "" {
						t.Errorf("%s: %s has no position: %+v", way, p.Name, p.Source)
					}
					if p.InstallWebhook != c.named {
						t.Errorf("%s: install_webhook of %s defaults to %t", way, p.Name, p.InstallWebhook)
					}
					p.Source, p.InstallWebhook = Position{}, false
				}
				if diff := cmp.Diff(want, providers); diff != "" {
					t.Errorf("%s: -want +got:\n%s", way, diff)
				}
			}
		})
	}
}

// TestSingle reads files and variables that hold one provider.
func TestSingle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, dir, "one.yaml", "# a comment\nname: \"a \\\"b\\\"\\n😀\"\ntype: grafana\ninstall_webhook: 'True'\npulling_enabled: false\n"+
		"renamed_from: [x, y, x]\ndescription: 12.50\nprevent_delete: yes\n")
	got := load(t, Options{Files: []string{path}})
	want := []Provider{{
		Name: "a \"b\"\n😀", Type: "grafana", Authentication: "{}", InstallWebhook: true, PullingEnabled: ptr(false),
		RenamedFrom: []string{"x", "y"}, Description: ptr("12.50"), PreventDelete: ptr(true),
		Source: Position{path, 2, 1},
	}}
	if diff := cmp.Diff(want, got.Providers); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	text, _ := os.ReadFile(path)
	if diff := cmp.Diff([]Source{{path, sha256.Sum256(text)}}, got.Sources); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	got = load(t, Options{Environ: []string{
		`KEEP_PROVIDER_MY_VM={"type": "grafana", "renamed_from": "vms", "authentication": {"n": 1.50, "e": 1E3}}`,
		`KEEP_PROVIDER_A={"type": "http"}`,
		`KEEP_PROVIDERS={"first": {"type": "http"}}`,
		`KEEP_PROVIDER_X_SERVICE_HOST=10.0.0.1`, `KEEP_PROVIDER_X_PORT=tcp://10.0.0.1:80`, `KEEP_PROVIDER_X_PORT_80_TCP=tcp://10.0.0.1:80`,
		`KEEP_PROVIDER_MY_VM=ignored, since the first one counts`,
	}})
	want = []Provider{
		{Name: "first", Type: "http", Authentication: "{}", InstallWebhook: true, Source: Position{"KEEP_PROVIDERS", 1, 2}},
		{Name: "a", Type: "http", Authentication: "{}", InstallWebhook: true, Source: Position{"KEEP_PROVIDER_A", 1, 1}},
		{
			Name: "my-vm", Type: "grafana", Authentication: `{"n": 1.50, "e": 1E3}`, RenamedFrom: []string{"vms"},
			InstallWebhook: true, Source: Position{"KEEP_PROVIDER_MY_VM", 1, 1},
		},
	}
	if diff := cmp.Diff(want, got.Providers); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestNamesLikeKeys: Keep's object form may hold a provider of any name.
func TestNamesLikeKeys(t *testing.T) {
	t.Parallel()
	got := load(t, stdin(`{"providers": {"type": "http"}, "name": {"type": "http"}, "type": {"type": "http"},
		"authentication": {"type": "http"}, "workflows": {"type": "http"}, "x-y": {"type": "http"}, " ": {"type": "http"}}`))
	if names(got) != "providers,name,type,authentication,workflows,x-y, " {
		t.Errorf("got %q", names(got))
	}
}

// TestEmpty: a manifest may be given and hold nothing.
func TestEmpty(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, options := range map[string]Options{
		"object":         {Environ: []string{"KEEP_PROVIDERS={}"}},
		"list":           {Environ: []string{"KEEP_PROVIDERS=[]"}},
		"providers":      stdin("providers: []\n"),
		"object below":   stdin("providers: {}\n"),
		"yaml":           stdin("{}"),
		"directory":      {Files: []string{dir}},
		"directory, env": {Environ: []string{"KEEP_PROVIDERS_DIRECTORY=" + dir}},
	} {
		got := load(t, options)
		if len(got.Providers) != 0 || len(got.Sources) != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestNoSource(t *testing.T) {
	t.Parallel()
	for _, environ := range [][]string{nil, {"KEEP_PROVIDERS=", "KEEP_PROVIDERS_DIRECTORY=", "OTHER=x"}} {
		manifest, err := Load(Options{Environ: environ})
		if manifest != nil || !errors.Is(err, ErrNoSource) {
			t.Fatalf("got %v, %v", manifest, err)
		}
		for _, name := range []string{"KEEP_PROVIDERS", "KEEP_PROVIDERS_DIRECTORY", "KEEP_PROVIDER_<NAME>", "-f"} {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%q does not name %s", err, name)
			}
		}
	}
}

// TestFilesWin: with -f, Keep's variables are named but not read.
func TestFilesWin(t *testing.T) {
	t.Parallel()
	options := stdin("providers: []", "KEEP_PROVIDERS=broken", "KEEP_PROVIDERS_DIRECTORY=/nowhere", "KEEP_PROVIDER_A=x", "KEEP_PROVIDERSX=y")
	got := load(t, options)
	if len(got.Warnings) != 1 || got.Warnings[0].Code != CodeIgnored ||
		!strings.Contains(got.Warnings[0].Message, "KEEP_PROVIDERS, KEEP_PROVIDERS_DIRECTORY, KEEP_PROVIDER_A") {
		t.Errorf("warnings %v", got.Warnings)
	}
}

// TestOrder: sources in the order given, files of a directory by name.
func TestOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := write(t, dir, "a.json", `{"a2": {"type": "http"}, "a1": {"type": "http"}}`)
	d := filepath.Join(dir, "d")
	write(t, d, "z.yaml", "name: z\ntype: http\n")
	write(t, d, "b.yml", "name: b\ntype: http\n")
	write(t, d, ".hidden.yaml", "broken: [")
	write(t, d, "notes.txt", "broken: [")
	write(t, d, "c.json", "broken: [")
	write(t, d, "sub/c.yaml", "broken: [")
	write(t, d, "sub.yaml/c.yaml", "broken: [")
	got := load(t, Options{Files: []string{d, "-", a}, Stdin: strings.NewReader("- {name: s, type: http}")})
	if names(got) != "b,z,s,a2,a1" {
		t.Errorf("got %s", names(got))
	}
	var passed []string
	for _, w := range got.Warnings {
		passed = append(passed, filepath.Base(w.File))
	}
	if strings.Join(passed, " ") != ".hidden.yaml c.json notes.txt sub sub.yaml" {
		t.Errorf("warnings %v", got.Warnings)
	}
	if len(got.Sources) != 4 || got.Sources[2].Name != "stdin" {
		t.Errorf("sources %v", got.Sources)
	}
}

// TestConfigMap reads a directory as Kubernetes mounts a ConfigMap.
func TestConfigMap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "..2026_11_22/vm.yaml", "name: vm\ntype: grafana\nauthentication: {token: $(file:token)}\n")
	write(t, dir, "..2026_11_22/token", "secret\n")
	for _, link := range [][2]string{{"..2026_11_22", "..data"}, {"..data/vm.yaml", "vm.yaml"}, {"..data/token", "token"}} {
		if err := os.Symlink(link[0], filepath.Join(dir, link[1])); err != nil {
			t.Skip(err)
		}
	}
	got := load(t, Options{Environ: []string{"KEEP_PROVIDERS_DIRECTORY=" + dir}})
	if len(got.Providers) != 1 || got.Providers[0].Authentication != `{"token": "secret"}` {
		t.Errorf("got %+v", got.Providers)
	}
}

// TestUnreadable: what cannot be read is a problem that says why.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "good.yaml", "name: vm\ntype: grafana\n")
	for link, target := range map[string]string{"dangling.yaml": "nowhere", "loop.yaml": "loop.yaml"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	want := []string{"dangling.yaml: no such file", "loop.yaml: too many levels of symbolic links"}
	if os.Geteuid() != 0 {
		if err := os.Chmod(write(t, dir, "private.yaml", "name: p"), 0); err != nil {
			t.Fatal(err)
		}
		want = append(want, "private.yaml: no permission")
	}
	list := problemsOf(t, Options{Files: []string{dir}})
	if len(list) != len(want) {
		t.Fatalf("problems %v", list)
	}
	for i := range want {
		if !strings.Contains(list[i].String(), want[i]) {
			t.Errorf("problem %q, want %q", list[i], want[i])
		}
	}

	list = problemsOf(t, Options{Files: []string{"", "-", "-", filepath.Join(dir, "none.yaml"), filepath.Join(dir, "good.yaml", "x")}, Stdin: strings.NewReader("[]")})
	if len(list) != 4 {
		t.Errorf("problems %v", list)
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir(), "large.yaml", "providers: []\n"+strings.Repeat("#\n", document.MaxYAMLSize/2))
	list := problemsOf(t, Options{Files: []string{path}})
	if len(list) != 1 || list[0].Code != CodeTooLarge || !strings.Contains(list[0].Message, "16 MiB") {
		t.Errorf("problems %v", list)
	}
	list = problemsOf(t, stdin("providers: []\n"+strings.Repeat("#\n", document.MaxYAMLSize/2)))
	if len(list) != 1 || list[0].Code != CodeTooLarge {
		t.Errorf("problems %v", list)
	}
}

// TestStrict: unknown keys are warnings, or problems when asked for.
func TestStrict(t *testing.T) {
	t.Parallel()
	const text = "x-mine: 1\nother: 2\nproviders:\n  - {name: a, type: http, note: x, deduplication_rules: {r: {colour: red}}}\n"
	got := load(t, stdin(text))
	if len(got.Warnings) != 3 || len(got.Providers) != 1 || rulesOf(&got.Providers[0]) != `{"r": {}}` {
		t.Errorf("got %+v", got)
	}
	options := stdin(text)
	options.Strict = true
	if list := problemsOf(t, options); len(list) != 3 || list[1].Column != 27 {
		t.Errorf("problems %v", list)
	}
}

// TestWarnings: what Keep accepts is accepted, with a word about it.
func TestWarnings(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"time: 12:30":                      CodeTrap,
		"mode: 0644":                       CodeTrap,
		"zero: 0":                          "",
		"hex: 0x10":                        "",
		"quoted: '012'":                    "",
		"flag: no":                         CodeTrap,
		"flag: false":                      "",
		"on: x":                            CodeTrap,
		"password: &anchor":                CodeTrap,
		"password: $(not a name)":          CodeReference,
		"password: ${HOME}":                CodePlaceholder,
		"password: 'a$(X)'":                CodePlaceholder,
		"password: '{{ env.TOKEN }}'":      CodeTemplate,
		"password: 'x {{ env.TOKEN }}'":    "",
		"deduplication_rules: {r: {a: b}}": CodeMisplaced,
	} {
		got := load(t, stdin("name: a\ntype: http\nauthentication:\n  "+line+"\n"))
		code := ""
		if len(got.Warnings) > 0 {
			code = got.Warnings[0].Code
		}
		if len(got.Warnings) > 1 || code != want {
			t.Errorf("%s: warnings %v, want %q", line, got.Warnings, want)
		}
	}
	got := load(t, stdin(`{"a": {"type": "http", "name": "b", "deduplication_rules": {"r": {}}}, "c": {"type": "http", "deduplication_rules": {"r": {}}}}`))
	if names(got) != "a,c" || len(got.Warnings) != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestBounds: a million mistakes are counted, a hundred are kept.
func TestBounds(t *testing.T) {
	t.Parallel()
	manifest, err := Load(stdin("[" + strings.Repeat("1,", 999_999) + "1]"))
	problems, ok := errors.AsType[*Problems](err)
	if !ok || problems.Total != 1_000_000 || len(problems.List) != MaxProblems || len(manifest.Providers) != 0 {
		t.Fatalf("error %.300v", err)
	}
	if !strings.HasSuffix(err.Error(), "\nand 999900 more") || problems.List[99].Column != 200 {
		t.Errorf("error ends in %q", err.Error()[len(err.Error())-200:])
	}
	got := load(t, stdin(`{"a": {"type": "http", "authentication": {"x": [`+strings.Repeat(`"$(a b)",`, 1000)+`1]}}}`))
	if len(got.Warnings) != MaxProblems+1 || !strings.Contains(got.Warnings[MaxProblems].Message, "900 more") {
		t.Errorf("%d warnings", len(got.Warnings))
	}
}

// TestFarNumbers: floats that PostgreSQL cannot hold become what Keep makes of them.
func TestFarNumbers(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]string{
		"1e-99999": "0.0", "-1e-99999999999": "-0.0", "0e99999999999": "0.0", "1.50": "1.50", "1E5": "1E5", "1e300": "1e300", "1e+0005": "100000.0",
		"0." + strings.Repeat("3", 400): "0.3333333333333333", strings.Repeat("9", 4300): strings.Repeat("9", 4300),
	} {
		m := load(t, stdin(`{"a": {"type": "http", "authentication": {"x": `+literal+`}}}`))
		if got := m.Providers[0].Authentication; got != `{"x": `+want+`}` {
			t.Errorf("%.40s became %.60s", literal, got)
		}
	}
}

// TestLines: JSON lines are recognised by what they are where no extension says it.
func TestLines(t *testing.T) {
	t.Parallel()
	const a, b = `{"name": "a", "type": "http"}`, `{"name": "b", "type": "http"}`
	for text, want := range map[string]string{a + "\n" + b + "\n": "a,b", a: "a", a + b: "a,b"} {
		if got := names(load(t, stdin(text))); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
	if got := names(load(t, Options{Files: []string{write(t, t.TempDir(), "one.ndjson", a)}})); got != "a" {
		t.Errorf("one line: %s", got)
	}
	path := write(t, t.TempDir(), "lines.json", a+"\n"+b)
	if list := problemsOf(t, Options{Files: []string{path}}); len(list) != 1 || list[0].Code != CodeSyntax || list[0].Line != 2 {
		t.Errorf("lines in a .json file: %v", list)
	}
}
