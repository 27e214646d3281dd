package manifest

import (
	"fmt"
	"strings"
	"testing"

	"keep-bootstrap/internal/catalogue"
)

// checked loads what must be bad by the catalogue.
func checked(t *testing.T, text string, change func(*Options)) string {
	t.Helper()
	options := stdin(text, "SET=http://h")
	options.Catalogue = catalogue.BuiltIn()
	if change != nil {
		change(&options)
	}
	manifest, err := Load(options)
	said := ""
	if err != nil {
		said = err.Error() + "\n"
	}
	for _, warning := range manifest.Warnings {
		said += "warning: " + warning.String() + "\n"
	}
	var places strings.Builder
	for line := range strings.Lines(said) {
		at, message, _ := strings.Cut(strings.TrimPrefix(line, "warning: "), ": provider ")
		_, message, _ = strings.Cut(message, ": ")
		message, _, _ = strings.Cut(message, " (")
		fmt.Fprintf(&places, "%s%s %s\n", strings.Repeat("~", strings.Count(line, "warning: ")), strings.TrimPrefix(at, "stdin:"), message)
	}
	return places.String()
}

// TestPlaces: problems of the catalogue stand at the key or value concerned, among those of the reader.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"- name: a\n  type: grafan\n", "2:9 has the type \"grafan\", which Keep does not know: did you mean \"grafana\"?\n"},
		{"- type: checkmk\n  name: a\n", "1:9 has the type \"checkmk\", which Keep cannot install: it only receives webhooks\n"},
		{"- name: a\n  type: prometheus\n", "1:3 lacks the authentication field \"url\", which prometheus needs\n"},
		{"a:\n  type: slack\n", "1:1 needs one of these sets of authentication fields: access_token; webhook_url\n"},
		{"a:\n  type: slack\n  authentication:\n", "3:3 needs one of these sets of authentication fields: access_token; webhook_url\n"},
		{
			"a:\n  authentication:\n    URL: x\n    verify: [1]\n    other: 1\n  type: prometheus\n  nane: 1\n",
			"3:5 has the authentication field \"URL\", which Keep ignores: did you mean \"url\"?\n" +
				"4:13 has the authentication field \"verify\", which must be true or false\n7:3 unknown key \"nane\"\n" +
				"~5:5 has the authentication field \"other\", which Keep ignores\n",
		},
		{"a:\n  type: prometheus\n  authentication: {url: $(UNSET), verify: '$(UNSET)'}\n", "3:25 the variable \"UNSET\" is not set\n3:43 the variable \"UNSET\" is not set\n"},
		{"a:\n  type: prometheus\n  authentication: {url: $(SET), verify: '$(SET)'}\n", "3:41 has the authentication field \"verify\", which must be true or false\n"},
		{"a:\n  type: prometheus\n  authentication: {url: '{{ env.URL }}x'}\n", "3:25 has the authentication field \"url\", which must be a URL that begins with http:// or https://\n"},
		{"a:\n  type: http\n  authentication: {deduplication_rules: {}, pulling_enabled: false}\n", "~3:41 `deduplication_rules` inside `authentication` is stored as a field that Keep ignores\n"},
		{ // yes and no are fine for a boolean, and a trap elsewhere
			"a:\n  authentication: {verify: no, url: http://h, password: no}\n  type: prometheus\n",
			"~2:57 a plain yes, no, on or off is a boolean in YAML\n",
		},
		{"a: {type: http, authentication: [1]}\n", "1:33 `authentication` must be an object, not a list\n"},
		{"a: {type: $(SET)}\n", "1:11 the provider's type cannot be a reference\n"},
		{"{\n  \"a\": {\n    \"type\": \"grafana\", \"authentication\": {\"host\": 1, \"token\": null}\n  }\n}\n", "3:51 has the authentication field \"host\", which must be a URL that begins with http:// or https://\n" +
			"3:63 has the authentication field \"token\", which must be a string\n"},
		{"- name: a\n  type: " + strings.Repeat("x", 201) + "\n", "2:9 the provider's type has 201 bytes\n"},
	} {
		if got := checked(t, c.text, nil); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestLookupOptions(t *testing.T) {
	t.Parallel()
	const text = "a: {type: new, authentication: {x: 1}}\nb: {type: prometheus, authentication: {url: $(UNSET), x: 1}, pulling_enabled: $(UNSET), renamed_from: $(UNSET)}\n"
	for _, c := range []struct {
		name   string
		change func(*Options)
		lines  int
	}{
		{"as it is", nil, 5}, // the type, three references, and the warning of x
		{"allowed", func(o *Options) { o.AllowUnknownTypes = true }, 4},
		{"without references", func(o *Options) { o.SkipReferences = true }, 2},
		{"not looked up", func(o *Options) { o.Catalogue = nil }, 3},
		{"strict", func(o *Options) { o.Strict, o.AllowUnknownTypes, o.SkipReferences = true, true, true }, 1},
	} {
		if got := checked(t, text, c.change); strings.Count(got, "\n") != c.lines {
			t.Errorf("%s: want %d lines, got\n%s", c.name, c.lines, got)
		}
	}
}

// TestFirstHundred: of many problems the first of the input are kept, whatever finds them.
func TestFirstHundred(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("a:\n  type: prometheus\n  authentication:\n")
	for i := range 150 {
		fmt.Fprintf(&text, "    x%d: $(UNSET)\n", i)
	}
	text.WriteString("    uri: x\n  nane: 1\n")
	options := stdin(strings.Replace(text.String(), "x0: $(UNSET)\n", "urls: a\n    verify: maybe\n", 1))
	options.Catalogue = catalogue.BuiltIn()
	problems := problemsOf(t, options)
	if len(problems) != MaxProblems || problems[0].Line != 4 || problems[1].Line != 5 || problems[99].Line != 103 {
		t.Errorf("%d problems, from line %d, %d to %d", len(problems), problems[0].Line, problems[1].Line, problems[len(problems)-1].Line)
	}
}
