package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// portAttempts is how often another port is tried when the chosen one is taken at the last moment.
const portAttempts = 5

// launch creates the data directory if there is none, and starts the server on it. The record is saved as soon as
// something in it is true.
func (c *cluster) launch(ctx context.Context, programs string, r *record) error {
	if r.Initialised && !portFree(r.Port) {
		c.log.Warn("the port of the local PostgreSQL is in use by another program, another one is chosen", "port", r.Port)
		r.Port = 0
	}
	if !r.Initialised {
		c.log.Info("creating a local PostgreSQL "+c.Version, "directory", c.data())
	}
	deadline := time.Now().Add(readyTimeout)
	for attempt := 1; ; {
		if r.Port == 0 {
			r.Port = freePort()
		}
		if err := c.save(*r); err != nil {
			return c.unreadable(err)
		}
		err := c.run(programs, *r)
		if err == nil {
			break
		}
		switch text := err.Error(); {
		case portTaken(text) && attempt < portAttempts:
			r.Port = 0
			attempt++
		case strings.Contains(text, "pre-existing shared memory block") && time.Now().Before(deadline):
			// The processes of a killed server are still finishing what they had begun.
			time.Sleep(poll)
		case strings.Contains(text, "could not look up effective user ID"):
			return &Error{
				Message: fmt.Sprintf("PostgreSQL needs a user name, and user id %d has none on this system", os.Geteuid()),
				Hint:    "add the user to /etc/passwd, run as another user, or give a database (DATABASE_URL)",
			}
		default:
			return &Error{
				Message: "cannot start the local PostgreSQL",
				Hint:    "the lines above are PostgreSQL's own; to begin with an empty database, delete " + c.Directory + "; or give a database (DATABASE_URL)",
				Err:     err,
			}
		}
		if !r.Initialised {
			if err := c.discard(ctx, programs); err != nil {
				return err
			}
		}
	}
	if r.Initialised {
		return nil
	}
	r.Initialised = true
	if err := c.save(*r); err != nil {
		return c.unreadable(err)
	}
	return nil
}

// run is one attempt. Its error holds what PostgreSQL said.
func (c *cluster) run(programs string, r record) error {
	temporary, err := privateTemporary(c.Directory)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	before := time.Now()
	output := new(bytes.Buffer)
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(releases[c.Version]).
		BinariesPath(programs).
		DataPath(c.data()).
		RuntimePath(filepath.Join(temporary, "run")).
		Port(uint32(r.Port)).
		Username(User).Password(r.Password).Database("postgres").
		Encoding("UTF8").Locale("C").
		StartParameters(c.parameters(programs)).
		StartTimeout(readyTimeout).
		Logger(output))
	if err := server.Start(); err != nil {
		return errors.New(strings.TrimSpace(err.Error() + "\n" + c.logSince(before)))
	}
	return nil
}

// parameters are the settings that make the server private. They are given at every start, so the files in the data
// directory need not be touched.
func (c *cluster) parameters(programs string) map[string]string {
	all := map[string]string{
		"listen_addresses":         "127.0.0.1",
		"unix_socket_directories":  "", // the default is /tmp, which everybody can reach
		"timezone":                 "UTC",
		"log_timezone":             "UTC",
		"logging_collector":        "on",
		"log_directory":            "log",
		"log_filename":             "postgresql-%a.log",
		"log_truncate_on_rotation": "on",
		"log_rotation_size":        "0",
	}
	for name, value := range c.Parameters {
		all[name] = value
	}
	var libraries []string
	for _, name := range c.Preload {
		if found, _ := filepath.Glob(filepath.Join(programs, "lib", "postgresql", name+".*")); len(found) > 0 {
			libraries = append(libraries, name)
		}
	}
	if len(libraries) > 0 {
		all["shared_preload_libraries"] = strings.Join(libraries, ",")
	}
	return all
}

// shutDown ends the server and waits for it. Mode is one of pg_ctl's: "fast" ends open connections in an orderly way,
// "immediate" is a crash.
func (c *cluster) shutDown(ctx context.Context, programs, mode string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "bin", "pg_ctl"), "stop", "-D", c.data(), "-m", mode, "-w", "-t", "60")
	output, err := cmd.CombinedOutput()
	if _, _, ok := c.postmaster(); !ok {
		return nil // pg_ctl says "no server running" when it ended by itself meanwhile
	}
	return &Error{
		Message: "cannot stop the local PostgreSQL",
		Hint:    "see its log in " + filepath.Join(c.data(), "log"),
		Err:     fmt.Errorf("%w: %s", err, strings.TrimSpace(string(output))),
	}
}

// logSince returns the last lines of the server's log when it has been written to since then.
func (c *cluster) logSince(since time.Time) string {
	var newest string
	files, _ := filepath.Glob(filepath.Join(c.data(), "log", "*.log"))
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(since.Add(-time.Second)) {
			since, newest = info.ModTime(), file
		}
	}
	text, err := os.ReadFile(newest)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// privateTemporary makes a directory for this process's temporary files, among them the file that the server's output
// goes to until it has its own log, and which embedded-postgres never removes.
func privateTemporary(parent string) (string, error) {
	leftovers, _ := filepath.Glob(filepath.Join(parent, "tmp-*"))
	for _, directory := range leftovers {
		os.RemoveAll(directory)
	}
	directory, err := os.MkdirTemp(parent, "tmp-")
	if err != nil {
		return "", err
	}
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		os.Setenv(name, directory)
	}
	return directory, nil
}

func portTaken(text string) bool {
	return strings.Contains(text, "process already listening on port") ||
		strings.Contains(text, "could not bind IPv4") || strings.Contains(text, "could not create any TCP/IP sockets")
}

// freePort looks below the range from which outgoing connections take their ports, so that the port is still free at the
// next start.
func freePort() int {
	for range 50 {
		if port := 20000 + rand.IntN(10000); portFree(port) {
			return port
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 20000 // the start will say what is wrong
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func portFree(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
