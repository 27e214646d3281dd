package manifest

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keep-bootstrap/internal/catalogue"
)

// said loads an input and returns what is said about it: problems, then warnings with "~" in front.
func said(t *testing.T, options Options) (m *Manifest, text string) {
	t.Helper()
	if options.Catalogue == nil {
		options.Catalogue = catalogue.BuiltIn()
	}
	m, err := Load(options)
	if problems, ok := errors.AsType[*Problems](err); ok {
		text = problems.Error() + "\n"
	} else if err != nil {
		t.Fatal(err)
	}
	for _, w := range m.Warnings {
		text += "~" + w.String() + "\n"
	}
	return m, text
}

// expect wants each of the texts to be said, and nothing if there are none.
func expect(t *testing.T, options Options, want ...string) *Manifest {
	t.Helper()
	m, got := said(t, options)
	for _, part := range want {
		if !strings.Contains(got, part) {
			t.Errorf("%q %q: not said: %s\nsaid: %s", options.Environ, options.Files, part, got)
		}
	}
	if len(want) == 0 && got != "" {
		t.Errorf("%q %q: said: %s", options.Environ, options.Files, got)
	}
	return m
}

func environ(variables ...string) Options { return Options{Environ: variables} }

// strictly is the same input with --strict.
func strictly(options Options) Options {
	options.Strict = true
	return options
}

// refused wants a problem that says each of the texts.
func refused(t *testing.T, options Options, want ...string) {
	t.Helper()
	_, got := said(t, options)
	var problems strings.Builder
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, "~") {
			problems.WriteString(line)
		}
	}
	if problems.Len() == 0 {
		t.Errorf("%q %q: accepted; said: %s", options.Environ, options.Files, got)
	}
	for _, part := range want {
		if !strings.Contains(problems.String(), part) {
			t.Errorf("%q %q: no problem says: %s\nproblems: %s", options.Environ, options.Files, part, problems.String())
		}
	}
}

