// Package keepapi is a double of Keep's HTTP API for the tests of activate. It behaves as the real one was measured: it looks keys
// up in the database, creates the webhook key in two steps, and has the same faults.
package keepapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Server is a running double. Its fields may be changed between calls.
type Server struct {
	URL string
	// APIURL is KEEP_API_URL.
	APIURL string
	// NoAuth is AUTH_TYPE=noauth: every key is good.
	NoAuth bool
	// Text makes answers 500 plain text, as without KEEP_OTEL_ENABLED.
	Text bool
	// ReadOnly is KEEP_READ_ONLY.
	ReadOnly bool
	// Broken answers everything but /healthcheck with 500, as without a database.
	Broken bool
	// Behaviour says, by name of the provider, how the outside system or Keep behaves: refuse, message, fail, break (fail, and the
	// database is gone), hang, drop, html, status NNN, redirect URL. While it is not given, the webhook is installed.
	Behaviour map[string]string
	// Scopes are the answers of a validation, by name of the provider, as JSON; "raise" is an exception. {} is the default.
	Scopes map[string]string
	// Consumers are the ids of /status.
	Consumers []string
	// Hanging receives the name of a provider whose call hangs. Release ends one such call: Keep goes on with it even if the
	// client has given up.
	Hanging chan string
	Release chan struct{}

	t        testing.TB
	database string
	lock     sync.Mutex
	calls    []string
	running  int
	most     int
}

// New starts a double on a database with Keep's tables.
func New(t testing.TB, database string) *Server {
	t.Helper()
	s := &Server{
		APIURL: "https://keep.example.com", Behaviour: map[string]string{}, Scopes: map[string]string{},
		Hanging: make(chan string, 100), Release: make(chan struct{}), t: t, database: database,
	}
	server := httptest.NewServer(s)
	s.URL = server.URL
	t.Cleanup(func() {
		close(s.Release)
		server.Close()
	})
	return s
}

// Calls returns the calls that change something since the last time, as "webhook NAME" and "scopes NAME", and the most that ran
// at once.
func (s *Server) Calls() (calls []string, most int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	calls, s.calls = s.calls, nil
	return calls, s.most
}

// Set changes the behaviour of one provider.
func (s *Server) Set(name, behaviour string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.Behaviour[name] = behaviour
}

// request is one request with its connection to the database.
type request struct {
	w      http.ResponseWriter
	r      *http.Request
	s      *Server
	conn   *pgx.Conn
	tenant string
}

// ServeHTTP answers in the order of Keep: trailing slash, key, role, handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthcheck" {
		fmt.Fprint(w, "{}")
		return
	}
	if r.URL.Path == "/status" {
		s.status(w)
		return
	}
	s.lock.Lock()
	broken := s.Broken
	s.lock.Unlock()
	if strings.HasSuffix(r.URL.Path, "/") {
		http.Redirect(w, r, strings.TrimSuffix(r.URL.Path, "/"), http.StatusTemporaryRedirect)
		return
	}
	conn, err := pgx.Connect(context.Background(), s.database)
	if err != nil || broken {
		s.fail(w, "the database is gone")
		return
	}
	defer conn.Close(context.Background())
	one := &request{w, r, s, conn, ""}
	role, ok := one.role()
	switch {
	case r.Header.Get("X-Api-Key") == "":
		reply(w, http.StatusUnauthorized, map[string]any{"detail": "Missing API Key"})
	case !ok:
		reply(w, http.StatusUnauthorized, map[string]any{"detail": "Invalid API Key"})
	case s.ReadOnly && r.Method != http.MethodGet:
		reply(w, http.StatusForbidden, map[string]any{"detail": "Read only instance, but non-read scopes requested"})
	case role != "admin" && (r.Method != http.MethodGet || role != "noc"):
		reply(w, http.StatusForbidden, map[string]any{"detail": "You don't have the required scopes to access this resource [required scopes: ['write:providers']]"})
	default:
		one.serve()
	}
}

func (r *request) role() (role string, ok bool) {
	r.tenant = "keep"
	hash := sha256.Sum256([]byte(r.r.Header.Get("X-Api-Key")))
	err := r.conn.QueryRow(context.Background(), "select tenant_id, role from tenantapikey where key_hash = $1 and is_deleted is not true",
		hex.EncodeToString(hash[:])).Scan(&r.tenant, &role)
	if r.s.NoAuth {
		return "admin", true
	}
	return role, err == nil
}

