package manifest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Limits are found too late, or not at all.
func TestLimitsFoundTooLate(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("ü", n/2) + strings.Repeat("x", n%2) }
	for form, longest := range map[string]int{
		`{"p": {"type": "http", "deduplication_rules": {%s: {"fingerprint_fields": []}}}}`: MaxName,
		`{"p": {"type": "http", "deduplication_rules": [{"name": %s}]}}`:                   MaxName,
		`{%s: {"type": "http"}}`:                                                MaxName,
		`[{"name": %s, "type": "http"}]`:                                        MaxName,
		`{"p": {"type": "http", "renamed_from": %s}}`:                           MaxName,
		`{"workflows": [{"id": %s, "triggers": []}]}`:                           MaxName,
		`{"workflows": [{"name": %s, "steps": []}]}`:                            MaxName,
		`{"dashboards": [{"dashboard_name": %s, "dashboard_config": {}}]}`:      MaxName,
		`{"default_user": {"username": %s, "password": "x"}}`:                   MaxName,
		`{"api_keys": [{"name": %s, "role": "noc", "secret": "x"}]}`:            MaxName,
		`{"mapping_rules": [{"name": %s, "matchers": [], "rows": [{"a": 1}]}]}`: 2 * MaxMappingText,
	} {
		for _, n := range []int{longest, longest + 2, 9000} {
			name, err := json.Marshal(long(n))
			if err != nil {
				t.Fatal(err)
			}
			options := stdin(fmt.Sprintf(form, name))
			if n == longest {
				expect(t, options)
			} else {
				refused(t, options, "stdin:1:", "at most")
			}
		}
	}
	refused(t, environ("KEEP_DEFAULT_USERNAME="+long(1001)), "use at most 1000")
	refused(t, environ("KEEP_DEFAULT_API_KEYS="+long(1001)+":noc:x"), "use at most 1000")
	refused(t, environ("KEEP_PROVIDER_"+strings.Repeat("X", 1001)+`={"type": "http"}`), "use at most 1000")

	// Files: nothing is waited for, and no more is read than the limit.
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{fifo, "/dev/zero"} {
		const want = "this is a pipe, socket or device, not a file"
		refused(t, Options{Files: []string{path}}, want)
		refused(t, environ("KEEP_PROVIDERS_FILE="+path), want)
		refused(t, environ("KEEP_DEFAULT_PASSWORD_FILE="+path), want)
		refused(t, environ("KEEP_DEFAULT_API_KEYS_FILE="+path), want)
		refused(t, stdin("g: {type: grafana, authentication: {host: http://g, token: $(file:"+path+")}}"), want)
		refused(t, stdin("mapping_rules: [{name: a, matchers: [[a]], rows: $(file:"+path+")}]"), want)
	}
	folder := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(folder, "a.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, environ("KEEP_PROVIDERS_DIRECTORY="+folder), "a.yaml: this is a pipe")
	refused(t, stdin("g: {type: grafana, authentication: {host: http://g, token: $(file:"+write(t, dir, "large", strings.Repeat("x", MaxReferenceSize+1))+")}}"), "larger than 1 MiB")
	// Paths that are no UTF-8.
	odd := filepath.Join(t.TempDir(), "x-\xff")
	if err := os.Mkdir(odd, 0o700); err != nil {
		t.Skip(err)
	}
	write(t, odd, "a.yaml", "id: w\ntriggers: []\n")
	for _, variable := range []string{"KEEP_WORKFLOWS_DIRECTORY", "KEEP_MAPPINGS_DIRECTORY", "KEEP_PROVIDERS_DIRECTORY"} {
		refused(t, environ(variable+"="+odd), variable, "not UTF-8")
	}
	folder = t.TempDir()
	write(t, folder, "w-\xff.yaml", "id: w\ntriggers: []\n")
	refused(t, environ("KEEP_WORKFLOWS_DIRECTORY="+folder), "the name of this file is not UTF-8")
	// Of many mistakes the first are listed and all are counted.
	var many strings.Builder
	for i := range 250 {
		fmt.Fprintf(&many, "- {name: p%d}\n", i)
	}
	refused(t, stdin(many.String()), "stdin:100:", "and 150 more")
}

