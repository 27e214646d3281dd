package manifest

import (
	"errors"
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

// expect wants each of the texts to be said, and nothing where there are none.
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
		"type: grafana, authentication: {host: 'http://g', token: null}": `"token", which must be a text`,
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
		if len(m.MappingRules) != 1 || !strings.Contains(m.MappingRules[0].Definition, `"rows": [{"team": "a", "since": "2024-01-01", "at": "2024-01-01 10:00:00+00:00", "deep": ["2024-02-03"]}]`) {
			t.Errorf("%+v", m.MappingRules)
		}
	}
	for written, want := range map[string]string{"true": "true", "'yes'": "true", "1": "true", "off": "false", "'f'": "false", "0.0": "false"} {
		m := expect(t, stdin("mapping_rules:\n- {name: a, matchers: [[x], [y]], rows: [{x: 1}], is_multi_level: "+written+"}\n"))
		if len(m.MappingRules) != 1 || !strings.Contains(m.MappingRules[0].Definition, `"is_multi_level": `+want) {
			t.Errorf("%s: %+v", written, m.MappingRules)
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
		if len(m.Workflows) != 1 || !strings.Contains(m.Workflows[0].Definition, want) {
			t.Errorf("%s: %+v", body, m.Workflows)
		}
	}
}

// A boolean variable counts only when it is spelt `true`.
func TestBooleanVariableIgnored(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"true": true, "True": true, "TRUE": true, "1": true, "false": false, "False": false, "0": false} {
		m := expect(t, environ("KEEP_DEFAULT_USERNAME=keep", "KEEP_DEFAULT_PASSWORD=x", "KEEP_FORCE_RESET_DEFAULT_PASSWORD="+value))
		if m.User == nil || m.User.ResetPassword != want {
			t.Errorf("%s: %+v", value, m.User)
		}
		for _, written := range []string{"'" + value + "'", "$(RESET)"} {
			m := expect(t, stdin("default_user: {username: keep, password: x, reset_password: "+written+"}\n", "RESET="+value))
			if m.User == nil || m.User.ResetPassword != want {
				t.Errorf("%s behind %s: %+v", value, written, m.User)
			}
		}
		m = expect(t, stdin("p: {type: http, install_webhook: $(B), pulling_enabled: '"+value+"', prevent_delete: '"+value+"'}\n", "B="+value))
		if p := m.Providers[0]; *p.InstallWebhook != want || *p.PullingEnabled != want || *p.PreventDelete != want {
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
