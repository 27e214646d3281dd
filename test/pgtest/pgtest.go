// Package pgtest gives tests real PostgreSQL databases.
//
// One server is started per test process, at the first [New], and every test gets a database of its own: a copy of a
// template that is built once. A package's TestMain is
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
// Variables:
//
//	BOOTSTRAP_TEST_POSTGRES  major version of the server, 14 to 18; default 18
//	BOOTSTRAP_TEST_URL       URL of a superuser on an existing server, which is used instead
//	BOOTSTRAP_TEST_KEEP      1: databases are kept, and their URLs logged; a server of our own runs until Ctrl-C. For one
//	                         package, and with -v, because go test shows nothing otherwise.
package pgtest

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/postgres"
)

// Main runs the tests of a package and removes afterwards what they shared.
func Main(m *testing.M) {
	code := m.Run()
	shared.linger()
	if err := errors.Join(shared.close(), program.remove()); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// server is where this process's databases are.
type server struct {
	mu        sync.Mutex
	admin     string // URL of a superuser, or "" before the first use
	err       error  // of the first use
	temporary *temporary
	templates map[string]func() (string, error)
	created   []string // databases of templates
	kept      atomic.Bool
}

var shared server

// url starts the server at the first call.
func (s *server) url() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.admin != "" || s.err != nil {
		return s.admin, s.err
	}
	if given := os.Getenv("BOOTSTRAP_TEST_URL"); given != "" {
		s.admin = given
		return s.admin, nil
	}
	s.temporary, s.err = startTemporary(map[string]string{
		"shared_preload_libraries": "pg_stat_statements",
		"logging_collector":        "on", // tests read the log by SQL
		"log_rotation_size":        "0",  // and do not look for a second file
		// Nothing here has to survive a crash.
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
		"max_connections": "300", "max_prepared_transactions": "20", "track_io_timing": "on", "autovacuum_naptime": "1h",
		// The data is in memory if possible: both limits keep it small, even after a kill.
		"max_wal_size": "256MB", "dynamic_shared_memory_type": "mmap",
	})
	if s.err == nil {
		s.admin = withDatabase(s.temporary.status.URL(), "postgres")
		s.err = s.cheapenPassword()
	}
	return s.admin, s.err
}

// cheapenPassword stores the superuser's password again with one round of hashing instead of 4,096, which both ends would go
// through for each of some thousand connections.
// https://www.postgresql.org/docs/current/catalog-pg-authid.html has the form, RFC 5802 the keys.
func (s *server) cheapenPassword() error {
	admin, err := url.Parse(s.admin)
	if err != nil {
		return err
	}
	password, _ := admin.User.Password()
	salt := []byte(rand.Text())[:16]
	salted, err := pbkdf2.Key(sha256.New, password, salt, 1, sha256.Size)
	if err != nil {
		return err
	}
	key := func(name string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(name))
		return mac.Sum(nil)
	}
	stored := sha256.Sum256(key("Client Key"))
	text := base64.StdEncoding.EncodeToString
	return s.exec(fmt.Sprintf("alter role %s password 'SCRAM-SHA-256$1:%s$%s:%s'",
		quote(admin.User.Username()), text(salt), text(stored[:]), text(key("Server Key"))))
}

// linger lets someone look at databases that were kept on a server which ends with this process.
func (s *server) linger() {
	if s.temporary == nil || !s.kept.Load() {
		return
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	fmt.Println("pgtest: the databases are kept until Ctrl-C")
	<-ctx.Done()
}

// close ends the server, or drops the templates from a server that is not ours.
func (s *server) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.temporary != nil {
		return s.temporary.stop()
	}
	var all error
	for _, name := range s.created {
		all = errors.Join(all,
			s.exec(fmt.Sprintf("alter database %s is_template false", quote(name))),
			s.exec(fmt.Sprintf("drop database if exists %s with (force)", quote(name))))
	}
	return all
}

// exec runs a statement in the superuser's database.
func (s *server) exec(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// Template is a database that tests get copies of. Build fills the empty database at url and closes its connections
// before it returns. It is called once per process; templates of one name must be the same.
type Template struct {
	Name  string
	Build func(ctx context.Context, url string) error
}

// Empty is a database without anything.
var Empty = Template{Name: "empty", Build: func(context.Context, string) error { return nil }}

// ensure returns the name of the template's database. The name has a random part, so processes that share a server do
// not get each other's.
func (s *server) ensure(t Template) (string, error) {
	s.mu.Lock()
	if s.templates == nil {
		s.templates = map[string]func() (string, error){}
	}
	build, ok := s.templates[t.Name]
	if !ok {
		build = sync.OnceValues(func() (string, error) { return s.build(t) })
		s.templates[t.Name] = build
	}
	s.mu.Unlock()
	return build()
}

func (s *server) build(t Template) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	name := databaseName("tpl", t.Name)
	if err := s.exec(fmt.Sprintf("create database %s template template0 encoding 'UTF8'", quote(name))); err != nil {
		return "", err
	}
	s.mu.Lock()
	s.created = append(s.created, name)
	s.mu.Unlock()
	if err := t.Build(ctx, withDatabase(s.admin, name)); err != nil {
		return "", fmt.Errorf("template %s: %w", t.Name, err)
	}
	// A connection to the template would make every copy fail.
	return name, s.exec(fmt.Sprintf("alter database %s with is_template true allow_connections false", quote(name)))
}

