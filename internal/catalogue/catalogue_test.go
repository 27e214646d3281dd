package catalogue

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keep-bootstrap/internal/document"
)

// valueOf takes a value of JSON.
func valueOf(t testing.TB, raw json.RawMessage) *document.Value {
	t.Helper()
	v, _, f := document.Parse(raw, document.JSON)
	if f != nil {
		t.Fatalf("%s: %+v", raw, f)
	}
	return v
}

// object is an object of texts.
func object(text string, names ...string) *document.Value {
	v := &document.Value{Kind: document.Object}
	for _, name := range names {
		v.Members = append(v.Members, document.Member{Key: document.Value{Kind: document.Text, Text: name}, Value: document.Value{Kind: document.Text, Text: text}})
	}
	return v
}

// check checks fields of a type without places.
func check(c *Catalogue, typeName string, fields *document.Value) []Problem {
	return c.Check(&document.Value{Kind: document.Text, Text: typeName}, &document.Value{}, fields)
}

// TestKinds goes through every value that was given to every kind of field in Keep.
func TestKinds(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/field-kinds.json")
	if err != nil {
		t.Fatal(err)
	}
	var measured struct {
		Kinds map[string]struct {
			Accepts []struct {
				Value json.RawMessage `json:"value"`
			} `json:"accepts"`
			Rejects []json.RawMessage `json:"rejects"`
		} `json:"kinds"`
	}
	if err := json.Unmarshal(data, &measured); err != nil {
		t.Fatal(err)
	}
	if len(measured.Kinds) != 10 {
		t.Errorf("%d kinds", len(measured.Kinds))
	}
	values := 0
	for kind, of := range measured.Kinds {
		field := Field{Name: "field", Kind: kind}
		if Kinds()[kind] == nil {
			t.Errorf("the kind %s is not known", kind)
		}
		for _, accepted := range of.Accepts {
			values++
			if !field.Fits(valueOf(t, accepted.Value)) {
				t.Errorf("%s refuses %s", kind, accepted.Value)
			}
		}
		for _, rejected := range of.Rejects {
			values++
			if field.Fits(valueOf(t, rejected)) {
				t.Errorf("%s accepts %s", kind, rejected)
			}
		}
	}
	if values < 390 {
		t.Errorf("only %d values", values)
	}
}

// TestMoreValues: what the measured values leave open.
func TestMoreValues(t *testing.T) {
	t.Parallel()
	fields := map[string]Field{"enum": {Kind: KindEnum, Values: []string{"GET", "POST"}}}
	for kind := range Kinds() {
		if kind != KindEnum {
			fields[kind] = Field{Kind: kind}
		}
		fields["nullable "+kind] = Field{Kind: kind, Nullable: true, Values: []string{"GET"}}
	}
	for _, c := range []struct {
		kinds, value string
		fits         bool
	}{
		{"string,file,boolean,integer,port,any_http_url,https_url,no_scheme_url,no_scheme_multihost_url,multihost_url,enum,object,list", `"{{ env.NAME }}"`, true},
		{"string,boolean,integer,port,any_http_url,enum,object,list", `" {{ a }} and\n{{ b }} "`, true},
		{"boolean,integer,port,enum,object,list", `"{{ env.NAME }}x"`, false},
		{"string,file,boolean,integer,port,any_http_url,https_url,no_scheme_url,no_scheme_multihost_url,multihost_url,enum,object,list", `null`, false},
		{"nullable string,nullable file,nullable boolean,nullable port,nullable enum,nullable object,nullable list", `null`, true},
		{"file", `"-----BEGIN"`, true},
		{"file", `1`, true},
		{"file,string", `[]`, false},
		{"enum", `"POST"`, true},
		{"enum", `"post"`, false},
		{"enum", `["POST"]`, false},
		{"enum", `1`, false},
		{"list", `["a"]`, true},
		{"list", `[]`, true},
		{"list", `{}`, false},
		{"list", `"a"`, false},
		{"object", `[["a", 1], ["b", 2]]`, true},
		{"object", `[["a", 1], ["b"]]`, false},
		{"boolean", `1.0`, true},
		{"boolean", `10e-1`, true},
		{"boolean", `0e99999999999999999999`, true},
		{"boolean", `1.00000000000000000000000000000000000001`, true}, // a float, as Python reads it,
		{"boolean", `-1`, false},
		{"boolean", `"On"`, true},
		{"integer", `" +1_000 "`, true},
		{"integer", `"1.0"`, true},
		{"integer", `"1.5"`, false},
		{"integer", `"1__0"`, false},
		{"port", `65535.9`, true},
		{"port", `65536`, false},
		{"port", `0.9`, false},
		{"port", `6.5535e4`, true},
		{"port", `1e5`, false},
		{"port", `1e999999999999999999`, false},
		{"port", `" 0_0_8_0 "`, true},
		{"port", `"65536"`, false},
		{"port", `"99999999999999999999999999"`, false},
		{"port", `"-1"`, false},
		{"any_http_url,multihost_url,no_scheme_url", `" https://h"`, true},
		{"any_http_url,https_url,multihost_url", `"https:///path"`, false},
		{"no_scheme_url", `"a,b"`, false},
		{"no_scheme_url", `"h/p?q\nmore"`, true},
		{"no_scheme_multihost_url", `"a,b"`, true},
		{"https_url", `"h.example"`, true},
		{"https_url", `"h"`, false},
		{"https_url", `"http://h.example"`, false},
		{"any_http_url", `"httpſ://h"`, false}, // a letter that folds to s
	} {
		for kind := range strings.SplitSeq(c.kinds, ",") {
			field, ok := fields[kind]
			if !ok {
				t.Fatalf("no field %s", kind)
			}
			if field.Fits(valueOf(t, json.RawMessage(c.value))) != c.fits {
				t.Errorf("%s and %s: fits is not %t", kind, c.value, c.fits)
			}
		}
	}
}

