//go:build !linux

package local

// memoryDirectory is a directory on a file system in memory, which is not looked for here.
func memoryDirectory() string { return "" }