// A configuration that Keep takes is refused: nulls, dates in mapping rules, booleans where Keep makes texts of them.
func TestConfigurationThatKeepTakesIsRefused(t *testing.T) {
	t.Parallel()
	m := expect(t, stdin("providers:\n  - name: cw\n    type: cloudwatch\n    authentication: {region: eu-central-1, access_key: , access_key_secret: null}\n"))
	if got := m.Providers[0].Authentication; got != `{"region": "eu-central-1", "access_key": null, "access_key_secret": null}` {
		t.Error(got)
	}
	// Every nullable field takes null, in each way to write it.
	types := catalogue.BuiltIn()
	nullable := 0
	for _, name := range types.Names() {
		typ, _ := types.Type(name)
		for i := range typ.Fields {
			f := &typ.Fields[i]
			if !f.Nullable || !typ.Installable {
				continue
			}
			nullable++
			for _, null := range []string{"null", "~", ""} {
				_, got := said(t, stdin("p:\n  type: "+name+"\n  authentication:\n    "+f.Name+": "+null+"\n"))
				if strings.Contains(got, `"`+f.Name+`", which must be`) {
					t.Errorf("%s.%s: %s", name, f.Name, got)
				}
			}
			_, got := said(t, stdin(`{"p": {"type": "`+name+`", "authentication": {"`+f.Name+`": null}}}`))
			if strings.Contains(got, `"`+f.Name+`", which must be`) {
				t.Errorf("%s.%s as JSON: %s", name, f.Name, got)
			}
		}
	}
	if nullable < 35 {
		t.Errorf("only %d nullable fields", nullable)
	}
	// In a set of which one is needed null is not given, and of some fields neither is an empty text.
	const needs = "needs one of these sets"
	for text, want := range map[string]string{
		"type: squadcast, authentication: {service_region: eu, refresh_token: null, webhook_url: null}": needs,
		"type: squadcast, authentication: {service_region: eu, refresh_token: ''}":                      needs,
		"type: squadcast, authentication: {service_region: eu, refresh_token: x, webhook_url: null}":    "",
		"type: victoriametrics, authentication: {VMAlertHost: null}":                                    needs,
		"type: monday, authentication: {api_token: ''}":                                                 needs,
		"type: signalfx, authentication: {sf_token: ''}":                                                needs,
		"type: datadog, authentication: {api_key: '', app_key: x}":                                      needs,
		"type: ssh, authentication: {host: h, user: u, password: ''}":                                   "",
		"type: pagerduty, authentication: {api_key: ''}":                                                "",
		// A type whose values are not checked, and that refuses what it does not know.
		"type: auth0, authentication: {domain: [1], token: null}":         "",
		"type: auth0, authentication: {domain: a, token: b, other: null}": `"other", which Keep refuses`,
		"type: auth0, authentication: {domain: a}":                        `lacks the authentication field "token"`,
		// What is not nullable is refused still.
		"type: grafana, authentication: {host: 'http://g', token: null}": `"token", which must be a string`,
	} {
		options := stdin("p: {" + text + "}\n")
		if want == "" {
			expect(t, options)
		} else {
			refused(t, options, want)
		}
	}
	// Dates and times of mapping rules are texts, as Keep writes them.
	for _, head := range []string{"  type: csv\n", "  type: topology\n", ""} {
		m := expect(t, stdin("mapping_rules:\n- name: teams\n  matchers: [[team]]\n"+head+"  rows:\n  - {team: a, since: 2024-01-01, at: 2024-01-01T10:00:00Z, deep: [2024-02-03]}\n"))
		if len(of(m, KindMappingRule)) != 1 || !strings.Contains(of(m, KindMappingRule)[0].Definition, `"rows": [{"team": "a", "since": "2024-01-01", "at": "2024-01-01 10:00:00+00:00", "deep": ["2024-02-03"]}]`) {
			t.Errorf("%+v", of(m, KindMappingRule))
		}
	}
	for written, want := range map[string]string{"true": "true", "'yes'": "true", "1": "true", "off": "false", "'f'": "false", "0.0": "false"} {
		m := expect(t, stdin("mapping_rules:\n- {name: a, matchers: [[x], [y]], rows: [{x: 1}], is_multi_level: "+written+"}\n"))
		if len(of(m, KindMappingRule)) != 1 || !strings.Contains(of(m, KindMappingRule)[0].Definition, `"is_multi_level": `+want) {
			t.Errorf("%s: %+v", written, of(m, KindMappingRule))
		}
	}
	for written, want := range map[string]string{
		"priority: '5'": `"priority": 5`, "priority: 5.7": `"priority": 5`, "priority: yes": `"priority": 1`, "priority: ' +1_0 '": `"priority": 10`,
		"description: yes": `"description": "True"`, "prefix_to_remove: 1.50": `"prefix_to_remove": "1.5"`, "file_name: 2024-01-01": `"file_name": "2024-01-01"`,
	} {
		m := expect(t, stdin("mapping_rules:\n- {name: yes, matchers: [[no, 1.0, a]], rows: [{x: 1}], "+written+"}\n"))
		if len(of(m, KindMappingRule)) != 1 || of(m, KindMappingRule)[0].Name != "True" || !strings.Contains(of(m, KindMappingRule)[0].Definition, want) || !strings.Contains(of(m, KindMappingRule)[0].Definition, `[["False", "1.0", "a"]]`) {
			t.Errorf("%s: %+v", written, of(m, KindMappingRule))
		}
	}
	// A workflow.
	for body, want := range map[string]string{
		"description: yes":   `"description": "True"`,
		"description: off":   `"description": "False"`,
		"description: 1.50":  `"description": "1.5"`,
		"description: null":  `"description": null`,
		"disabled: 'True'":   `"disabled": true`,
		"disabled: 'true'":   `"disabled": true`,
		"disabled: 1":        `"disabled": false`,
		"disabled: 'banana'": `"disabled": false`,
		"disabled: yes":      `"disabled": true`,
		"disabled:":          `"disabled": false`,
	} {
		m, _ := said(t, environ("KEEP_WORKFLOW=workflow:\n  id: w\n  "+body+"\n  triggers: [{type: manual}]\n"))
		if len(of(m, KindWorkflow)) != 1 || !strings.Contains(of(m, KindWorkflow)[0].Definition, want) {
			t.Errorf("%s: %+v", body, of(m, KindWorkflow))
		}
	}
}

