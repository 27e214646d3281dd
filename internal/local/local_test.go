package local

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestStartAgain is the ordinary life of a server: started, found, stopped, started on the same data.
func TestStartAgain(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	if status, err := Inspect(t.Context(), o); err != nil || status.Running || status.URL() != "" {
		t.Fatalf("before the first start: %+v, %v", status, err)
	}
	if stopped, err := Stop(t.Context(), o); err != nil || stopped {
		t.Fatalf("stop before the first start: %v, %v", stopped, err)
	}
	first := start(t, o)
	if !first.Started() {
		t.Error("the first call did not start the server")
	}
	mark(t, first)
	second := start(t, o)
	if second.Started() || second.URL() != first.URL() || second.PID != first.PID {
		t.Errorf("the second call: started %v, %v, want the server of the first: %v", second.Started(), second, first)
	}
	if status, err := Inspect(t.Context(), o); err != nil || status != first.Status {
		t.Errorf("status %v, %v, want %v", status, err, first.Status)
	}
	stop(t, o)
	if status, err := Inspect(t.Context(), o); err != nil || status.Running || status.Port != first.Port {
		t.Errorf("after the stop: %v, %v", status, err)
	}
	third := start(t, o)
	if !third.Started() || third.URL() != first.URL() || !marked(t, third) {
		t.Errorf("after a restart: started %v, same URL %v, same data %v", third.Started(), third.URL() == first.URL(), marked(t, third))
	}
}

// TestPrivate looks at who can reach the server, its files and its password.
func TestPrivate(t *testing.T) {
	t.Setenv("KEEP_PROVIDERS", "a secret of the caller")
	t.Setenv("HTTPS_PROXY", "http://user:proxy-password@127.0.0.1:1")
	t.Setenv("PGOPTIONS", "-c search_path=nowhere")
	t.Setenv("PGPORT", "1")
	logged := new(logBook)
	o := fresh(t)
	o.Logger = slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := start(t, o)

	conn := connect(t, s.URL())
	var listen, sockets string
	err := conn.QueryRow(t.Context(), "select current_setting('listen_addresses'), current_setting('unix_socket_directories')").
		Scan(&listen, &sockets)
	if err != nil || listen != "127.0.0.1" || sockets != "" {
		t.Errorf("listens on %q and %q, %v", listen, sockets, err)
	}
	for _, path := range []string{s.DataDirectory, filepath.Join(s.DataDirectory, "..", "server.json"), filepath.Join(s.DataDirectory, "..")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 || ownedBy(info, 0) {
			t.Errorf("%s: %v, owned by root: %v", path, info.Mode(), ownedBy(info, 0))
		}
	}
	for _, file := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.PID, file))
		if err != nil {
			t.Skip("no /proc: ", err)
		}
		for _, secret := range []string{s.password, "a secret of the caller", "proxy-password"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%q is in the server's %s", secret, file)
			}
		}
	}
	if strings.Contains(logged.String()+fmt.Sprintf("%v %+v", s, s.Status), s.password) {
		t.Error("the password is in the log, or printed with the status")
	}
	logs, _ := filepath.Glob(filepath.Join(s.LogDirectory, "*"))
	if len(logs) == 0 {
		t.Errorf("no log in %s", s.LogDirectory)
	}
	for _, path := range logs {
		if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), s.password) {
			t.Errorf("the password is in %s, or %v", path, err)
		}
	}
}

// TestStartAtOnce: of several processes one starts the server, and all get it.
func TestStartAtOnce(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	var wait sync.WaitGroup
	var servers [6]*Server
	for i := range servers {
		wait.Go(func() {
			s, err := Start(t.Context(), o)
			if err != nil {
				t.Error(err)
				return
			}
			servers[i] = s
		})
	}
	wait.Wait()
	started := 0
	for _, s := range servers {
		if s == nil {
			t.FailNow()
		}
		if s.Started() {
			started++
		}
		if s.URL() != servers[0].URL() || s.PID != servers[0].PID {
			t.Errorf("got %v and %v", s, servers[0])
		}
	}
	if started != 1 {
		t.Errorf("%d calls say that they started the server", started)
	}
}