func (r *request) serve() {
	parts := strings.Split(strings.Trim(r.r.URL.Path, "/"), "/")
	switch {
	case r.r.URL.Path == "/whoami" && r.r.Method == http.MethodGet:
		reply(r.w, http.StatusOK, map[string]any{"tenant_id": r.tenant})
	case r.r.URL.Path == "/settings/webhook" && r.r.Method == http.MethodGet:
		key, err := r.webhookKey()
		if err != nil {
			r.s.fail(r.w, err.Error())
			return
		}
		reply(r.w, http.StatusOK, map[string]any{"webhookApi": r.s.APIURL + "/alerts/event", "apiKey": key, "modelSchema": map[string]any{}})
	case len(parts) == 5 && parts[0] == "providers" && parts[1] == "install" && parts[2] == "webhook":
		if r.r.Method != http.MethodPost {
			reply(r.w, http.StatusMethodNotAllowed, map[string]any{"detail": "Method Not Allowed"})
			return
		}
		r.begin(func() { r.webhook(parts[3], parts[4]) })
	case len(parts) == 3 && parts[0] == "providers" && parts[2] == "scopes" && r.r.Method == http.MethodPost:
		r.begin(func() { r.scopes(parts[1]) })
	default:
		reply(r.w, http.StatusNotFound, map[string]any{"detail": "Not Found"})
	}
}

// begin counts how many calls run at once.
func (r *request) begin(do func()) {
	r.s.lock.Lock()
	r.s.running++
	r.s.most = max(r.s.most, r.s.running)
	r.s.lock.Unlock()
	end := sync.OnceFunc(func() {
		r.s.lock.Lock()
		r.s.running--
		r.s.lock.Unlock()
	})
	defer end()
	defer context.AfterFunc(r.r.Context(), end)() // what a client has given up is not one of its calls any more
	do()
}

// webhookKey gets or creates the key as Keep does: secret and row in two transactions.
func (r *request) webhookKey() (string, error) {
	ctx, name := context.Background(), r.tenant+"-webhook"
	var exists bool
	if err := r.conn.QueryRow(ctx, "select exists (select from tenantapikey where tenant_id = $1 and reference_id = 'webhook')", r.tenant).Scan(&exists); err != nil {
		return "", err
	}
	if !exists {
		key := uuid.NewString()
		hash := sha256.Sum256([]byte(key))
		if _, err := r.conn.Exec(ctx, "insert into secret values ($1, $2, now()) on conflict (key) do update set value = excluded.value", name, key); err != nil {
			return "", err
		}
		if _, err := r.conn.Exec(ctx, `insert into tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, system_description, created_by, role, created_at)
			values ($1, 'webhook', $2, true, false, 'Webhooks API key', 'system', 'webhook', now())`, r.tenant, hex.EncodeToString(hash[:])); err != nil {
			return "", fmt.Errorf("API key already exists.") //nolint:revive,staticcheck // Keep's text
		}
		return key, nil
	}
	var key string
	if err := r.conn.QueryRow(ctx, "select value from secret where key = $1", name).Scan(&key); err != nil {
		return "", fmt.Errorf("Secret %s not found", name) //nolint:revive,staticcheck // Keep's text
	}
	return key, nil
}

// provider returns the name of a provider, and the text of its secret.
func (r *request) provider(id string) (name, providerType, secret string, ok bool) {
	err := r.conn.QueryRow(context.Background(), `select p.name, p.type, s.value from provider p join secret s on s.key = p.configuration_key
		where p.tenant_id = $1 and p.id = $2`, r.tenant, id).Scan(&name, &providerType, &secret)
	return name, providerType, secret, err == nil
}

// load constructs a provider: templates get a value and a host its scheme, and a secret that has changed is written back.
func (r *request) load(secret, providerType, id string) string {
	var content struct {
		Authentication map[string]any `json:"authentication"`
		Name           string         `json:"name"`
	}
	if err := json.Unmarshal([]byte(secret), &content); err != nil {
		r.s.t.Error(err)
		return secret
	}
	changed := false
	for key, value := range content.Authentication {
		if text, ok := value.(string); ok && strings.HasPrefix(text, "{{") && strings.HasSuffix(text, "}}") {
			content.Authentication[key], changed = "value of "+strings.Trim(text, "{} "), true
		}
	}
	if host, ok := content.Authentication["kibana_host"].(string); ok && !strings.HasPrefix(host, "http") {
		content.Authentication["kibana_host"], changed = "https://"+host, true
	}
	if !changed {
		return secret
	}
	text, err := json.Marshal(content)
	if err == nil {
		_, err = r.conn.Exec(context.Background(), "update secret set value = $1, last_updated = now() where key = $2", string(text), r.tenant+"_"+providerType+"_"+id)
	}
	if err != nil {
		r.s.t.Error(err)
	}
	return string(text)
}

