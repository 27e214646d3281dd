package local

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"keep-bootstrap/internal/file"
)

const (
	lockTimeout  = 3 * time.Minute // a first start elsewhere, on a slow line, holds the lock that long
	readyTimeout = 60 * time.Second
	poll         = 20 * time.Millisecond
)

// cluster is one data directory and what belongs to it, in one directory:
//
//	lock         held by the process that starts or stops the server
//	server.json  port and password
//	server.log   the server's log since its last start; server.log.old the one before
//	data/        PostgreSQL's data directory
//	part-*       a data directory that is being created or deleted
type cluster struct {
	Options
	directory string // "" when there has never been a server
}

// record is the content of server.json. It is written before the data directory, which is complete whenever it exists.
type record struct {
	Port     int
	Password string
}

func (c *cluster) data() string       { return filepath.Join(c.directory, "data") }
func (c *cluster) recordFile() string { return filepath.Join(c.directory, "server.json") }
func (c *cluster) logFile() string    { return filepath.Join(c.directory, "server.log") }
func (c *cluster) pidFile() string    { return filepath.Join(c.data(), "postmaster.pid") }

// load reads server.json; a missing file is an error of type fs.ErrNotExist.
func (c *cluster) load() (record, error) {
	var r record
	text, err := os.ReadFile(c.recordFile())
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", c.recordFile(), err)
	}
	return r, nil
}

// save replaces server.json atomically.
func (c *cluster) save(r record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return file.Replace(c.recordFile(), append(text, '\n'), 0o600)
}

// postmaster reads postmaster.pid. Running is false when the file is missing, or when its process is not this server.
func (c *cluster) postmaster() (s Status) {
	text, err := os.ReadFile(c.pidFile())
	if err != nil {
		return s
	}
	// Process, data directory, time of the start, port, socket directory, address, shared memory, state.
	lines := append(strings.Split(string(text), "\n"), make([]string, 8)...)
	s.PID, _ = strconv.Atoi(strings.TrimSpace(lines[0]))
	s.Port, _ = strconv.Atoi(strings.TrimSpace(lines[3]))
	s.ready = strings.TrimSpace(lines[7]) == "ready"
	s.Running = s.PID > 0 && isServer(s.PID, c.data())
	return s
}

// inspect describes the server.
func (c *cluster) inspect() (Status, error) {
	var s Status
	if c.directory != "" {
		r, err := c.load()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return s, c.unusable(err)
		}
		if s = c.postmaster(); !s.Running {
			s = Status{}
		}
		s.Port, s.password = cmp.Or(s.Port, r.Port), r.Password
		s.DataDirectory, s.LogFile = c.data(), c.logFile()
	}
	s.Version, s.Release = c.Version, string(releases[c.Version])
	return s, nil
}

// attach finds the running server and waits until it accepts connections. Status.Running is false when there is none.
func (c *cluster) attach(ctx context.Context) (Status, error) {
	for deadline := time.Now().Add(readyTimeout); ; time.Sleep(poll) {
		s := c.postmaster()
		switch {
		case !s.Running || s.ready:
			return c.inspect()
		case ctx.Err() != nil:
			return Status{}, ctx.Err()
		case time.Now().After(deadline):
			return Status{}, failure(fmt.Sprintf("the local PostgreSQL (process %d) does not accept connections", s.PID),
				"see its log in "+c.logFile()+"; if it hangs, kill that process and run the command again", nil)
		}
	}
}

// start returns the running server, or starts it.
func (c *cluster) start(ctx context.Context) (Status, error) {
	if s, err := c.attach(ctx); err != nil || s.Running {
		return s, err
	}
	programs, err := c.ensurePrograms(ctx)
	if err != nil {
		return Status{}, err
	}
	r, err := c.prepare(ctx, programs)
	if err != nil {
		return Status{}, err
	}
	notLaunched := c.launch(ctx, programs, r)
	// A pg_ctl whose caller was killed may have been faster.
	s, err := c.attach(ctx)
	switch {
	case err == nil && s.Running:
		return s, nil
	case notLaunched != nil:
		return s, notLaunched
	case err == nil:
		err = failure("the local PostgreSQL stopped right after it started", "see its log in "+s.LogFile, nil)
	}
	return s, err
}

