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
		source, err := postgres.Find(step.file, all)
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
	source, err := postgres.Find("", map[string]string{"PGSERVICEFILE": file, "PGSERVICE": "monitoring"})
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
		"postgresql://keep:" + canary + "/keep",
		"postgresql://keep:x/" + canary + "@db/keep",
		"postgresql://keep:x@" + canary + "@db/keep",
		"keep:" + canary + "@db/keep",
		"host=db password='" + canary,
		"host=db port=x password=" + canary,
	} {
		source, err := postgres.Find("", map[string]string{"DATABASE_URL": url})
		if err == nil {
			_, err = source.Config()
		}
		if postgres.From(err).ExitCode != postgres.ExitUsage {
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
		if _, err := postgres.Find(file, nil); postgres.From(err).ExitCode != postgres.ExitUsage {
			t.Errorf("%s: %v", file, err)
		}
	}
}
