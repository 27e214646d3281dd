package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// partial is how the names of files and directories begin that are not complete, or no longer.
const partial = "part-"

// account is the operating system account that PostgreSQL's programs run as. The zero value is that of this process.
type account struct{ uid, gid uint32 }

// command is one of PostgreSQL's programs, to be run as an account, with no more variables than it needs.
func command(ctx context.Context, a account, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{} // nil would be the caller's
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "SystemRoot"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Dir = string(os.PathSeparator) // the account may not be able to enter the caller's
	cmd.WaitDelay = 5 * time.Second
	if a != (account{}) {
		runAs(cmd, a)
	}
	return cmd
}

// serverAccount finds an account that can run the programs.
func (c *cluster) serverAccount(ctx context.Context, programs string) (account, error) {
	candidates := []account{{}}
	if isRoot() {
		candidates = accounts()
	}
	err := errors.New("there is no account postgres or nobody to run it as, and it does not run as root")
	for _, a := range candidates {
		var output []byte
		output, err = command(ctx, a, program(programs, "postgres"), "--version").CombinedOutput()
		if err == nil {
			return a, nil
		}
		err = fmt.Errorf("%w %s", err, strings.TrimSpace(string(output)))
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("root cannot run it as another account here: %w", err)
	}
	return account{}, failure(fmt.Sprintf("PostgreSQL %s does not run on this machine", releases[c.Version]),
		"run as an ordinary user, or give a database (DATABASE_URL)", err)
}

// control is pg_ctl on the data directory, run as the account that owns it. It waits until the server is ready or gone.
func (c *cluster) control(ctx context.Context, programs, what string, args ...string) *exec.Cmd {
	var a account
	if info, err := os.Stat(c.data()); err == nil && isRoot() {
		a = owner(info)
	}
	args = append([]string{what, "--pgdata", c.data(), "--wait", "--timeout", fmt.Sprint(readyTimeout.Seconds())}, args...)
	return command(ctx, a, program(programs, "pg_ctl"), args...)
}

