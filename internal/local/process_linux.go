package local

import (
	"os"
	"strconv"
)

// isServer tells whether the process is the server of this data directory. The number alone does not tell: after a crash
// or in a new container another process may have it. A server works inside its data directory; that link cannot be read
// for a process of another user, a dead one or a zombie.
func isServer(pid int, data string) bool {
	if _, err := os.Stat("/proc/self"); err != nil {
		return processExists(pid)
	}
	there, err := os.Stat("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err != nil {
		return false
	}
	here, err := os.Stat(data)
	return err == nil && os.SameFile(here, there)
}
