//go:build unix

package local

import "syscall"

// processExists tells whether there is a process of this number that we could signal.
func processExists(pid int) bool { return pid > 1 && syscall.Kill(pid, 0) == nil }
