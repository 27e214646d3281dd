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
	mark(t, first)
	second := start(t, o)
	if second != first {
		t.Errorf("the second call: %v, want the server of the first: %v", second, first)
	}
	if status, err := Inspect(t.Context(), o); err != nil || status != first {
		t.Errorf("status %v, %v, want %v", status, err, first)
	}
	stop(t, o)
	if status, err := Inspect(t.Context(), o); err != nil || status.Running || status.Port != first.Port {
		t.Errorf("after the stop: %v, %v", status, err)
	}
	third := start(t, o)
	if third.PID == first.PID || third.URL() != first.URL() || !marked(t, third) {
		t.Errorf("after a restart: %v, same URL %v, same data %v", third, third.URL() == first.URL(), marked(t, third))
	}
}

// TestPrivate looks at who can reach the server, its files and its password.
func TestPrivate(t *testing.T) {
	full := fresh(t)
	start(t, full) // a download must not see the variables below
	stop(t, full)
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
	// Root's own files are closed to the account of the server, which may only enter the directory.
	own := os.FileMode(0)
	if isRoot() {
		own = 0o011
	}
	for path, more := range map[string]os.FileMode{
		s.DataDirectory: 0, filepath.Join(s.DataDirectory, "..", "server.json"): 0, filepath.Join(s.DataDirectory, ".."): own,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != more || (path == s.DataDirectory && owner(info).uid == 0) {
			t.Errorf("%s: %v, owned by root: %v", path, info.Mode(), owner(info).uid == 0)
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
	if strings.Contains(logged.String()+fmt.Sprintf("%v %+v", s, &s), s.password) {
		t.Error("the password is in the log, or printed with the status")
	}
	if text, err := os.ReadFile(s.LogFile); err != nil || !strings.Contains(string(text), "ready to accept connections") || strings.Contains(string(text), s.password) {
		t.Errorf("the log: %v\n%s", err, text)
	}
}

// TestStartAtOnce: of several processes one starts the server, and all get it.
func TestStartAtOnce(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	var wait sync.WaitGroup
	var servers [6]Status
	for i := range servers {
		wait.Go(func() {
			s, err := Start(t.Context(), o)
			if err != nil {
				t.Error(err)
			}
			servers[i] = s
		})
	}
	wait.Wait()
	for _, s := range servers {
		if s != servers[0] {
			t.Errorf("got %v and %v", s, servers[0])
		}
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

// TestStartParameters: settings, and a library.
func TestStartParameters(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	o.StartParameters = map[string]string{"fsync": "off", "max_connections": "17", "shared_preload_libraries": "pg_stat_statements"}
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
	says(t, err, "no usable directory", "XDG_DATA_HOME")
}

func TestUnknownVersion(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{DataHome: t.TempDir(), Version: "13"})
	says(t, err, `no local PostgreSQL "13"`, "14, 15, 16, 17, 18")
}

// TestReset: the data is gone, and a directory that is not ours stays.
func TestReset(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	reset := func(want bool) {
		t.Helper()
		if deleted, err := Reset(t.Context(), o); err != nil || deleted != want {
			t.Fatalf("deleted %v, error %v", deleted, err)
		}
	}
	reset(false) // there has never been a server
	first := start(t, o)
	mark(t, first)
	halfRecord := filepath.Join(filepath.Dir(first.DataDirectory), ".server.json.1.new") // of a process that was killed
	overwrite(t, halfRecord, "password")
	reset(true)
	if exists(halfRecord) {
		t.Error("a password is left")
	}
	if status, err := Inspect(t.Context(), o); err != nil || status.Running || status.URL() != "" || exists(first.DataDirectory) {
		t.Errorf("after the reset: %v, %v", status, err)
	}
	reset(false)
	second := start(t, o)
	if marked(t, second) || second.password == first.password {
		t.Errorf("%v after %v", second, first)
	}
	stop(t, o)
	reset(true)

	start(t, o)
	stop(t, o)
	record := filepath.Join(filepath.Dir(first.DataDirectory), "server.json")
	text, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	_, err = Reset(t.Context(), o)
	says(t, err, "without its server.json", "restore it")
	if err := os.WriteFile(record, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(first.DataDirectory, "PG_VERSION")); err != nil {
		t.Fatal(err)
	}
	_, err = Reset(t.Context(), o)
	says(t, err, "is not a data directory", "restore it")
	if !exists(filepath.Join(first.DataDirectory, "global")) {
		t.Error("the data directory is gone")
	}
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
