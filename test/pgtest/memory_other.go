//go:build !linux

package pgtest

import "os"

// memoryDirectory is a directory for temporary files.
func memoryDirectory() string { return os.TempDir() }