func TestBuiltIn(t *testing.T) {
	t.Parallel()
	c := BuiltIn()
	fields, oneOf, not := 0, 0, 0
	for _, name := range c.Names() {
		typ, _ := c.Type(name)
		fields += len(typ.Fields)
		if len(typ.OneOf) > 0 {
			oneOf++
		}
		if !typ.Installable {
			not++
		}
	}
	if len(c.Names()) != 126 || fields != 333 || oneOf != 12 || not != 7 {
		t.Errorf("%d types, %d fields, %d with sets, %d not installable", len(c.Names()), fields, oneOf, not)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for wrong, want := range map[string]string{
		"victoriametric": "victoriametrics", "Victoria-Metrics": "victoriametrics", "prometeus": "prometheus", "grafanaa": "grafana",
		"grafana-loki": "grafana_loki", "data dog": "datadog", "pager_duty": "pagerduty", "xyz": "", "": "", "é": "",
		"azuremonitorin": "", // the nearest cannot be installed
	} {
		if got := BuiltIn().Nearest(wrong); got != want {
			t.Errorf("%q: %q, want %q", wrong, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	text := func(names ...string) *document.Value { return object("http://h.example", names...) }
	for _, c := range []struct {
		typeName string
		given    *document.Value
		want     []string
	}{
		{"grafana", text("host", "token"), nil},
		{"grafana", text("host", "token", "pulling_enabled"), nil},
		{"grafana", text("host"), []string{`lacks the authentication field "token", which grafana needs`}},
		{"grafana", nil, []string{`lacks the authentication field "host", which grafana needs`, `lacks the authentication field "token", which grafana needs`}},
		{"grafana", text("Host", "to-ken"), []string{
			`has the authentication field "Host", which Keep ignores: did you mean "host"?`, `has the authentication field "to-ken", which Keep ignores: did you mean "token"?`,
		}},
		{"grafana", text("host", "token", "tokens"), []string{`has the authentication field "tokens", which Keep ignores`}},
		{"prometheus", text("uri"), []string{`has the authentication field "uri", which Keep ignores: did you mean "url"?`}},
		{"prometheus", text("url", "pass_word"), []string{`has the authentication field "pass_word", which Keep ignores: did you mean "password"?`}},
		{"prometheus", text("url", "verify"), []string{`has the authentication field "verify", which must be true or false`}},
		{"slack", text("webhook"), []string{`has the authentication field "webhook", which Keep ignores`, "needs one of these sets of authentication fields: access_token; webhook_url"}},
		{"slack", text("webhookurl"), []string{`has the authentication field "webhookurl", which Keep ignores: did you mean "webhook_url"?`}},
		{"webhook", text("url", "method"), []string{`has the authentication field "method", which must be one of "GET", "POST", "PUT", "DELETE"`}},
		{"checkmk", text("anything"), []string{`has the type "checkmk", which Keep cannot install: it only receives webhooks`}},
		{"victoriametric", nil, []string{`has the type "victoriametric", which Keep does not know: did you mean "victoriametrics"?`}},
		{"a\"\\\n\x01é", nil, []string{`has the type "a\"\\\n\x01é", which Keep does not know`}},
	} {
		problems := check(BuiltIn(), c.typeName, c.given)
		var got []string
		for _, p := range problems {
			got = append(got, p.Message)
			if p.Hint == "" {
				t.Errorf("no hint: %s", p.Message)
			}
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s %v:\n got %q\nwant %q", c.typeName, c.given, got, c.want)
		}
	}
}

func TestExtend(t *testing.T) {
	t.Parallel()
	more, err := BuiltIn().Extend([]byte(`{"types": {
		"new": {"authentication": {"url": {"kind": "any_http_url", "required": true}, "a": {"kind": "string"}, "b": {"kind": "string"}}, "one_of": [["a"], ["b"]]},
		"http": {"authentication": {"needed": {"kind": "enum", "values": ["x"], "required": true}}}
	}}`))
	if err != nil {
		t.Fatal(err)
	}
	if problems := check(more, "new", nil); len(problems) != 2 {
		t.Errorf("%v", problems)
	}
	if problems := check(more, "http", nil); len(problems) != 1 {
		t.Errorf("%v", problems)
	}
	if problems := check(BuiltIn(), "http", nil); len(problems) != 0 || len(more.Names()) != 127 {
		t.Errorf("%v, %d types", problems, len(more.Names()))
	}
	for _, bad := range []string{
		``, `[]`, `{}`, `{"types": 1}`, `{"types": {"": {}}}`, `{"types": {"a": null}}`, `{"types": {"a": {"x": 1}}}`, `{"types": {}} x`,
		`{"types": {"a": {"authentication": {"f": {"kind": "text"}}}}}`, `{"types": {"a": {"authentication": {"f": {}}}}}`,
		`{"types": {"a": {"authentication": {"f": {"kind": "enum"}}}}}`, `{"types": {"a": {"authentication": {"f": null}}}}`,
		`{"types": {"a": {"authentication": {}, "one_of": [["f"]]}}}`,
	} {
		if _, err := BuiltIn().Extend([]byte(bad)); err == nil {
			t.Errorf("accepted: %s", bad)
		}
	}
}

// TestFitsAnything: no value makes it panic, and one with many fields takes no long time.
func TestFitsAnything(t *testing.T) {
	t.Parallel()
	value := rapid.Custom(func(t *rapid.T) document.Value {
		kind := document.Kind(rapid.IntRange(0, 5).Draw(t, "kind"))
		v := document.Value{Kind: kind, Text: rapid.OneOf(rapid.String(), rapid.StringMatching(`[-+0-9eE._]{0,12}`)).Draw(t, "text")}
		if kind == document.Boolean {
			v.Text = "true"
		}
		return v
	})
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(BuiltIn().Names()).Draw(t, "type")
		fields := object("", rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z_]{0,8}`), 0, 5).Draw(t, "names")...)
		for i := range fields.Members {
			fields.Members[i].Value = value.Draw(t, "value")
		}
		check(BuiltIn(), name, fields)
		for kind := range Kinds() {
			f, v := Field{Kind: kind}, value.Draw(t, "value")
			f.Fits(&v)
		}
	})
	many := make([]string, 100_000)
	for i := range many {
		many[i] = strings.Repeat("x", i%50)
	}
	check(BuiltIn(), "victoriametrics", object("", many...))
}

func BenchmarkCheck(b *testing.B) {
	fields := valueOf(b, json.RawMessage(`{"VMAlertHost": "http://alert.example.com", "VMAlertPort": 8880, "BasicAuthPassword": "x", "insecure": false}`))
	b.ReportAllocs()
	for b.Loop() {
		if problems := check(BuiltIn(), "victoriametrics", fields); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
