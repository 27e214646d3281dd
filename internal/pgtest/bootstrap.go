package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Bootstrap is the path of the command line program, built once per process from the sources as they are. Every user may
// run it.
func Bootstrap(t testing.TB) string {
	t.Helper()
	path, err := program.path()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// binary is the built program.
type binary struct {
	once      sync.Once
	directory string
	err       error
}

var program binary

func (b *binary) path() (string, error) {
	b.once.Do(func() { b.err = b.build() })
	return filepath.Join(b.directory, "bootstrap"), b.err
}

func (b *binary) build() error {
	directory, err := os.MkdirTemp("", "keep-bootstrap-")
	if err != nil {
		return err
	}
	b.directory = directory
	build := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-o", filepath.Join(directory, "bootstrap"), "keep-bootstrap/cmd/bootstrap")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build cmd/bootstrap: %w\n%s", err, output)
	}
	return errors.Join(os.Chmod(directory, 0o755), os.Chmod(filepath.Join(directory, "bootstrap"), 0o755))
}

func (b *binary) remove() error {
	if b.directory == "" {
		return nil
	}
	return os.RemoveAll(b.directory)
}
