package postgres_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/test/pgtest"
)

// find connects as the program does when only one variable is set.
func find(variable, text string) (*postgres.Config, error) {
	source, err := postgres.Find("", map[string]string{variable: text})
	if err != nil {
		return nil, err
	}
	return source.Config()
}

// TestURLPercentEncoding: what is encoded arrives at the server, in every part of both forms.
func TestURLPercentEncoding(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	admin := d.Conn(t)
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	const odd = `a b%41+/:@?#&=é'\x`
	role, database := d.Name+odd[:5], d.Name+`_d %41+'`
	for _, sql := range []string{
		"create role " + pgx.Identifier{role}.Sanitize() + " login superuser password '" + strings.ReplaceAll(odd, "'", "''") + "'",
		"create database " + pgx.Identifier{database}.Sanitize(),
	} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, sql := range []string{"drop database " + pgx.Identifier{database}.Sanitize(), "drop role " + pgx.Identifier{role}.Sanitize()} {
			if _, err := admin.Exec(context.Background(), sql); err != nil {
				t.Error(err)
			}
		}
	})
	// encode writes everything as an escape.
	encode := func(text string) string {
		var all strings.Builder
		for i := range len(text) {
			fmt.Fprintf(&all, "%%%02X", text[i])
		}
		return all.String()
	}
	address := fmt.Sprintf("://%s:%s@%s/%s?application_name=%s&options=%s&%s=disable", encode(role), encode(odd), u.Host, encode(database),
		encode("my app+%41"), encode(`-c statement_timeout=300000 -c a.b=x\ y,'z'`), encode("sslmode"))
	for variable, scheme := range map[string]string{"DATABASE_URL": "postgresql", "DATABASE_CONNECTION_STRING": "postgresql+psycopg2"} {
		config, err := find(variable, scheme+address)
		if err != nil {
			t.Fatal(postgres.From(err))
		}
		conn, err := postgres.Connect(t.Context(), config)
		if err != nil {
			t.Fatal(postgres.From(err))
		}
		rows := pgtest.Table(t, conn, `select current_user, current_database(), current_setting('application_name'), current_setting('statement_timeout'), current_setting('a.b')`)
		postgres.Close(t.Context(), conn)
		if got, want := strings.Join(rows[0], "|"), strings.Join([]string{role, database, "my app+%41", "5min", `x y,'z'`}, "|"); got != want {
			t.Errorf("%s: %s, want %s", variable, got, want)
		}
	}
	// + is a blank in SQLAlchemy's query, and a plus in libpq's.
	for variable, want := range map[string]string{"DATABASE_URL": "my+app", "DATABASE_CONNECTION_STRING": "my app"} {
		config, err := find(variable, d.URL+"&application_name=my+app")
		if err != nil {
			t.Fatal(postgres.From(err))
		}
		conn, err := postgres.Connect(t.Context(), config)
		if err != nil {
			t.Fatal(postgres.From(err))
		}
		if rows := pgtest.Table(t, conn, "show application_name"); rows[0][0] != want {
			t.Errorf("%s: %s", variable, rows)
		}
		postgres.Close(t.Context(), conn)
	}
}