// Database is one test's own database. The user of URL is a superuser.
type Database struct {
	Name string
	URL  string

	adminURL string
}

// New copies a template for this test. The database is dropped at the end of the test, with whatever is connected to it.
func New(t testing.TB, template Template) *Database {
	t.Helper()
	admin, err := shared.url()
	if err != nil {
		fatal(t, "no PostgreSQL for tests", err)
	}
	source, err := shared.ensure(template)
	if err != nil {
		fatal(t, "cannot build the template", err)
	}
	name := databaseName("t", t.Name())
	if err := shared.exec(fmt.Sprintf("create database %s template %s", quote(name), quote(source))); err != nil {
		fatal(t, "cannot copy the template", err)
	}
	d := &Database{Name: name, URL: withDatabase(admin, name), adminURL: admin}
	t.Cleanup(func() {
		if os.Getenv("BOOTSTRAP_TEST_KEEP") == "1" {
			shared.kept.Store(true)
			t.Logf("kept: %s", d.URL)
			return
		}
		if err := shared.exec(fmt.Sprintf("drop database if exists %s with (force)", quote(name))); err != nil {
			t.Errorf("cannot drop the database of the test: %v", err)
		}
	})
	return d
}

func fatal(t testing.TB, what string, err error) {
	t.Helper()
	text := fmt.Sprintf("%s: %v", what, err)
	if e, ok := errors.AsType[*postgres.Error](err); ok {
		text += "\n" + e.Hint
	}
	t.Fatal(text)
}

// Conn connects to the database until the end of the test.
func (d *Database) Conn(t testing.TB) *pgx.Conn {
	t.Helper()
	return Connect(t, d.URL)
}

// Admin connects to the server's own database, for what cannot be done from within the test's.
func (d *Database) Admin(t testing.TB) *pgx.Conn {
	t.Helper()
	return Connect(t, d.adminURL)
}

// Connect connects to a database by its URL until the end of the test.
func Connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatalf("cannot connect: %v", err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Exec runs statements on a connection of its own; with arguments it must be one statement.
func (d *Database) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.URL)
	if err != nil {
		t.Fatalf("cannot connect: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql, args...); err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
}

// Role creates a role that can log in, with the given attributes ("", "bypassrls", ...), and returns its name and the URL
// with which it connects to this database. The role and what it owns here are dropped at the end of the test.
func (d *Database) Role(t testing.TB, attributes string) (name, address string) {
	t.Helper()
	name, password := databaseName("role", t.Name()), rand.Text()
	d.Exec(t, fmt.Sprintf("create role %s login password '%s' %s", quote(name), password, attributes))
	t.Cleanup(func() {
		d.Exec(t, fmt.Sprintf("reassign owned by %[1]s to current_user; drop owned by %[1]s; drop role %[1]s", quote(name)))
	})
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, password)
	return name, u.String()
}

// Rows returns what a query returns, by column name.
func Rows(t testing.TB, conn *pgx.Conn, sql string, args ...any) []map[string]any {
	t.Helper()
	rows, err := conn.Query(context.Background(), sql, args...)
	if err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToMap)
	if err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
	return all
}

// Table returns what a query returns as the texts that psql would show, for comparison with a literal. NULL is "NULL".
func Table(t testing.TB, conn *pgx.Conn, sql string, args ...any) [][]string {
	t.Helper()
	// The simple protocol returns every type as text.
	rows, err := conn.Query(context.Background(), sql, append([]any{pgx.QueryExecModeSimpleProtocol}, args...)...)
	if err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
	all := [][]string{}
	for rows.Next() {
		var texts []string
		for _, value := range rows.RawValues() {
			if value == nil {
				texts = append(texts, "NULL")
			} else {
				texts = append(texts, string(value))
			}
		}
		all = append(all, texts)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
	return all
}

// SQLState is the SQLSTATE of an error of the server, or "".
func SQLState(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	return ""
}

// databaseName makes a name that tells what the database is for, and that nobody else has.
func databaseName(kind, purpose string) string {
	purpose = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return unicode.ToLower(r)
		}
		return '_'
	}, purpose)
	return fmt.Sprintf("kb_%s_%.40s_%.10s", kind, purpose, strings.ToLower(rand.Text()))
}

func quote(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }

// withDatabase replaces the database of a URL.
func withDatabase(address, name string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		panic("BOOTSTRAP_TEST_URL must be a URL: postgres://user:password@host:port/database")
	}
	u.Path = "/" + name
	return u.String()
}
