package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/test/pgtest"
)

func TestMain(m *testing.M) {
	postgres.HurryWatches()
	pgtest.Main(m)
}

func config(t testing.TB, address string) *postgres.Config {
	t.Helper()
	config, err := postgres.Source{ConnString: address, Origin: "test"}.Config()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := postgres.Connect(context.Background(), config(t, address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { postgres.Close(context.Background(), conn) })
	return conn
}

func TestApplicationName(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	for address, want := range map[string]string{d.URL: "keep-bootstrap", d.URL + "&application_name=mine": "mine"} {
		var name string
		if err := connect(t, address).QueryRow(context.Background(), "show application_name").Scan(&name); err != nil {
			t.Fatal(err)
		}
		if name != want {
			t.Errorf("application_name %q, want %q", name, want)
		}
	}
}

// change replaces parts of a URL.
func change(t *testing.T, address string, f func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	f(u)
	return u.String()
}

func TestConnectFailures(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	for _, test := range []struct {
		name, address string
		exit          int
		code          string
	}{
		{"refused", change(t, d.URL, func(u *url.URL) { u.Host = "127.0.0.1:1" }), 69, postgres.CodeUnreachable},
		{"no such host", change(t, d.URL, func(u *url.URL) { u.Host = "no-such-host.invalid" }), 69, postgres.CodeUnreachable},
		{"no such database", change(t, d.URL, func(u *url.URL) { u.Path = "/none" }), 69, "3D000"},
		{"wrong password", change(t, d.URL, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wr0ng") }), 77, "28P01"},
		{"no such user", change(t, d.URL, func(u *url.URL) { u.User = url.UserPassword("nobody", "wr0ng") }), 77, "28P01"},
	} {
		_, err := postgres.Connect(context.Background(), config(t, test.address))
		e := postgres.From(err)
		if e == nil || e.ExitCode != test.exit || e.Code != test.code {
			t.Errorf("%s: %+v", test.name, e)
		}
		if strings.Contains(e.Message+e.Detail+e.Hint, "wr0ng") {
			t.Errorf("%s: shows the password", test.name)
		}
	}
}

func TestWaitForADatabaseThatAppears(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	late := d.Name + "_late"
	address := change(t, d.URL, func(u *url.URL) { u.Path = "/" + late })
	var log strings.Builder
	attempts := 0
	err := postgres.NewWait(time.Minute, slog.New(slog.NewTextHandler(&log, nil))).For(context.Background(), func(ctx context.Context) error {
		attempts++
		if attempts == 3 {
			d.Exec(t, "create database "+late)
		}
		conn, err := postgres.Connect(ctx, config(t, address))
		if err == nil {
			postgres.Close(ctx, conn)
		}
		return err
	})
	d.Exec(t, "drop database if exists "+late)
	if err != nil || attempts < 3 {
		t.Fatalf("%d attempts, %v", attempts, err)
	}
	if strings.Count(log.String(), "waiting") != 1 || !strings.Contains(log.String(), "does not exist") {
		t.Errorf("log: %s", log.String())
	}
}

// A name that the resolver does not know yet is asked for again at every attempt.
func TestWaitForANameThatAppears(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	late := config(t, change(t, d.URL, func(u *url.URL) { u.Host = net.JoinHostPort("database.keep.svc", u.Port()) }))
	lookups := 0
	late.SetLookup(func(_ context.Context, host string) ([]string, error) {
		if lookups++; lookups < 3 {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return []string{"127.0.0.1"}, nil
	})
	var log strings.Builder
	err := postgres.NewWait(time.Minute, slog.New(slog.NewTextHandler(&log, nil))).For(context.Background(), func(ctx context.Context) error {
		conn, err := postgres.Connect(ctx, late)
		if err == nil {
			postgres.Close(ctx, conn)
		}
		return err
	})
	if err != nil || lookups < 3 {
		t.Fatalf("%d lookups, %v", lookups, err)
	}
	if strings.Count(log.String(), "waiting") != 1 || !strings.Contains(log.String(), "database.keep.svc:") || !strings.Contains(log.String(), "host name not found") {
		t.Errorf("log: %s", log.String())
	}
}

func TestWaitGivesUp(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	refused := config(t, "postgresql://u:p@127.0.0.1:1/db")
	for _, limit := range []time.Duration{0, 300 * time.Millisecond} {
		start := time.Now()
		err := postgres.NewWait(limit, quiet).For(context.Background(), func(ctx context.Context) error {
			_, err := postgres.Connect(ctx, refused)
			return err
		})
		if postgres.ExitCode(err) != postgres.ExitUnavailable || !postgres.From(err).Retry {
			t.Errorf("limit %s: %v", limit, err)
		}
		if taken := time.Since(start); taken < limit || taken > limit+time.Minute {
			t.Errorf("limit %s: gave up after %s", limit, taken)
		}
	}
}

func TestNoWaitForAWrongPassword(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	wrong := change(t, d.URL, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wrong") })
	attempts := 0
	err := postgres.NewWait(time.Minute, slog.New(slog.DiscardHandler)).For(context.Background(), func(ctx context.Context) error {
		attempts++
		_, err := postgres.Connect(ctx, config(t, wrong))
		return err
	})
	if postgres.ExitCode(err) != postgres.ExitPermission || attempts != 1 {
		t.Errorf("%d attempts: %v", attempts, err)
	}
}

// scalar is a query for one text.
func scalar(sql string, into *string) postgres.Query {
	return func(ctx context.Context, conn db.DBTX) error { return conn.QueryRow(ctx, sql).Scan(into) }
}

func TestTogether(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	conn := connect(t, pgtest.New(t, pgtest.Empty).URL)
	var a, b string
	if err := postgres.Together(ctx, conn, scalar("select 'a'", &a), postgres.Statement("create table x(y int)"), scalar("select count(*)::text from x", &b)); err != nil {
		t.Fatal(err)
	}
	if a != "a" || b != "0" {
		t.Errorf("got %q %q", a, b)
	}

	// A failure skips what follows, keeps what came before, and leaves the connection usable.
	a, b = "", ""
	err := postgres.Together(ctx, conn,
		postgres.Statement("begin"), scalar("select 'kept'", &a), postgres.Statement("insert into x values (1)"),
		postgres.Statement("select 1/0"), postgres.Statement("commit"), scalar("select 'not reached'", &b))
	if !postgres.Is(err, "22012") || a != "kept" || b != "" {
		t.Errorf("%v, %q %q", err, a, b)
	}
	if _, err := conn.Exec(ctx, "rollback"); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Together(ctx, conn, scalar("select count(*)::text from x", &a)); err != nil || a != "0" {
		t.Errorf("the transaction was not rolled back: %s %v", a, err)
	}

	// A failure that a query has judged is not returned.
	judged := func(ctx context.Context, conn db.DBTX) error {
		if err := conn.QueryRow(ctx, "select 1/0").Scan(&a); !postgres.Is(err, "22012") {
			return err
		}
		return nil
	}
	if err := postgres.Together(ctx, conn, scalar("select 'kept'", &a), judged); err != nil || a != "kept" {
		t.Errorf("%q %v", a, err)
	}

	// JSON is sent as what the server makes of the parameter.
	if err := postgres.Together(ctx, conn, func(ctx context.Context, conn db.DBTX) error {
		return conn.QueryRow(ctx, "select $1::jsonb ->> 'a'", json.RawMessage(`{"a": "ü"}`)).Scan(&a)
	}); err != nil || a != "ü" {
		t.Errorf("%q %v", a, err)
	}
}

// rows is a source of rows with a text column that may be NULL.
type rows struct {
	texts []*string
	next  int
	err   error
}

func (r *rows) Next() bool { r.next++; return r.next <= len(r.texts) }
func (r *rows) Values() ([]any, error) {
	return []any{int32(r.next), r.texts[r.next-1]}, r.err
}
func (r *rows) Err() error { return nil }

func TestCopyKeepsEveryText(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	conn := connect(t, pgtest.New(t, pgtest.Empty).URL)
	texts := []*string{nil}
	for _, text := range []string{
		"", `\N`, `\.`, "a\tb", "a\nb", "a\r\nb", `back\slash\\`, "\b\f\v\x01\x7f", "é日本🙂", strings.Repeat("x", 300_000) + "\n\\",
		"'\"$$;--", `{"a": "\n\u0000"}`,
	} {
		texts = append(texts, &text)
	}
	for i := range 5000 {
		text := fmt.Sprint("row\t", i)
		texts = append(texts, &text)
	}
	if _, err := conn.Exec(ctx, `create table "T ""x"(n int, "a b" text)`); err != nil {
		t.Fatal(err)
	}
	n, err := postgres.Direct{Conn: conn}.CopyFrom(ctx, pgx.Identifier{`T "x`}, []string{"n", "a b"}, &rows{texts: texts})
	if err != nil || n != int64(len(texts)) {
		t.Fatalf("%d rows, %v", n, err)
	}
	got, err := conn.Query(ctx, `select "a b" from "T ""x" order by n`)
	if err != nil {
		t.Fatal(err)
	}
	back, err := pgx.CollectRows(got, pgx.RowTo[*string])
	if err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		if (texts[i] == nil) != (back[i] == nil) || texts[i] != nil && *texts[i] != *back[i] {
			t.Errorf("row %d came back different", i)
		}
	}
}

func TestCopyFailures(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	conn := connect(t, pgtest.New(t, pgtest.Empty).URL)
	text := "x"
	if _, err := (postgres.Direct{Conn: conn}).CopyFrom(ctx, pgx.Identifier{"none"}, []string{"n", "t"}, &rows{texts: []*string{&text}}); !postgres.Is(err, "42P01") {
		t.Errorf("no table: %v", err)
	}
	if _, err := conn.Exec(ctx, "create table t(n int, t text)"); err != nil {
		t.Fatal(err)
	}
	broken := &rows{texts: []*string{&text}, err: errors.New("broken source")}
	if _, err := (postgres.Direct{Conn: conn}).CopyFrom(ctx, pgx.Identifier{"t"}, []string{"n", "t"}, broken); err == nil {
		t.Error("a source that fails must fail the COPY")
	}
	var n int
	if err := conn.QueryRow(ctx, "select count(*) from t").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// slowRows loses the connection while it is asked for a row.
type slowRows struct {
	conn     *pgx.Conn
	returned chan struct{} // closed when CopyFrom has returned
	ended    chan struct{}
	early    bool
}

func (s *slowRows) Next() bool {
	defer close(s.ended)
	if err := s.conn.PgConn().Conn().Close(); err != nil {
		panic(err)
	}
	select {
	case <-s.returned:
		s.early = true
	case <-time.After(500 * time.Millisecond): // enough to see a CopyFrom that does not wait
	}
	return false
}
func (s *slowRows) Values() ([]any, error) { return nil, nil }
func (s *slowRows) Err() error             { return nil }

// A source that was still read after CopyFrom would be used by two goroutines at once: iter.Pull ends the process for it.
func TestCopyEndsReadingBeforeItReturns(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	conn := connect(t, pgtest.New(t, pgtest.Empty).URL)
	if _, err := conn.Exec(ctx, "create table t(n int, t text)"); err != nil {
		t.Fatal(err)
	}
	source := &slowRows{conn: conn, returned: make(chan struct{}), ended: make(chan struct{})}
	_, err := postgres.Direct{Conn: conn}.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"n", "t"}, source)
	close(source.returned)
	<-source.ended
	if err == nil {
		t.Error("the connection was lost")
	}
	if source.early {
		t.Error("CopyFrom returned while a row was read")
	}
}