// TestURLFallbackHosts: the first host that accepts is used; when none does, each is named with its own reason.
func TestURLFallbackHosts(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	silent := listener(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	starting := fakeServer(t, "57P03", "the database system is starting up")
	_, silentPort, _ := net.SplitHostPort(silent)
	front := "postgresql+psycopg2://" + u.User.String() + "@"
	back := u.Path + "?sslmode=disable&connect_timeout=1"
	good := "127.0.0.1:" + u.Port()
	for name, address := range map[string]string{
		"refused, resolved":      front + u.Path + "?host=127.0.0.1:1&host=" + good,
		"host without an answer": front + back + "&host=" + silent + "&host=" + good,
		"unknown host":           front + u.Path + "?host=none.invalid:1&host=" + good,
		"one port":               front + u.Path + "?host=none.invalid&host=127.0.0.1&port=" + u.Port(),
		"lists":                  front + u.Path + "?host=127.0.0.1,127.0.0.1&port=1," + u.Port(),
		"comma form":             front + "127.0.0.1:1," + good + u.Path,
		"IPv6":                   front + "[::1]:1," + good + u.Path,
		"socket":                 front + u.Path + "?host=/nowhere&host=" + good,
		"starting":               front + back + "&host=" + starting + "&host=" + good,
		"starting, hostaddr":     front + u.Path + "?host=a,b&hostaddr=127.0.0.1,127.0.0.1&port=" + silentPort + "," + u.Port() + "&connect_timeout=1&sslmode=disable",
		"random":                 front + u.Path + "?load_balance_hosts=random&host=127.0.0.1:1&host=" + good,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, scheme := range []string{"postgresql+psycopg2", "postgresql"} {
				if scheme == "postgresql" && strings.Count(address, "host=") > 1 && !strings.Contains(address, "hostaddr") {
					continue // libpq takes the last
				}
				conn := connect(t, strings.Replace(address, "postgresql+psycopg2", scheme, 1))
				if rows := pgtest.Table(t, conn, "select current_database()"); rows[0][0] != d.Name {
					t.Error(rows)
				}
			}
		})
	}
	_, err = postgres.Connect(t.Context(), config(t, front+back+"&host=127.0.0.1:1&host=none.invalid:2&host="+starting))
	e := postgres.From(err)
	for _, want := range []string{"127.0.0.1:1: connection refused", "none.invalid:2: host name not found", starting + ": the database system is starting up", `database "` + d.Name + `"`, `role "postgres"`} {
		if e == nil || e.ExitCode != postgres.ExitUnavailable || !strings.Contains(e.Message, want) {
			t.Errorf("%+v lacks %s", e, want)
		}
	}

	// A server that is only read from does not fit, and the message says so.
	d.Exec(t, fmt.Sprintf("alter database %s set default_transaction_read_only = on", pgx.Identifier{d.Name}.Sanitize()))
	for _, attribute := range []string{"read-write", "standby"} {
		_, err = postgres.Connect(t.Context(), config(t, front+back+"&target_session_attrs="+attribute+"&host=127.0.0.1:1&host="+good))
		if e := postgres.From(err); e == nil || e.ExitCode != postgres.ExitUnavailable || !strings.Contains(e.Hint, "no server matches target_session_attrs="+attribute) {
			t.Errorf("%+v", e)
		}
	}
	for _, attribute := range []string{"read-only", "primary", "prefer-standby", "any"} {
		connect(t, front+back+"&target_session_attrs="+attribute+"&host=127.0.0.1:1&host="+good)
	}
}

// fakeServer refuses every connection with an error, and returns its host and port.
func fakeServer(t *testing.T, code, message string) string {
	t.Helper()
	return listener(t, func(conn net.Conn) {
		backend := pgproto3.NewBackend(conn, conn)
		for {
			first, err := backend.ReceiveStartupMessage()
			if err != nil {
				return
			}
			if _, ok := first.(*pgproto3.SSLRequest); !ok {
				break
			}
			_, _ = conn.Write([]byte("N"))
		}
		backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: message})
		_ = backend.Flush()
	})
}

// TestPoolerRefusalIsRetried: what a pooler or server says before the connection is ready is a refusal, with its text and
// a next step. Only what may pass by itself is waited for.
func TestPoolerRefusalIsRetried(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code, message string
		exit          int
		waits         bool
		hint          string
	}{
		{"08P01", "unsupported startup parameter in options: search_path", 64, false, "ignore_startup_parameters"},
		{"08P01", "unsupported startup parameter: extra_float_digits", 64, false, "ignore_startup_parameters"},
		{"08P01", "transaction blocks not allowed in statement pooling mode", 78, false, "pool_mode"},
		{"08P01", "server login has been failing, cached error: connect failed (server_login_retry)", 69, true, "log in"},
		{"08P01", "server login failed: FATAL role does not exist", 69, true, "log in"},
		{"08P01", "no such database: keep", 69, true, "add the database"},
		{"08P01", "no such user: keep", 77, false, "users of the pooler"},
		{"08P01", "no more connections allowed (max_client_conn)", 69, true, "no free connection"},
		{"08P01", "pgbouncer cannot connect to server", 69, true, "does not reach"},
		{"08P01", "something that only this pooler knows", 78, false, "refuses this connection"},
		{"08004", "rejected", 69, true, "log of the server"},
		{"08006", "server conn crashed?", 69, true, "log of the server"},
		{"3D000", `database "keep" does not exist`, 69, true, "create the database"},
		{"28000", `no pg_hba.conf entry for host "10.0.0.1"`, 77, false, "pg_hba.conf"},
		{"28P01", "password authentication failed", 77, false, "password"},
		{"53300", "sorry, too many clients already", 69, true, "no free connection"},
		{"57P03", "the database system is starting up", 69, true, "starting"},
		{"57P01", "the database system is shutting down", 69, true, "stopping"},
		{"42501", "permission denied for database", 77, false, "CONNECT"},
		{"XX000", "Tenant or user not found", 1, false, ""},
	} {
		address := fakeServer(t, test.code, test.message)
		attempts := 0
		err := postgres.NewWait(300*time.Millisecond, slog.New(slog.DiscardHandler)).For(t.Context(), func(ctx context.Context) error {
			attempts++
			_, err := postgres.Connect(ctx, config(t, "postgresql://keep:pw@"+address+"/keep"))
			if postgres.Lost(err) || postgres.Conflict(err) {
				t.Errorf("%s counts as a lost connection", test.message)
			}
			return err
		})
		e := postgres.From(err)
		if e == nil || e.Code != test.code || e.ExitCode != test.exit || !strings.Contains(e.Message, test.message) || !strings.Contains(e.Message, address) || !strings.Contains(e.Hint, test.hint) {
			t.Errorf("%s %s: %+v", test.code, test.message, e)
		}
		if waited := attempts > 1; waited != test.waits {
			t.Errorf("%s %s: %d attempts", test.code, test.message, attempts)
		}
	}
}

