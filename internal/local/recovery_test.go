//go:build unix

package local

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKilledServer: the data of a killed server is all there after the next start.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	first := start(t, o)
	mark(t, first)
	kill(t, first.PID)
	if status, err := Inspect(t.Context(), o); err != nil || status.Running {
		t.Errorf("a killed server: %v, %v", status, err)
	}
	second := start(t, o)
	if second.PID == first.PID || !marked(t, second) {
		t.Errorf("%v after %v: same data %v", second, first, marked(t, second))
	}
}

// TestKilledServerStillBusy: processes of the killed server are still at work on the data when the next one starts.
func TestKilledServerStillBusy(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	first := start(t, o)
	conn := connect(t, first.URL())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, err := conn.Exec(context.Background(), "select count(*) from generate_series(1, 20000000)"); err != nil {
			t.Errorf("the query did not outlive its server: %v", err)
		}
	}()
	watch := connect(t, first.URL())
	until(t, "the query runs", func() bool {
		var n int
		err := watch.QueryRow(t.Context(), "select count(*) from pg_stat_activity where state = 'active' and query like '%generate_series%' and pid <> pg_backend_pid()").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n == 1
	})
	kill(t, first.PID)
	second := start(t, o)
	select {
	case <-ended: // the start has waited for it
	default:
		t.Errorf("%v started while a process of the killed server was still at work", second)
	}
}

// TestReusedProcessNumber: after a crash, another program may have the process number in postmaster.pid. It is neither
// taken for the server nor harmed.
func TestReusedProcessNumber(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	first := start(t, o)
	mark(t, first)
	kill(t, first.PID)

	stranger := exec.Command("sleep", "300")
	if isRoot() {
		// PostgreSQL looks only at processes of its own user.
		info, err := os.Stat(first.DataDirectory)
		if err != nil {
			t.Fatal(err)
		}
		runAs(stranger, owner(info))
		stranger.Dir = "/"
	}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stranger.Process.Kill(); stranger.Wait() })
	pidFile := filepath.Join(first.DataDirectory, "postmaster.pid")
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	overwrite(t, pidFile, strconv.Itoa(stranger.Process.Pid)+"\n"+rest)

	if status, err := Inspect(t.Context(), o); err != nil || status.Running {
		t.Errorf("status %v, %v", status, err)
	}
	if stopped, err := Stop(t.Context(), o); err != nil || stopped {
		t.Errorf("stopped %v, %v", stopped, err)
	}
	if second := start(t, o); second.PID == first.PID || !marked(t, second) {
		t.Errorf("%v after %v: same data %v", second, first, marked(t, second))
	}
	if err := stranger.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the other program was harmed: %v", err)
	}
}

// TestGivenUpStart: a start that is given up at any point leaves nothing that keeps the next one from working.
func TestGivenUpStart(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	for delay := 20 * time.Millisecond; delay < 3*time.Second; delay = delay * 3 / 2 {
		ctx, cancel := context.WithTimeout(t.Context(), delay)
		s, err := Start(ctx, o)
		cancel()
		if err == nil {
			t.Logf("done within %v", delay)
			mark(t, s)
			return
		}
		says(t, err, "interrupted", "run the command again")
	}
	mark(t, start(t, o))
}

// TestKilledStart: the same for a start whose process is killed. What it has begun ends with it.
func TestKilledStart(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	for delay := 50 * time.Millisecond; delay < time.Second; delay *= 2 {
		starter := exec.Command(testBinary(t), o.DataHome)
		starter.Env = append(os.Environ(), helperVariable+"=start", "TEST_CACHE="+o.Cache)
		if err := starter.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(delay, func() { starter.Process.Kill() })
		starter.Wait()
	}
	mark(t, start(t, o))
}

// TestDamagedDirectory: a data directory is never replaced because something about it is wrong.
func TestDamagedDirectory(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	s := start(t, o)
	mark(t, s)
	directory := filepath.Dir(s.DataDirectory)
	recordFile := filepath.Join(directory, "server.json")
	complete, err := os.ReadFile(recordFile)
	if err != nil {
		t.Fatal(err)
	}
	stop(t, o)

	version := filepath.Join(s.DataDirectory, "PG_VERSION")
	overwrite(t, version, "")
	_, err = Start(t.Context(), o)
	says(t, err, "is not a data directory of PostgreSQL 18", "delete "+directory)
	overwrite(t, version, "18\n")

	overwrite(t, recordFile, "{")
	_, err = Start(t.Context(), o)
	says(t, err, "server.json", "check the owner")

	if err := os.Remove(recordFile); err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), o)
	says(t, err, "without its server.json", "delete "+directory)

	overwrite(t, recordFile, string(complete))
	if s = start(t, o); !marked(t, s) {
		t.Error("the data is gone")
	}
}

