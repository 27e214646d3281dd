package local

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Temporary is a server with an empty data directory that lives no longer than this process, however it ends: it is
// watched by a child process, which stops the server and removes its data when the pipe from this process closes.
type Temporary struct {
	Status
	child *child
}

// StartTemporary starts a server for tests. Options.Cache must be set; Options.DataHome is not used: the data is in memory
// where the system has room for it there, or else below the cache.
func StartTemporary(ctx context.Context, o Options) (*Temporary, error) {
	r, err := o.base()
	if err != nil {
		return nil, err
	}
	r.Action = actionServe
	r.Cache, err = place(o.Cache, true, o.Logger)
	if err != nil {
		return nil, err
	}
	c, err := startChild(context.WithoutCancel(ctx), r, o.Logger) // a killed child could not clean up
	if err != nil {
		return nil, err
	}
	a, err := c.answer()
	if err != nil {
		c.end()
		return nil, err
	}
	return &Temporary{Status: a.status(), child: c}, nil
}

// AdminURL is the connection URL of the database `postgres`.
func (t *Temporary) AdminURL() string { return connectionURL(t.Port, t.password, "postgres") }

// Stop ends the server, removes its data and waits for both.
func (t *Temporary) Stop() error {
	t.child.stdin.Close()
	_, err := t.child.answer()
	return errors.Join(err, t.child.wait())
}

// serve runs in the child: it starts a server, says so, and ends it when the parent is gone.
func serve(ctx context.Context, r request, log *slog.Logger, closed <-chan struct{}, ready func(answer)) error {
	runs := memoryDirectory()
	if runs == "" {
		runs = filepath.Join(r.Cache, "temporary")
	}
	if err := os.MkdirAll(runs, 0o700); err != nil {
		return newCluster(r, log).unreadable(err)
	}
	r.Directory = filepath.Join(runs, rand.Text())
	c := newCluster(r, log)
	programs, err := distribution{cluster: c}.ensure(ctx)
	if err != nil {
		return err
	}
	release, err := c.claim(ctx, runs, programs)
	if err != nil {
		return err
	}
	defer release()
	err = c.copyInitialised(ctx, programs)
	var a answer
	if err == nil {
		a, err = c.start(ctx)
	}
	if err == nil {
		ready(a)
		<-closed
	}
	return errors.Join(err, c.remove(ctx, programs))
}

// copyInitialised gives a temporary server a data directory by copying one, which takes a tenth of the time of an initdb.
// The copied one is made at the first call. It has been started once, so that it has the database, and is never in use.
func (c *cluster) copyInitialised(ctx context.Context, programs string) error {
	all := filepath.Join(c.Cache, "initialised")
	if err := os.MkdirAll(all, 0o700); err != nil {
		return c.unreadable(err)
	}
	unlock, err := lockFile(ctx, filepath.Join(all, "lock"), c.log)
	if err != nil {
		return err
	}
	defer unlock()

	original := *c
	original.Directory = filepath.Join(all, string(releases[c.Version]))
	r, err := original.load()
	if _, pidErr := os.Lstat(original.pidFile()); err != nil || !r.Initialised || !errors.Is(pidErr, fs.ErrNotExist) {
		if _, err := original.start(ctx); err != nil {
			return err
		}
		if err := original.shutDown(ctx, programs, "fast"); err != nil {
			return err
		}
		if r, err = original.load(); err != nil {
			return c.unreadable(err)
		}
	}
	if err := os.CopyFS(c.data(), os.DirFS(original.data())); err != nil {
		return c.unreadable(err)
	}
	r.Port = 0
	if err := c.save(r); err != nil {
		return c.unreadable(err)
	}
	return nil
}

// claim creates the directory of a temporary server, marks it as in use for as long as this process lives, and removes
// those whose process was killed.
func (c *cluster) claim(ctx context.Context, runs, programs string) (release func(), err error) {
	unlock, err := lockFile(ctx, filepath.Join(runs, "lock"), c.log)
	if err != nil {
		return nil, err
	}
	defer unlock()
	entries, err := os.ReadDir(runs)
	if err != nil {
		return nil, c.unreadable(err)
	}
	for _, entry := range entries {
		abandoned := *c
		abandoned.Directory = filepath.Join(runs, entry.Name())
		mark := flock.New(filepath.Join(abandoned.Directory, "in-use"))
		if !entry.IsDir() {
			continue
		}
		if locked, err := mark.TryLock(); err == nil && locked {
			err = abandoned.remove(ctx, programs)
			mark.Close()
			if err != nil {
				c.log.Warn("cannot remove an abandoned server", "error", err)
			}
		}
	}
	if err := os.Mkdir(c.Directory, 0o700); err != nil {
		return nil, c.unreadable(err)
	}
	mark := flock.New(filepath.Join(c.Directory, "in-use"))
	if _, err := mark.TryLock(); err != nil {
		return nil, c.unreadable(err)
	}
	return func() { mark.Close() }, nil
}

// remove ends the server without ceremony and deletes its files.
func (c *cluster) remove(ctx context.Context, programs string) error {
	if _, _, ok := c.postmaster(); ok {
		if err := c.shutDown(ctx, programs, "immediate"); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(c.Directory); err != nil {
		return c.unreadable(err)
	}
	return nil
}
