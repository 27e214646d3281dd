package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gofrs/flock"
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
	return filepath.Join(b.directory, "keep-bootstrap"), b.err
}

func (b *binary) build() error {
	directory, err := os.MkdirTemp("", "keep-bootstrap-")
	if err != nil {
		return err
	}
	b.directory = directory
	if err := os.Chmod(directory, 0o755); err != nil {
		return err
	}
	return Build("keep-bootstrap", filepath.Join(directory, "keep-bootstrap"))
}

// Build builds a variant of cmd/bootstrap, with further flags of go build, into a file that every user may run. Nothing is
// linked again while the sources are the same: go build leaves a file as it is that is up to date, so one of each variant is kept.
func Build(variant, program string, flags ...string) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	kept := filepath.Join(cache, "keep-bootstrap-tests", variant)
	if err := os.MkdirAll(filepath.Dir(kept), 0o700); err != nil {
		return err
	}
	lock := flock.New(kept + ".lock") // other packages' tests run at the same time
	if err := lock.Lock(); err != nil {
		return err
	}
	defer lock.Close()
	arguments := append(append([]string{"build", "-buildvcs=false", "-o", kept}, flags...), "keep-bootstrap/cmd/bootstrap")
	if output, err := exec.CommandContext(context.Background(), "go", arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build cmd/bootstrap: %w\n%s", err, output)
	}
	content, err := os.ReadFile(kept)
	if err != nil {
		return err
	}
	return os.WriteFile(program, content, 0o755) //nolint:gosec // a program
}

func (b *binary) remove() error {
	if b.directory == "" {
		return nil
	}
	return os.RemoveAll(b.directory)
}