// prepare makes sure that there is a data directory, and repairs what earlier, interrupted starts left behind.
func (c *cluster) prepare(ctx context.Context, programs string) (record, error) {
	sweep(c.directory, c.Logger)
	r, err := c.load()
	if !exists(c.data()) {
		if errors.Is(err, fs.ErrNotExist) {
			r.Password = rand.Text()
			err = c.save(r)
		}
		if err == nil {
			return r, c.initialise(ctx, programs, r.Password)
		}
	} else if err := c.check(); err != nil {
		return r, err
	}
	if err != nil {
		return r, c.unusable(err)
	}
	if s := c.postmaster(); !s.Running && processExists(s.PID) {
		// PostgreSQL itself removes the file of a dead process, with checks of its own; but it takes any process of that
		// number for a server, even the zombie of a killed one.
		c.Logger.Warn("removing a stale postmaster.pid: that process is not the local PostgreSQL", "pid", s.PID)
		if err := os.Remove(c.pidFile()); err != nil {
			return r, c.unusable(err)
		}
	}
	return r, nil
}

// check refuses a data directory that keep-bootstrap did not create: without server.json, or not of this version of PostgreSQL.
func (c *cluster) check() error {
	message := c.data() + " is a data directory without its server.json, which has the password"
	version, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if exists(c.recordFile()) {
		if strings.TrimSpace(string(version)) == c.Version {
			return nil
		}
		message = fmt.Sprintf("%s is not a data directory of PostgreSQL %s", c.data(), c.Version)
	}
	return failure(message, "restore it, or delete "+c.directory+" to start with an empty database", err)
}

// stop shuts the server down if it is running, and waits for it.
func (c *cluster) stop(ctx context.Context) (stopped bool, err error) {
	if !c.postmaster().Running {
		return false, nil
	}
	programs, err := c.ensurePrograms(ctx)
	if err != nil {
		return false, err
	}
	output, err := c.control(ctx, programs, "stop", "--mode", "fast").CombinedOutput()
	if !c.postmaster().Running {
		return true, nil // pg_ctl says "no server running" when the server has ended by itself meanwhile
	}
	return false, failure("cannot stop the local PostgreSQL", "see its log in "+c.logFile(),
		fmt.Errorf("%w: %s", err, strings.TrimSpace(string(output))))
}

// reset stops the server and deletes its data. The data directory loses its name first: no half of it is ever started.
func (c *cluster) reset(ctx context.Context) (deleted bool, err error) {
	if deleted = exists(c.data()); deleted {
		if err := c.check(); err != nil {
			return false, err
		}
		if _, err := c.stop(ctx); err != nil {
			return false, err
		}
		err = os.Rename(c.data(), filepath.Join(c.directory, partial+rand.Text()))
	}
	if err == nil {
		err = os.RemoveAll(c.recordFile())
	}
	sweep(c.directory, c.Logger)
	if err != nil {
		return false, c.unusable(err)
	}
	return deleted, nil
}

// locked finds the server and lets one process at a time start, stop or reset it. Without create, it does nothing when
// there has never been a server.
func locked[T any](ctx context.Context, o Options, create bool, do func(*cluster, context.Context) (T, error)) (result T, err error) {
	c, err := o.cluster(create)
	if err != nil || !exists(c.directory) {
		return result, err
	}
	unlock, err := lockFile(ctx, filepath.Join(c.directory, "lock"), c.Logger)
	if err == nil {
		defer unlock()
		result, err = do(c, ctx)
	}
	if err != nil && ctx.Err() != nil {
		err = failure("interrupted while starting or stopping the local PostgreSQL",
			"run the command again; it finishes or undoes what was interrupted", ctx.Err())
	}
	return result, err
}

// lockFile waits for a lock. The kernel releases the lock of a process that dies, so a lock file on its own means nothing.
func lockFile(ctx context.Context, path string, log *slog.Logger) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	lock := flock.New(path)
	locked, err := lock.TryLock()
	if err == nil && !locked {
		log.Info("waiting for another process that is starting or stopping the local PostgreSQL", "lock", path)
		_, err = lock.TryLockContext(ctx, poll)
	}
	if err != nil {
		return nil, failure("cannot lock "+path,
			"check the owner of that file, end a hanging process that holds the lock, or "+elsewhere, err)
	}
	return func() { lock.Close() }, nil
}

// unusable is about files that are not as they should be.
func (c *cluster) unusable(err error) error {
	return failure("cannot use the directory of the local PostgreSQL",
		"check the owner of "+c.directory+", or delete it to start with an empty database", err)
}