// TestMessageNamesWrongCause: each slip has its own message, with host, port, database and role, and never the password.
func TestMessageNamesWrongCause(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	const canary = "s3cret-canary"
	web := listener(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 8))
		_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	})
	closing := listener(t, func(net.Conn) {})
	front := "postgresql+psycopg2://keep:" + canary + "@"
	good := front + strings.TrimPrefix(pgtest.Changed(t, d.URL, func(u *url.URL) { u.User, u.Scheme = nil, "x"; u.RawQuery = "" }), "x://")
	notPEM := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(notPEM, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	services := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(services, []byte("[other]\nuser=keep\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, variable, text string
		more                 map[string]string
		exit                 int
		want                 []string
	}{
		{"certificate that is missing", "", front + "h/d?sslmode=verify-full&sslrootcert=/certs/missing.pem", nil, 64, []string{"sslrootcert", "/certs/missing.pem does not exist"}},
		{"certificate that is none", "", front + "h/d?sslmode=verify-full&sslrootcert=" + notPEM, nil, 64, []string{"unable to add CA"}},
		{"unknown sslmode", "", front + "h/d?sslmode=required", nil, 64, []string{`"required"`, "verify-full"}},
		{"port of Kubernetes", "PGHOST", "db.example.com", map[string]string{"PGPORT": "tcp://10.0.0.10:5432"}, 64, []string{"PGPORT", "tcp://10.0.0.10:5432", "enableServiceLinks"}},
		{"port that is no number", "", front + "h/d?port=" + "abc", nil, 64, []string{"port"}},
		{"socket", "", front + "/keep?host=/cloudsql/project:region:db", nil, 69, []string{"socket /cloudsql/project:region:db/.s.PGSQL.5432", "the socket does not exist", `database "keep"`, `role "keep"`}},
		{"reference", "", "postgresql+psycopg2://keep:$(DB_PASSWORD)@db.example.com/keep", nil, 64, []string{"$(DB_PASSWORD)", "unresolved reference"}},
		{"reference of compose", "", "postgresql://keep:${DB_PASSWORD}@db.example.com/keep", nil, 64, []string{"${DB_PASSWORD}"}},
		{"template", "", "postgresql://keep:{{ .Values.password }}@db.example.com/keep", nil, 64, []string{"{{ .Values.password }}"}},
		{"byte order mark", "", "\uFEFF" + front + "h/d", nil, 64, []string{"byte order mark"}},
		{"UTF-16", "", "\xFF\xFEp\x00", nil, 64, []string{"byte order mark"}},
		{"quotes", "", "'" + front + "h/d'", nil, 64, []string{"wrapped in quotes"}},
		{"no scheme", "", "keep:" + canary + "@db.example.com/keep", nil, 64, []string{"does not begin with postgresql://"}},
		{"another database", "", "mysql://keep:" + canary + "@db.example.com/keep", nil, 64, []string{`"mysql"`}},
		{"service that is missing", "PGSERVICE", "none", map[string]string{"PGSERVICEFILE": notPEM}, 64, []string{notPEM}},
		{"service that is not in the file", "PGSERVICE", "none", map[string]string{"PGSERVICEFILE": services}, 64, []string{services, `no service "none"`}},
		{"password with @", "", "postgresql://keep:x@" + canary + "@127.0.0.1:1/keep", nil, 64, []string{"%40"}},
		{"password with /", "", "postgresql://keep:12/" + canary + "@127.0.0.1:1/keep", nil, 69, []string{"%40"}},
		{"host that is unknown", "", front + "none.invalid:5433/keep", nil, 69, []string{"none.invalid:5433: host name not found", `database "keep"`, `role "keep"`}},
		{"port that is closed", "", front + "127.0.0.1:1/keep", nil, 69, []string{"127.0.0.1:1: connection refused", `database "keep"`, `role "keep"`}},
		{"web server", "", front + web + "/keep", nil, 69, []string{web, "check the port"}},
		{"server that closes", "", front + closing + "/keep?sslmode=disable", nil, 69, []string{closing, "closed the connection"}},
		{"no TLS", "", good + "?sslmode=require", nil, 69, []string{"the server has no TLS"}},
		{"require_auth", "", good + "?require_auth=gss", nil, 77, []string{"gss", "require_auth"}},
		{"channel binding", "", good + "?channel_binding=require", nil, 77, []string{"channel binding"}},
		{"unknown setting", "", strings.Replace(d.URL, "postgres://", "postgresql+psycopg2://", 1) + "&options=-c%20nosuch%3D1", nil, 64, []string{"nosuch", "options"}},
		{"value of a setting", "", strings.Replace(d.URL, "postgres://", "postgresql+psycopg2://", 1) + "&options=-c%20geqo%3Dmaybe", nil, 64, []string{"geqo", "options"}},
		{"wrong password", "", good, nil, 77, []string{"password authentication failed", d.Name, `role "keep"`}},
		{"no password", "", strings.Replace(good, ":"+canary, "", 1), map[string]string{"PGPASSFILE": notPEM}, 77, []string{"no password was given"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			variables := map[string]string{"DATABASE_CONNECTION_STRING": test.text}
			if test.variable != "" {
				variables = map[string]string{test.variable: test.text}
			}
			if strings.HasPrefix(test.text, "postgresql://") {
				variables = map[string]string{"DATABASE_URL": test.text}
			}
			maps.Copy(variables, test.more)
			source, err := postgres.Find("", variables)
			var config *postgres.Config
			if err == nil {
				config, err = source.Config()
			}
			if err == nil {
				_, err = postgres.Connect(t.Context(), config)
			}
			e := postgres.From(err)
			if e == nil || e.ExitCode != test.exit {
				t.Fatalf("%+v", e)
			}
			text := e.Message + "\n" + e.Detail + "\n" + e.Hint
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("lacks %q: %s", want, text)
				}
			}
			if strings.Contains(text, canary) {
				t.Errorf("shows the password: %s", text)
			}
			if strings.Contains(text, "%3A") && !strings.Contains(test.name, "password") {
				t.Errorf("hints at the password: %s", text)
			}
		})
	}
}