// A boolean variable counts only when it is spelt `true`.
func TestBooleanVariableIgnored(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"true": true, "True": true, "TRUE": true, "1": true, "false": false, "False": false, "0": false} {
		m := expect(t, environ("KEEP_DEFAULT_USERNAME=keep", "KEEP_DEFAULT_PASSWORD=x", "KEEP_FORCE_RESET_DEFAULT_PASSWORD="+value))
		if user := of(m, KindUser); len(user) != 1 || user[0].ResetPassword != want {
			t.Errorf("%s: %+v", value, m.Resources)
		}
		for _, written := range []string{"'" + value + "'", "$(RESET)"} {
			m := expect(t, stdin("default_user: {username: keep, password: x, reset_password: "+written+"}\n", "RESET="+value))
			if user := of(m, KindUser); len(user) != 1 || user[0].ResetPassword != want {
				t.Errorf("%s behind %s: %+v", value, written, m.Resources)
			}
		}
		m = expect(t, stdin("p: {type: http, install_webhook: $(B), pulling_enabled: '"+value+"', prevent_delete: '"+value+"'}\n", "B="+value))
		if p := m.Providers[0]; p.InstallWebhook != want || *p.PullingEnabled != want || *p.PreventDelete != want {
			t.Errorf("%s: %+v", value, p)
		}
	}
	for _, value := range []string{"yes", "banana", "on", "2", "tru"} {
		refused(t, environ("KEEP_DEFAULT_USERNAME=keep", "KEEP_FORCE_RESET_DEFAULT_PASSWORD="+value), "KEEP_FORCE_RESET_DEFAULT_PASSWORD", "true, false, 1 or 0")
		refused(t, stdin("default_user: {username: keep, password: x, reset_password: $(RESET)}\n", "RESET="+value), "`reset_password` must be true or false")
		refused(t, stdin("default_user: {username: keep, password: x, reset_password: '"+value+"'}\n"), "`reset_password` must be true or false")
		refused(t, stdin("p: {type: http, prevent_delete: '"+value+"'}\n"), "`prevent_delete` must be true or false")
	}
}

// Quotes or `\n` that a tool left in a variable's value.
func TestVariableValueWrappedOrEscaped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, dir, "p.json", `{"a": {"type": "http"}}`)
	for _, variable := range []string{
		`KEEP_PROVIDERS='{"vm":{"type":"victoriametrics"}}'`, `KEEP_PROVIDERS="{"vm":{}}"`, `KEEP_PROVIDERS="` + path + `"`, `KEEP_PROVIDERS_FILE='` + path + `'`,
		`KEEP_PROVIDERS_DIRECTORY="` + dir + `"`, `KEEP_PROVIDER_VM='{"type": "http"}'`, `KEEP_WORKFLOW='workflow: {id: a}'`, `KEEP_WORKFLOWS_DIRECTORY='/w'`,
		`KEEP_DASHBOARDS='[]'`, `KEEP_MAPPINGS_DIRECTORY="/m"`, `KEEP_DEFAULT_API_KEYS='a:webhook:x'`, `KEEP_DEFAULT_USERNAME='keep'`, `KEEP_DEFAULT_PASSWORD="x"`,
		`KEEP_DEFAULT_PASSWORD_FILE='/x'`,
	} {
		name, _, _ := strings.Cut(variable, "=")
		refused(t, environ(variable), "the value of "+name+" is wrapped in quotes")
	}
	refused(t, environ("KEEP_DEFAULT_USERNAME=a", `KEEP_FORCE_RESET_DEFAULT_PASSWORD="true"`), "KEEP_FORCE_RESET_DEFAULT_PASSWORD is wrapped")
	refused(t, environ(`KEEP_PROVIDERS={\"vm\":{\"type\":\"http\"}}`), "the quotes in the value of KEEP_PROVIDERS are escaped")
	refused(t, environ(`KEEP_DASHBOARDS=[{\"dashboard_name\":\"a\"}]`), "the quotes in the value of KEEP_DASHBOARDS are escaped")
	refused(t, environ(`KEEP_PROVIDERS={\n  "vm": {"type": "http"}\n}`), `KEEP_PROVIDERS contains the characters \n but no newline`)
	for _, text := range []string{`workflow:\n  id: x\n  triggers:\n    - type: manual\n`, `id: x\ntriggers: []\n`, `- a\n- b`, `workflow:\n  id: x`} {
		refused(t, environ("KEEP_WORKFLOW="+text), `KEEP_WORKFLOW contains the characters \n but no newline`)
	}
	for _, name := range []string{"KEEP_PROVIDERS", "KEEP_PROVIDERS_FILE"} {
		refused(t, environ(name+"="+path+"\n"), "the path in "+name+" ends with a line break")
	}
	refused(t, environ("KEEP_PROVIDERS_DIRECTORY="+dir+"\r\n"), "ends with a line break")
	refused(t, environ(`KEEP_WORKFLOW={} # a\nb`), "a workflow without a name or id")
	// What is meant so is read.
	m := expect(t, environ("KEEP_DEFAULT_PASSWORD_FILE="+write(t, dir, "password", "'quoted'\n"), "KEEP_DEFAULT_USERNAME=a"))
	if user := of(m, KindUser); len(user) != 1 || user[0].Password != "'quoted'" {
		t.Errorf("%+v", m.Resources)
	}
	expect(t, environ(`KEEP_WORKFLOW={"id": "x", "triggers": [], "description": "a\nb"}`))
	expect(t, environ(`KEEP_PROVIDERS={"vm": {"type": "http", "description": "a\nb \"c\""}}`))
	expect(t, environ(`KEEP_DEFAULT_PASSWORD=it's "x`, "KEEP_DEFAULT_USERNAME=a"))
}

