// Package local runs the private PostgreSQL server that is used when no database is given.
//
// The server belongs to one operating system user. Its data survives between runs, it listens on 127.0.0.1 only, and it
// is a daemon: it keeps running after the program has ended, until [Stop] or a reboot.
//
// PostgreSQL's own programs (initdb, pg_ctl, postgres) run as child processes with an environment of their own, because
// they obey many variables (PGPORT, PGOPTIONS, PGSERVICE) and must not see the secrets of the caller. PostgreSQL refuses to
// run as root: when root is the caller, they run as the account postgres, or as nobody if postgres does not exist or
// cannot run them. All processes of that account can read the data directory. Everything
// else (the password, the programs) belongs to root.
package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"keep-bootstrap/internal/postgres"
)

// DefaultVersion is the default major version.
const DefaultVersion = "18"

// Database is the name of the database in the private server; User is its owner and a superuser.
const (
	Database = "keep"
	User     = "postgres"
)

// releases maps a major version to the release that is downloaded for it.
var releases = map[string]embeddedpostgres.PostgresVersion{
	"14": embeddedpostgres.V14,
	"15": embeddedpostgres.V15,
	"16": embeddedpostgres.V16,
	"17": embeddedpostgres.V17,
	"18": embeddedpostgres.V18,
}

// Versions lists the supported major versions, oldest first.
func Versions() []string { return slices.Sorted(maps.Keys(releases)) }

// Options select a server. The zero value is the server of the current user at the default version.
type Options struct {
	// Version is the major version, "14" to "18". Every version has its own data directory.
	Version string
	// DataHome replaces $XDG_DATA_HOME.
	DataHome string
	// Cache is the directory for downloaded and unpacked PostgreSQL programs. Empty: next to the data.
	Cache string
	// Logger receives slow steps and repairs. Nil: nothing is logged.
	Logger *slog.Logger
	// StartParameters are server settings, as for `postgres -c name=value`. They apply only when this call starts the
	// server.
	StartParameters map[string]string

	repository string // replaces Maven Central, in tests
}

// Status describes the server, running or not.
type Status struct {
	Running       bool   `json:"running"`
	Version       string `json:"version"` // major version
	Release       string `json:"release"` // the release that is downloaded for this major version
	Port          int    `json:"port"`    // 0 before the first start
	PID           int    `json:"pid"`     // 0 unless running
	DataDirectory string `json:"data_directory"`
	LogFile       string `json:"log_file"`

	password string
	ready    bool // accepts connections
}

// URL is the connection URL with the password, or "" when the server has never been started.
func (s Status) URL() string {
	if s.password == "" || s.Port == 0 {
		return ""
	}
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", User, s.password, s.Port, Database) // all letters and digits
}

// String keeps the password out of texts and logs.
func (s Status) String() string {
	if s.Port == 0 {
		return fmt.Sprintf("PostgreSQL %s, not running, no data", s.Version)
	}
	if !s.Running {
		return fmt.Sprintf("PostgreSQL %s, not running, data in %s", s.Version, s.DataDirectory)
	}
	return fmt.Sprintf("PostgreSQL %s on 127.0.0.1:%d, process %d, data in %s", s.Version, s.Port, s.PID, s.DataDirectory)
}

// Start returns the running server, and starts it first if necessary. The first start of a version downloads PostgreSQL
// and creates the data directory. It is safe to repeat, and safe when several processes do it at once: one starts the
// server, the others find it. It repairs what a killed server, an interrupted start or a broken download left behind.
// Errors are of type [*postgres.Error], exit code 69.
func Start(ctx context.Context, o Options) (Status, error) {
	return locked(ctx, o, true, (*cluster).start)
}

// Stop shuts the server down and reports whether it was running. It ends open connections. It is safe to repeat. Errors
// are of type [*postgres.Error], exit code 69.
func Stop(ctx context.Context, o Options) (stopped bool, err error) {
	return locked(ctx, o, false, (*cluster).stop)
}

// Reset stops the server and deletes its data, so that the next start begins with an empty database. It reports whether
// there was any data. It refuses a data directory that this package did not create, and is safe to repeat. The downloaded
// programs stay. Errors are of type [*postgres.Error], exit code 69.
func Reset(ctx context.Context, o Options) (deleted bool, err error) {
	return locked(ctx, o, false, (*cluster).reset)
}

// Inspect describes the server and changes nothing. Errors are of type [*postgres.Error], exit code 69.
func Inspect(_ context.Context, o Options) (Status, error) {
	c, err := o.cluster(false)
	if err != nil {
		return Status{}, err
	}
	return c.inspect()
}

// cluster finds the directories of the server. Without create nothing is made on disk, and the directory is "" when
// there has never been a server.
func (o Options) cluster(create bool) (*cluster, error) {
	c := &cluster{Options: o}
	c.Version, c.Logger = cmp.Or(o.Version, DefaultVersion), cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if _, ok := releases[c.Version]; !ok {
		return c, failure(fmt.Sprintf("there is no local PostgreSQL %q", c.Version),
			"choose one of the versions "+strings.Join(Versions(), ", "), nil)
	}
	base, err := dataHome(o.DataHome)
	if err != nil {
		return c, err
	}
	home, err := directoryFor(base, create)
	if err != nil || home == "" {
		return c, err
	}
	c.directory = filepath.Join(home, "postgresql-"+c.Version)
	c.Cache = home
	if o.Cache != "" {
		c.Cache, err = directoryFor(o.Cache, create)
	}
	if err == nil && create {
		if err := makeDirectory(c.directory); err != nil {
			return c, c.unusable(err)
		}
	}
	return c, err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// failure is the error of every function of this package: what happened, and what to do next.
func failure(message, hint string, cause error) *postgres.Error {
	message = "local PostgreSQL: " + message
	if cause != nil {
		message += ": " + cause.Error()
	}
	return postgres.New(postgres.CodeLocal, message, hint, cause)
}
