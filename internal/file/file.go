// Package file reads files that users name, with a limit, and never waits for one; and writes them.
package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrTooLarge is matched by the error of a file that is larger than the limit.
var ErrTooLarge = errors.New("too large")

// errNoFile is returned for a pipe, socket or device.
var errNoFile = errors.New("not a regular file")

// Read reads a file of at most limit bytes. A pipe, socket or device is an error, except what a shell hands over as an open
// pipe: /dev/stdin and <(command), which is a path below /dev/fd.
func Read(path string, limit int64) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // opening a pipe waits for its other end otherwise
	if errors.Is(err, syscall.ENXIO) {
		return nil, errNoFile // a socket
	}
	if err != nil {
		return nil, err
	}
	return ReadOpen(file, limit)
}

// ReadOpen is Read for a file that is open; it closes it.
func ReadOpen(file *os.File, limit int64) ([]byte, error) {
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	path := file.Name()
	handedOver := strings.HasPrefix(path, "/dev/fd/") || path == "/dev/stdin" || strings.HasPrefix(path, "/proc/self/fd/")
	switch mode := info.Mode(); {
	case mode.IsDir():
		return nil, syscall.EISDIR
	case !mode.IsRegular() && !(handedOver && mode&fs.ModeNamedPipe != 0):
		return nil, errNoFile
	case info.Size() > limit:
		return nil, ErrTooLarge
	}
	return ReadAll(file, info.Size(), limit)
}

// ReadAll reads up to limit bytes of a stream; size is the expected size.
func ReadAll(r io.Reader, size, limit int64) ([]byte, error) {
	buffer := bytes.NewBuffer(make([]byte, 0, max(size, 0)+bytes.MinRead))
	if _, err := buffer.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, err
	}
	if int64(buffer.Len()) > limit {
		return nil, ErrTooLarge
	}
	return buffer.Bytes(), nil
}

// Explain words why a file cannot be read, and what to do.
func Explain(err error, limit int64) (message, hint string) {
	switch {
	case errors.Is(err, ErrTooLarge):
		size := fmt.Sprintf("%d MiB", limit>>20)
		if limit < 1<<20 {
			size = fmt.Sprintf("%d KiB", limit>>10)
		}
		return "the file is larger than " + size, "check the path, or split the file"
	case errors.Is(err, errNoFile):
		return "this is a pipe, socket or device, not a file", "give the path of a file"
	case errors.Is(err, fs.ErrNotExist):
		return "no such file", "check the path"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied", "check owner and mode, and the securityContext in Kubernetes"
	case errors.Is(err, syscall.EISDIR):
		return "this is a directory, not a file", "give the path of a file"
	}
	return Reason(err), "check the path and the disk"
}

// Replace writes a file as a whole or not at all: a reader sees the old file or the new one, never a part.
func Replace(path string, content []byte, mode fs.FileMode) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return errNoFile
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	if err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// Reason says why a file could not be read or written, without its path.
func Reason(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}