// A directory with files that are not read counts as empty.
func TestDirectoryYieldsNothing(t *testing.T) {
	t.Parallel()
	const provider, workflow, rule = "name: g\ntype: http\n", "id: w\ntriggers: []\n", "name: r\nmatchers: [[a]]\nrows: [{a: 1}]\n"
	for variable, good := range map[string]string{"KEEP_PROVIDERS_DIRECTORY": provider, "KEEP_WORKFLOWS_DIRECTORY": workflow, "KEEP_MAPPINGS_DIRECTORY": rule, "-f": provider} {
		given := func(dir string) Options {
			if variable == "-f" {
				return Options{Files: []string{dir}}
			}
			return environ(variable + "=" + dir)
		}
		for _, name := range []string{"team-a/g.yaml", "g.yaml.tmpl", "teams.csv", "x.yaml/g.yaml", ".hidden.yaml", "g.json", "g.YAML", "notes"} {
			dir := t.TempDir()
			write(t, dir, name, good)
			thing, _, _ := strings.Cut(name, "/")
			refused(t, given(dir), "this directory has no .yaml or .yml file")
			if _, got := said(t, given(dir)); !strings.Contains(got, "~"+dir+"/"+thing+": this ") {
				t.Errorf("%s: %s is passed over without a word: %s", variable, name, got)
			}
			write(t, dir, "good.yaml", good)
			if _, got := said(t, given(dir)); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "~") || !strings.Contains(got, thing) {
				t.Errorf("%s: %s beside a good file: %s", variable, name, got)
			}
		}
		dir := t.TempDir()
		if err := os.Symlink("nowhere", filepath.Join(dir, "x.yaml")); err != nil {
			t.Fatal(err)
		}
		refused(t, given(dir), "x.yaml: no such file")
		// What is there for others says nothing, and an empty directory is one.
		dir = t.TempDir()
		for _, name := range []string{"..2026_11_22/g.yaml", "..data/x", "lost+found/x", "README.md", ".gitkeep", ".git/config", ".DS_Store"} {
			write(t, dir, name, good)
		}
		if m := expect(t, given(dir)); len(m.Providers)+len(m.Resources) != 0 || len(m.Given) == 0 {
			t.Errorf("%s: %+v", variable, m)
		}
	}
}