// TestLockFile: a lock file that a dead process left behind is no lock; a lock that is held is waited for.
func TestLockFile(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	s := start(t, o)
	stop(t, o)
	lock := filepath.Join(filepath.Dir(s.DataDirectory), "lock")
	overwrite(t, lock, "12345\n")
	start(t, o)
	stop(t, o)

	unlock, err := lockFile(t.Context(), lock, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	logged := new(logBook)
	o.Logger = slog.New(slog.NewTextHandler(logged, nil))
	done := make(chan error, 1)
	go func() {
		_, err := Start(t.Context(), o)
		done <- err
	}()
	until(t, "the start waits", func() bool { return strings.Contains(logged.String(), "waiting for another process") })
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDownload goes through what can be wrong with a download, one after the other in one cache: each leaves its mess to
// the next. The repository is a local one, with what the real one has.
func TestDownload(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks PostgreSQL five times")
	}
	t.Parallel()
	o := fresh(t)
	start(t, o) // fills the shared cache
	stop(t, o)
	jar := repack(t, o)

	cut, missing := true, false
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case missing:
			http.Error(w, "blocked by policy", http.StatusForbidden)
		case strings.HasSuffix(r.URL.Path, ".sha256"):
			fmt.Fprintf(w, "%x", sha256.Sum256(jar))
		default:
			w.Header().Set("Content-Length", strconv.Itoa(len(jar)))
			if cut {
				_, _ = w.Write(jar[:len(jar)/2])
				panic(http.ErrAbortHandler)
			}
			_, _ = w.Write(jar)
		}
	}))
	t.Cleanup(repository.Close)
	o.Cache = t.TempDir()
	t.Cleanup(func() { removePlace(t, o.Cache) })

	o.repository = "http://127.0.0.1:1"
	_, err := Start(t.Context(), o)
	says(t, err, "cannot download PostgreSQL 18", "HTTPS_PROXY")
	says(t, err, "http://127.0.0.1:1", "DATABASE_URL")

	o.repository = repository.URL
	_, err = Start(t.Context(), o)
	says(t, err, "unexpected EOF", "behind a proxy")

	cut, missing = false, true
	_, err = Start(t.Context(), o)
	says(t, err, "no version found matching 18", "behind a proxy")

	missing = false
	start(t, o)
	stop(t, o)

	cache, err := directoryFor(o.Cache, false)
	if err != nil {
		t.Fatal(err)
	}
	archives, _ := filepath.Glob(filepath.Join(cache, "archives", "*.txz"))
	if len(archives) != 1 {
		t.Fatalf("archives: %v", archives)
	}
	// Programs are gone in part, and what they were unpacked from is cut.
	programs := filepath.Join(cache, "programs", string(releases[DefaultVersion]))
	if err := os.Remove(filepath.Join(programs, "bin", "initdb")); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(archives[0], 5_000_000); err != nil {
		t.Fatal(err)
	}
	logged := new(logBook)
	o.Logger = slog.New(slog.NewTextHandler(logged, nil))
	start(t, o)
	stop(t, o)
	if !strings.Contains(logged.String(), "damaged, downloading it again") {
		t.Errorf("log: %s", logged)
	}

	// Unpacking is killed.
	if err := os.RemoveAll(programs); err != nil {
		t.Fatal(err)
	}
	unpacking := killUnpacking(t, o, filepath.Dir(programs))
	start(t, o)
	stop(t, o)
	if exists(unpacking) {
		t.Errorf("%s is still there", unpacking)
	}

	// With the programs there, nothing is downloaded.
	repository.Close()
	start(t, o)
}

// killUnpacking kills a start while it unpacks the programs, and returns where it did that.
func killUnpacking(t *testing.T, o Options, programs string) (directory string) {
	t.Helper()
	starter := exec.Command(testBinary(t), o.DataHome)
	starter.Env = append(os.Environ(), helperVariable+"=start", "TEST_CACHE="+o.Cache)
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the start unpacks", func() bool {
		found, _ := filepath.Glob(filepath.Join(programs, partial+"*"))
		if len(found) == 1 {
			directory = found[0]
		}
		return len(found) == 1
	})
	starter.Process.Kill()
	starter.Wait()
	if !exists(directory) {
		t.Fatal("the start was done before it was killed, so this test shows nothing")
	}
	return directory
}

// repack makes the file that the repository serves out of the downloaded one.
func repack(t *testing.T, o Options) []byte {
	t.Helper()
	cache, err := directoryFor(o.Cache, false)
	if err != nil {
		t.Fatal(err)
	}
	archives, _ := filepath.Glob(filepath.Join(cache, "archives", "*-"+string(releases[DefaultVersion])+".txz"))
	if len(archives) != 1 {
		t.Fatalf("archives: %v", archives)
	}
	text, err := os.ReadFile(archives[0])
	if err != nil {
		t.Fatal(err)
	}
	jar := new(bytes.Buffer)
	z := zip.NewWriter(jar)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "postgres.txz", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return jar.Bytes()
}

// kill ends the server without warning, and waits until it is gone.
func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the killed server is gone", func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || bytes.Contains(text, []byte(") Z "))
	})
}

// overwrite keeps the file's owner, or gives a new file that of its directory.
func overwrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, int(owner(info).uid), int(owner(info).gid)); err != nil {
		t.Fatal(err)
	}
}
