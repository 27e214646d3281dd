package postgres_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keep-bootstrap/internal/postgres"
)

func TestPrecedence(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte("postgresql://file/db\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"DATABASE_URL":               "postgresql://url/db",
		"DATABASE_CONNECTION_STRING": "postgresql+psycopg2://keep/db",
		"PGHOST":                     "libpq",
	}
	steps := []struct {
		file    string
		without string
		origin  string
		host    string
	}{
		{file, "", file, "file"},
		{"", "", "DATABASE_URL", "url"},
		{"", "DATABASE_URL", "DATABASE_CONNECTION_STRING", "keep"},
		{"", "DATABASE_CONNECTION_STRING", "PG* variables", ""},
		{"", "PGHOST", "", ""},
	}
	for _, step := range steps {
		delete(all, step.without)
		source, err := postgres.Find(step.file, func(name string) string { return all[name] })
		if err != nil {
			t.Fatal(err)
		}
		if source.Origin != step.origin || source.Given() != (step.origin != "") {
			t.Errorf("origin %q, want %q", source.Origin, step.origin)
		}
		if step.host == "" {
			continue
		}
		config, err := source.Config()
		if err != nil {
			t.Fatal(err)
		}
		if config.Host != step.host {
			t.Errorf("%s: host %q, want %q", step.origin, config.Host, step.host)
		}
	}
}

// Not parallel: pgx reads the variables of libpq from the process.
func TestLibpqVariablesAndServiceFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(file, []byte("[monitoring]\nhost=from-service\nport=5433\ndbname=keepdb\nuser=keeper\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGSERVICEFILE", file)
	t.Setenv("PGSERVICE", "monitoring")
	source, err := postgres.Find("", os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	config, err := source.Config()
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "from-service" || config.Port != 5433 || config.Database != "keepdb" || config.User != "keeper" {
		t.Errorf("%s:%d/%s as %s", config.Host, config.Port, config.Database, config.User)
	}
}

func TestSQLAlchemyURLs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		url                      string
		host, user, password, db string
		port                     uint16
	}{
		{"postgresql+psycopg2://keep:pw@db.example:6432/keepdb", "db.example", "keep", "pw", "keepdb", 6432},
		{"postgresql+asyncpg://keep:pw@db/keepdb?ssl=disable", "db", "keep", "pw", "keepdb", 5432},
		{"postgres://keep:pw@db/keepdb?keepalives=1&tcp_user_timeout=5", "db", "keep", "pw", "keepdb", 5432},
		{"postgresql://keep@db/keepdb", "db", "keep", "", "keepdb", 5432},
		{"POSTGRESQL+psycopg://keep:pw@[::1]:5433/keepdb", "::1", "keep", "pw", "keepdb", 5433},
		{"postgresql+psycopg2://keep:p%40w%2F%3A@db/keepdb", "db", "keep", "p@w/:", "keepdb", 5432},
		{"postgresql+psycopg2://keep:p/w:x#y?z%@db/keepdb", "db", "keep", "p/w:x#y?z%", "keepdb", 5432},
		{"postgresql+psycopg2://keep:pw@/keepdb?host=/run/postgresql", "/run/postgresql", "keep", "pw", "keepdb", 5432},
		{"postgresql+psycopg2://keep:pw@db/keepdb?sslmode=disable&application_name=x", "db", "keep", "pw", "keepdb", 5432},
	} {
		source, err := postgres.Find("", func(name string) string {
			return map[string]string{"DATABASE_CONNECTION_STRING": test.url}[name]
		})
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		config, err := source.Config()
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		if config.Host != test.host || config.Port != test.port || config.User != test.user || config.Password != test.password || config.Database != test.db {
			t.Errorf("%s: %s %s %s %d %s", test.url, config.User, config.Password, config.Host, config.Port, config.Database)
		}
		for name := range config.RuntimeParams {
			if name != "application_name" {
				t.Errorf("%s: the server would get the parameter %s", test.url, name)
			}
		}
	}
}

func TestOtherDatabasesAndBrokenURLs(t *testing.T) {
	t.Parallel()
	const canary = "s3cret-canary"
	for _, url := range []string{
		"mysql+pymysql://keep:" + canary + "@db/keep",
		"sqlite:///./keep.db?" + canary,
		"mssql://sa:" + canary + "@db/keep",
		"postgresql+psycopg2://keep:" + canary + "@db:port/keep",
		"postgresql://keep:" + canary + "@db:port/keep",
		"postgresql://keep:" + canary + "%zz@db/keep",
		"postgresql+psycopg2://keep:" + canary + "@db/keep?a=%zz",
	} {
		source, err := postgres.Find("", func(name string) string { return map[string]string{"DATABASE_URL": url}[name] })
		if err == nil {
			_, err = source.Config()
		}
		if postgres.ExitCode(err) != postgres.ExitUsage {
			t.Errorf("%s: %v", url, err)
			continue
		}
		e := postgres.From(err)
		if strings.Contains(e.Message+e.Hint, canary) || !strings.Contains(e.Message, "DATABASE_URL") {
			t.Errorf("%s: %s / %s", url, e.Message, e.Hint)
		}
	}
}

func TestURLFile(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, filepath.Join(t.TempDir(), "missing")} {
		if _, err := postgres.Find(file, func(string) string { return "" }); postgres.ExitCode(err) != postgres.ExitUsage {
			t.Errorf("%s: %v", file, err)
		}
	}
}