// initialise creates the data directory, which appears under its name only when it is complete.
func (c *cluster) initialise(ctx context.Context, programs, password string) error {
	c.Logger.Info("creating a local PostgreSQL", "version", c.Version, "directory", c.data())
	a, err := c.serverAccount(ctx, programs)
	if err != nil {
		return err
	}
	directory, err := os.MkdirTemp(c.directory, partial)
	if err != nil {
		return c.unusable(err)
	}
	defer os.RemoveAll(directory)
	passwordFile := directory + ".password"
	defer os.Remove(passwordFile)
	err = os.WriteFile(passwordFile, []byte(password), 0o600)
	if a != (account{}) {
		err = errors.Join(err, os.Chown(directory, int(a.uid), int(a.gid)), os.Chown(passwordFile, int(a.uid), int(a.gid)))
	}
	if err != nil {
		return c.unusable(err)
	}
	output, err := command(ctx, a, program(programs, "initdb"), "--pgdata", directory, "--username", User,
		"--pwfile", passwordFile, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C").CombinedOutput()
	switch {
	case strings.Contains(string(output), "could not look up effective user ID"):
		return failure(fmt.Sprintf("PostgreSQL needs a user name, and user id %d has none on this system", os.Geteuid()),
			"add the user to /etc/passwd, run as another user, or give a database (DATABASE_URL)", nil)
	case err != nil:
		return failed(err, output)
	}
	single := command(ctx, a, program(programs, "postgres"), "--single", "-D", directory, "postgres")
	single.Stdin = strings.NewReader("create database " + Database + "\n")
	output, err = single.CombinedOutput()
	if err == nil && strings.Contains(string(output), "ERROR:") {
		err = errors.New("cannot create the database " + Database)
	}
	if err != nil {
		return failed(err, output)
	}
	if err := os.Rename(directory, c.data()); err != nil {
		return c.unusable(err)
	}
	return nil
}

// launch starts the server on its data directory, on another port if its own is in use, with the settings that make it
// private. They are given at every start, so the files in the data directory stay untouched.
func (c *cluster) launch(ctx context.Context, programs string, r record) error {
	if r.Port == 0 || !portFree(r.Port) {
		if r.Port != 0 {
			c.Logger.Warn("another program uses the port of the local PostgreSQL, choosing another port", "port", r.Port)
		}
		r.Port = freePort()
		if err := c.save(r); err != nil {
			return c.unusable(err)
		}
	}
	settings := map[string]string{
		"port":                    strconv.Itoa(r.Port),
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "", // the default is /tmp, which everybody can reach
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"log_checkpoints":         "off",
	}
	maps.Copy(settings, c.StartParameters)
	var options []string
	for name, value := range settings {
		options = append(options, fmt.Sprintf(`-c %s="%s"`, name, value)) // for a shell, or for cmd on Windows
	}
	_ = os.Rename(c.logFile(), c.logFile()+".old") // none at the first start
	for deadline := time.Now().Add(readyTimeout); ; time.Sleep(poll) {
		output, err := os.OpenFile(c.logFile(), os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
		if err != nil {
			return c.unusable(err)
		}
		cmd := c.control(ctx, programs, "start", "--options", strings.Join(options, " "))
		cmd.Stdout, cmd.Stderr = output, output // the server keeps them
		err = cmd.Run()
		output.Close()
		if err == nil {
			return nil
		}
		said, _ := os.ReadFile(c.logFile())
		// The processes of a killed server may still be finishing what they had begun.
		busy := bytes.Contains(said, []byte("pre-existing shared memory block"))
		if !busy || ctx.Err() != nil || time.Now().After(deadline) {
			return failed(err, said)
		}
	}
}

// failed is the error of a program of PostgreSQL, with what it said.
func failed(err error, said []byte) error {
	return failure("cannot start the local PostgreSQL",
		"see PostgreSQL's message above; run keep-bootstrap local reset to start with an empty database, "+
			"or give a database (DATABASE_URL)",
		fmt.Errorf("%w\n%s", err, bytes.TrimSpace(said)))
}

// isServer reports whether the process is the server of this data directory. The number alone does not tell: after a crash
// or in a new container another process may have it. Where there is no /proc, any process of that number counts;
// PostgreSQL itself does the same.
func isServer(pid int, data string) bool {
	if !exists("/proc/self/cmdline") {
		return processExists(pid)
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline") // empty for a zombie
	if errors.Is(err, fs.ErrPermission) {
		return true
	}
	args := strings.Split(string(text), "\x00")
	i := slices.Index(args, "-D")
	if i < 1 || i+1 == len(args) || filepath.Base(args[0]) != "postgres" {
		return false
	}
	served, servedErr := os.Stat(args[i+1])
	here, err := os.Stat(data)
	return servedErr == nil && err == nil && os.SameFile(served, here)
}

// sweep deletes what interrupted processes have left incomplete. What cannot be deleted now, as an initdb without its
// parent is still writing to it, is left for the next time. The caller holds the lock of the directory.
func sweep(directory string, log *slog.Logger) {
	leftovers, _ := filepath.Glob(filepath.Join(directory, partial+"*"))
	records, _ := filepath.Glob(filepath.Join(directory, ".server.json.*.new")) // of file.Replace, with the password
	for _, path := range append(leftovers, records...) {
		if err := os.RemoveAll(path); err != nil {
			log.Debug("cannot delete yet what an interrupted start left behind", "error", err)
		}
	}
}

// freePort looks below the range from which outgoing connections take their ports, so that the port is still free at the
// next start.
func freePort() (port int) {
	for range 50 {
		if port = 20000 + rand.IntN(10000); portFree(port) {
			break
		}
	}
	return port // or the start says what is wrong
}

func portFree(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