// TestVersionsApart: every major version has a server and data of its own, and they run side by side.
func TestVersionsApart(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	newest := start(t, o)
	mark(t, newest)
	o.Version = "14"
	oldest := start(t, o)
	if marked(t, oldest) || oldest.Port == newest.Port || oldest.password == newest.password {
		t.Errorf("%v and %v share something", oldest, newest)
	}
	var version int
	if err := connect(t, oldest.URL()).QueryRow(t.Context(), "select current_setting('server_version_num')::int / 10000").Scan(&version); err != nil || version != 14 {
		t.Errorf("version %d, %v", version, err)
	}
}

// TestHomesApart: another home is another database.
func TestHomesApart(t *testing.T) {
	t.Parallel()
	one, other := start(t, fresh(t)), start(t, fresh(t))
	mark(t, one)
	if marked(t, other) || one.password == other.password || one.DataDirectory == other.DataDirectory {
		t.Errorf("%v and %v share something", one, other)
	}
}

// TestStartParameters: settings and libraries that the distribution has, without those that it lacks.
func TestStartParameters(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	o.StartParameters = map[string]string{"fsync": "off", "max_connections": "17"}
	o.Preload = []string{"pg_stat_statements", "no_such_library"}
	var connections, libraries string
	err := connect(t, start(t, o).URL()).
		QueryRow(t.Context(), "select current_setting('max_connections'), current_setting('shared_preload_libraries')").
		Scan(&connections, &libraries)
	if err != nil || connections != "17" || libraries != "pg_stat_statements" {
		t.Errorf("max_connections %s, libraries %q, %v", connections, libraries, err)
	}
}

// TestOddHome: the path of a home may have spaces and letters of any kind.
func TestOddHome(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	o.DataHome = filepath.Join(o.DataHome, "Schöne Grüße 'n' more")
	t.Cleanup(func() { removePlace(t, filepath.Join(o.DataHome, "keep-bootstrap")) })
	s := start(t, o)
	mark(t, s)
	stop(t, o)
}

// TestDataHome: where the files go, and what is said when there is no such place.
func TestDataHome(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	for _, c := range []struct{ given, xdg, want string }{
		{"", "", "/home/someone/.local/share/keep-bootstrap"},
		{"", "/data", "/data/keep-bootstrap"},
		{"", "not/absolute", "/home/someone/.local/share/keep-bootstrap"},
		{"/given", "/data", "/given/keep-bootstrap"},
	} {
		t.Setenv("XDG_DATA_HOME", c.xdg)
		if got, err := dataHome(c.given); err != nil || got != c.want {
			t.Errorf("dataHome(%q) with XDG_DATA_HOME=%q: %q, %v, want %q", c.given, c.xdg, got, err, c.want)
		}
	}
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("HOME", "relative")
	_, err := dataHome("")
	says(t, err, "no home directory", "DATABASE_URL")

	_, err = Start(t.Context(), Options{DataHome: t.TempDir() + "/a$(date)"})
	says(t, err, "dollar sign", "XDG_DATA_HOME")

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), Options{DataHome: file})
	says(t, err, "cannot create the directory", "XDG_DATA_HOME")
}

func TestUnknownVersion(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{DataHome: t.TempDir(), Version: "13"})
	says(t, err, `no local PostgreSQL "13"`, "14, 15, 16, 17, 18")
}

// TestMissingRunChild: a program that forgets RunChild must not start itself over and over.
func TestMissingRunChild(t *testing.T) {
	o := fresh(t)
	t.Setenv(childVariable, "1")
	_, err := Start(t.Context(), o)
	says(t, err, "does not call local.RunChild", "TestMain")
}

// TestUsedPort: a port that another program has taken meanwhile is given up for good.
func TestUsedPort(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	first := start(t, o)
	mark(t, first)
	stop(t, o)
	other, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first.Port))
	if err != nil {
		t.Fatal(err)
	}
	second := start(t, o)
	if second.Port == first.Port || !marked(t, second) {
		t.Errorf("port %d, was %d, same data %v", second.Port, first.Port, marked(t, second))
	}
	stop(t, o)
	other.Close()
	if third := start(t, o); third.Port != second.Port {
		t.Errorf("port %d, want %d again", third.Port, second.Port)
	}
}
