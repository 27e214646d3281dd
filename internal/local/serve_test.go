//go:build unix

package local

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestTemporary: a server that ends, and leaves nothing, when it is told to.
func TestTemporary(t *testing.T) {
	t.Parallel()
	s, err := StartTemporary(t.Context(), Options{Cache: sharedCache(t)})
	if err != nil {
		t.Fatal(err)
	}
	connect(t, s.AdminURL())
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if isServer(s.PID, s.DataDirectory) || exists(filepath.Dir(s.DataDirectory)) {
		t.Errorf("%v is still there", s)
	}
}

// TestTemporaryOfKilledProcess: neither does one whose process is killed; and when the watching child is killed too, the
// next temporary server clears it away.
func TestTemporaryOfKilledProcess(t *testing.T) {
	t.Parallel()
	for _, killed := range []string{"parent", "parent and child"} {
		owner := exec.Command(testBinary(t), sharedCache(t))
		owner.Env = append(os.Environ(), helperVariable+"=temporary")
		out, err := owner.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := owner.Start(); err != nil {
			t.Fatal(err)
		}
		text, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		data := strings.TrimSpace(text)
		c := newCluster(request{Directory: filepath.Dir(data)}, nil)
		pid, _, ok := c.postmaster()
		if !ok {
			t.Fatalf("no server in %s: %s", data, text)
		}
		if killed == "parent and child" {
			for _, child := range childrenOf(t, owner.Process.Pid) {
				if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
		owner.Process.Kill()
		owner.Wait()
		if killed == "parent and child" {
			if !isServer(pid, data) {
				t.Fatal("the server has ended by itself, so this test shows nothing")
			}
			next, err := StartTemporary(t.Context(), Options{Cache: sharedCache(t)})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := next.Stop(); err != nil {
					t.Error(err)
				}
			}()
		}
		until(t, killed+" is gone and the server too", func() bool { return !isServer(pid, data) && !exists(c.Directory) })
	}
}
