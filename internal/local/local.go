// Package local runs the private PostgreSQL server that is used when no database is given.
//
// The server belongs to one operating system user. Its data survives between runs, it listens on 127.0.0.1 only, and it
// is a daemon: it goes on after the program has ended, until [Stop] or a reboot.
//
// All work on the server happens in a child process, the same executable started once more (see [RunChild]), for three
// reasons. PostgreSQL refuses to run as root, so root needs a process that has given up its rights. PostgreSQL's own
// programs obey a lot of variables (PGPORT, PGOPTIONS, PGSERVICE), so they get an environment without them, and without
// the secrets of the caller. And a download or an initdb that has to be abandoned can be killed as a whole.
package local

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// DefaultVersion is the major version that is used when none is asked for.
const DefaultVersion = "18"

// Database is the name of the database in the private server; User is its owner and a superuser.
const (
	Database = "keep"
	User     = "postgres"
)

// releases maps a major version to the release that is fetched for it.
var releases = map[string]embeddedpostgres.PostgresVersion{
	"14": embeddedpostgres.V14,
	"15": embeddedpostgres.V15,
	"16": embeddedpostgres.V16,
	"17": embeddedpostgres.V17,
	"18": embeddedpostgres.V18,
}

// Options say which server is meant. The zero value is the server of the current user at the default version.
type Options struct {
	// Version is the major version, "14" to "18". Every version has a data directory of its own.
	Version string
	// DataHome replaces $XDG_DATA_HOME.
	DataHome string
	// Cache is the directory for downloaded and unpacked PostgreSQL programs. Empty: next to the data.
	Cache string
	// Repository is the base URL of a Maven repository that mirrors Maven Central.
	Repository string
	// Logger receives what takes time or is mended. Nil: nothing is logged.
	Logger *slog.Logger
	// StartParameters are server settings, as for `postgres -c name=value`. They count only when this call starts the
	// server.
	StartParameters map[string]string
	// Preload names libraries for shared_preload_libraries; those that the distribution lacks are left out.
	Preload []string
}

// Status describes the server, running or not.
type Status struct {
	Running       bool   `json:"running"`
	Version       string `json:"version"` // major version
	Release       string `json:"release"` // the release that is fetched for this major version
	Port          int    `json:"port"`    // 0 before the first start
	PID           int    `json:"pid"`     // 0 unless running
	DataDirectory string `json:"data_directory"`
	LogDirectory  string `json:"log_directory"`

	password string
}

// URL is the connection URL with the password, or "" when the server has never been started.
func (s Status) URL() string {
	if s.password == "" || s.Port == 0 {
		return ""
	}
	return connectionURL(s.Port, s.password, Database)
}

// LogValue keeps the password out of logs.
func (s Status) LogValue() slog.Value {
	return slog.GroupValue(slog.Bool("running", s.Running), slog.String("version", s.Version), slog.Int("port", s.Port),
		slog.Int("pid", s.PID), slog.String("data_directory", s.DataDirectory))
}

// String keeps the password out of texts.
func (s Status) String() string {
	if !s.Running {
		return fmt.Sprintf("PostgreSQL %s, not running, data in %s", s.Version, s.DataDirectory)
	}
	return fmt.Sprintf("PostgreSQL %s on 127.0.0.1:%d, process %d, data in %s", s.Version, s.Port, s.PID, s.DataDirectory)
}

// Server is a running server.
type Server struct {
	Status
	started bool
}

// Started tells whether the call that returned this server started it, rather than found it running.
func (s *Server) Started() bool { return s.started }

// Start returns the running server and starts it first if need be. The first start of a version downloads PostgreSQL and
// creates the data directory. It is safe to repeat, and safe when several processes do it at once: one starts the server,
// the others find it. Leftovers of a killed server, of an interrupted first start and of a broken download are mended.
// Errors are of type [*Error].
func Start(ctx context.Context, o Options) (*Server, error) {
	r, err := o.request(true)
	if err != nil {
		return nil, err
	}
	r.Action = actionStart
	answer, err := ask(ctx, r, o.Logger)
	if err != nil {
		return nil, err
	}
	return &Server{Status: answer.status(), started: answer.Started}, nil
}

// Stop shuts the server down and tells whether it was running. Open connections are ended.
func Stop(ctx context.Context, o Options) (stopped bool, err error) {
	r, err := o.request(false)
	if err != nil || r.Directory == "" {
		return false, err
	}
	r.Action = actionStop
	answer, err := ask(ctx, r, o.Logger)
	return answer.Stopped, err
}

// Inspect describes the server and changes nothing.
func Inspect(ctx context.Context, o Options) (Status, error) {
	r, err := o.request(false)
	if err != nil {
		return Status{}, err
	}
	if r.Directory == "" {
		return Status{Version: r.Version, Release: string(releases[r.Version])}, nil
	}
	r.Action = actionInspect
	answer, err := ask(ctx, r, o.Logger)
	if err != nil {
		return Status{}, err
	}
	return answer.status(), nil
}

// request turns options into what the child needs to know. Without create, nothing is made on disk, and Directory is
// empty when there has never been a server.
func (o Options) request(create bool) (request, error) {
	r, err := o.base()
	if err != nil {
		return r, err
	}
	base, err := dataHome(o.DataHome)
	if err != nil {
		return r, err
	}
	home, err := place(base, create, o.Logger)
	if err != nil || home == "" {
		return r, err
	}
	r.Directory = filepath.Join(home, "postgresql-"+r.Version)
	r.Cache = home
	if o.Cache != "" {
		r.Cache, err = place(o.Cache, create, o.Logger)
	}
	return r, err
}

// base is the part of a request that does not depend on directories.
func (o Options) base() (request, error) {
	r := request{Version: o.Version, Repository: o.Repository, Parameters: o.StartParameters, Preload: o.Preload}
	if r.Version == "" {
		r.Version = DefaultVersion
	}
	if _, ok := releases[r.Version]; !ok {
		return r, &Error{
			Message: fmt.Sprintf("there is no local PostgreSQL %q", r.Version),
			Hint:    "choose one of the versions " + strings.Join(Versions(), ", "),
		}
	}
	return r, nil
}

func connectionURL(port int, password, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(User, password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Versions lists the major versions that can be asked for, oldest first.
func Versions() []string { return slices.Sorted(maps.Keys(releases)) }

// Error is what every function of this package returns: what happened, and what to do next.
type Error struct {
	Message string
	Hint    string
	Err     error
}

func (e *Error) Error() string {
	text := e.Message
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }
