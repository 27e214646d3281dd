package manifest

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/document"
)

// seed adds the bad and good inputs of testdata with that extension.
func seed(f *testing.F, extension string) {
	f.Helper()
	for _, dir := range []string{
		"testdata/bad", "testdata/bad/*.dir", "testdata/good", "testdata/good/*.dir", "testdata/good/kinds/*", "../../examples", "../../examples/providers", "../../examples/types",
	} {
		paths, err := filepath.Glob(filepath.Join(dir, "*"+extension))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			if len(text) < 1<<16 {
				f.Add(text)
			}
		}
	}
}

// checkLoad loads what a fuzzer made and checks what must hold for any input.
func checkLoad(t *testing.T, load func() (*Manifest, error)) {
	t.Helper()
	manifest, err := load()
	if err != nil {
		problems, ok := errors.AsType[*Problems](err)
		if !ok || problems.Total < 1 || len(problems.List) != min(problems.Total, MaxProblems) || len(manifest.Providers) != 0 {
			t.Fatalf("error %v", err)
		}
		for _, p := range problems.List {
			if p.Code == "" || p.Message == "" || p.File == "" || !utf8.ValidString(p.String()) || strings.ContainsAny(p.String(), "\n\x00") {
				t.Errorf("problem %+v", p)
			}
		}
		return
	}
	for _, r := range manifest.Resources {
		if !json.Valid([]byte(r.Content)) || r.Content[0] != '{' || r.Name == "" || !utf8.ValidString(r.Name) || strings.Contains(r.Name, "\x00") {
			t.Errorf("resource %+v", r)
		}
	}
	seen := map[string]bool{}
	for _, p := range manifest.Providers {
		if p.Name == "" || len(p.Name) > MaxName || p.Type == "" || seen[p.Name] || p.Source.Line < 1 || p.Source.Column < 1 {
			t.Errorf("provider %+v", p)
		}
		seen[p.Name] = true
		texts := []string{p.Authentication}
		for _, rule := range p.DeduplicationRules {
			texts = append(texts, rule.Content)
		}
		for _, text := range texts {
			if !json.Valid([]byte(text)) || text[0] != '{' || strings.Contains(text, `\u0000`) && !strings.Contains(text, `\\u0000`) {
				t.Errorf("provider %q: not an object that can be stored: %q", p.Name, text)
			}
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("provider %q: not ASCII: %q", p.Name, text)
			}
		}
		for _, text := range append([]string{p.Name, p.Type}, p.RenamedFrom...) {
			if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
				t.Errorf("provider %q: text %q cannot be stored", p.Name, text)
			}
		}
	}
}

// fuzzOptions check fields against the catalogue, and let unknown types pass, which
// a fuzzer makes mostly.
func fuzzOptions() Options {
	return Options{Environ: testEnvironment, Catalogue: catalogue.BuiltIn(), AllowUnknownTypes: true}
}

func FuzzReadYAML(f *testing.F) {
	seed(f, ".yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<20 {
			t.Skip()
		}
		for _, kind := range []string{"", KindProvider, KindWorkflow, KindMappingRule} {
			checkLoad(t, func() (*Manifest, error) {
				r := newReader(fuzzOptions())
				s := r.newSource(source{
					name: "/nonexistent/fuzz.yaml", directory: "/nonexistent", kind: kind, format: document.YAML,
					single: kind == KindProvider || kind == KindMappingRule, variable: kind == KindWorkflow, // as KEEP_WORKFLOW
				})
				r.load(s, slices.Clone(text))
				return r.result()
			})
		}
	})
}

func FuzzReadJSON(f *testing.F) {
	seed(f, ".json")
	seed(f, ".env")
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<20 {
			t.Skip()
		}
		for _, s := range []source{{}, {kind: KindProvider, entry: "fuzz"}, {kind: KindDashboard}} {
			checkLoad(t, func() (*Manifest, error) {
				r := newReader(fuzzOptions())
				s.name, s.variable, s.format, s.directory = "FUZZ", true, document.JSON, "/nonexistent"
				r.load(r.newSource(s), slices.Clone(text))
				return r.result()
			})
		}
	})
}

// FuzzResolve: one pass, whole values only, and anything else stays as it is.
func FuzzResolve(f *testing.F) {
	for _, value := range []string{"$(A)", "$(env:A)", "$$(A)", "$(B)", "$(file:x)", "$(file:)", "$(a b)", "$$$(A)", "{{ env.A }}", "$(", "é😀\x00\xff"} {
		f.Add(value, "$(A) \" \\ \n")
	}
	f.Add("$(A0000000000)", "000000000")
	f.Fuzz(func(t *testing.T, value, secret string) {
		if strings.Contains(value, "file:") && strings.Contains(value, "/") {
			t.Skip() // it might read any file of the machine
		}
		if !utf8.ValidString(value) || !utf8.ValidString(secret) || strings.Contains(value+secret, "\x00") {
			t.Skip()
		}
		resolved := func(secret string) (*reader, *document.Value) {
			r := newReader(Options{Environ: []string{"A=" + secret}})
			e := &item{reader: r, source: &source{name: "fuzz", directory: "/nonexistent"}}
			n := &document.Value{Kind: document.Text, Text: value}
			e.resolve(n, "key")
			return r, n
		}
		r, n := resolved(secret)
		switch inner, isReference := betweenBrackets(value); {
		case IsEscaped(value):
			if n.Text != value[1:] {
				t.Errorf("%q became %q", value, n.Text)
			}
		case value == "$(A)" || value == "$(env:A)":
			if blank := Blank(secret); blank != (r.problems.Total > 0) || !blank && n.Text != withoutLineEnd(secret) {
				t.Errorf("%q became %q", value, n.Text)
			}
		case r.problems.Total > 0:
			// What a problem says does not depend on the secret, which may be a part of the value.
			if other, _ := resolved("x"); !isReference || r.problems.List[0] != other.problems.List[0] {
				t.Errorf("%q: problem %v", value, r.problems.List[0])
			}
		case n.Text != value && !strings.HasPrefix(inner, "file:"):
			t.Errorf("%q became %q", value, n.Text)
		}
	})
}

