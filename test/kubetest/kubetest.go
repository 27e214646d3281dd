// Package kubetest is a server that behaves as the API of Kubernetes does for reading Secrets: pages, refusals, and Status objects.
package kubetest

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Secret is a Secret of type Opaque, unless it has another.
type Secret struct {
	Type string
	Data map[string]string // clear text
}

// Server is an API server with one user. Change its fields before the first request.
type Server struct {
	*httptest.Server
	// Token is the only one that is accepted.
	Token string
	// Secrets are those of each namespace, by name.
	Secrets map[string]map[string]Secret
	// MostPerPage is how many items a page has at most, whatever limit says; 0 obeys limit.
	MostPerPage int
	// Verbs are those that the user has on secrets.
	Verbs []string
	// Answer, when it is given, may answer a request before anything else; it reports whether it did.
	Answer func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	requests []string
}

// New starts a server with TLS, which ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{Token: "token-of-the-test", Secrets: map[string]map[string]Secret{}, Verbs: []string{"get", "list"}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

// Put stores a Secret as Keep's K8S secret manager does.
func (s *Server) Put(namespace, name, value string) {
	if s.Secrets[namespace] == nil {
		s.Secrets[namespace] = map[string]Secret{}
	}
	s.Secrets[namespace][name] = Secret{Data: map[string]string{"value": value}}
}

// Requests are those that were sent, in order.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Authority is the certificate of the server, as PEM.
func (s *Server) Authority() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// Kubeconfig writes a kubeconfig for the server and returns its path.
func (s *Server) Kubeconfig(t testing.TB, namespace string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts:
- name: test
  context: {cluster: test, user: test, namespace: %q}
clusters:
- name: test
  cluster: {server: %q, certificate-authority-data: %s}
users:
- name: test
  user: {token: %q}
`, namespace, s.URL, base64.StdEncoding.EncodeToString(s.Authority()), s.Token)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ServiceAccount writes what a pod has of its service account, and returns the directory.
func (s *Server) ServiceAccount(t testing.TB, namespace string) string {
	t.Helper()
	directory := t.TempDir()
	for name, text := range map[string]string{"token": s.Token, "ca.crt": string(s.Authority()), "namespace": namespace} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
	s.mu.Unlock()
	if s.Answer != nil && s.Answer(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+s.Token && (r.TLS == nil || len(r.TLS.PeerCertificates) == 0) {
		Fail(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
		return
	}
	part := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if len(part) < 5 || len(part) > 6 || strings.Join(part[:3], "/") != "api/v1/namespaces" || part[4] != "secrets" {
		Fail(w, http.StatusNotFound, "NotFound", "the server could not find the requested resource")
		return
	}
	namespace, verb := part[3], map[int]string{5: "list", 6: "get"}[len(part)]
	if !slices.Contains(s.Verbs, verb) || r.Method != http.MethodGet {
		Fail(w, http.StatusForbidden, "Forbidden", fmt.Sprintf(
			`secrets is forbidden: User "system:serviceaccount:%s:keep" cannot %s resource "secrets" in API group "" in the namespace %q`, namespace, verb, namespace))
		return
	}
	if verb == "list" {
		s.list(w, r, namespace)
		return
	}
	secret, ok := s.Secrets[namespace][part[5]]
	if !ok {
		Fail(w, http.StatusNotFound, "NotFound", fmt.Sprintf("secrets %q not found", part[5]))
		return
	}
	answer(w, http.StatusOK, object(namespace, part[5], secret))
}

// list answers with a page. A namespace that does not exist has no Secrets, as in Kubernetes.
func (s *Server) list(w http.ResponseWriter, r *http.Request, namespace string) {
	query := r.URL.Query()
	limit, _ := strconv.Atoi(query.Get("limit"))
	if limit == 0 {
		limit = 1 << 30
	}
	if s.MostPerPage > 0 {
		limit = min(limit, s.MostPerPage)
	}
	first := 0
	if token := query.Get("continue"); token != "" {
		text, err := base64.RawURLEncoding.DecodeString(token)
		if first, _ = strconv.Atoi(string(text)); err != nil || first == 0 {
			Fail(w, http.StatusBadRequest, "BadRequest", "continue key is not valid")
			return
		}
	}
	items, next := []any{}, ""
	for i, name := range slices.Sorted(maps.Keys(s.Secrets[namespace])) {
		secret := s.Secrets[namespace][name]
		if i < first || query.Get("fieldSelector") == "type=Opaque" && secret.Type != "" {
			continue
		}
		if len(items) == limit {
			next = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(i)))
			break
		}
		items = append(items, object(namespace, name, secret))
	}
	answer(w, http.StatusOK, map[string]any{
		"kind": "SecretList", "apiVersion": "v1", "metadata": map[string]any{"resourceVersion": "7", "continue": next}, "items": items,
	})
}

func object(namespace, name string, secret Secret) any {
	kind := secret.Type
	if kind == "" {
		kind = "Opaque"
	}
	data := map[string]string{}
	for key, value := range secret.Data {
		data[key] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	return map[string]any{"metadata": map[string]any{"name": name, "namespace": namespace, "uid": "u"}, "data": data, "type": kind}
}

// Fail answers with a Status.
func Fail(w http.ResponseWriter, code int, reason, message string) {
	answer(w, code, map[string]any{"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Failure", "message": message, "reason": reason, "code": code})
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