func (r *request) webhook(providerType, id string) {
	name, found, secret, ok := r.provider(id)
	if !ok || found != providerType {
		r.s.fail(r.w, fmt.Sprintf("Secret %s_%s_%s not found", r.tenant, providerType, id))
		return
	}
	r.s.lock.Lock()
	r.s.calls = append(r.s.calls, "webhook "+name)
	behaviour, argument, _ := strings.Cut(r.s.Behaviour[name], " ")
	r.s.lock.Unlock()
	secret = r.load(secret, providerType, id)
	switch behaviour {
	case "message":
		reply(r.w, http.StatusBadRequest, map[string]any{"message": "provider does not support webhook"})
		return
	case "drop":
		conn, _, err := http.NewResponseController(r.w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		return
	case "html":
		fmt.Fprint(r.w, "<html>log in</html>")
		return
	case "status":
		status, err := strconv.Atoi(argument)
		if err != nil {
			r.s.t.Error(err)
		}
		reply(r.w, status, map[string]any{"detail": "status " + argument})
		return
	case "redirect":
		http.Redirect(r.w, r.r, argument, http.StatusFound)
		return
	}
	if _, err := r.webhookKey(); err != nil {
		r.s.fail(r.w, err.Error())
		return
	}
	switch behaviour {
	case "refuse": // as Keep quotes the outside system, with whatever its address holds
		reply(r.w, http.StatusBadRequest, map[string]any{"detail": "401 Client Error: Unauthorized for url: http://user:hunter2@127.0.0.1:3000/api?x=" + secret})
	case "break":
		r.s.lock.Lock()
		r.s.Broken = true
		r.s.lock.Unlock()
		fallthrough
	case "fail":
		r.s.fail(r.w, "boom with "+secret)
	case "hang":
		r.s.Hanging <- name
		<-r.s.Release
		fallthrough
	default:
		if providerType == "mailgun" { // the whole secret, as it was read at the beginning
			var content map[string]map[string]any
			if json.Unmarshal([]byte(strings.Replace(secret, `"name": "`+name+`"`, `"name": {}`, 1)), &content) == nil {
				authentication := content["authentication"]
				authentication["route_id"], authentication["email"] = "route-1", r.tenant+"-"+id+"@example.com"
				text, _ := json.Marshal(map[string]any{"authentication": authentication, "name": name})
				_, _ = r.conn.Exec(context.Background(), "update secret set value = $1 where key = $2", string(text), r.tenant+"_"+providerType+"_"+id)
			}
		}
		reply(r.w, http.StatusOK, map[string]any{"message": "webhook installed"})
	}
}

func (r *request) scopes(id string) {
	name, providerType, secret, ok := r.provider(id)
	if !ok {
		r.s.fail(r.w, "No row was found when one was required")
		return
	}
	r.s.lock.Lock()
	r.s.calls = append(r.s.calls, "scopes "+name)
	answer := r.s.Scopes[name]
	r.s.lock.Unlock()
	secret = r.load(secret, providerType, id)
	switch answer {
	case "raise":
		r.s.fail(r.w, "HTTPConnectionPool: "+secret)
		return
	case "hang":
		r.s.Hanging <- name
		<-r.s.Release
		answer = "{}"
	case "":
		answer = "{}"
	default:
		if _, err := r.conn.Exec(context.Background(), `update provider set "validatedScopes" = $1 where id = $2`, answer, id); err != nil {
			r.s.t.Error(err)
		}
	}
	fmt.Fprint(r.w, answer)
}

func (s *Server) status(w http.ResponseWriter) {
	consumers := []any{}
	for _, id := range slices.Sorted(slices.Values(s.Consumers)) {
		consumers = append(consumers, map[string]any{"provider_id": id, "status": map[string]any{"status": "not-initialized", "error": ""}})
	}
	reply(w, http.StatusOK, map[string]any{"status": "OK", "consumer": map[string]any{"consumers": consumers}})
}

func (s *Server) fail(w http.ResponseWriter, message string) {
	if s.Text {
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	reply(w, http.StatusInternalServerError, map[string]any{
		"message": "An internal server error occurred.", "trace_id": "0123456789abcdef0123456789abcdef", "error_msg": message,
	})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
