package postgres

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keywords are the connection parameters of libpq 18, with their variables, and those of older versions.
var keywords = strings.Fields(`
	service/PGSERVICE servicefile/PGSERVICEFILE user/PGUSER password/PGPASSWORD passfile/PGPASSFILE channel_binding/PGCHANNELBINDING
	connect_timeout/PGCONNECT_TIMEOUT dbname/PGDATABASE host/PGHOST hostaddr/PGHOSTADDR port/PGPORT client_encoding/PGCLIENTENCODING
	options/PGOPTIONS application_name/PGAPPNAME fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count
	tcp_user_timeout sslmode/PGSSLMODE sslnegotiation/PGSSLNEGOTIATION sslcompression/PGSSLCOMPRESSION sslcert/PGSSLCERT sslkey/PGSSLKEY
	sslcertmode/PGSSLCERTMODE sslpassword sslrootcert/PGSSLROOTCERT sslcrl/PGSSLCRL sslcrldir/PGSSLCRLDIR sslsni/PGSSLSNI
	requirepeer/PGREQUIREPEER require_auth/PGREQUIREAUTH min_protocol_version/PGMINPROTOCOLVERSION max_protocol_version/PGMAXPROTOCOLVERSION
	ssl_min_protocol_version/PGSSLMINPROTOCOLVERSION ssl_max_protocol_version/PGSSLMAXPROTOCOLVERSION gssencmode/PGGSSENCMODE
	krbsrvname/PGKRBSRVNAME gsslib/PGGSSLIB gssdelegation/PGGSSDELEGATION replication target_session_attrs/PGTARGETSESSIONATTRS
	load_balance_hosts/PGLOADBALANCEHOSTS scram_client_key scram_server_key sslkeylogfile oauth_issuer oauth_client_id oauth_client_secret
	oauth_scope requiressl/PGREQUIRESSL`)

// example is a value that libpq takes, and something other than its default.
func example(t *testing.T, name string) string {
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	switch name {
	case "service":
		return "example"
	case "servicefile":
		return file("services", "[example]\nuser=from-service\n")
	case "hostaddr":
		return "127.0.0.1"
	case "channel_binding", "sslcertmode":
		return "disable"
	case "sslmode":
		return "require"
	case "sslrootcert", "sslcert", "sslkey":
		return filepath.Join(t.TempDir(), "missing")
	case "require_auth":
		return "scram-sha-256"
	case "min_protocol_version", "max_protocol_version":
		return "3.2"
	case "ssl_min_protocol_version", "ssl_max_protocol_version":
		return "TLSv1.3"
	case "gssencmode":
		return "disable"
	case "target_session_attrs":
		return "read-write"
	case "load_balance_hosts":
		return "random"
	case "replication":
		return "false"
	case "sslnegotiation":
		return "postgres"
	case "options":
		return "-c geqo=off"
	}
	return "1"
}

