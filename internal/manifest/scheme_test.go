package manifest

import "testing"

// Keep adds a scheme to these hosts when it loads the provider; what is stored has it at once.
func TestHostsGetTheirScheme(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`"kibana.example.com"`: `"https://kibana.example.com"`, `"localhost:5601"`: `"http://localhost:5601"`, `"127.0.0.1"`: `"http://127.0.0.1"`,
		`"http://a"`: `"http://a"`, `"https://a"`: `"https://a"`, `"{{ env.HOST }}"`: `"{{ env.HOST }}"`, `"$(HOST)"`: `"https://from-variable"`,
	} {
		for providerType, fields := range map[string]string{
			"kibana":      `"api_key": "k", "kibana_host": `,
			"openobserve": `"openObserveUsername": "u", "openObservePassword": "p", "openObservePort": 1, "organisationID": "o", "openObserveHost": `,
		} {
			got := load(t, stdin(`{"p": {"type": "`+providerType+`", "authentication": {`+fields+given+`}}}`, "HOST=from-variable"))
			if want := `{` + fields + want + `}`; got.Providers[0].Authentication != want {
				t.Errorf("%s: %s, want %s", given, got.Providers[0].Authentication, want)
			}
		}
	}
	if got := load(t, stdin(`{"p": {"type": "grafana", "authentication": {"host": "http://g", "token": "kibana_host"}}}`)).Providers[0].Authentication; got != `{"host": "http://g", "token": "kibana_host"}` {
		t.Error(got)
	}
}
