package postgres_test

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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

func TestConnectFailures(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	for _, test := range []struct {
		name, address string
		exit          int
		code          string
	}{
		{"refused", pgtest.Changed(t, d.URL, func(u *url.URL) { u.Host = "127.0.0.1:1" }), 69, postgres.CodeUnreachable},
		{"no such host", pgtest.Changed(t, d.URL, func(u *url.URL) { u.Host = "no-such-host.invalid" }), 69, postgres.CodeUnreachable},
		{"no such database", pgtest.Changed(t, d.URL, func(u *url.URL) { u.Path = "/none" }), 69, "3D000"},
		{"wrong password", pgtest.Changed(t, d.URL, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wr0ng") }), 77, "28P01"},
		{"no such user", pgtest.Changed(t, d.URL, func(u *url.URL) { u.User = url.UserPassword("nobody", "wr0ng") }), 77, "28P01"},
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
	address := pgtest.Changed(t, d.URL, func(u *url.URL) { u.Path = "/" + late })
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
	late := config(t, pgtest.Changed(t, d.URL, func(u *url.URL) { u.Host = net.JoinHostPort("database.keep.svc", u.Port()) }))
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
		attempts := 0
		err := postgres.NewWait(limit, quiet).For(context.Background(), func(ctx context.Context) error {
			attempts++
			_, err := postgres.Connect(ctx, refused)
			return err
		})
		if postgres.From(err).ExitCode != postgres.ExitUnavailable || !postgres.From(err).Retry {
			t.Errorf("limit %s: %v", limit, err)
		}
		if says := strings.Contains(err.Error(), "gave up after 300ms"); says != (limit > 0) || limit == 0 && attempts != 1 {
			t.Errorf("limit %s: %d attempts, %v", limit, attempts, err)
		}
	}
}

func TestNoWaitForAWrongPassword(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	wrong := pgtest.Changed(t, d.URL, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wrong") })
	attempts := 0
	err := postgres.NewWait(time.Minute, slog.New(slog.DiscardHandler)).For(context.Background(), func(ctx context.Context) error {
		attempts++
		_, err := postgres.Connect(ctx, config(t, wrong))
		return err
	})
	if postgres.From(err).ExitCode != postgres.ExitPermission || attempts != 1 {
		t.Errorf("%d attempts: %v", attempts, err)
	}
}
