package secretstore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/secretstore"
	"keep-bootstrap/test/kubetest"
)

const secret = "s3cret-canary"

// read opens the API and reads one secret.
func read(t *testing.T, access secretstore.Access) (string, error) {
	t.Helper()
	kubernetes, err := access.Open()
	if err != nil {
		return "", err
	}
	contents, err := kubernetes.Read(t.Context(), "keep", []string{"keep-ci"})
	if err != nil {
		return "", err
	}
	if len(contents.Entries) != 1 {
		return "", fmt.Errorf("%s has %d entries", kubernetes, len(contents.Entries))
	}
	return contents.Entries[0].Value, nil
}

// write writes a file into a directory and returns its path.
func write(t *testing.T, directory, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(directory, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// clientCertificate makes a certificate that signs itself, and its key.
func clientCertificate(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// TestServiceAccount: a pod reads its own namespace with its own token, or the namespace that is given.
func TestServiceAccount(t *testing.T) {
	t.Parallel()
	server := kubetest.New(t)
	server.Put("keep", "keep-ci", "own")
	server.Put("other", "keep-ci", "other")
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	access := secretstore.Access{ServiceAccount: server.ServiceAccount(t, "keep"), Host: address.Hostname(), Port: address.Port()}
	if value, err := read(t, access); value != "own" || err != nil {
		t.Errorf("%q %v", value, err)
	}
	access.Namespace = "other"
	if err := os.Remove(filepath.Join(access.ServiceAccount, "namespace")); err != nil {
		t.Fatal(err)
	}
	if value, err := read(t, access); value != "other" || err != nil {
		t.Errorf("%q %v", value, err)
	}
	for _, name := range []string{"token", "ca.crt"} {
		if err := os.Truncate(filepath.Join(access.ServiceAccount, name), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := read(t, access); postgres.From(err).ExitCode != postgres.ExitInput || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is empty: %v", name, err)
		}
		access.ServiceAccount = server.ServiceAccount(t, "keep")
	}
}

// TestKubeconfig: every way to give a certificate and a credential works, and what is not supported is refused by name.
func TestKubeconfig(t *testing.T) {
	t.Parallel()
	server := kubetest.New(t)
	server.Put("keep", "keep-ci", "value")
	certificate, key := clientCertificate(t)
	withCertificate := kubetest.New(t)
	withCertificate.Token = "never sent"
	withCertificate.Put("keep", "keep-ci", "value")
	mutual := httptest.NewUnstartedServer(withCertificate.Config.Handler)
	mutual.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} //nolint:gosec // a test
	mutual.StartTLS()
	t.Cleanup(mutual.Close)
	plain := httptest.NewServer(server.Config.Handler)
	t.Cleanup(plain.Close)

	directory := t.TempDir()
	write(t, directory, "ca.pem", server.Authority())
	write(t, directory, "token", []byte(server.Token+"\n"))
	write(t, directory, "client.pem", certificate)
	write(t, directory, "client.key", key)
	data := base64.StdEncoding.EncodeToString
	mutualAuthority := data(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: mutual.Certificate().Raw}))
	ca := "certificate-authority: ca.pem"
	for name, test := range map[string]struct {
		cluster, user string
		exit          int
		want          string // in the error
	}{
		"files":                  {"server: " + server.URL + "\n" + ca, "tokenFile: token", 0, ""},
		"data":                   {"server: " + server.URL + "/\ncertificate-authority-data: " + data(server.Authority()), "token: " + server.Token, 0, ""},
		"name of the server":     {"server: " + server.URL + "\n" + ca + "\ntls-server-name: example.com", "token: " + server.Token, 0, ""},
		"insecure":               {"server: " + server.URL + "\ninsecure-skip-tls-verify: true", "token: " + server.Token, 0, ""},
		"client certificate":     {"server: " + mutual.URL + "\ncertificate-authority-data: " + mutualAuthority, "client-certificate: client.pem\nclient-key: client.key", 0, ""},
		"client data":            {"server: " + mutual.URL + "\ncertificate-authority-data: " + mutualAuthority, "client-certificate-data: " + data(certificate) + "\nclient-key-data: " + data(key), 0, ""},
		"proxy of kubectl":       {"server: " + plain.URL, "token: " + server.Token, 0, ""},
		"no credential":          {"server: " + server.URL + "\n" + ca, "{}", 77, "401"},
		"unknown authority":      {"server: " + server.URL, "token: " + server.Token, 69, "unknown authority"},
		"another name":           {"server: " + server.URL + "\n" + ca + "\ntls-server-name: keep.example.org", "token: " + server.Token, 69, "keep.example.org"},
		"no authority":           {"server: " + server.URL + "\ncertificate-authority: token", "token: x", 65, "contains no certificate"},
		"missing authority":      {"server: " + server.URL + "\ncertificate-authority: none.pem", "token: x", 65, "certificate-authority of the kubeconfig cannot be read"},
		"no base64":              {"server: " + server.URL + "\ncertificate-authority-data: '" + secret + "!'", "token: x", 65, "not base64"},
		"key without":            {"server: " + server.URL, "client-key: client.key", 65, "do not match"},
		"missing token":          {"server: " + server.URL, "tokenFile: none", 65, "tokenFile"},
		"exec":                   {"server: " + server.URL, "exec: {command: aws}", 65, `"exec"`},
		"auth-provider":          {"server: " + server.URL, "auth-provider: {name: oidc}", 65, `"auth-provider"`},
		"password":               {"server: " + server.URL, "username: a\npassword: " + secret, 65, `"username"`},
		"impersonation":          {"server: " + server.URL, "token: x\nas: admin", 65, `"as"`},
		"proxy":                  {"server: " + server.URL + "\nproxy-url: http://proxy:3128", "token: x", 65, `"proxy-url"`},
		"no address":             {"server: k8s.example.com", "token: " + secret, 65, "not an address"},
		"password in address":    {"server: 'https://u:" + secret + "@k8s.example.com'", "token: x", 65, "not an address"},
		"token without TLS":      {"server: http://k8s.example.com", "token: " + secret, 65, "without TLS"},
		"lines in token":         {"server: " + server.URL, `token: "` + secret + `\n` + secret + `"`, 65, "several lines"},
		"list instead of a text": {"server: " + server.URL, "token: [" + secret + "]", 65, "not a kubeconfig"},
		"no YAML":                {"server: " + server.URL, "token: {" + secret, 65, "not a kubeconfig"},
	} {
		text := "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u, namespace: keep}}]\nclusters:\n- name: k\n  cluster:\n    " +
			strings.ReplaceAll(test.cluster, "\n", "\n    ") + "\nusers:\n- name: u\n  user:\n    " + strings.ReplaceAll(test.user, "\n", "\n    ") + "\n"
		path := write(t, directory, "kubeconfig", []byte(text))
		value, err := read(t, secretstore.Access{Kubeconfig: path})
		exit := 0
		if err != nil {
			exit = postgres.From(err).ExitCode
		}
		if exit != test.exit || (err == nil) != (value == "value") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %q %v, want exit code %d", name, value, err, test.exit)
		}
		if e := postgres.From(err); e != nil && (strings.Contains(e.Message+e.Hint+e.Detail, secret) || strings.Contains(e.Message+e.Hint, server.Token)) {
			t.Errorf("%s shows a credential: %s", name, e.Message)
		}
	}
}

