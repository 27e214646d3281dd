package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keep-bootstrap/internal/local"
)

// Server is a server of one test alone, which may stop, crash and copy it. A commit survives a crash of the server, as
// it should; not one of the machine. Its version is that of the other tests' server.
type Server struct {
	options local.Options
	status  local.Status
}

// NewServer starts a server until the end of the test.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{}
	var err error
	if s.options, err = options(); err != nil {
		t.Fatal(err)
	}
	s.options.DataHome = t.TempDir()
	s.options.StartParameters = map[string]string{"fsync": "off", "max_connections": "200"}
	s.Start(t)
	t.Cleanup(func() {
		s.Stop(t)
		// The servers of root are not below DataHome.
		if err := os.RemoveAll(filepath.Dir(filepath.Dir(s.status.DataDirectory))); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	})
	return s
}

// URL is that of a superuser and an empty database.
func (s *Server) URL() string { return s.status.URL() }

// Start starts the server, or does nothing when it runs.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	status, err := local.Start(context.Background(), s.options)
	if err != nil {
		fatal(t, "cannot start the server", err)
	}
	s.status = status
}

// Stop shuts the server down.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if _, err := local.Stop(context.Background(), s.options); err != nil {
		t.Errorf("cannot stop the server: %v", err)
	}
}

// Crash ends the server as pg_ctl stop -m immediate does: without a word to anybody, and with a recovery at the next
// start.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	process, err := os.FindProcess(s.status.PID)
	if err == nil {
		err = process.Signal(syscall.SIGQUIT)
	}
	if err != nil {
		t.Fatalf("cannot stop the server: %v", err)
	}
	Until(t, "the server has ended", func() bool {
		_, err := os.Lstat(filepath.Join(s.status.DataDirectory, "postmaster.pid"))
		return errors.Is(err, fs.ErrNotExist)
	})
}

// Standby starts a server that replicates this one, which is restarted for that.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	standby := NewServer(t)
	standby.Stop(t)
	s.Stop(t)
	place, source := filepath.Dir(standby.status.DataDirectory), filepath.Dir(s.status.DataDirectory)
	primary, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := primary.User.Password()
	settings := fmt.Sprintf("\nprimary_conninfo = 'host=127.0.0.1 port=%s user=%s password=%s'\n", primary.Port(), primary.User.Username(), password)
	script := `rm -rf "$1" && cp -a "$2" "$1" && printf '%s' "$3" >> "$1/data/postgresql.auto.conf" &&
		: > "$1/data/standby.signal" && chown --reference="$1/data/PG_VERSION" "$1/data/standby.signal"`
	if output, err := exec.CommandContext(t.Context(), "sh", "-c", script, "sh", place, source, settings).CombinedOutput(); err != nil {
		t.Fatalf("cannot copy the server: %v\n%s", err, output)
	}
	s.Start(t)
	standby.Start(t)
	return standby
}

// Until polls a real condition, for a minute at most.
func Until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long until %s", what)
		}
	}
}

// Home is a home directory in which the local server can be started without a download. At the end of the test the server
// is stopped.
func Home(t testing.TB) string {
	t.Helper()
	command, err := os.ReadFile(filepath.Join(NewServer(t).status.DataDirectory, "postmaster.opts"))
	if err != nil {
		t.Fatal(err)
	}
	postgres, _, _ := strings.Cut(string(command), " ")
	programs := filepath.Dir(filepath.Dir(filepath.Dir(postgres)))
	home, err := os.MkdirTemp("", "keep-bootstrap-home-")
	if err != nil {
		t.Fatal(err)
	}
	share := filepath.Join(home, ".local", "share")
	t.Cleanup(func() {
		if _, err := local.Stop(context.Background(), local.Options{DataHome: share}); err != nil {
			t.Errorf("cannot stop the server: %v", err)
		}
		if err := os.RemoveAll(home); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	})
	kept := filepath.Join(share, "keep-bootstrap")
	if err := errors.Join(os.Chmod(home, 0o711), os.MkdirAll(kept, 0o711), os.Symlink(programs, filepath.Join(kept, "programs"))); err != nil { //nolint:gosec // root's server enters it
		t.Fatal(err)
	}
	return home
}
