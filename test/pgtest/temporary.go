package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"

	"keep-bootstrap/internal/local"
)

// temporary is a server with an empty data directory that lives no longer than this process, however the process ends:
// a shell waits for the end of a pipe, ends the server and deletes its files.
type temporary struct {
	status local.Status
	pipe   io.Closer
	shell  *exec.Cmd
	inUse  *flock.Flock
}

const endOfTemporary = `trap '' INT TERM HUP
cat
kill -QUIT "$1" 2>/dev/null
while kill -0 "$1" 2>/dev/null; do sleep 0.01; done
rm -rf "$2"`

// options select the PostgreSQL of all tests.
func options() (local.Options, error) {
	cache, err := os.UserCacheDir()
	return local.Options{Version: os.Getenv("BOOTSTRAP_TEST_POSTGRES"), Cache: filepath.Join(cache, "keep-bootstrap")}, err
}

// startTemporary starts a temporary server.
func startTemporary(parameters map[string]string) (*temporary, error) {
	o, err := options()
	if err != nil {
		return nil, err
	}
	o.StartParameters = parameters
	t := &temporary{}
	if o.DataHome, t.inUse, err = claim(o); err != nil {
		return nil, err
	}
	if err := copyInitialised(o); err != nil {
		return nil, errors.Join(err, t.inUse.Close())
	}
	if t.status, err = local.Start(context.Background(), o); err != nil {
		return nil, errors.Join(err, t.inUse.Close())
	}
	t.shell = exec.CommandContext(context.Background(), "sh", "-c", endOfTemporary, "sh", strconv.Itoa(t.status.PID), o.DataHome)
	if t.pipe, err = t.shell.StdinPipe(); err == nil {
		err = t.shell.Start()
	}
	return t, err
}

// stop ends the server, deletes its data and waits for both.
func (t *temporary) stop() error {
	return errors.Join(t.pipe.Close(), t.shell.Wait(), t.inUse.Close())
}

// claim creates the directory of a temporary server and marks it as in use for as long as this process lives. It removes
// servers whose process and shell were both killed.
func claim(o local.Options) (dataHome string, inUse *flock.Flock, err error) {
	runs := filepath.Join(memoryDirectory(), fmt.Sprintf("keep-bootstrap-tests-%d", os.Getuid()))
	if err := os.MkdirAll(runs, 0o711); err != nil { // the server's account is another one than root
		return "", nil, err
	}
	unlock, err := lock(filepath.Join(runs, "lock"))
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	marks, _ := filepath.Glob(filepath.Join(runs, "*", "in-use"))
	for _, mark := range marks {
		f := flock.New(mark)
		if free, err := f.TryLock(); err == nil && free {
			abandoned := o
			abandoned.DataHome = filepath.Dir(mark)
			for _, abandoned.Version = range local.Versions() {
				if _, err := local.Stop(context.Background(), abandoned); err != nil {
					return "", nil, err
				}
			}
			if err := os.RemoveAll(abandoned.DataHome); err != nil {
				return "", nil, err
			}
		}
		f.Close()
	}
	dataHome = filepath.Join(runs, rand.Text())
	if err := os.Mkdir(dataHome, 0o711); err != nil {
		return "", nil, err
	}
	inUse = flock.New(filepath.Join(dataHome, "in-use"))
	_, err = inUse.TryLock()
	return dataHome, inUse, err
}

// copyInitialised gives a server a data directory by copying one, which takes a tenth of the time of an initdb. The
// original is created by the first call. It has been started once, so that it has its database, and is never in use.
func copyInitialised(o local.Options) error {
	original := o
	original.StartParameters = nil
	original.DataHome = filepath.Join(o.Cache, "initialised")
	if err := os.MkdirAll(original.DataHome, 0o700); err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(original.DataHome, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	status, err := local.Inspect(context.Background(), original)
	_, missing := os.Stat(status.DataDirectory)
	if err == nil && (missing != nil || status.Running) {
		status, err = local.Start(context.Background(), original)
		if err == nil {
			_, err = local.Stop(context.Background(), original)
		}
	}
	if err != nil {
		return err
	}
	from := filepath.Dir(status.DataDirectory)
	to := filepath.Join(o.DataHome, "keep-bootstrap", filepath.Base(from))
	if err := os.Mkdir(filepath.Dir(to), 0o711); err != nil {
		return err
	}
	if output, err := exec.CommandContext(context.Background(), "cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot copy the server: %w\n%s", err, output)
	}
	// Two servers with one port would take it from each other.
	record := map[string]any{}
	path := filepath.Join(to, "server.json")
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &record)
	}
	record["Port"] = 0
	if err == nil {
		text, err = json.Marshal(record)
	}
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	return err
}

// lock waits for a lock file.
func lock(path string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // a first download elsewhere
	defer cancel()
	f := flock.New(path)
	if _, err := f.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
