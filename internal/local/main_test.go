package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/postgres"
)

// helperVariable makes the test binary do something else than run tests.
const helperVariable = "KEEP_BOOTSTRAP_LOCAL_TEST"

func TestMain(m *testing.M) {
	if what := os.Getenv(helperVariable); what != "" {
		os.Exit(helper(what, os.Args[1]))
	}
	os.Exit(m.Run())
}

// helper is a process that a test kills, or runs as another user.
func helper(what, directory string) int {
	ctx := context.Background()
	var err error
	if what == "start" {
		_, err = Start(ctx, Options{DataHome: directory, Cache: os.Getenv("TEST_CACHE")})
	}
	if err != nil {
		fmt.Println(err, "|", hintOf(err))
		return 1
	}
	return 0
}

// sharedCache is where PostgreSQL is downloaded to once for all tests; package pgtest uses the same.
func sharedCache(t *testing.T) string {
	t.Helper()
	if given := os.Getenv("TEST_CACHE"); given != "" {
		return given
	}
	directory, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(directory, "keep-bootstrap")
}

// fresh is a user who has never had a server. It leaves nothing behind.
func fresh(t *testing.T) Options {
	t.Helper()
	o := Options{
		DataHome: t.TempDir(), Cache: sharedCache(t), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		StartParameters: map[string]string{"fsync": "off"},
	}
	t.Cleanup(func() {
		for _, version := range Versions() {
			o.Version = version
			if _, err := Stop(context.Background(), o); err != nil {
				t.Errorf("cleaning up: %v", err)
			}
		}
		removePlace(t, filepath.Join(o.DataHome, "keep-bootstrap"))
	})
	return o
}

// removePlace deletes what root's tests have below /var/lib.
func removePlace(t *testing.T, base string) {
	location, err := directoryFor(base, false)
	if err == nil && location != "" {
		err = os.RemoveAll(location)
	}
	if err != nil {
		t.Errorf("cleaning up: %v", err)
	}
}

func start(t *testing.T, o Options) Status {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatalf("%v\nhint: %s", err, hintOf(err))
	}
	return s
}

func stop(t *testing.T, o Options) {
	t.Helper()
	stopped, err := Stop(t.Context(), o)
	if err != nil || !stopped {
		t.Fatalf("stopped %v, error %v", stopped, err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// mark and marked show that a server has the data of an earlier one.
func mark(t *testing.T, s Status) {
	t.Helper()
	if _, err := connect(t, s.URL()).Exec(t.Context(), "create table mark ()"); err != nil {
		t.Fatal(err)
	}
}

func marked(t *testing.T, s Status) bool {
	t.Helper()
	var yes bool
	if err := connect(t, s.URL()).QueryRow(t.Context(), "select to_regclass('mark') is not null").Scan(&yes); err != nil {
		t.Fatal(err)
	}
	return yes
}

// until polls a real condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long until %s", what)
		}
	}
}

// testBinary is the program that runs these tests.
func testBinary(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// says fails the test unless the error is one for users: what happened, and what to do.
func says(t *testing.T, err error, message, hint string) {
	t.Helper()
	e, ok := errors.AsType[*postgres.Error](err)
	if !ok {
		t.Fatalf("error is %T %v, want one that says %q", err, err, message)
	}
	if !strings.Contains(e.Error(), message) || !strings.Contains(e.Hint, hint) {
		t.Fatalf("error: %v\nhint: %s\nwant %q and %q", e, e.Hint, message, hint)
	}
}

// logBook keeps what is logged.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(text)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func hintOf(err error) string {
	if e, ok := errors.AsType[*postgres.Error](err); ok {
		return e.Hint
	}
	return ""
}