// A file of the wrong kind is taken for what it is not.
func TestWrongKindOfFileIsTaken(t *testing.T) {
	t.Parallel()
	shapes := map[string]string{
		"provider":     "name: vm\ntype: clickhouse\nauthentication: {host: http://c.example.com, port: 1, username: u, password: secret-example, database: d}\n",
		"mapping rule": "name: teams\ntype: csv\nmatchers: [[namespace]]\nrows: [{namespace: a, team: b}]\n",
		"dashboard":    "dashboard_name: d\ndashboard_config: {}\n",
		"workflow":     "workflow:\n  id: w\n  triggers: [{type: manual}]\n  actions: []\n",
		"API key":      "name: ci\nrole: noc\nsecret: secret-example\n",
		"bare":         "id: w\nactions: [{name: a, provider: {type: console}}]\n",
		"everything":   "providers: []\nworkflows: []\n",
	}
	homes := map[string]string{
		"provider": "KEEP_PROVIDERS_DIRECTORY", "mapping rule": "KEEP_MAPPINGS_DIRECTORY", "dashboard": "KEEP_DASHBOARDS", "workflow": "KEEP_WORKFLOWS_DIRECTORY",
		"API key": "KEEP_DEFAULT_API_KEYS", "bare": "KEEP_WORKFLOWS_DIRECTORY", "everything": "-f",
	}
	for variable, own := range map[string]string{"KEEP_WORKFLOWS_DIRECTORY": "workflow", "KEEP_MAPPINGS_DIRECTORY": "mapping rule", "KEEP_PROVIDERS_DIRECTORY": "provider", "-f": "provider"} {
		for shape, text := range shapes {
			dir := t.TempDir()
			write(t, dir, "a.yaml", text)
			options := environ(variable + "=" + dir)
			if variable == "-f" {
				options = Options{Files: []string{dir}}
			}
			if shape == own || own == "workflow" && shape == "bare" {
				expect(t, options)
				continue
			}
			m, got := said(t, options)
			if len(m.Providers)+len(m.Resources) != 0 || strings.Contains(got, "secret-example") || strings.Count(got, "\n") != 1 {
				t.Errorf("%s, %s: %+v, %s", variable, shape, m, got)
			}
			refused(t, options, "a.yaml", homes[shape])
		}
	}
	for shape, text := range shapes {
		if shape == "workflow" || shape == "bare" {
			expect(t, environ("KEEP_WORKFLOW="+text))
			continue
		}
		refused(t, environ("KEEP_WORKFLOW="+text), "KEEP_WORKFLOW", homes[shape])
		if shape != "everything" {
			refused(t, stdin("workflows:\n- "+strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")+"\n"), "this is a", "not a workflow")
		}
	}
	refused(t, environ(`KEEP_DASHBOARDS=[{"name": "vm", "type": "http", "authentication": {}}]`), "this is a provider", "KEEP_PROVIDERS_DIRECTORY")
	refused(t, environ(`KEEP_PROVIDERS={"workflows": []}`), "no `providers`")
	expect(t, environ(`KEEP_PROVIDERS={"providers": [], "workflows": []}`))
	refused(t, stdin("name: x\ntype:grafana\nauthentication:\n  host: http://g\n"), "stdin:2:5: a space is missing after the colon")
	refused(t, environ(`KEEP_DASHBOARDS={"dashboards": []}`), "manifest of all kinds")
	refused(t, environ("KEEP_WORKFLOW=id: w\nname: w\n"), "no triggers, steps or actions")
	refused(t, stdin("id: w\nsteps: []\nactions: []\n"), "this is a workflow", "workflows:")
	refused(t, stdin("mapping_rules: [{name: a, type: http, authentication: {a: b}}]\n"), "this is a provider, not a mapping rule")
	refused(t, stdin("- {name: a, matchers: [[x]], rows: [{x: 1}]}\n- {name: b, type: http}\n"), "stdin:1:3: this is a mapping rule, not a provider", "mapping_rules:")
	refused(t, stdin("provders: [{name: a, type: http}]\n"), `unknown key "provders"`, "`providers`")

	for _, c := range []struct{ text, want string }{
		{"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: keep-providers}\ndata: {providers.yaml: \"providers: []\"}\n", "this is a Kubernetes ConfigMap: give a file extracted from its data"},
		{"apiVersion: v1\nkind: Secret\ndata: {a: YQ==}\n", "this is a Kubernetes Secret"},
		{"apiVersion: v1\nkind: Secret\ndata: {a: YQ==}\n", "base64"},
		{"---\napiVersion: v1\nkind: ConfigMap\ndata: {}\n---\napiVersion: v1\nkind: Secret\n", "this is a Kubernetes ConfigMap"},
		{"apiVersion: v1\nkind: List\nitems: []\n", `this is a Kubernetes "List"`},
		{"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a]\n", "this is a kustomization"},
		{"resources: [a.yaml]\nconfigMapGenerator: []\n", "this is a kustomization"},
		{"backend:\n  provision: {providers: {}}\n", "these are Helm values"},
		{"services:\n  keep: {image: keep}\n", "this is a compose file"},
		{`{"type": "plan", "format": 1, "bootstrap": "1", "digest": "x", "changes": []}`, "this is a plan file"},
		{"providers:\n- name: a\n  type: http\n  authentication: {token: 'ENC[AES256_GCM,data:p673w==,type:str]'}\nsops: {mac: x}\n", "this file is encrypted"},
		{"name: a\ntype: http\nsops: {mac: x}\n", "this file is encrypted"},
	} {
		refused(t, stdin(c.text), c.want)
		if _, got := said(t, stdin(c.text)); strings.Count(got, "\n") != 1 {
			t.Errorf("more than one problem: %s", got)
		}
		dir := t.TempDir()
		write(t, dir, "a.yaml", c.text)
		for _, variable := range []string{"KEEP_PROVIDERS_DIRECTORY", "KEEP_WORKFLOWS_DIRECTORY", "KEEP_MAPPINGS_DIRECTORY"} {
			refused(t, environ(variable+"="+dir), "a.yaml", c.want)
		}
	}
	// A provider may be called anything.
	expect(t, stdin(`{"services": {"type": "http"}, "backend": {"type": "http"}, "sops": {"type": "http"}, "kind": {"type": "http"}}`))
}

// A workflow that Keep never runs is installed without a word.
func TestWorkflowThatNeverRuns(t *testing.T) {
	t.Parallel()
	forms := func(body string) []Options {
		dir := t.TempDir()
		write(t, dir, "w.yaml", "workflow: "+body)
		return []Options{
			environ("KEEP_WORKFLOW=workflow: " + body), environ("KEEP_WORKFLOW=alert: " + body), environ("KEEP_WORKFLOW=" + body),
			environ("KEEP_WORKFLOWS_DIRECTORY=" + dir), stdin("workflows: [" + body + "]"), stdin("workflows: [{workflow: " + body + "}]"),
		}
	}
	const action = "{name: say, provider: {type: console, with: {message: x}}}"
	for part, want := range map[string]string{
		"triggers: [{type: alerts}]":                  "unknown trigger type alerts: did you mean alert?",
		"triggers: [{type: Alert}]":                   "unknown trigger type Alert: did you mean alert?",
		"triggers: [{type: cron}]":                    "unknown trigger type cron: did you mean interval?",
		"triggers: [{type: schedule}]":                "unknown trigger type schedule: did you mean interval?",
		"triggers: [{type: manual}, {type: webhook}]": `unknown trigger type "webhook"`,
		"triggers: [{type: 1}]":                       `unknown trigger type "1"`,
		"triggers: [{value: 10}]":                     "a trigger without a type",
		"triggers: [{type: interval}]":                "an interval trigger without a value",
		"triggers: [{type: interval, value: }]":       "an interval trigger without a value",
		"disabled: 'True'":                            "Keep reads this as true",
		"actions: [{name: a, provider: slack}]":       "Keep cannot parse a provider that is a string",
		"steps: [{name: a, provider: slack}]":         "Keep cannot parse a provider that is a string",
		"steps: [{name: a, provider: {with: {}}}]":    "Keep cannot parse a provider without a type",
		"actions: [{name: a, provider: {type: slack, config: \"{{ providers['Quickstart Webhook'] }}\"}}]": "Keep cannot find the provider",
		"steps: [{name: a, provider: {type: slack, config: \"{{ providers.a.b }}\"}}]":                     "Keep cannot find the provider",
		"steps: [{name: a, provider: {type: slack, config: my-slack}}]":                                    "Keep cannot find the provider",
	} {
		body := "{id: noc, name: noc, " + part
		if !strings.HasPrefix(part, "actions") {
			body += ", actions: [" + action + "]"
		}
		for n, options := range forms(body + "}") {
			if n < 4 {
				m := expect(t, options, "~", want)
				if len(of(m, KindWorkflow)) != 1 {
					t.Errorf("%s: %+v", part, m)
				}
				if w := m.Warnings[0]; w.Line < 1 || w.Column < 1 || w.Name != "noc" {
					t.Errorf("%s: %+v", part, w)
				}
				refused(t, strictly(options), want)
				continue
			}
			refused(t, strictly(options), want)
		}
	}
	for _, part := range []string{"triggers: [{type: interval, value: soon}]", "triggers: [{type: interval, value: 10 minutes}]"} {
		for _, options := range forms("{id: noc, name: noc, " + part + "}") {
			refused(t, options, "Keep cannot read this interval")
		}
	}
	for _, part := range []string{
		"triggers: [{type: alert, filters: []}, {type: incident, events: [created]}, {type: interval, value: 10m}, {type: interval, value: 3600}, {type: manual}]",
		"steps: [{name: a, provider: {type: slack, config: \"{{ providers.Quick-start 1 }}\", with: {}}}, {name: b, provider: {type: bash, config: {authentication: {}}}}, {name: c, provider: {type: x, config: '{{providers.a}}'}}]",
		"disabled: true", "disabled: false", "interval: 5m", "on-failure: {provider: {type: slack, config: ' {{ providers.slack }} '}}",
	} {
		body := "{id: noc, name: noc, description: x, " + part
		if !strings.HasPrefix(part, "actions") {
			body += ", actions: [" + action + "]"
		}
		for _, options := range forms(body + "}") {
			expect(t, strictly(options))
		}
	}
}

// A placeholder of another tool is stored as the secret.
func TestPlaceholderStoredAsSecret(t *testing.T) {
	t.Parallel()
	const want = "unfilled placeholder"
	inputs := func(value string) []Options {
		quoted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		all := []Options{
			stdin(`{"g": {"type": "grafana", "authentication": {"host": "https://g", "token": ` + string(quoted) + `}}}`),
			stdin(`{"providers": [{"name": "s", "type": "datadog", "authentication": {"oauth_token": {"deep": [` + string(quoted) + `]}}}]}`),
			stdin(`{"api_keys": [{"name": "ci", "role": "noc", "secret": ` + string(quoted) + `}]}`),
			stdin(`{"default_user": {"username": "u", "password": ` + string(quoted) + `}}`),
			environ("KEEP_DEFAULT_USERNAME=u", "KEEP_DEFAULT_PASSWORD="+value),
		}
		if !strings.ContainsAny(value, ":,") {
			all = append(all, environ("KEEP_DEFAULT_API_KEYS=ci:noc:"+value))
		}
		return all
	}
	for _, value := range []string{
		"${GRAFANA_TOKEN}", "$GRAFANA_TOKEN", "Bearer $(GRAFANA_TOKEN)", "<path:secret/data/keep#token>", "ref+vault://secret/keep#/token", "{{ .Values.token }}",
		"ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ==,type:str]", "https://u:${PASSWORD}@h/x", "https://h/?key=$API_KEY&a=b", "${TOKEN:-x}", "x-$(env:TOKEN)-y",
		"vault:secret/data/keep#token", "op://vault/item/field", "{{ secret }} x", "{{env.NAME}}{{ other }}", "$(A)$(B)", "Basic {{ .Values.a }}",
	} {
		for _, options := range inputs(value) {
			if !strings.Contains(value, "$(A)") {
				m := expect(t, options, "~", want)
				if w := m.Warnings[0]; w.Provider+w.Name == "" || strings.Contains(w.String(), value) {
					t.Errorf("%s: %+v", value, w)
				}
			}
		}
		for _, options := range inputs(value) {
			if !strings.Contains(value, "$(A)") {
				refused(t, strictly(options), want)
			}
		}
	}
	for _, value := range []string{
		"Pa$$w0rd", "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "$2b$10$ABCDEFGHIJK", "a${b", "x<y>z", "$ecret", "$", "$5", "${}", "$A", "P@$SW0RD", "!$ABC#", "x$ABC", "a$TOKEN",
		"$6$rounds=5000$SALTSALT$HASH", "$argon2id$v=19$m=65536,t=3,p=4$SALT$HASH", "P$$TOKEN", "${lower}", "{}", "{{", "ENC[", "<path>", "vault:x", "ref:vault", "op:", "100% $ure",
	} {
		for _, options := range inputs(value) {
			expect(t, strictly(options))
		}
	}
	// What a reference stands for is never looked at.
	expect(t, strictly(stdin("g: {type: grafana, authentication: {host: http://g, token: $(T)}}", "T=${GRAFANA_TOKEN} {{ x }}")))
}

// An empty variable overwrites a stored secret.
func TestEmptyReferenceOverwritesSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"none": "", "lf": "\n", "lines": "\n\r\n\n", "blank": "  \n"} {
		write(t, dir, name, text)
	}
	where := map[string]func(string) string{
		"provider": func(r string) string {
			return `{"g": {"type": "grafana", "authentication": {"host": "https://g", "token": "` + r + `"}}}`
		},
		"envelope": func(r string) string {
			return `{"providers": [{"name": "g", "type": "datadog", "authentication": {"oauth_token": {"a": ["` + r + `"]}}}]}`
		},
		"API key":   func(r string) string { return `{"api_keys": [{"name": "ci", "role": "noc", "secret": "` + r + `"}]}` },
		"user":      func(r string) string { return `{"default_user": {"username": "u", "password": "` + r + `"}}` },
		"directory": nil,
	}
	for place, text := range where {
		given := func(reference string, variables ...string) []Options {
			if text == nil {
				folder := t.TempDir()
				write(t, folder, "g.yaml", "name: g\ntype: grafana\nauthentication:\n  host: http://g\n  token: "+reference+"\n")
				return []Options{environ(append(variables, "KEEP_PROVIDERS_DIRECTORY="+folder)...)}
			}
			all := []Options{stdin(text(reference), variables...), {Files: []string{write(t, t.TempDir(), "x.json", text(reference))}, Environ: variables}}
			if place == "provider" {
				all = append(all, environ(append(variables, "KEEP_PROVIDERS="+text(reference))...))
			}
			return all
		}
		for _, reference := range []string{"$(TOKEN)", "$(env:TOKEN)"} {
			for _, value := range []string{"", "\n", "\r\n", " "} {
				for _, options := range given(reference, "TOKEN="+value) {
					refused(t, options, `the variable "TOKEN" is empty`)
				}
			}
		}
		for _, name := range []string{"none", "lf", "lines", "blank"} {
			for _, options := range given("$(file:" + dir + "/" + name + ")") {
				refused(t, options, "contains no text")
			}
		}
		for _, end := range []string{"", "\n", "\r\n"} {
			for _, options := range given("$(TOKEN)", "TOKEN= glsa example "+end) {
				m := expect(t, options)
				stored, _ := json.Marshal(m)
				if !strings.Contains(string(stored), " glsa example ") || strings.Contains(string(stored), `example \n`) || strings.Contains(string(stored), `example \r`) ||
					strings.Contains(string(stored), `example \\n`) {
					t.Errorf("%s: %s", place, stored)
				}
			}
		}
	}
	// Whoever means an empty value writes it.
	expect(t, stdin("g: {type: grafana, authentication: {host: http://g, token: ''}}"))
	for _, name := range []string{"none", "lines"} {
		refused(t, environ("KEEP_DEFAULT_PASSWORD_FILE="+dir+"/"+name), " is empty")
		refused(t, environ("KEEP_DEFAULT_API_KEYS_FILE="+dir+"/"+name), " is empty")
	}
	refused(t, environ("KEEP_DEFAULT_USERNAME=u", "KEEP_DEFAULT_PASSWORD="), "KEEP_DEFAULT_PASSWORD is empty")
	refused(t, environ("KEEP_DEFAULT_USERNAME=u", "KEEP_DEFAULT_PASSWORD=\n"), "KEEP_DEFAULT_PASSWORD is empty")
	refused(t, environ("KEEP_DEFAULT_USERNAME=u", "KEEP_DEFAULT_PASSWORD_FILE="), "KEEP_DEFAULT_PASSWORD_FILE is empty")
	refused(t, environ("KEEP_DEFAULT_API_KEYS=\n"), "KEEP_DEFAULT_API_KEYS is empty")
	for _, blank := range []string{" ", "\n", "\r\n"} {
		refused(t, environ("KEEP_DEFAULT_USERNAME="+blank), "KEEP_DEFAULT_USERNAME is empty")
	}
	if m := expect(t, environ("KEEP_DEFAULT_USERNAME=u\n", "KEEP_DEFAULT_PASSWORD= x \n")); of(m, KindUser)[0].Password != " x " || of(m, KindUser)[0].Name != "u" {
		t.Errorf("%q", of(m, KindUser)[0].Password)
	}
	expect(t, stdin("g: {type: grafana, authentication: {host: http://g, token: $(Q)}}", "Q='x'"), "~", `"Q" is wrapped in quotes`)
}
