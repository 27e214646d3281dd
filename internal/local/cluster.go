package local

import (
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
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	lockTimeout  = 3 * time.Minute // a first start elsewhere, on a slow line, holds the lock that long
	readyTimeout = 60 * time.Second
	poll         = 20 * time.Millisecond
)

// cluster is one data directory and what belongs to it: files in one directory that only the server's user can read.
//
//	lock         held by the process that starts or stops the server
//	server.json  port and password
//	data/        PostgreSQL's data directory; data/log/ its log
type cluster struct {
	request
	log *slog.Logger
}

// record is what is kept in server.json.
type record struct {
	Port     int
	Password string
	// Initialised is set when the data directory is complete. A data directory without it is what an interrupted first
	// start left behind, and holds nothing of value.
	Initialised bool
}

func newCluster(r request, log *slog.Logger) *cluster { return &cluster{request: r, log: log} }

func (c *cluster) data() string       { return filepath.Join(c.Directory, "data") }
func (c *cluster) recordFile() string { return filepath.Join(c.Directory, "server.json") }
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

func (c *cluster) save(r record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(c.recordFile(), append(text, '\n'))
}

// postmaster reads postmaster.pid. ok is false when the file is missing, or when the process that it names is not this
// server: then pid is that other process, or 0.
func (c *cluster) postmaster() (pid, port int, ok bool) {
	text, err := os.ReadFile(c.pidFile())
	if err != nil {
		return 0, 0, false
	}
	lines := strings.Split(string(text), "\n") // pid, data directory, start time, port, ...
	pid, err = strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return 0, 0, false
	}
	if len(lines) > 3 {
		port, _ = strconv.Atoi(strings.TrimSpace(lines[3]))
	}
	return pid, port, isServer(pid, c.data())
}

// describe fills in what is known without asking the server.
func (c *cluster) describe(r record) answer {
	return answer{
		Password: r.Password,
		Status: Status{
			Version: c.Version, Release: string(releases[c.Version]), Port: r.Port,
			DataDirectory: c.data(), LogDirectory: filepath.Join(c.data(), "log"),
		},
	}
}

func (c *cluster) inspect() (answer, error) {
	r, err := c.load()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return answer{}, c.unreadable(err)
	}
	a := c.describe(r)
	if pid, port, ok := c.postmaster(); ok {
		a.Status.Running, a.Status.PID = true, pid
		if port > 0 {
			a.Status.Port = port
		}
	}
	return a, nil
}