// TestKubeconfigList: of several files the first that has something wins, and one that is missing is passed over.
func TestKubeconfigList(t *testing.T) {
	t.Parallel()
	server := kubetest.New(t)
	server.Put("keep", "keep-ci", "value")
	directory := t.TempDir()
	first := write(t, directory, "first", []byte("current-context: c\nusers: [{name: u, user: {token: "+server.Token+"}}]\n"))
	second := write(t, directory, "second", fmt.Appendf(nil, `{"current-context": "other", "users": [{"name": "u", "user": {"token": "wrong"}}],
		"contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "keep"}}],
		"clusters": [{"name": "k", "cluster": {"server": %q, "certificate-authority-data": %q}}]}`, server.URL, base64.StdEncoding.EncodeToString(server.Authority())))
	list := strings.Join([]string{first, filepath.Join(directory, "none"), second}, string(filepath.ListSeparator))
	if value, err := read(t, secretstore.Access{Kubeconfig: list}); value != "value" || err != nil {
		t.Errorf("%q %v", value, err)
	}
	for text, want := range map[string]string{
		"{}":                 "has no current-context",
		"current-context: x": `no context "x"`,
		"current-context: c\ncontexts: [{name: c, context: {cluster: k}}]":                                 `no cluster "k"`,
		"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\nclusters: [{name: k}]": `no user "u"`,
	} {
		path := write(t, directory, "broken", []byte(text))
		if _, err := read(t, secretstore.Access{Kubeconfig: path}); postgres.From(err).ExitCode != postgres.ExitInput || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := read(t, secretstore.Access{Kubeconfig: filepath.Join(directory, "none")}); postgres.From(err).ExitCode != postgres.ExitInput {
		t.Error(err)
	}
}