// TestConnectionParameterDroppedSilently: each parameter of libpq is honoured, refused by its name, or ignored with a
// warning, wherever it is given; and the server gets none of them as a setting.
func TestConnectionParameterDroppedSilently(t *testing.T) {
	t.Parallel()
	services := example(t, "servicefile")
	for _, keyword := range keywords {
		name, variable, _ := strings.Cut(keyword, "/")
		value := example(t, name)
		inService := filepath.Join(t.TempDir(), "services")
		if err := os.WriteFile(inService, []byte("[example]\n"+name+"="+value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		sources := map[string]Source{
			"SQLAlchemy": {ConnString: "postgresql+psycopg2://keep:pw@h/d?" + name + "=" + value, Origin: keepVariable},
			"URL":        {ConnString: "postgresql://keep:pw@h/d?" + name + "=" + strings.ReplaceAll(strings.ReplaceAll(value, "=", "%3D"), " ", "%20"), Origin: urlVariable},
			"keywords":   {ConnString: "host=h user=keep dbname=d " + name + "='" + value + "'", Origin: urlVariable},
			"service":    {ConnString: "postgresql://keep:pw@h/d", Origin: urlVariable, variables: map[string]string{"PGSERVICEFILE": inService, "PGSERVICE": "example"}},
		}
		if variable != "" {
			sources["variable"] = Source{ConnString: "postgresql://keep@h/d", Origin: urlVariable, variables: map[string]string{variable: value}}
		}
		for where, source := range sources {
			if name == "service" || name == "servicefile" {
				if where == "service" {
					continue
				}
				if source.variables == nil {
					source.variables = map[string]string{}
				}
				source.variables["PGSERVICEFILE"], source.variables["PGSERVICE"] = services, "example"
			}
			config, err := source.Config()
			switch parameters[name].treatment {
			case unsupported:
				if e := From(err); e == nil || e.ExitCode != ExitUsage || !strings.Contains(e.Message, name) && !strings.Contains(e.Message, variable) || !strings.Contains(e.Message, "not supported") {
					t.Errorf("%s in %s: %+v", name, where, e)
				}
				continue
			case ignored:
				if config == nil || len(config.Warnings) != 1 || !strings.Contains(config.Warnings[0], name) && !(variable != "" && strings.Contains(config.Warnings[0], variable)) {
					t.Errorf("%s in %s: no warning: %v", name, where, err)
				}
			default:
				if err != nil {
					t.Errorf("%s in %s: %v", name, where, From(err))
				}
			}
			if err == nil {
				for setting := range config.hosts[0].RuntimeParams {
					if setting != "application_name" && setting != "options" {
						t.Errorf("%s in %s: the server gets %s", name, where, setting)
					}
				}
			}
		}
		if _, known := parameters[name]; !known || parameters[name].variable != variable {
			t.Errorf("%s, %s: %+v", name, variable, parameters[name])
		}
	}
	for _, other := range []string{"pgbouncer=true", "connection_limit=5", "schema=public", "search_path=x", "timezone=UTC", "pool_max_conns=3"} {
		for _, scheme := range []string{"postgresql+psycopg2", "postgresql", "postgres"} {
			_, err := Source{ConnString: scheme + "://keep:pw@h/d?" + other, Origin: urlVariable}.Config()
			name, _, _ := strings.Cut(other, "=")
			if e := From(err); e == nil || e.ExitCode != ExitUsage || !strings.Contains(e.Message, name) {
				t.Errorf("%s: %+v", other, e)
			}
		}
	}
}

// TestParametersAreDocumented: docs/connection.md names each, in the line of what becomes of it.
func TestParametersAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/connection.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range parameters {
		line := map[treatment]string{driver: "| honoured", own: "| honoured", ignored: "| ignored", unsupported: "| refused"}[p.treatment]
		found := false
		for row := range strings.Lines(string(text)) {
			found = found || strings.HasPrefix(row, line) && strings.Contains(row, "`"+name+"`")
		}
		if !found {
			t.Errorf("%s is not in a line %q", name, line)
		}
	}
}

// TestWhatLibpqRefuses: where libpq would refuse to connect, so does this program.
func TestWhatLibpqRefuses(t *testing.T) {
	t.Parallel()
	for parameters, want := range map[string]string{
		"gssencmode=require":                                                "gssencmode",
		"sslmode=verify-full":                                               "root certificate",
		"sslmode=verify-full&sslrootcert=/certs/missing":                    "the file /certs/missing does not exist",
		"sslmode=require&sslrootcert=system":                                "sslrootcert=system needs sslmode=verify-full",
		"sslnegotiation=direct":                                             "sslnegotiation=direct needs",
		"ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2": "ssl_min_protocol_version is higher",
		"ssl_min_protocol_version=SSLv3":                                    "known values are TLSv1, ",
		"sslmode=required":                                                  `"required" is unknown; known values are disable, allow, prefer, require, verify-ca, verify-full`,
		"target_session_attrs=master":                                       `"master" is unknown; known values are any`,
		"channel_binding=on":                                                "channel_binding",
		"require_auth=kerberos":                                             "require_auth",
		"connect_timeout=soon":                                              "connect_timeout \"soon\" is not a number",
		"keepalives_idle=x":                                                 "keepalives_idle",
		"hostaddr=db.example.com":                                           "is not an IP address",
		"load_balance_hosts=on":                                             "known values are disable, random",
		"replication=database":                                              "replication",
		"min_protocol_version=3.2&max_protocol_version=3.0":                 "contradict",
		"host=a,b&port=1,2,3":                                               "numbers of hosts",
	} {
		for _, scheme := range []string{"postgresql+psycopg2", "postgresql"} {
			_, err := Source{ConnString: scheme + "://keep:s3cret@h/d?" + parameters, Origin: urlVariable}.Config()
			if e := From(err); e == nil || e.ExitCode != ExitUsage || !strings.Contains(e.Message, want) || strings.Contains(e.Message+e.Hint, "s3cret") {
				t.Errorf("%s: %+v", parameters, e)
			}
		}
	}
}

// TestParametersOfTheNetwork: they reach the dialer, the resolver and TLS.
func TestParametersOfTheNetwork(t *testing.T) {
	t.Parallel()
	resolved := func(parameters string) settings {
		source := Source{ConnString: "postgresql://keep@h/d?" + parameters, Origin: urlVariable}
		given, _, err := source.parse()
		if err != nil {
			t.Fatal(err)
		}
		all, err := source.resolve(given, new([]string))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if d := resolved("keepalives=0&keepalives_idle=3").dialer(); d.KeepAlive >= 0 || d.KeepAliveConfig.Enable {
		t.Errorf("%+v", d)
	}
	want := net.KeepAliveConfig{Enable: true, Idle: 30e9, Interval: 5e9, Count: 3}
	if d := resolved("keepalives_idle=30&keepalives_interval=5&keepalives_count=3").dialer(); d.KeepAliveConfig != want {
		t.Errorf("%+v", d.KeepAliveConfig)
	}
	config, err := Source{ConnString: "postgresql://keep@h1,h2/d?hostaddr=127.0.0.1,::1&sslmode=require&ssl_min_protocol_version=tlsv1.1&ssl_max_protocol_version=TLSv1.2&connect_timeout=-1", Origin: "test"}.Config()
	if err != nil {
		t.Fatal(err)
	}
	for i, address := range []string{"127.0.0.1", "::1"} {
		host := config.hosts[i]
		addresses, err := host.LookupFunc(t.Context(), host.Host)
		if diff := cmp.Diff([]string{address}, addresses); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
		if host.TLSConfig.MinVersion != tls.VersionTLS11 || host.TLSConfig.MaxVersion != tls.VersionTLS12 || host.ConnectTimeout != defaultConnectTimeout {
			t.Errorf("%d: %+v", i, host.TLSConfig)
		}
	}
}

// FuzzConnectionString: nothing makes the parsers fail, what they take is what pgx takes of libpq's forms, and no error
// shows a password.
func FuzzConnectionString(f *testing.F) {
	for i, m := range readMeasured(f) {
		if i > 1000 || i%50 == 0 { // the first are single escapes
			f.Add(m.Text)
		}
	}
	f.Add(" ")
	f.Add("postgresqL://0=")
	f.Add("postgres:// ,")
	f.Add("user=")
	f.Fuzz(func(t *testing.T, text string) {
		source := Source{Origin: urlVariable}
		source, err := source.read(text)
		if err != nil {
			return
		}
		given, _, err := source.parse()
		if err != nil || strings.Contains(text, "+") && strings.Contains(text, "://") {
			return
		}
		for name := range given {
			if p, known := parameters[name]; !known || name == "service" || name == "servicefile" || p.treatment == unsupported {
				return
			}
		}
		text = source.ConnString
		if scheme, rest, isURL := strings.Cut(text, "://"); isURL && !keywordForm.MatchString(text) {
			text = strings.ToLower(scheme) + "://" + rest // pgx takes no other spelling for a URL
		}
		compareWithDriver(t, text, given)
	})
}
