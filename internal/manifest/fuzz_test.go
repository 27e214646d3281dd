package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
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
func checkLoad(t *testing.T, size int, load func() (*Manifest, error)) {
	t.Helper()
	start := time.Now()
	manifest, err := load()
	if took := time.Since(start); took > time.Minute {
		t.Errorf("%d bytes took %s", size, took)
	}
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
	for _, r := range described(manifest) {
		if !json.Valid([]byte(r.text)) || r.text[0] != '{' || r.name == "" || !utf8.ValidString(r.name) || strings.Contains(r.name, "\x00") {
			t.Errorf("resource %q: %q", r.name, r.text)
		}
	}
	seen := map[string]bool{}
	for _, p := range manifest.Providers {
		if p.Name == "" || len(p.Name) > MaxName || p.Type == "" || seen[p.Name] || p.Source.Line < 1 || p.Source.Column < 1 {
			t.Errorf("provider %+v", p)
		}
		seen[p.Name] = true
		texts := []string{p.Authentication}
		if p.DeduplicationRules != nil {
			texts = append(texts, *p.DeduplicationRules)
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

// described are the resources that have a JSON object.
func described(m *Manifest) (all []struct{ name, text string }) {
	for _, w := range m.Workflows {
		all = append(all, struct{ name, text string }{w.Name, w.Definition})
	}
	for _, d := range m.Dashboards {
		all = append(all, struct{ name, text string }{d.Name, d.Config})
	}
	for _, r := range m.MappingRules {
		all = append(all, struct{ name, text string }{r.Name, r.Definition})
	}
	return all
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
		for _, layout := range []layout{layoutAny, layoutSingle, layoutWorkflow, layoutMapping} {
			checkLoad(t, len(text), func() (*Manifest, error) {
				r := newReader(fuzzOptions())
				r.load(r.fileSource("/nonexistent/fuzz.yaml", layout, document.YAML), slices.Clone(text))
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
		for _, layout := range []layout{layoutAny, layoutEntry, layoutDashboards} {
			checkLoad(t, len(text), func() (*Manifest, error) {
				r := newReader(fuzzOptions())
				s := r.variableSource("FUZZ", layout, document.JSON)
				s.directory = "/nonexistent"
				if layout == layoutEntry {
					s.entry = "fuzz"
				}
				r.load(s, slices.Clone(text))
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
	f.Fuzz(func(t *testing.T, value, secret string) {
		if strings.Contains(value, "file:") && strings.Contains(value, "/") {
			t.Skip() // it might read any file of the machine
		}
		if !utf8.ValidString(value) || !utf8.ValidString(secret) || strings.Contains(value+secret, "\x00") {
			t.Skip()
		}
		r := newReader(Options{Environ: []string{"A=" + secret}})
		e := &item{reader: r, source: &source{name: "fuzz", directory: "/nonexistent"}}
		n := &document.Value{Kind: document.Text, Text: value}
		e.resolve(n, "key")
		switch inner, isReference := betweenBrackets(value); {
		case strings.HasPrefix(value, "$$("):
			if n.Text != value[1:] {
				t.Errorf("%q became %q", value, n.Text)
			}
		case value == "$(A)" || value == "$(env:A)":
			if blank := strings.TrimSpace(secret) == ""; blank != (r.report.problems.total > 0) || !blank && n.Text != withoutLineEnd(secret) {
				t.Errorf("%q became %q", value, n.Text)
			}
		case r.report.problems.total > 0:
			if !isReference || len(secret) > 8 && strings.Contains(r.report.problems.list[0].String(), secret) {
				t.Errorf("%q: problem %v", value, r.report.problems.list[0])
			}
		case n.Text != value && !strings.HasPrefix(inner, "file:"):
			t.Errorf("%q became %q", value, n.Text)
		}
	})
}

// TestBoundedWork reads inputs of a megabyte that are meant to take long.
func TestBoundedWork(t *testing.T) {
	size := 1 << 20
	if testing.Short() {
		size = 1 << 16
	}
	fill := func(head, part, tail string) string {
		return head + strings.Repeat(part, (size-len(head)-len(tail))/len(part)) + tail
	}
	const provider = "name: a\ntype: http\nauthentication:\n  x: "
	numbered := func(head, part, tail string) string {
		var text strings.Builder
		text.WriteString(head)
		for i := 0; text.Len() < size-len(tail)-2*len(part); i++ {
			fmt.Fprintf(&text, part, i)
		}
		return text.String() + tail
	}
	anchors := "x-0: &a0 {"
	for i := range 9 {
		anchors += string(rune('a'+i)) + ": 1, "
	}
	anchors += "}\n"
	for name, text := range map[string]string{
		"brackets":        fill("", "[", ""),
		"braces":          fill("", "{", ""),
		"json brackets":   fill(`{"a": `, "[", ""),
		"closed brackets": fill(provider+"[", "[],", "]"),
		"question marks":  fill("", "? ", ""),
		"dashes":          fill("", "- ", ""),
		"colons":          fill(provider+"\n", "    a: ", ""),
		"flow colons":     fill(provider+"{", "a: ", "}"),
		"items":           fill("", "- \n", ""),
		"comments":        fill("", "#\n", ""),
		"comments after":  fill(provider+"\n", "    - a # b\n", ""),
		"comments before": fill(provider+"\n", "    # b\n    - a\n", ""),
		"blank lines":     fill(provider+"|\n", "\n", ""),
		"quote":           fill(provider+"\"", "\\\n", ""),
		"one key":         fill("", "k", ": 1"),
		"one number":      fill(provider, "1", ""),
		"one hex":         fill(provider+"0x", "1", ""),
		"one float":       fill(provider+"1.", "1", ""),
		"one sixty":       fill(provider+"1", ":1", ""),
		"underscores":     fill(provider+"1", "_", ""),
		"json number":     fill(`{"a": {"type": "b", "authentication": {"x": `, "1", "}}}"),
		"json exponent":   fill(`{"a": {"type": "b", "authentication": {"x": 1e`, "1", "}}}"),
		"json keys":       fill(`{"a": {"type": "b", "authentication": {`, `"k":1,`, `"k":2}}}`),
		"json entries":    fill(`{`, `"k":{},`, `"l":{}}`),
		"tags":            fill("", "!a ", ""),
		"anchors":         fill(provider+"[", "&a 1,", "]"),
		"aliases":         fill("x-a: &a [1,2,3,4,5,6,7,8,9]\nproviders:\n  - name: a\n    type: http\n    authentication:\n      x: [", "*a,", "]"),
		"text aliases":    "x-a: &a " + strings.Repeat("x", size/2) + "\nproviders:\n  - name: a\n    type: http\n    authentication:\n      x: [" + strings.Repeat("*a,", size/6) + "]\n",
		"merges":          fill("x-a: &a {b: 1}\nproviders:\n  - name: a\n    type: http\n    authentication:\n      <<: [", "*a,", "]"),
		"merge keys":      fill(anchors+"providers:\n  - name: a\n    type: http\n    authentication: {", "<<: *a0,", "}"),
		"providers":       fill("providers:\n", "- {name: a, type: b}\n", ""),
		"unknown keys":    fill("name: a\ntype: b\n", "authenticatio: 1\n", ""),
		"documents":       fill("", "---\n", ""),
		"percent":         fill("", "%A\n", ""),
		"unclosed":        fill("[", "'", ""),
		"carets":          fill(provider, "é", ""),
		"carriage":        fill(provider+"\n", "    a\r", ""),
		"plain lines":     fill(provider, "a\n    ", ""),
		"fields":          numbered(`{"a": {"type": "victoriametrics", "authentication": {`, `"field%d":1,`, `"x":1}}}`),
		"near fields":     numbered(`{"a": {"type": "victoriametrics", "authentication": {`, `"VMAlert%05d":1,`, `"x":1}}}`),
		"unknown types":   numbered("{", `"a%[1]d":{"type":"grafan%[1]d"},`, `"x":{"type":"y"}}`),
		"wrong kinds":     numbered("[", `{"name":"%d","type":"grafana","authentication":{"host":1}},`, `{"name":"x","type":"y"}]`),
		"references":      fill(`{"a": {"type": "b", "authentication": {"x": [`, `"$(X)",`, `1]}}}`),
	} {
		start := time.Now()
		options := stdin(text)
		options.Catalogue = catalogue.BuiltIn()
		manifest, err := Load(options)
		took := time.Since(start)
		// A step that is not linear takes many minutes at this size. This is no limit of speed: a busy machine stays far below.
		if took > time.Minute {
			t.Errorf("%s: %s", name, took)
		}
		providers := 0
		if err == nil {
			providers = len(manifest.Providers)
		}
		t.Logf("%-16s %8s %d providers, %.120v", name, took.Round(time.Millisecond), providers, err)
	}
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
