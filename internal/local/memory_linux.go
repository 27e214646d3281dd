package local

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// memoryDirectory is a directory of this user alone on the file system in memory, or "" when there is none or it has less
// than 4 GiB left. Each test makes and drops a database, some three hundred files: on ext4 that took half of the time of
// the tests.
func memoryDirectory() string {
	var space syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &space); err != nil || space.Bavail*uint64(space.Bsize) < 4<<30 {
		return ""
	}
	directory := filepath.Join("/dev/shm", fmt.Sprintf("keep-bootstrap-%d", os.Geteuid()))
	if err := os.Mkdir(directory, 0o700); err != nil && !os.IsExist(err) {
		return ""
	}
	// Everybody may write in /dev/shm, so somebody else may have made it.
	info, err := os.Lstat(directory)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
		return ""
	}
	return directory
}
