//go:build unix

package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// asOrdinaryUser are the tests in which the user makes a difference.
const asOrdinaryUser = "^(TestStartAgain|TestPrivate|TestKilledServer|TestReusedProcessNumber|TestGivenUpStart|TestUsedPort|TestOddHome|TestTemporary)$"

// TestAsOrdinaryUser runs tests of this package again as a user who is not root.
func TestAsOrdinaryUser(t *testing.T) {
	if testing.Short() {
		t.Skip("runs tests of this package once more")
	}
	if !needsOtherUser() {
		t.Skip("the tests run as an ordinary user already")
	}
	t.Parallel()
	a, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	cache, err := place(sharedCache(t), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	output, err := runAs(t, a.uid, a.gid, "TEST_CACHE="+cache, "-test.count=1", "-test.v", "-test.run="+asOrdinaryUser)
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	if !strings.Contains(output, "--- PASS: TestKilledServer ") {
		t.Errorf("the tests did not run:\n%s", output)
	}
}

// TestUserWithoutName: initdb refuses a user that is not in /etc/passwd, as containers often have them.
func TestUserWithoutName(t *testing.T) {
	if !needsOtherUser() {
		t.Skip("only root can become somebody else")
	}
	t.Parallel()
	// The cache of another user is closed to this one; a copy that everybody can read saves the download.
	cache := readableCopy(t)
	home := openDirectory(t)
	chown(t, home, 54321, 54321)
	output, err := runAs(t, 54321, 54321, helperVariable+"=start", "TEST_CACHE="+cache, home)
	if err == nil || !strings.Contains(output, "user id 54321 has none") || !strings.Contains(output, "DATABASE_URL") {
		t.Errorf("%v: %s", err, output)
	}
}

// TestRootPlace: root's files are below /var/lib, closed to others, and found again by the file in root's home.
func TestRootPlace(t *testing.T) {
	if !needsOtherUser() {
		t.Skip("only for root")
	}
	t.Parallel()
	o := fresh(t)
	base := filepath.Join(o.DataHome, "keep-bootstrap")
	location, err := place(base, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(location) != systemDirectory {
		t.Errorf("location %s", location)
	}
	for path, want := range map[string]os.FileMode{systemDirectory: 0o711, location: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want || ownedBy(info, 0) != (path == systemDirectory) {
			t.Errorf("%s: %v, %v, want %v", path, info, err, want)
		}
	}
	if again, err := place(base, true, nil); err != nil || again != location {
		t.Errorf("again: %s, %v, want %s", again, err, location)
	}

	// A location that is gone, or that is not one of ours, is replaced.
	if err := os.Remove(location); err != nil {
		t.Fatal(err)
	}
	second, err := place(base, true, nil)
	if err != nil || second == location {
		t.Fatalf("after its removal: %s, %v", second, err)
	}
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"/etc", systemDirectory + "/../../../etc", systemDirectory, ""} {
		if err := writeFile(filepath.Join(base, "location"), []byte(wrong)); err != nil {
			t.Fatal(err)
		}
		third, err := place(base, true, nil)
		if err != nil || filepath.Dir(third) != systemDirectory || third == wrong {
			t.Fatalf("instead of %q: %s, %v", wrong, third, err)
		}
		if err := os.Remove(third); err != nil {
			t.Fatal(err)
		}
	}
}

// runAs runs this test binary as another user, with a home of its own.
func runAs(t *testing.T, uid, gid int, arguments ...string) (output string, err error) {
	t.Helper()
	home := openDirectory(t)
	chown(t, home, uid, gid)
	// The binary is in a directory that only root can enter.
	binary := filepath.Join(openDirectory(t), "local.test")
	if err := copyFile(testBinary(t), binary); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = []string{"HOME=" + home, "TMPDIR=" + home, "PATH=" + os.Getenv("PATH")}
	for _, argument := range arguments {
		if name, _, ok := strings.Cut(argument, "="); ok && !strings.HasPrefix(name, "-") {
			cmd.Env = append(cmd.Env, argument)
		} else {
			cmd.Args = append(cmd.Args, argument)
		}
	}
	cmd.Dir = home
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// openDirectory is a temporary directory that every user can enter.
func openDirectory(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "keep-bootstrap-test-")
	if err == nil {
		err = os.Chmod(directory, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	return directory
}

// readableCopy copies the programs of the default version to where every user can run them.
func readableCopy(t *testing.T) string {
	t.Helper()
	o := fresh(t)
	start(t, o)
	stop(t, o)
	from, err := place(sharedCache(t), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	to := openDirectory(t)
	programs := filepath.Join("programs", string(releases[DefaultVersion]))
	err = os.CopyFS(filepath.Join(to, programs), os.DirFS(filepath.Join(from, programs)))
	if err == nil {
		err = exec.Command("chmod", "-R", "a+rX", to).Run()
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func chown(t *testing.T, path string, uid, gid int) {
	t.Helper()
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// childrenOf lists the processes that a process has started.
func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // by the thread that started them
	var all []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, child)
		}
	}
	if len(all) == 0 {
		t.Fatal("process ", pid, " has no children")
	}
	return all
}