// The plan depends on the folder that the files lie in: line ends and the order of files do not matter.
func TestPlanDependsOnFolder(t *testing.T) {
	t.Parallel()
	const workflow = "# a comment\nworkflow:\n  id: w\n  name: w\n  triggers:\n    - type: manual\n  actions:\n    - name: a\n      provider:\n        type: console\n        with:\n          message: |\n            one\n            two\n          folded: >\n            a\n            b\n          quoted: \"x\n            y\"\n"
	const rule, providers = "name: r\nmatchers:\n  - [a]\nrows:\n  - a: |\n      x\n      y\n", "name: g\ntype: http\nauthentication:\n  token: |\n    a\n    b\n"
	type content struct {
		Resources []decoded
		Providers []Provider
	}
	read := func(options Options) content {
		m := load(t, options)
		c := content{slices.Concat(of(m, KindWorkflow), of(m, KindMappingRule)), m.Providers}
		for i := range c.Resources {
			c.Resources[i].ProvisionedFile, c.Resources[i].Resource = nil, Resource{Name: c.Resources[i].Name}
		}
		for i := range c.Providers {
			c.Providers[i].Source = Position{}
		}
		return c
	}
	crlf := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	given := func(change func(string) string, name string) Options {
		dir := t.TempDir()
		write(t, dir, "w/"+name, change(workflow))
		write(t, dir, "m/"+name, change(rule))
		write(t, dir, "p/"+name, change(providers))
		return environ("KEEP_WORKFLOWS_DIRECTORY="+dir+"/w", "KEEP_MAPPINGS_DIRECTORY="+dir+"/m", "KEEP_PROVIDERS_DIRECTORY="+dir+"/p")
	}
	same := func(text string) string { return text }
	want := read(given(same, "a.yaml"))
	indented := func(text string) string {
		return "- " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
	}
	for name, options := range map[string]Options{
		"CRLF": given(crlf, "a.yaml"), "another name": given(same, "z.yml"),
		"one file": stdin("providers:\n" + indented(providers) + "workflows:\n" + indented(strings.TrimPrefix(workflow, "# a comment\n")) + "mapping_rules:\n" + indented(rule)),
	} {
		if diff := cmp.Diff(want, read(options)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// A mapping rule may take its rows from a CSV file.
func TestRowsFromCSV(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good.csv": "\ufeffcode, country\r\nde,Germany\r\nfr,\"France, the \"\"south\"\"\"\r\n", "empty.csv": "", "head.csv": "a,b\n", "short.csv": "a,b\n1,2\n3\n",
		"quote.csv": "a,b\n1,\"2\n", "twice.csv": "a,a\n1,2\n", "unnamed.csv": "a,\n1,2\n", "latin1.csv": "a\ncaf\xe9\n",
	} {
		write(t, dir, name, text)
	}
	rule := func(rows string) string { return "name: r\ntype: csv\nmatchers: [[code]]\nrows: " + rows + "\n" }
	write(t, dir, "r.yaml", rule("$(file:good.csv)"))
	for _, options := range []Options{
		environ("KEEP_MAPPINGS_DIRECTORY=" + dir), stdin("mapping_rules: [{name: r, type: csv, matchers: [[code]], rows: $(file:" + dir + "/good.csv)}]"),
	} {
		m, got := said(t, options)
		const want = `"rows": [{"code": "de", "country": "Germany"}, {"code": "fr", "country": "France, the \"south\""}]}`
		if len(of(m, KindMappingRule)) != 1 || !strings.HasSuffix(of(m, KindMappingRule)[0].Definition, want) {
			t.Errorf("%+v %s", of(m, KindMappingRule), got)
		}
	}
	for name, want := range map[string]string{
		"none.csv": "no such file", "empty.csv": "it is empty", "head.csv": "it has no rows", "short.csv": "line 3: this row does not have as many cells", "quote.csv": "misplaced quote",
		"twice.csv": "column 2", "unnamed.csv": "column 2", "latin1.csv": "line 2: the text is not UTF-8",
	} {
		refused(t, stdin("mapping_rules:\n- "+strings.ReplaceAll(strings.TrimSpace(rule("$(file:"+dir+"/"+name+")")), "\n", "\n  ")), "stdin:5:9", name, want)
	}
	refused(t, stdin("mapping_rules: [{name: r, matchers: [[code]], rows: $(ROWS)}]", "ROWS=x"), "`rows` must be a list or a reference to a file")
	skipped := stdin("mapping_rules: [{name: r, matchers: [[code]], rows: $(file:none.csv)}]")
	skipped.SkipReferences = true
	expect(t, skipped)
}

// A provider may have an id of its own.
func TestIDs(t *testing.T) {
	t.Parallel()
	const id = "54c8f706813e486689e64bc94cd40316"
	m := expect(t, stdin("a: {type: http, id: "+id+"}\nb: {type: http, id: $(ID)}\nc: {type: http, id: }\n", "ID="+strings.Repeat("0", 32)+"\n"))
	if m.Providers[0].ID != id || m.Providers[1].ID != strings.Repeat("0", 32) || m.Providers[2].ID != "" {
		t.Errorf("%+v", m.Providers)
	}
	for _, bad := range []string{"54c8f706-813e-4866-89e6-4bc94cd40316", strings.ToUpper(id), id + "0", id[1:], "1", "[]", "''", "x" + id[1:], strings.Repeat("1", 32)} {
		refused(t, stdin("a: {type: http, id: "+bad+"}\n"), "stdin:1:21", "`id` must be 32 hexadecimal digits")
	}
	refused(t, stdin("a: {type: http, id: "+id+"}\nb: {type: http, id: "+id+"}\n"), "stdin:2:21", "already used by the provider at stdin:1:1")
}

// A name in renamed_from must not be a name of the manifest.
func TestRenameInTwoRuns(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"a: {type: http, renamed_from: b}\nb: {type: http, renamed_from: a}\n", "b: {type: http}\na: {type: http, renamed_from: [x, b]}\n",
		"b: {type: http, renamed_from: c}\na: {type: http, renamed_from: b}\n",
	} {
		refused(t, stdin(text), "renamed_from` names \"b\", which is the name of the provider at stdin:", "rename in two runs")
	}
	refused(t, Options{Files: []string{write(t, t.TempDir(), "1.yaml", "name: a\ntype: http\nrenamed_from:\n- b\n"), write(t, t.TempDir(), "2.yaml", "name: b\ntype: http\n")}}, "1.yaml:4:3")
	expect(t, stdin("a: {type: http, renamed_from: [x, y]}\nb: {type: http, renamed_from: z}\n"))
}
