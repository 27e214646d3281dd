package manifest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestReferences(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := write(t, dir, "secret", "from file\n")
	write(t, dir, "crlf", "line\r\n\r\n")
	write(t, dir, "bare", "no end")
	write(t, dir, "return", "x\r")
	write(t, dir, "empty", "")
	environ := []string{
		"A=value of A\n", "NESTED=$(A)", "DOLLARS=$$(A)", "odd-name=odd", "_1=under",
		"HARD=p\"a\\s$s{{ x }}\nü😀'",
	}
	for value, want := range map[string]string{
		"$(A)":                    "value of A",
		"$(env:A)":                "value of A",
		"$(NESTED)":               "$(A)",
		"$(DOLLARS)":              "$$(A)",
		"$(HARD)":                 "p\"a\\s$s{{ x }}\nü😀'",
		"$(_1)":                   "under",
		"$(odd-name)":             "odd",
		"$(file:" + secret + ")":  "from file",
		"$(file:secret)":          "from file",
		"$(file:crlf)":            "line\r\n", // one line end is cut
		"$(file:bare)":            "no end",
		"$(file:return)":          "x\r",
		"$(file:../x/../bare.no)": "", // a problem, see below
		"$$(A)":                   "$(A)",
		"$$$(A)":                  "$$(A)",
		"$$$$(A)":                 "$$$(A)",
		"$$(":                     "$(",
		"$$$(":                    "$$(",
		"$$$(A":                   "$$(A",
		"$$$":                     "$$$",
		"x$$(A)":                  "x$$(A)",
		"$":                       "$", "$$": "$$", "$()": "$()", "$A": "$A", "${A}": "${A}", "x$(A)": "x$(A)", "$(A) ": "$(A) ", " $(A)": " $(A)",
		"$(A)$(A)": "$(A)$(A)", "$(A": "$(A", "$(1A)": "$(1A)", "$( A )": "$( A )", "$(secret:A)": "$(secret:A)",
		"pa$$word": "pa$$word", "{{x}}": "{{x}}",
	} {
		text, err := json.Marshal(map[string]any{"p": map[string]any{"type": "http", "authentication": map[string]any{"v": []any{value}}}})
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := Load(Options{Files: []string{write(t, dir, "m.json", string(text))}, Environ: environ})
		if strings.HasSuffix(value, "bare.no)") {
			if err == nil {
				t.Errorf("%s: no error", value)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		var got struct{ V []string }
		if err := json.Unmarshal([]byte(manifest.Providers[0].Authentication), &got); err != nil {
			t.Fatal(err)
		}
		if got.V[0] != want {
			t.Errorf("%s: got %q, want %q", value, got.V[0], want)
		}
	}
}

// TestReferencePlaces: text fields are resolved, keys and names are not.
func TestReferencePlaces(t *testing.T) {
	t.Parallel()
	got := load(t, stdin(`{"$(a b)": {"type": "http", "description": "$(A)", "renamed_from": ["$(A)"], "install_webhook": "$(T)",
		"authentication": {"$(A)": {"deep": ["$(A)"]}}, "deduplication_rules": {"$(A)": {"description": "$(A)"}}}}`, "A=x", "T=true"))
	p := got.Providers[0]
	if *p.Description != "x" || p.RenamedFrom[0] != "x" || !p.InstallWebhook ||
		p.Authentication != `{"$(A)": {"deep": ["x"]}}` || rulesOf(&p) != `{"$(A)": {"description": "x"}}` || p.Name != "$(a b)" {
		t.Errorf("got %+v", p)
	}
}

// TestReferenceLimits: a file or variable that is named often stays bounded.
func TestReferenceLimits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "large", strings.Repeat("x", MaxReferenceSize+1))
	write(t, dir, "full", strings.Repeat("x", MaxReferenceSize))
	item := func(name string, n int) string {
		return `{"a": {"type": "http", "authentication": {"x": [` + strings.Repeat(`"$(file:`+name+`)",`, n) + `1]}}}`
	}
	list := problemsOf(t, Options{Files: []string{write(t, dir, "one.json", item("large", 1))}})
	if len(list) != 1 || !strings.Contains(list[0].Message, "larger than 1 MiB") {
		t.Errorf("problems %v", list)
	}
	list = problemsOf(t, Options{Files: []string{write(t, dir, "many.json", item("full", MaxResolvedSize/MaxReferenceSize+10))}})
	if len(list) != 1 || list[0].Code != CodeTooLarge {
		t.Errorf("problems %v", list)
	}
}

// TestSecretsSurvive: any text comes through variables, files and literals as it
// is, and none shows up in a problem beside it.
func TestSecretsSurvive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("$(){}\"'\\\n\r\t: #&*!%@`-é😀\u2028\u007f")), rapid.Rune())).
			Filter(func(s string) bool {
				return !strings.Contains(s, "\x00") && !strings.HasSuffix(s, "\r") && strings.TrimSpace(s) != ""
			}).Draw(t, "secret")
		path := filepath.Join(dir, "secret")
		writeTo(t, path, secret+"\n")
		literal := secret
		if inner, ok := betweenBrackets(secret); ok && inner != "" || IsEscaped(secret) {
			literal = "$" + secret
		}
		quoted, err := json.Marshal(literal)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{`"$(SECRET)"`, `"$(file:` + path + `)"`, string(quoted)} {
			manifest, err := Load(stdin(fmt.Sprintf(`{"p": {"type": "http", "authentication": {"v": %s}}}`, value), "SECRET="+secret+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ V string }
			if err := json.Unmarshal([]byte(manifest.Providers[0].Authentication), &got); err != nil {
				t.Fatal(err)
			}
			if got.V != secret {
				t.Fatalf("%s: got %q, want %q", value, got.V, secret)
			}
		}
	})
}

func writeTo(t *rapid.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