// TestBlanksAroundTheURL: they do no harm, and a warning names them, because Keep would not take them.
func TestBlanksAroundTheURL(t *testing.T) {
	t.Parallel()
	config, err := find("DATABASE_CONNECTION_STRING", "postgresql+psycopg2://keep@h/d\n")
	if err != nil || config.Database != "d" || len(config.Warnings) != 1 || !strings.Contains(config.Warnings[0], "line ends") {
		t.Errorf("%+v %v", config, err)
	}
}

// TestEmptyDatabaseVariableUsesLocalServer: what hints at a database, and does not name one, is an error.
func TestEmptyDatabaseVariableUsesLocalServer(t *testing.T) {
	t.Parallel()
	for _, variables := range []map[string]string{
		{"DATABASE_URL": ""},
		{"DATABASE_URL": " \t"},
		{"DATABASE_URL": "\n"},
		{"DATABASE_CONNECTION_STRING": ""},
		{"DATABASE_CONNECTION_STRING": "\r\n"},
		{"DATABASE_CONNECTION_STRING": "", "PGHOST": "db"},
		{"DATABASE_URL": "", "DATABASE_CONNECTION_STRING": "postgresql://keep@db/keep"},
		{"BOOTSTRAP_DATABASE_URL_FILE": ""},
		{"BOOTSTRAP_DATABASE_URL_FILE": "", "DATABASE_URL": "postgresql://keep@db/keep"},
		{"DATABASE_HOST": "db", "DATABASE_PORT": "5432", "DATABASE_USER": "keep", "DATABASE_NAME": "keep"},
		{"DATABASE_HOST": ""},
		{"DATABASE_POOL_SIZE": "5"},
		{"PGPASSWORD": "x"},
		{"PGUSER": "keep"},
		{"PGUSER": "keep", "PGPASSWORD": "x"},
		{"PGPORT": "5432"},
		{"PGSSLMODE": "require"},
		{"PGHOST": ""},
		{"PGHOST": " "},
		{"PGHOST": "", "PGUSER": "keep"},
		{"PGDATABASE": ""},
		{"PGSERVICE": ""},
		{"PGSERVICEFILE": "/etc/services"},
		{"PGPASSFILE": "/x"},
		{"PGHOST": "db", "PGDATABASE": ""},
	} {
		source, err := postgres.Find("", variables)
		e := postgres.From(err)
		if e == nil || e.ExitCode != postgres.ExitUsage {
			t.Errorf("%v: %+v %+v", variables, source, e)
			continue
		}
		named := false
		for name := range variables {
			named = named || strings.Contains(e.Message, name)
		}
		if !named {
			t.Errorf("%v: %s", variables, e.Message)
		}
	}
	for _, variables := range []map[string]string{{}, {"PGTZ": "UTC"}, {"PGAPPNAME": "x"}, {"DATABASES": "x"}, {"KEEP_PROVIDERS": "{}"}} {
		if source, err := postgres.Find("", variables); err != nil || source.Given() {
			t.Errorf("%v: %+v %v", variables, source, err)
		}
	}
	for _, variables := range []map[string]string{
		{"PGHOST": "db"},
		{"PGDATABASE": "keep"},
		{"PGHOSTADDR": "127.0.0.1", "PGUSER": "keep"},
		{"PGSERVICE": "keep"},
		{"PGHOST": "db", "DATABASE_POOL_SIZE": "5"},
		{"DATABASE_URL": "postgresql://keep@db/keep", "DATABASE_CONNECTION_STRING": ""},
	} {
		if source, err := postgres.Find("", variables); err != nil || !source.Given() {
			t.Errorf("%v: %+v %v", variables, source, err)
		}
	}
}

