package export_test

import (
	"encoding/json"
	"strings"
	"testing"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/export"
)

// export writes credentials from the query of a URL.
func TestCredentialsInURLQueryExported(t *testing.T) {
	t.Parallel()
	secret := []string{
		"https://g.example.com/?api_key=key-example", "https://g.example.com/a?x=1&token=key-example", "https://g.example.com/#access_token=key-example", "http://u:key-example@g/",
		"https://key-example@sentry.example.com/1", "https://hooks.slack.com/services/T000/B000/key-example", "https://example.webhook.office.com/webhookb2/key-example",
		"https://discord.com/api/webhooks/1/key-example", "https://g.example.com/?sig=key-example", "https://g.example.com/?Client%5Fsecret=key-example", "https://g.example.com/?a=b#auth=key-example",
		"https://h.example.com/in/0123456789abcdef0123456789abkey-example", "postgres://u:key-example@h:5432/d?sslmode=disable", "https://api.telegram.org/botkey-example/send",
		"g.example.com/?api_key=key-example", "u:key-example@h:5432/d", "host=h user=u password=key-example", "Server=h;Pwd=key-example",
		"see https://g.example.com/?password=key-example here",
	}
	for _, url := range secret {
		for _, typeName := range []string{"grafana", "no such type"} {
			for _, field := range []string{"host", "unknown"} {
				text := exported(t, typeName, field, url, false)
				if strings.Contains(text, "key-example") || !strings.Contains(text, "$(P_"+strings.ToUpper(field)+")") {
					t.Errorf("%s %s: %s", typeName, field, text)
				}
			}
		}
		if text := exported(t, "grafana", "host", url, true); !strings.Contains(text, "key-example") {
			t.Errorf("with secrets: %s", text)
		}
	}
	for _, url := range []string{
		"https://g.example.com/", "http://g:3000/d/abc?orgId=1&from=now-6h", "https://g.example.com/api/v1/alerts#top", "https://g.example.com/a/very/long/path/of/short/words?page=2", "someone@example.com", "a: b@c", "host=h port=1", "g.example.com:9090",
	} {
		if text := exported(t, "grafana", "host", url, false); strings.Contains(text, "$(") {
			t.Errorf("%s is a reference: %s", url, text)
		}
	}
	// Where no reference is read, the credential is said.
	result, err := export.All([]db.ExportedObject{
		{Kind: "workflow", Name: "w", Content: `{"raw": "id: w\nactions:\n- name: a\n  provider:\n    type: http\n    with:\n      url: https://h/?token=key-example\n"}`},
		{Kind: "dashboard", Name: "d", Content: `{"dashboard_name": "d", "dashboard_config": {"u": "https://h/?token=key-example"}}`},
	}, false)
	if said := strings.Join(result.Warnings, "\n"); err != nil || !strings.Contains(said, `workflow "w": a URL`) || !strings.Contains(said, `dashboard "d": a URL`) || strings.Contains(said, "key-example") {
		t.Errorf("%v %q", err, result.Warnings)
	}
}

// exported is the export of a provider p with one field.
func exported(t *testing.T, typeName, field, value string, withSecrets bool) string {
	t.Helper()
	authentication := string(must(json.Marshal(map[string]string{field: value})))
	result, err := export.All(rowsOf(exportedProvider{name: "p", typeName: typeName, authentication: authentication}), withSecrets)
	if err != nil || len(result.Warnings) > 0 {
		t.Fatal(err, result.Warnings)
	}
	return string(result.Text)
}
