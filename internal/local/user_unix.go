//go:build unix

package local

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// needsOtherUser tells whether this process is root, as which PostgreSQL refuses to run.
func needsOtherUser() bool { return os.Geteuid() == 0 }

// serverAccount is `nobody`: it exists on every system, owns nothing and cannot log in. An account of a service, such as
// `postgres`, is never used: its owner has files that this server must not be able to reach, and the other way round.
// A number without an entry in /etc/passwd would do for the server, but initdb insists on a name.
func serverAccount() (account, error) {
	u, err := user.Lookup("nobody")
	if err != nil {
		u, err = user.LookupId("65534")
	}
	if err == nil {
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if uidErr == nil && gidErr == nil && uid > 0 {
			return account{name: u.Username, uid: uid, gid: gid}, nil
		}
		err = fmt.Errorf("user %s has uid %s and gid %s", u.Username, u.Uid, u.Gid)
	}
	return account{}, &Error{
		Message: "PostgreSQL does not run as root, and this system has no user `nobody` to run it as",
		Hint:    "run as an ordinary user, or give a database (DATABASE_URL)",
		Err:     err,
	}
}

// become gives up root's rights for good, in all threads of this process.
func become(uid, gid int) error {
	if err := syscall.Setgroups([]int{}); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return fmt.Errorf("setgid %d: %w", gid, err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return fmt.Errorf("setuid %d: %w", uid, err)
	}
	return nil
}

// closeToOthers makes every file that this process and its children create private.
func closeToOthers() { syscall.Umask(0o077) }

func ownedBy(info fs.FileInfo, uid int) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == uid
}

// detach puts the child into a process group of its own: an interrupt from the terminal is for the parent alone to
// handle, and whatever the child has started can be killed with it. The server is not in the group; pg_ctl gives it a
// session of its own.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// killGroup ends this process and the initdb or pg_ctl that it has running.
func killGroup() {
	_ = syscall.Kill(0, syscall.SIGKILL)
	os.Exit(1)
}
