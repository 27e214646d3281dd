package activate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keep-bootstrap/internal/postgres"
	sqlfiles "keep-bootstrap/sql"
)

// The table has every type with a webhook, and no other.
func TestPeculiarities(t *testing.T) {
	t.Parallel()
	var file struct {
		Types map[string]struct{ Webhook bool }
	}
	if err := json.Unmarshal(sqlfiles.ProviderTypes, &file); err != nil {
		t.Fatal(err)
	}
	found := 0
	for name, kind := range file.Types {
		if kind.Webhook {
			found++
			if peculiarities[name].outside == "" {
				t.Errorf("%s is not in the table", name)
			}
		}
	}
	if found == 0 || found != len(peculiarities) {
		t.Errorf("%d types have a webhook, the table has %d", found, len(peculiarities))
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	secret := `{"authentication": {"host": "https://u:hunter2@grafana.example.com", "token": "pa'ss \"word\"", "short": "k1", "nested": {"list": ["deep secret"]},
		"pem": "-----BEGIN KEY-----\nabcdefgh\n-----END KEY-----", "pin": "1234", "url": "postgres://a:b@c", "region": "eu-west-1", "broker_host": "me:openly@broker"}, "name": "n"}`
	for _, test := range []struct{ text, want string }{
		{"401 Client Error: Unauthorized for url: https://u:hunter2@grafana.example.com/api?token=x", "401 Client Error: Unauthorized for url: https://grafana.example.com/..."},
		{"for url: http://127.0.0.1:3000/", "for url: http://127.0.0.1:3000/"},
		{"https://user:pa/ss@host/x refused", "https://*** refused"},
		{"HTTPConnectionPool(host='127.0.0.1', port=3000): Max retries exceeded with url: /webhook/team1secret (Caused by NewConnectionError", "HTTPConnectionPool(host='127.0.0.1', port=3000): Max retries exceeded with url: /... (Caused by NewConnectionError"},
		{`token pa'ss "word" is wrong`, "token *** is wrong"},
		{`{"token": "pa'ss \"word\""}`, `{"token": "***"}`},
		{`'pa\'ss "word"'`, `'***'`},
		{"pa%27ss+%22word%22", hidden},
		{"line abcdefgh of the key", "line *** of the key"},
		{"deep secret and 1234 in eu-west-1, k1", "*** and *** in eu-west-1, k1"},
		{"cannot connect to me:openly@broker", "cannot connect to ***"},
		{"Authorization: Bearer abc", "Authorization: *** abc"},
		{"sent Bearer abc.def", "sent Bearer ***"},
		{"api_key=tiny&x=1", "api_key=***&x=1"},
		{"key 0123456789abcdef0123456789abcdef of someone else", "key *** of someone else"},
		{"keep-grafana-webhook-integration-keep exists", "keep-grafana-webhook-integration-keep exists"},
		{"{'message': 'you need alert.provisioning:write'}", "{'message': 'you need alert.provisioning:write'}"},
		{"Please check your token.", "Please check your token."},
		{"'receiver'", "'receiver'"},
		{strings.Repeat("long ", 100), strings.Repeat("long ", 60) + "..."},
	} {
		if got := redact(test.text, secretsOf(secret)); got != test.want {
			t.Errorf("%q\ngives %q\nwant  %q", test.text, got, test.want)
		}
	}
	if got := redact("text", secretsOf("no JSON")); got != "text" {
		t.Error(got)
	}
}

func TestIsLocal(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://keep.example.com": false, "http://10.0.0.1:8080": false, "https://localhost.example.com": false, "http://[2001:db8::1]": false,
		"http://localhost": true, "http://a.localhost:1": true, "http://localhost.localdomain": true, "http://127.1.2.3": true, "http://[::]": true,
		"http://[::ffff:0.0.0.0]": true, "": true, "keep.example.com": true, "http://%": true,
	} {
		if isLocal(address) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}

// An answer 429 comes without Retry-After and says that nothing was done: the request is sent again, a few times.
func TestRateLimit(t *testing.T) {
	patience := limited
	defer func() { limited = patience }()
	left, calls := 2, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		if left > 0 {
			left--
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"error": "Rate limit exceeded: 100 per 1 minute"}`)
			return
		}
		fmt.Fprint(w, `{"message": "webhook installed"}`)
	}))
	defer server.Close()
	base, err := ParseURL(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	run := &Run{KeepURL: base, Key: "key", Timeout: time.Minute}
	limited.First = time.Millisecond
	result := Result{ID: "1", Type: "grafana", State: Waiting}
	if err := run.callWebhook(t.Context(), &result); err != nil || result.State != Installed || calls != 3 {
		t.Errorf("%s after %d calls: %v", result.State, calls, err)
	}
	left, calls = 1, 0
	limited.Limit = 0 // is over at once
	result = Result{ID: "1", Type: "grafana", State: Waiting}
	err = run.callWebhook(t.Context(), &result)
	e := postgres.From(err)
	if e == nil || e.Code != postgres.CodeKeepAway || e.ExitCode != 69 || result.State != Waiting || calls != 1 {
		t.Errorf("%s after %d calls: %v", result.State, calls, err)
	}
}

// A proxy may answer the health check by itself. Another Keep may have other settings.
func TestOtherAnswers(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, map[string]string{
			"/healthcheck": "ok", "/whoami": `{"tenant_id": "keep"}`, "/settings/webhook": `{"apiKey": "key"}`,
		}[r.URL.Path])
	}))
	defer server.Close()
	base, err := ParseURL(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	run := &Run{KeepURL: base, Tenant: "keep"}
	if err := run.ready(t.Context()); err != nil {
		t.Error(err)
	}
	_, err = run.prepare(t.Context())
	e := postgres.From(err)
	if e == nil || e.ExitCode != postgres.ExitRefused || e.Message != "Keep does not report the address of its webhooks" {
		t.Error(err)
	}
}
