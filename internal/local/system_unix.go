//go:build unix

package local

import (
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// isRoot reports whether this process is root, as which PostgreSQL refuses to run.
func isRoot() bool { return os.Geteuid() == 0 }

// accounts are those that root may run the server as, the best first. initdb insists on an entry in /etc/passwd, so a
// number alone is not enough.
func accounts() (all []account) {
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32) // these are numbers here
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			if uid > 0 {
				all = append(all, account{uint32(uid), uint32(gid)})
			}
		}
	}
	return all
}

// owner is the account that a file belongs to.
func owner(info fs.FileInfo) account {
	stat := info.Sys().(*syscall.Stat_t)
	return account{stat.Uid, stat.Gid}
}

// runAs makes the command run as an account, and in no other group.
func runAs(cmd *exec.Cmd, a account) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.uid, Gid: a.gid}}
}

// processExists reports whether there is a process with this number that this process could signal.
func processExists(pid int) bool { return pid > 1 && syscall.Kill(pid, 0) == nil }