// TestClientEncodingGarblesText: whatever encoding and formats the session begins with, texts and times arrive as they are.
func TestClientEncodingGarblesText(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	const text = "Grüße schlüssel"
	d.Exec(t, "create table x(t text, at timestamptz)")
	for _, options := range []string{"LATIN1", "SJIS", "WIN1251", "EUC_JP", "BIG5", "UTF8"} {
		separate := "&client_encoding=" + options
		inOptions := "&options=-c%20client_encoding%3D" + options + "%20-c%20datestyle%3DSQL,DMY%20-c%20timezone%3DAsia/Kolkata%20-c%20standard_conforming_strings%3Doff"
		for _, parameters := range []string{separate, inOptions} {
			conn := connect(t, d.URL+parameters)
			tx, err := conn.BeginTx(t.Context(), pgx.TxOptions{BeginQuery: "BEGIN; " + postgres.Settings})
			if err != nil {
				t.Fatal(postgres.From(err))
			}
			at := time.Date(2026, 2, 1, 10, 0, 0, 0, time.UTC)
			if _, err := tx.Exec(t.Context(), "insert into public.x values ($1, $2)", text, at); err != nil {
				t.Fatal(parameters, err)
			}
			if _, err := tx.CopyFrom(t.Context(), pgx.Identifier{"public", "x"}, []string{"t"}, pgx.CopyFromRows([][]any{{text}})); err != nil {
				t.Fatal(parameters, err)
			}
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			// As the reading commands do: one batch.
			var read string
			var readAt time.Time
			batch := &pgx.Batch{}
			batch.Queue(postgres.Settings)
			batch.Queue("select t, at from public.x where at is not null").QueryRow(func(row pgx.Row) error { return row.Scan(&read, &readAt) })
			if err := conn.SendBatch(t.Context(), batch).Close(); err != nil || read != text || !readAt.Equal(at) {
				t.Errorf("%s: %q %s %v", parameters, read, readAt, err)
			}
			if rows := pgtest.Table(t, d.Conn(t), "select count(*) from x where t = 'Grüße schlüssel'"); rows[0][0] != "2" {
				t.Errorf("%s: %v", parameters, rows)
			}
			d.Exec(t, "truncate x")
		}
	}
}