// attach finds the running server and waits until it answers. Status.Running is false when there is none.
func (c *cluster) attach(ctx context.Context) (answer, error) {
	r, err := c.load()
	if errors.Is(err, fs.ErrNotExist) {
		return answer{}, nil
	}
	if err != nil {
		return answer{}, c.unreadable(err)
	}
	a := c.describe(r)
	if !r.Initialised {
		return a, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	var last error
	for {
		pid, port, ok := c.postmaster()
		if !ok {
			return a, nil
		}
		if port > 0 { // absent for a moment while the server starts
			a.Status.Port = port
			if last = c.answers(ctx, port, r.Password); last == nil {
				a.Status.Running, a.Status.PID = true, pid
				return a, nil
			}
		}
		if pgErr, ok := errors.AsType[*pgconn.PgError](last); ok && pgErr.Code == "28P01" {
			return a, &Error{
				Message: fmt.Sprintf("the local PostgreSQL (process %d) refuses the password in %s", pid, c.recordFile()),
				Hint:    "set the role's password back to that one; or stop that process and delete " + c.Directory + " to begin with an empty database",
			}
		}
		select {
		case <-ctx.Done():
			return a, &Error{
				Message: fmt.Sprintf("the local PostgreSQL (process %d) does not answer on port %d", pid, port),
				Hint:    "see its log in " + a.Status.LogDirectory + "; if it hangs, kill that process and run the command again",
				Err:     last,
			}
		case <-time.After(poll):
		}
	}
}

// answers connects to the server, makes sure that it is this one, and that its database exists.
func (c *cluster) answers(ctx context.Context, port int, password string) error {
	conn, err := c.connect(ctx, port, password, Database)
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == "3D000" {
		if err := c.createDatabase(ctx, port, password); err != nil {
			return err
		}
		conn, err = c.connect(ctx, port, password, Database)
	}
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// connect refuses a server with another data directory: a port may have changed hands.
func (c *cluster) connect(ctx context.Context, port int, password, database string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	config, err := pgx.ParseConfig(connectionURL(port, password, database))
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["application_name"] = "keep-bootstrap local"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	var directory string
	err = conn.QueryRow(ctx, "select pg_catalog.current_setting('data_directory')").Scan(&directory)
	if err == nil && !sameFile(directory, c.data()) {
		err = fmt.Errorf("the server on port %d has the data directory %s", port, directory)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

func (c *cluster) createDatabase(ctx context.Context, port int, password string) error {
	conn, err := c.connect(ctx, port, password, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "create database "+Database)
	return err
}

// start returns the running server, or starts it.
func (c *cluster) start(ctx context.Context) (answer, error) {
	if err := os.MkdirAll(c.Directory, 0o700); err != nil {
		return answer{}, c.unreadable(err)
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return answer{}, err
	}
	defer unlock()
	if a, err := c.attach(ctx); err != nil || a.Status.Running {
		return a, err
	}
	programs, err := distribution{cluster: c}.ensure(ctx)
	if err != nil {
		return answer{}, err
	}
	for _, name := range forDownload {
		os.Unsetenv(name)
	}
	r, err := c.prepare(ctx, programs)
	if err != nil {
		return answer{}, err
	}
	if err := c.launch(ctx, programs, &r); err != nil {
		return answer{}, err
	}
	a, err := c.attach(ctx)
	if err == nil && !a.Status.Running {
		err = &Error{Message: "the local PostgreSQL ended right after its start", Hint: "see its log in " + a.Status.LogDirectory}
	}
	a.Started = err == nil
	return a, err
}

// prepare mends what earlier, interrupted starts left behind.
func (c *cluster) prepare(ctx context.Context, programs string) (record, error) {
	r, err := c.load()
	switch _, dataErr := os.Lstat(c.data()); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return r, c.unreadable(err)
	case err != nil && dataErr == nil:
		return r, &Error{
			Message: fmt.Sprintf("there is a data directory in %s, but the file server.json with its password is gone", c.Directory),
			Hint:    "restore the file, or delete " + c.Directory + " to begin with an empty database",
		}
	case err != nil:
		r = record{Password: rand.Text()}
	case r.Initialised && errors.Is(dataErr, fs.ErrNotExist):
		r.Initialised = false // deleted by someone: begin anew
	}
	if !r.Initialised {
		if err := c.discard(ctx, programs); err != nil {
			return r, err
		}
		return r, nil
	}
	if version, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION")); strings.TrimSpace(string(version)) != c.Version {
		// embedded-postgres would delete the directory and begin anew.
		return r, &Error{
			Message: fmt.Sprintf("%s is not a data directory of PostgreSQL %s", c.data(), c.Version),
			Hint:    "restore it, or delete " + c.Directory + " to begin with an empty database",
			Err:     err,
		}
	}
	if pid, _, ok := c.postmaster(); !ok && pid > 0 && processExists(pid) {
		// PostgreSQL itself removes the file of a dead process, with checks of its own; but it takes any process of that
		// number for a server, even the zombie of a killed one.
		c.log.Warn("removing a stale postmaster.pid: that process is not the local PostgreSQL", "pid", pid)
		if err := os.Remove(c.pidFile()); err != nil {
			return r, c.unreadable(err)
		}
	}
	return r, nil
}

// discard removes a data directory whose first start did not end well.
func (c *cluster) discard(ctx context.Context, programs string) error {
	if _, err := os.Lstat(c.data()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	c.log.Warn("removing a data directory that an interrupted first start left behind", "directory", c.data())
	if _, _, ok := c.postmaster(); ok {
		if err := c.shutDown(ctx, programs, "immediate"); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(c.data()); err != nil {
		return c.unreadable(err)
	}
	return nil
}

// stop shuts the server down if it is running.
func (c *cluster) stop(ctx context.Context) (answer, error) {
	if _, err := os.Stat(c.Directory); errors.Is(err, fs.ErrNotExist) {
		return answer{}, nil
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return answer{}, err
	}
	defer unlock()
	if _, _, ok := c.postmaster(); !ok {
		return answer{}, nil
	}
	programs, err := distribution{cluster: c}.ensure(ctx)
	if err != nil {
		return answer{}, err
	}
	return answer{Stopped: true}, c.shutDown(ctx, programs, "fast")
}

// lock lets one process at a time start or stop this server. The kernel releases the lock of a process that dies, so a
// lock file on its own means nothing.
func (c *cluster) lock(ctx context.Context) (unlock func(), err error) {
	return lockFile(ctx, filepath.Join(c.Directory, "lock"), c.log)
}

func lockFile(ctx context.Context, path string, log *slog.Logger) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	lock := flock.New(path)
	locked, err := lock.TryLock()
	if err == nil && !locked {
		log.Info("waiting for another process that is starting or stopping the local PostgreSQL", "lock", path)
		_, err = lock.TryLockContext(ctx, poll)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, &Error{
			Message: fmt.Sprintf("another process has been holding %s for %v", path, lockTimeout),
			Hint:    "end that process (a hanging start of the local PostgreSQL) and run the command again",
		}
	}
	if err != nil {
		return nil, &Error{Message: "cannot lock " + path, Hint: "check the owner of that file, or " + elsewhere, Err: err}
	}
	return func() { lock.Close() }, nil
}

// unreadable is about files that are not as they should be.
func (c *cluster) unreadable(err error) *Error {
	return &Error{
		Message: "cannot use the directory of the local PostgreSQL",
		Hint:    "check the owner of " + c.Directory + ", or delete it to begin with an empty database",
		Err:     err,
	}
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