// TestNoSecretShown breaks good inputs in many ways and looks for the secrets in
// what is said about them.
func TestNoSecretShown(t *testing.T) {
	t.Parallel()
	inputs := []string{
		"providers:\n  - name: vm\n    type: grafana\n    authentication:\n      host: http://CANARY\n      token: CANARY\n      list: [CANARY, {a: CANARY}]\n" +
			"      quoted: \"CANARY\"\n      single: 'CANARY'\n      block: |\n        CANARY\n        CANARY: CANARY\n      ref: $(SECRET)\n    renamed_from: vms\n",
		"vm:\n  type: grafana\n  authentication: {token: CANARY, other: [\"CANARY\"]}\nvm2:\n  type: grafana\n  authentication: {token: \"CANARY\"}\n",
		"{\n  \"vm\": {\n    \"type\": \"grafana\",\n    \"authentication\": {\n      \"host\": \"CANARY\",\n      \"token\": \"CANARY\",\n      \"list\": [\"CANARY\", \"$(SECRET)\"]\n    }\n  }\n}\n",
		`{"vm": {"type": "grafana", "authentication": {"token": "CANARY", "deep": {"a": "CANARY"}}}, "b": {"type": "http"}}`,
		"api_keys:\n  - name: ci\n    role: noc\n    secret: CANARY\n  - {name: ops, role: admin, secret: \"CANARY\"}\n  - name: x\n    role: webhook\n    secret: $(SECRET)\n" +
			"default_user:\n  username: u\n  reset_password: yes\n  password: CANARY\n",
		`{"api_keys": [{"name": "ci", "role": "noc", "secret": "CANARY"}], "default_user": {"username": "u", "reset_password": true, "password": "CANARY"}}`,
		"vm:\n  type: grafana\n  authentication: CANARY\u00a0\n",
		"vm:\n  type: grafana\n  authentication:\n    tokn: \u2003CANARY \u00a0\n",
	}
	random := rand.New(rand.NewPCG(1, 2))
	const insertions = "\"'{}[]:,#&*!|>%@`-? \t\n\\0x"
	broken := 0
	for _, input := range inputs {
		for range 5000 {
			text := []byte(input)
			for range 1 + random.IntN(2) {
				at := random.IntN(len(text))
				switch random.IntN(3) {
				case 0:
					text = append(text[:at], text[at+1:]...)
				case 1:
					text = append(text[:at], append([]byte{insertions[random.IntN(len(insertions))]}, text[at:]...)...)
				case 2:
					text[at] = insertions[random.IntN(len(insertions))]
				}
			}
			manifest, err := Load(stdin(string(text), "SECRET=CANARY"))
			problems, ok := errors.AsType[*Problems](err)
			if !ok {
				problems = &Problems{}
			} else {
				broken++
			}
			said, err := json.Marshal([]any{problems.List, manifest.Warnings})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(said), "CANARY") {
				t.Errorf("%s\ngave %s", text, said)
			}
		}
	}
	if broken < 5000 {
		t.Errorf("only %d inputs were broken", broken)
	}
}

// TestNoKeyShown breaks KEEP_DEFAULT_API_KEYS in many ways and looks for parts of the secrets in what is said about it.
func TestNoKeyShown(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	const list = "ci:noc:CANARY,ops:admin:CANARYCANARY,hook:webhook:YRANAC"
	broken := 0
	for range 20_000 {
		text := []byte(list)
		at := 4 + random.IntN(len(text)-4) // behind the first name
		switch random.IntN(3) {
		case 0:
			text = append(text[:at], text[at+1:]...)
		case 1:
			text = append(text[:at], append([]byte{":, \n\xff"[random.IntN(5)]}, text[at:]...)...)
		case 2:
			text[at] = ":,;"[random.IntN(3)]
		}
		_, err := Load(Options{Environ: []string{apiKeysVariable + "=" + string(text)}})
		if err == nil {
			continue
		}
		broken++
		for _, part := range strings.FieldsFunc(err.Error(), func(r rune) bool { return !strings.ContainsRune("CANRY", r) }) {
			if len(part) > 2 {
				t.Errorf("%s\ngave %v", text, err)
				break
			}
		}
	}
	if broken < 5000 {
		t.Errorf("only %d inputs were broken", broken)
	}
}
