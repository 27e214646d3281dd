package file

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRead: what is no file is refused at once, and no more than the limit is read.
func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("1234"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := Read(path, 4); string(data) != "1234" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := Read(path, 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("larger than the limit: %v", err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	socket := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip(err)
	}
	defer listener.Close()
	for path, want := range map[string]string{
		fifo: "pipe", "/dev/zero": "device", dir: "directory", filepath.Join(dir, "none"): "no such file", filepath.Join(path, "x"): "not a directory",
		socket: "socket",
	} {
		_, err := Read(path, 4)
		if message, hint := Explain(err, 4); err == nil || !strings.Contains(message, want) || hint == "" {
			t.Errorf("%s: %v, %s", path, err, message)
		}
	}
	// A pipe that the shell hands over is read.
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := writer.WriteString("12"); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	if data, err := Read(fmt.Sprintf("/dev/fd/%d", reader.Fd()), 4); string(data) != "12" || err != nil {
		t.Errorf("a pipe: %q, %v", data, err)
	}
}

// TestReplace: a file is replaced with its mode, nothing is left beside it, and what is no file is refused.
func TestReplace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, text := range []string{"first", "second"} {
		if err := Replace(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); string(data) != text || err != nil {
			t.Errorf("%q, %v", data, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for path, want := range map[string]string{dir: "not a regular file", filepath.Join(dir, "none", "f"): "no such file or directory", "/dev/null": "not a regular file"} {
		if err := Replace(path, nil, 0o600); err == nil || Reason(err) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
