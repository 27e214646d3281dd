package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/postgres"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err   error
		exit  int
		retry bool
	}{
		{errors.New("what"), 1, false},
		{postgres.Usage("no", ""), 64, false},
		{fmt.Errorf("wrapped: %w", postgres.Usage("no", "")), 64, false},
		{state("42501"), 77, false},
		{state("28P01"), 77, false},
		{state("28000"), 77, false},
		{state("55P03"), 75, true},
		{state("40001"), 75, true},
		{state("40P01"), 75, true},
		{state("08006"), 75, true},
		{state("57P01"), 75, true},
		{state("57014"), 75, true},
		{state("53100"), 75, true},
		{state("57P03"), 69, true},
		{state("3D000"), 69, true},
		{state("25006"), 69, true},
		{state("53300"), 69, true},
		{state("23505"), 1, false},
		{state("42P01"), 1, false},
		{state("KB999"), 78, false},
		{fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), 75, true},
		{fmt.Errorf("reading: %w", syscall.ECONNRESET), 75, true},
		{&net.OpError{Op: "write", Err: syscall.EPIPE}, 75, true},
		{context.Canceled, 75, true},
		{context.DeadlineExceeded, 75, true},
	} {
		if got := postgres.From(test.err).ExitCode; got != test.exit {
			t.Errorf("%v: exit code %d, want %d", test.err, got, test.exit)
		}
		if postgres.From(test.err).Retry != test.retry {
			t.Errorf("%v: retry %v, want %v", test.err, postgres.From(test.err).Retry, test.retry)
		}
	}
}

func state(code string) error {
	return fmt.Errorf("doing: %w", &pgconn.PgError{Code: code, Message: "m"})
}

// The table in docs/errors.md is what users rely on.
func TestExitCodesOfOurErrorsAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (KB\d{3}) \|.*\| (\d+) \|$`).FindAllStringSubmatch(string(text), -1)
	if len(rows) < 10 {
		t.Fatalf("found only %d rows of the table", len(rows))
	}
	for _, row := range rows {
		e := postgres.From(&pgconn.PgError{Code: row[1], Message: "m", Detail: "d", Hint: "h"})
		if want, _ := strconv.Atoi(row[2]); e.ExitCode != want {
			t.Errorf("%s: exit code %d, documented is %s", row[1], e.ExitCode, row[2])
		}
		if e.Detail != "d" || e.Hint != "h" {
			t.Errorf("%s: detail and hint of our own error are lost", row[1])
		}
	}
}

func TestForeignErrorsShowNoData(t *testing.T) {
	t.Parallel()
	const canary = "s3cret-canary"
	for _, err := range []error{
		&pgconn.PgError{Code: "23505", Message: "duplicate key value violates unique constraint \"x\"", Detail: "Key (a)=(" + canary + ")", Hint: canary, Where: canary},
		&pgconn.PgError{Code: "22P02", Message: "invalid input syntax for type json: " + canary, Where: canary},
		&pgconn.PgError{Code: "P0001", Message: canary, Where: "PL/pgSQL function public.check_it() line 3 at RAISE"},
		&pgconn.PgError{Code: "23505", Message: canary, Routine: "exec_stmt_raise", Where: "PL/pgSQL function public.check_it() line 3 at RAISE"},
		&pgconn.PgError{Code: "P0004", Message: canary, Routine: "exec_stmt_assert"},
		&pgconn.PgError{Code: "23502", Message: "null value", Detail: "Failing row contains (" + canary + ")", TableName: "provider", ColumnName: "name"},
	} {
		if text := fmt.Sprintf("%+v", *withoutCause(postgres.From(err))); strings.Contains(text, canary) {
			t.Errorf("shows data: %s", text)
		}
	}
	if e := postgres.From(&pgconn.PgError{Code: "P0001", Where: "PL/pgSQL function public.check_it() line 3 at RAISE"}); e.Detail != "function public.check_it()" {
		t.Errorf("detail %q", e.Detail)
	}
	if e := postgres.From(&pgconn.PgError{Code: "58P01", Message: `could not access file "$libdir/x"`}); !strings.Contains(e.Message, "$libdir/x") || !strings.Contains(e.Hint, "restart PostgreSQL") {
		t.Errorf("%+v", e)
	}
	e := postgres.From(&pgconn.PgError{Code: "23502", TableName: "provider", ColumnName: "name"})
	if e.Detail != "table provider, column name" {
		t.Errorf("detail %q", e.Detail)
	}
}

func TestConnectionErrorsShowNoPassword(t *testing.T) {
	t.Parallel()
	const canary = "s3cret-canary"
	for _, url := range []string{
		"postgresql://user:" + canary + "@127.0.0.1:1/db?connect_timeout=1",
		"postgresql://user:" + canary + "%zz@127.0.0.1:1/db",
		"postgresql://user:" + canary + "/x?@127.0.0.1:1/db",
		"postgresql://user:a@" + canary + "@127.0.0.1:1/db?connect_timeout=1",
		"postgresql://user:a:" + canary + "@host:port/db",
		"postgresql://user:12/" + canary + "@127.0.0.1:1/db?connect_timeout=1",
		"host=127.0.0.1 port=x password=" + canary,
		"host=127.0.0.1 port=1 connect_timeout=1 password='" + canary + " x",
		"postgresql://user:pw@127.0.0.1:1/db?sslmode=require/" + canary,
	} {
		config, err := postgres.Source{ConnString: url, Origin: "test"}.Config()
		if err == nil {
			_, err = postgres.Connect(context.Background(), config)
		}
		if err == nil {
			t.Fatalf("connected to nothing")
		}
		e := postgres.From(fmt.Errorf("connecting: %w", err))
		if text := fmt.Sprintf("%+v %s", *withoutCause(e), e.Error()); strings.Contains(text, canary) {
			t.Errorf("shows the password: %s", text)
		}
		if e.ExitCode != postgres.ExitUsage && e.ExitCode != postgres.ExitUnavailable {
			t.Errorf("exit code %d: %+v", e.ExitCode, e)
		}
	}
}

// withoutCause is what is printed of an error.
func withoutCause(e *postgres.Error) *postgres.Error {
	printed := *e
	printed.Err = nil
	return &printed
}

// TestRetry repeats what another session hindered, and nothing else.
func TestRetry(t *testing.T) {
	t.Parallel()
	policy := postgres.Policy{First: time.Microsecond, Limit: time.Minute}
	for _, test := range []struct {
		code  string
		tries int
	}{{"55P03", 3}, {"40001", 3}, {"40P01", 3}, {"KB040", 3}, {"42501", 1}, {"57P01", 1}, {"KB001", 1}} {
		tries := 0
		_, err := postgres.Retry(t.Context(), policy, func() (int, error) {
			if tries++; tries == 3 {
				return tries, nil
			}
			return 0, state(test.code)
		})
		if tries != test.tries || (err == nil) != (test.tries == 3) {
			t.Errorf("%s: %d tries, %v", test.code, tries, err)
		}
	}
	policy.Limit = 0
	tries := 0
	if _, err := postgres.Retry(t.Context(), policy, func() (int, error) { tries++; return 0, state("55P03") }); tries != 1 || !postgres.Is(err, "55P03") {
		t.Errorf("%d tries, %v", tries, err)
	}
}
