package sqlfiles_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	keeptypes "keep-bootstrap/internal/catalogue"
	input "keep-bootstrap/internal/manifest"
)

// The catalogue is checked twice: by the program, which knows the places, and in the database, for those who call it from
// psql. These tests hold both against each other.

// remark is a problem of a provider, as both sides word it.
type remark struct{ provider, problem string }

// corpus is a list of providers that are checked together.
type corpus struct {
	t         *testing.T
	providers []json.RawMessage
	refused   map[string]bool // names that must have a problem
}

// add appends a provider; its fields are pairs of a name and a value of JSON.
func (c *corpus) add(refused bool, typeName string, fields ...string) {
	c.t.Helper()
	name := fmt.Sprintf("%05d %s", len(c.providers), typeName)
	var authentication bytes.Buffer
	authentication.WriteByte('{')
	for i := 0; i < len(fields); i += 2 {
		if i > 0 {
			authentication.WriteString(", ")
		}
		authentication.WriteString(encoded(c.t, fields[i]) + ": " + fields[i+1])
	}
	authentication.WriteByte('}')
	c.providers = append(c.providers, json.RawMessage(fmt.Sprintf(`{"name": %s, "type": %s, "authentication": %s}`,
		encoded(c.t, name), encoded(c.t, typeName), authentication.String())))
	c.refused[name] = refused
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// good gives for every kind a value that fits.
func good(f *keeptypes.Field) string {
	switch f.Kind {
	case keeptypes.KindBoolean:
		return "true"
	case keeptypes.KindInteger, keeptypes.KindPort:
		return "8080"
	case keeptypes.KindEnum:
		text, _ := json.Marshal(f.Values[0])
		return string(text)
	case keeptypes.KindObject:
		return `{"a": 1}`
	case keeptypes.KindList:
		return `[{"a": 1}]`
	}
	return `"https://h.example"`
}

// minimal returns the fields that a type needs, with the nth of its sets.
func minimal(typ *keeptypes.Type, set int) (fields []string) {
	for i := range typ.Fields {
		f := &typ.Fields[i]
		if f.Required || set < len(typ.OneOf) && slices.Contains(typ.OneOf[set], f.Name) {
			fields = append(fields, f.Name, good(f))
		}
	}
	return fields
}

// without returns fields without the one of that name.
func without(fields []string, name string) (rest []string) {
	for i := 0; i < len(fields); i += 2 {
		if fields[i] != name {
			rest = append(rest, fields[i], fields[i+1])
		}
	}
	return rest
}

// measured are the values that were given to Keep's kinds of fields, and more of the same sort.
func measured(t *testing.T) (kinds map[keeptypes.Kind]map[string]bool) {
	t.Helper()
	data, err := os.ReadFile("../internal/catalogue/testdata/field-kinds.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Kinds map[keeptypes.Kind]struct {
			Accepts []struct {
				Value json.RawMessage `json:"value"`
			} `json:"accepts"`
			Rejects []json.RawMessage `json:"rejects"`
		} `json:"kinds"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	kinds = map[keeptypes.Kind]map[string]bool{}
	for kind, of := range file.Kinds {
		kinds[kind] = map[string]bool{}
		for _, accepted := range of.Accepts {
			kinds[kind][string(accepted.Value)] = true
		}
		for _, rejected := range of.Rejects {
			kinds[kind][string(rejected)] = false
		}
	}
	return kinds
}

// oddValues are values that were not given to Keep; both sides only have to agree on them.
var oddValues = []string{
	`"{{ env.X }}"`, `" {{ a }} and\n{{ b }} "`, `"{{ env.X }}x"`, `"{{"`, `"\n{{x}}\n"`, `1.0`, `10e-1`, `0e99`, `-0`, `-0.0`, `1.0000000000000000000000001`, `1E0`,
	`" 1 "`, `"\t1\n"`, `"\u00a01"`, `"\u20031"`, `"\u000b1\u000b"`, `"+1"`, `"-1"`, `"1_000"`, `"1__0"`, `"_1"`, `"1."`, `"1.000"`, `"1.5"`, `"١"`, `65535.9`, `6.5535e4`,
	`65536.0`, `0.9`, `1e5`, `1e300`, `1e-300`, `"99999999999999999999999999999999999"`, `"00080"`, `"ON"`, `" on"`, `"TRUE"`, `"yeſ"`, `"httpſ://h"`, `" https://h.e"`,
	`"\thttps://h.e"`, `"https://"`, `"https:///p"`, `"https://?q"`, `"HTTP://h"`, `"http:/h"`, `"https://h\nx"`, `"a.b"`, `".b"`, `"a."`, `"a..b"`, `"a/b.c"`, `"a.b://c"`, `"h e.x"`,
	`"1a://h"`, `"a+b-c.d://h"`, `"://h"`, `" kafka://h"`, `"h,i"`, `"h/p,q"`, `"h?a\nb"`, `":80"`, `"-h"`, `"https://-h"`, `"https://https://h"`, `"\u00a0h"`, `"é"`, `"h\u0085"`,
	`[["a", 1], ["b", 2]]`, `[["a", 1], ["b"]]`, `[["a", 1], 1]`, `[[]]`, `[["a", "b", "c"]]`, `["ab"]`, `[{"a": 1, "b": 2}]`, `["GET"]`, `{"GET": 1}`, `"GET"`, `"get"`, `"GET "`, `"\""`,
}

// typos are names that are near to another, or not.
func typos(name string) []string {
	half := len(name) / 2
	return []string{
		strings.ToUpper(name), strings.ReplaceAll(name, "_", "-"), strings.ReplaceAll(name, "_", ""), name + "s", name + "xx", name + "xxx", name[1:],
		name[:half] + name[half+1:], name[:half] + "é" + name[half+1:], name[:half] + "_" + name[half:], "x" + name[:len(name)-1], name[half:] + name[:half],
	}
}

// newCorpus makes the corpus: every type as it needs to be, with each field missing, mistyped, null, and of every kind.
func newCorpus(t *testing.T) *corpus {
	t.Helper()
	c := &corpus{t: t, refused: map[string]bool{}}
	kinds := measured(t)
	seen := map[string]bool{} // kinds of fields that had all values
	for _, name := range keeptypes.BuiltIn().Names() {
		typ, _ := keeptypes.BuiltIn().Type(name)
		if !typ.Installable {
			c.add(true, name)
			c.add(true, name, "field", "1")
			continue
		}
		for set := range max(1, len(typ.OneOf)) {
			c.add(false, name, minimal(typ, set)...)
		}
		fields := minimal(typ, 0)
		if len(typ.OneOf) > 0 {
			c.add(true, name, minimal(typ, len(typ.OneOf))...)
			for _, field := range typ.OneOf[0] {
				c.add(!complete(typ, without(fields, field)), name, without(fields, field)...)
			}
		}
		c.add(false, name, append(slices.Clip(fields), "pulling_enabled", "false", "zzzzzzzz", "[1]", "\x01\"\\é\u2028", "null")...)
		for i := range typ.Fields {
			f := &typ.Fields[i]
			rest := without(fields, f.Name)
			if f.Required {
				c.add(true, name, rest...)
			}
			c.add(!f.Nullable, name, append(slices.Clip(rest), f.Name, "null")...)
			for _, typo := range typos(f.Name) {
				c.addAny(name, append(slices.Clip(rest), typo, good(f))...)
			}
			kind := fmt.Sprint(f.Kind, f.Nullable, f.Values)
			if seen[kind] {
				continue
			}
			seen[kind] = true
			for value, fits := range kinds[f.Kind] {
				c.add(!fits && !(f.Nullable && value == "null"), name, append(slices.Clip(rest), f.Name, value)...)
			}
			for _, value := range slices.Concat(oddValues, valuesOf(kinds)) {
				c.addAny(name, append(slices.Clip(rest), f.Name, value)...)
			}
		}
	}
	return c
}

// addAny adds a provider that may or may not be refused.
func (c *corpus) addAny(typeName string, fields ...string) {
	c.t.Helper()
	c.add(false, typeName, fields...)
	delete(c.refused, fmt.Sprintf("%05d %s", len(c.providers)-1, typeName))
}

// complete says whether one of the type's sets is there.
func complete(typ *keeptypes.Type, fields []string) bool {
	return slices.ContainsFunc(typ.OneOf, func(set []string) bool {
		return !slices.ContainsFunc(set, func(name string) bool { return !slices.Contains(fields, name) })
	})
}

// valuesOf are all values that were given to any kind.
func valuesOf(kinds map[keeptypes.Kind]map[string]bool) (values []string) {
	for _, of := range kinds {
		for value := range of {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// inGo loads providers one by one, because a list of problems is cut, and returns what the catalogue says.
func inGo(t *testing.T, providers []json.RawMessage) (remarks []remark) {
	t.Helper()
	for _, provider := range providers {
		_, err := input.Load(input.Options{
			Files: []string{"-"}, Stdin: strings.NewReader("[" + string(provider) + "]"), Catalogue: keeptypes.BuiltIn(),
		})
		if err == nil {
			continue
		}
		problems, ok := errors.AsType[*input.Problems](err)
		if !ok || problems.Total > input.MaxProblems {
			t.Fatalf("%s: %v", provider, err)
		}
		for _, problem := range problems.List {
			remarks = append(remarks, remark{problem.Provider, problem.Message})
		}
	}
	return sorted(remarks)
}

// inSQL asks the database.
func (d database) inSQL(providers []json.RawMessage) (remarks []remark) {
	d.t.Helper()
	rows, err := d.Query(context.Background(), "SELECT name, problem FROM bootstrap._manifest_problems($1::json, '{}')", encoded(d.t, providers))
	if err != nil {
		d.t.Fatal(err)
	}
	remarks, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r remark, err error) { return r, row.Scan(&r.provider, &r.problem) })
	if err != nil {
		d.t.Fatal(err)
	}
	return sorted(remarks)
}

func sorted(remarks []remark) []remark {
	slices.SortFunc(remarks, func(a, b remark) int {
		return cmp.Or(strings.Compare(a.provider, b.provider), strings.Compare(a.problem, b.problem))
	})
	return remarks
}

// agree compares what both sides say and returns it.
func (d database) agree(providers []json.RawMessage) []remark {
	d.t.Helper()
	program, server := inGo(d.t, providers), d.inSQL(providers)
	text := map[string]json.RawMessage{}
	for _, provider := range providers {
		var named struct{ Name string }
		if err := json.Unmarshal(provider, &named); err != nil {
			d.t.Fatal(err)
		}
		text[named.Name] = provider
	}
	reported := 0
	report := func(who string, r remark) {
		if reported++; reported <= 20 {
			d.t.Errorf("only %s says: %s\nof %s", who, r.problem, text[r.provider])
		}
	}
	for i, j := 0, 0; i < len(program) || j < len(server); {
		var order int
		switch {
		case i == len(program):
			order = 1
		case j == len(server):
			order = -1
		default:
			order = cmp.Or(strings.Compare(program[i].provider, server[j].provider), strings.Compare(program[i].problem, server[j].problem))
		}
		if order < 0 {
			report("the program", program[i])
		}
		if order > 0 {
			report("the database", server[j])
		}
		if order <= 0 {
			i++
		}
		if order >= 0 {
			j++
		}
	}
	if reported > 20 {
		d.t.Errorf("and %d more", reported-20)
	}
	return program
}

func TestAgreement(t *testing.T) {
	d := newDatabase(t)
	c := newCorpus(t)
	if len(c.providers) < 3000 {
		t.Errorf("only %d providers", len(c.providers))
	}
	refused := map[string]bool{}
	for _, r := range d.agree(c.providers) {
		refused[r.provider] = true
	}
	for name, want := range c.refused {
		if refused[name] != want {
			t.Errorf("%s: refused is %t, want %t", name, refused[name], want)
		}
	}
	t.Logf("%d providers, %d of them refused", len(c.providers), len(refused))
}

// TestAgreementOnTypes: unknown types and the nearest name. A server looks for the nearest of twenty types at a time.
func TestAgreementOnTypes(t *testing.T) {
	d := newDatabase(t)
	var wrong []string
	for _, name := range keeptypes.BuiltIn().Names() {
		wrong = append(wrong, name+"x", name[1:], strings.ToUpper(name), name[len(name)/2:]+name[:len(name)/2], "my-"+name, name+" é\x01")
	}
	wrong = append(wrong, "x", "é", "^", "$", strings.Repeat("prometheus", 20), strings.Repeat("é", 100))
	for group := range slices.Chunk(wrong, 20) {
		c := &corpus{t: t, refused: map[string]bool{}}
		for _, name := range group {
			c.add(true, name)
		}
		d.agree(c.providers)
	}
}
