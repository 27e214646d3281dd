//go:build unix

package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asOrdinaryUser are the tests in which the user makes a difference.
const asOrdinaryUser = "^(TestStartAgain|TestPrivate|TestKilledServer|TestReusedProcessNumber|TestGivenUpStart|TestUsedPort|TestOddHome|TestReset)$"

// TestAsOrdinaryUser runs tests of this package again as a user who is not root.
func TestAsOrdinaryUser(t *testing.T) {
	if testing.Short() {
		t.Skip("runs tests of this package once more")
	}
	if !isRoot() {
		t.Skip("the tests run as an ordinary user already")
	}
	t.Parallel()
	all := accounts()
	a := all[len(all)-1]
	cache, err := directoryFor(sharedCache(t), true)
	if err != nil {
		t.Fatal(err)
	}
	output, err := runTestsAs(t, int(a.uid), int(a.gid), "TEST_CACHE="+cache, "-test.count=1", "-test.v", "-test.run="+asOrdinaryUser)
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	if !strings.Contains(output, "--- PASS: TestKilledServer ") {
		t.Errorf("the tests did not run:\n%s", output)
	}
}

// TestUserWithoutName: initdb refuses a user that is not in /etc/passwd, as containers often have them.
func TestUserWithoutName(t *testing.T) {
	if !isRoot() {
		t.Skip("only root can become somebody else")
	}
	t.Parallel()
	// The cache of another user is closed to this one; a copy that everybody can read saves the download.
	cache := readableCopy(t)
	home := openDirectory(t)
	chown(t, home, 54321, 54321)
	output, err := runTestsAs(t, 54321, 54321, helperVariable+"=start", "TEST_CACHE="+cache, home)
	if err == nil || !strings.Contains(output, "user id 54321 has none") || !strings.Contains(output, "DATABASE_URL") {
		t.Errorf("%v: %s", err, output)
	}
}

// TestRootPlace: root's files are below /var/lib, closed to others, and found again by the file in root's home.
func TestRootPlace(t *testing.T) {
	if !isRoot() {
		t.Skip("only for root")
	}
	t.Parallel()
	o := fresh(t)
	base := filepath.Join(o.DataHome, "keep-bootstrap")
	root, err := directoryFor(base, true)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(root) != systemDirectory {
		t.Errorf("location %s", root)
	}
	for _, path := range []string{systemDirectory, root} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o711 || owner(info).uid != 0 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if again, err := directoryFor(base, true); err != nil || again != root {
		t.Errorf("again: %s, %v, want %s", again, err, root)
	}
	// What someone has deleted is created again.
	if err := os.Remove(root); err != nil {
		t.Fatal(err)
	}
	if none, err := directoryFor(base, false); err != nil || none != "" {
		t.Errorf("after its removal: %q, %v", none, err)
	}
	if again, err := directoryFor(base, true); err != nil || again != root {
		t.Errorf("created again: %s, %v, want %s", again, err, root)
	}
	// A directory that someone else could have filled is never used.
	chown(t, root, 65534, 65534)
	_, err = directoryFor(base, true)
	says(t, err, "is not a directory of root", "DATABASE_URL")
	chown(t, root, 0, 0)
}

// TestRootOpenHome: a home that every account can enter is used as it is.
func TestRootOpenHome(t *testing.T) {
	if !isRoot() {
		t.Skip("only for root")
	}
	t.Parallel()
	o := fresh(t)
	o.DataHome = openDirectory(t)
	s := start(t, o)
	mark(t, s)
	stop(t, o)
	if want := filepath.Join(o.DataHome, "keep-bootstrap", "postgresql-18", "data"); s.DataDirectory != want {
		t.Errorf("data in %s, want %s", s.DataDirectory, want)
	}
}

// TestAccounts: the server of root runs as postgres, and as nobody where postgres cannot run the programs.
func TestAccounts(t *testing.T) {
	if !isRoot() {
		t.Skip("only for root")
	}
	t.Parallel()
	o := fresh(t)
	s := start(t, o)
	all := accounts()
	for _, path := range []string{s.DataDirectory, fmt.Sprintf("/proc/%d", s.PID)} {
		if info, err := os.Stat(path); err != nil || owner(info) != all[0] {
			t.Errorf("%s belongs to %v, %v, want %v", path, owner(info), err, all[0])
		}
	}
	if len(all) < 2 {
		t.Skip("this system has one such account only")
	}
	// A directory of nobody, which postgres cannot enter.
	programs := filepath.Join(openDirectory(t), "programs")
	c, err := o.cluster(false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(programs, os.DirFS(filepath.Join(c.Cache, "programs", s.Release))); err != nil {
		t.Fatal(err)
	}
	chown(t, programs, int(all[1].uid), int(all[1].gid))
	if err := os.Chmod(programs, 0o700); err != nil {
		t.Fatal(err)
	}
	if a, err := c.serverAccount(t.Context(), programs); err != nil || a != all[1] {
		t.Errorf("account %v, %v, want %v", a, err, all[1])
	}
}

// runTestsAs runs this test binary as another user, with a home of its own.
func runTestsAs(t *testing.T, uid, gid int, arguments ...string) (output string, err error) {
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
	from, err := directoryFor(sharedCache(t), false)
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
