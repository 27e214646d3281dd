//go:build deploy

package deploy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keep-bootstrap/test/pgtest"
)

// TestImageContents: the program, the certificates, an ordinary user, and no more.
func TestImageContents(t *testing.T) {
	t.Parallel()
	directory, config := image(t)
	if user := config.Process.User; user.UID != 65532 || user.GID != 65532 {
		t.Errorf("runs as %d:%d", user.UID, user.GID)
	}
	if !slices.Equal(config.Process.Args, []string{"/keep-bootstrap"}) {
		t.Errorf("entry point %v", config.Process.Args)
	}
	var files []string
	root := filepath.Join(directory, "rootfs")
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, strings.TrimPrefix(path, root))
		}
		return err
	})
	if want := []string{"/etc/ssl/certs/ca-certificates.crt", "/keep-bootstrap"}; err != nil || !slices.Equal(files, want) {
		t.Errorf("files %v, want %v: %v", files, want, err)
	}
	authorities, err := os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"))
	if n := bytes.Count(authorities, []byte("BEGIN CERTIFICATE")); err != nil || n < 100 {
		t.Errorf("%d certificates: %v", n, err)
	}
	materials, err := os.ReadFile("../dist/image.cdx.json")
	if err != nil || !bytes.Contains(materials, []byte("github.com/jackc/pgx/v5")) {
		t.Errorf("the SBOM does not name the modules of the program: %v", err)
	}
}

// TestImage: the image on a real server with nothing writable, no capabilities, no HOME and no /tmp, as its own user and as
// one that a cluster chooses.
func TestImage(t *testing.T) {
	t.Parallel()
	const good = "providers:\n  - name: grafana-prod\n    type: grafana\n    authentication: {host: https://grafana.example.com, token: $(GRAFANA_TOKEN)}\n"
	config := readable(t, map[string]string{"providers.yaml": good, "bad.yaml": strings.Replace(good, "host:", "hots:", 1)})
	for name, user := range map[string]int{"own user": 0, "any user": 1000650000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := pgtest.New(t, pgtest.Keep(newestKeep))
			env := map[string]string{"DATABASE_URL": d.URL, "GRAFANA_TOKEN": "glsa_example", "BOOTSTRAP_LOG_FORMAT": "text", "HOME": ""}
			for _, step := range []struct {
				args []string
				exit int
				want string
			}{
				{[]string{"--help"}, 0, "Usage:"},
				{[]string{"validate", "-f", "/config/providers.yaml"}, 0, "1 provider"},
				{[]string{"up", "-f", "/config/bad.yaml"}, 65, "/config/bad.yaml:4:22"},
				{[]string{"up", "-f", "/config/providers.yaml"}, 0, "Applied: 1 added"},
				{[]string{"up", "-f", "/config/providers.yaml"}, 0, "No changes."},
				{[]string{"plan", "-f", "/config/providers.yaml", "--detailed-exitcode"}, 0, "No changes."},
				{[]string{"up"}, 64, "error: "},
			} {
				output, exit := container{args: step.args, env: env, mounts: map[string]string{"/config": config}, user: user}.run(t)
				if exit != step.exit || !strings.Contains(output, step.want) {
					t.Errorf("%v: exit code %d, want %d and %q\n%s", step.args, exit, step.exit, step.want, output)
				}
				if strings.Contains(output, "glsa_example") {
					t.Errorf("%v prints a secret:\n%s", step.args, output)
				}
			}
			rows := pgtest.Table(t, d.Conn(t), "select p.name, s.value like '%glsa_example%' from provider p join secret s on s.key = p.configuration_key")
			if len(rows) != 1 || rows[0][0] != "grafana-prod" || rows[0][1] != "t" {
				t.Errorf("the database has %v", rows)
			}
		})
	}
	t.Run("no server", func(t *testing.T) {
		t.Parallel()
		env := map[string]string{"DATABASE_URL": "postgresql://keep@127.0.0.1:1/keep", "GRAFANA_TOKEN": "x", "BOOTSTRAP_LOG_FORMAT": "text"}
		output, exit := container{args: []string{"up", "-f", "/config/providers.yaml"}, env: env, mounts: map[string]string{"/config": config}}.run(t)
		if exit != 69 || !strings.Contains(output, "error: ") {
			t.Errorf("exit code %d\n%s", exit, output)
		}
	})
	t.Run("no database given", func(t *testing.T) {
		t.Parallel()
		env := map[string]string{"GRAFANA_TOKEN": "x", "BOOTSTRAP_LOG_FORMAT": "text"}
		output, exit := container{args: []string{"up", "-f", "/config/providers.yaml"}, env: env, mounts: map[string]string{"/config": config}}.run(t)
		if exit != 69 || !strings.Contains(output, "DATABASE_URL") {
			t.Errorf("exit code %d\n%s", exit, output)
		}
	})
}

// TestImageCertificates: the certificates of the image are those that sslrootcert=system means, and a bundle that is mounted over
// them takes their place.
func TestImageCertificates(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificatePEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})

	server := pgtest.NewServer(t)
	conn := pgtest.Connect(t, server.URL())
	for name, content := range map[string][]byte{"server.crt": certificatePEM, "server.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})} {
		// The server writes the files itself: they must belong to its user.
		statement := "copy (select '" + base64.StdEncoding.EncodeToString(content) + "') to program 'umask 077; base64 -d > " + name + "'"
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, statement := range []string{"alter system set ssl = on", "select pg_reload_conf()"} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	pgtest.Until(t, "TLS", func() bool { return pgtest.Table(t, conn, "show ssl")[0][0] == "on" })

	address, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	address.Host = "127.0.0.1:" + address.Port()
	address.RawQuery = "sslmode=verify-full&sslrootcert=system"
	env := map[string]string{"DATABASE_URL": address.String(), "BOOTSTRAP_LOG_FORMAT": "text"}
	bundle := readable(t, map[string]string{"bundle.crt": string(certificatePEM)})
	for _, test := range []struct {
		mounts map[string]string
		exit   int
		want   string
	}{
		{nil, 69, "certificate"},
		{map[string]string{"/etc/ssl/certs/ca-certificates.crt": filepath.Join(bundle, "bundle.crt")}, 0, "tenant keep created"},
	} {
		output, exit := container{args: []string{"up", "--tenant-only", "--create-tables"}, env: env, mounts: test.mounts}.run(t)
		if exit != test.exit || !strings.Contains(output, test.want) {
			t.Errorf("exit code %d, want %d and %q\n%s", exit, test.exit, test.want, output)
		}
	}
}
