package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"keep-bootstrap/internal/postgres"
)

// certificate makes a certificate that signs itself, and returns it with the file of its PEM form.
func certificate(t *testing.T, host string, notAfter time.Time) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: notAfter,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// TestCausesOfTLS: each reason why TLS fails has its own message (message-names-wrong-cause), and the allowed versions count
// (connection-parameter-dropped-silently).
func TestCausesOfTLS(t *testing.T) {
	t.Parallel()
	now := time.Now()
	right, root := certificate(t, "localhost", now.Add(time.Hour))
	other, otherRoot := certificate(t, "other.example.com", now.Add(time.Hour))
	old, oldRoot := certificate(t, "localhost", now.Add(-time.Hour))
	for name, test := range map[string]struct {
		certificate tls.Certificate
		parameters  string
		want        string
	}{
		"fits":              {right, "sslmode=verify-full&sslrootcert=" + root, "hello"},
		"unknown authority": {right, "sslmode=verify-full&sslrootcert=" + otherRoot, "unknown authority"},
		"another host":      {other, "sslmode=verify-full&sslrootcert=" + otherRoot, "not for this host"},
		"host not checked":  {other, "sslmode=verify-ca&sslrootcert=" + otherRoot, "hello"},
		"expired":           {old, "sslmode=verify-full&sslrootcert=" + oldRoot, "expired"},
		"nothing checked":   {old, "sslmode=require", "hello"},
		"version":           {right, "sslmode=require&ssl_min_protocol_version=TLSv1.3", "TLS failed"},
		"root is a choice":  {right, "sslmode=require&sslrootcert=" + otherRoot, "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := listener(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 8))
				_, _ = conn.Write([]byte("S"))
				server := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{test.certificate}, MaxVersion: tls.VersionTLS12})
				backend := pgproto3.NewBackend(server, server)
				if _, err := backend.ReceiveStartupMessage(); err != nil {
					return
				}
				backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "57P03", Message: "hello"})
				_ = backend.Flush()
			})
			_, port, _ := net.SplitHostPort(address)
			_, err := postgres.Connect(t.Context(), config(t, "postgresql://u:p@localhost:"+port+"/d?hostaddr=127.0.0.1&"+test.parameters))
			if e := postgres.From(err); e == nil || !strings.Contains(e.Message, test.want) || !strings.Contains(e.Message, "localhost:"+port) || e.Hint == "" {
				t.Errorf("%+v", e)
			}
		})
	}
}
