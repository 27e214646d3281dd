package postgres

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// measured is what SQLAlchemy 2.1.9 with psycopg2 2.9.13 (form sqlalchemy) and libpq 17.11 (forms uri and keywords) make
// of a connection string: the parameters that reach libpq, or nil when they refuse it.
type measured struct {
	Form, Text string
	Settings   map[string]string
}

func readMeasured(t testing.TB) []measured {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "urls.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []measured
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		var m measured
		if err := json.Unmarshal(scanner.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	if len(all) < 1000 {
		t.Fatalf("only %d connection strings", len(all))
	}
	return all
}

// source is where a connection string of that form would come from.
func (m measured) source() Source {
	if m.Form == "sqlalchemy" {
		return Source{ConnString: m.Text, Origin: keepVariable}
	}
	return Source{ConnString: m.Text, Origin: urlVariable}
}

// ours are the parameters that this package reads, or nil when it refuses the string.
func ours(s Source) map[string]string {
	given, _, err := s.parse()
	if err != nil {
		return nil
	}
	for name := range given {
		if _, known := parameters[name]; !known {
			return nil
		}
	}
	if given == nil {
		given = options{}
	}
	return given
}

// different are the strings that this package reads in another way on purpose: it also takes libpq's forms of hosts where
// SQLAlchemy does not, and refuses what nobody means.
var different = map[string]map[string]string{
	"postgresql+psycopg2://keep@h:/d":                                      {"dbname": "d", "host": "h", "user": "keep"},
	"postgresql+psycopg2://keep@h:x/d":                                     {"dbname": "d", "host": "h", "port": "x", "user": "keep"}, // refused by check
	"postgresql+psycopg2://keep@[fe80::1%25eth0]:5433/d":                   {"dbname": "d", "host": "fe80::1%eth0", "port": "5433", "user": "keep"},
	"postgresql+psycopg2://keep@%2Frun%2Fpostgresql/d":                     {"dbname": "d", "host": "/run/postgresql", "user": "keep"},
	"postgresql+psycopg2://keep@h1:1,h2:2/d":                               {"dbname": "d", "host": "h1,h2", "port": "1,2", "user": "keep"},
	"postgresql+psycopg2://keep@h1:1,h2/d":                                 {"dbname": "d", "host": "h1,h2", "port": "1,", "user": "keep"},
	"postgresql+psycopg2://keep@[::1]:1,h2:2/d":                            {"dbname": "d", "host": "::1,h2", "port": "1,2", "user": "keep"},
	"postgresql+psycopg2://keep@/d?host=h1&host=h2&port=1":                 {"dbname": "d", "host": "h1,h2", "port": "1", "user": "keep"},
	"postgresql+psycopg2://keep@/d?host=h1&host=h2&port=1&port=2":          {"dbname": "d", "host": "h1,h2", "port": "1,2", "user": "keep"},
	"postgresql+psycopg2://keep@/d?host=h1,h2&port=1":                      {"dbname": "d", "host": "h1,h2", "port": "1", "user": "keep"},
	"postgresql+psycopg2://keep@/d?host=h1:1,h2:2":                         {"dbname": "d", "host": "h1,h2", "port": "1,2", "user": "keep"},
	"postgresql+psycopg2://keep@/d?host=[::1]:1":                           {"dbname": "d", "host": "::1", "port": "1", "user": "keep"},
	"postgresql+psycopg2://keep@h/d?database=other":                        {"dbname": "other", "host": "h", "user": "keep"},
	"postgresql+psycopg2://keep@[]/d":                                      nil,
	"postgresql+psycopg2://keep@[::1]x/d":                                  nil,
	"postgresql+psycopg2://keep@h/d?application_name=a&application_name=b": nil,
}

// TestURLPercentEncoding and more: each connection string means what it means to Keep and psql (url-percent-encoding,
// url-fallback-hosts).
func TestURLPercentEncodingAndFallbackHostsAsSQLAlchemyAndLibpq(t *testing.T) {
	t.Parallel()
	for _, m := range readMeasured(t) {
		want := m.Settings
		if wanted, ok := different[m.Text]; ok {
			want = wanted
		}
		if diff := cmp.Diff(want, ours(m.source())); diff != "" {
			t.Errorf("%s %s: -measured +ours\n%s", m.Form, m.Text, diff)
		}
	}
}

// compareWithDriver checks that pgx, which follows libpq, reads a string as this package does.
func compareWithDriver(t *testing.T, text string, given options) {
	t.Helper()
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return // it also checks what the values mean
	}
	for name, got := range map[string]string{"user": config.User, "password": config.Password, "dbname": config.Database, "application_name": config.RuntimeParams["application_name"]} {
		if want := strings.TrimSpace(given[name]); want != "" && strings.TrimSpace(got) != want { // libpq 18 trims; of nothing pgx makes its default
			t.Errorf("%q: %s is %q, with pgx %q", text, name, want, got)
		}
	}
	if hosts := strings.Split(given["host"], ","); strings.TrimSpace(hosts[0]) != "" && strings.TrimSpace(config.Host) != strings.TrimSpace(hosts[0]) {
		t.Errorf("%q: host is %q, with pgx %q", text, hosts[0], config.Host)
	}
}
