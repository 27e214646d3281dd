package local

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// childVariable marks the child process.
const childVariable = "KEEP_BOOTSTRAP_LOCAL_CHILD"

// downloadTimeout is for 15 MB on a bad line.
const downloadTimeout = 10 * time.Minute

// What the child can be asked for.
const (
	actionStart   = "start"
	actionStop    = "stop"
	actionInspect = "inspect"
	actionServe   = "serve"
)

// request goes to the child's stdin, as one line of JSON. When stdin ends before the work does, the caller is dead or has
// lost interest, and the child gives up.
type request struct {
	Action     string
	Version    string
	Directory  string // of this server
	Cache      string
	Repository string
	Parameters map[string]string
	Preload    []string
	UID, GID   int // run as this user; 0 is no change
}

// answer comes from the child's stdout, as the last line of JSON.
type answer struct {
	Started, Stopped bool
	Status           Status
	Password         string
	Message, Hint    string // of an error
}

func (a answer) status() Status {
	a.Status.password = a.Password
	return a.Status
}

// line is one line from the child: something to log, or the answer.
type line struct {
	Level  slog.Level `json:",omitempty"`
	Log    string     `json:",omitempty"`
	Answer *answer    `json:",omitempty"`
}

// The child gets no other variables than these. Those for the download are not for the server: the URL of a proxy may hold
// a password.
var (
	forPrograms = []string{"PATH", "LD_LIBRARY_PATH", "SystemRoot"}
	forDownload = []string{
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
	}
)

// RunChild is to be called first in main, and first in TestMain of tests that need a server. In the child process it does
// the work and never returns; in any other process it does nothing.
func RunChild() {
	if os.Getenv(childVariable) == "" {
		return
	}
	os.Exit(runChild(os.Stdin, os.Stdout))
}

func runChild(in io.Reader, out io.Writer) int {
	lines := &lineWriter{out: json.NewEncoder(out)}
	reader := bufio.NewReader(in)
	text, err := reader.ReadBytes('\n')
	var r request
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "this is the helper process of the local PostgreSQL; it is not to be called by hand:", err)
		return 1
	}
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, reader) // ends with the parent, one way or another
		if r.Action != actionServe {
			killGroup()
		}
		close(closed)
	}()
	os.Unsetenv(childVariable)
	closeToOthers()
	a, err := obey(r, slog.New(lines), lines, closed)
	if err != nil {
		a.Message, a.Hint = err.Error(), hintOf(err)
	}
	lines.write(line{Answer: &a})
	return 0
}

// obey runs the request as the user it names.
func obey(r request, log *slog.Logger, lines *lineWriter, closed <-chan struct{}) (answer, error) {
	if r.UID != 0 {
		if err := become(r.UID, r.GID); err != nil {
			return answer{}, &Error{
				Message: "PostgreSQL does not run as root, and changing to an unprivileged user is not permitted here",
				Hint:    "run as an ordinary user, or give a database (DATABASE_URL)",
				Err:     err,
			}
		}
		os.Setenv("HOME", r.Cache)
	}
	http.DefaultClient.Timeout = downloadTimeout // embedded-postgres has no timeout of its own
	ctx := context.Background()
	if r.Action == actionServe {
		return answer{}, serve(ctx, r, log, closed, func(a answer) { lines.write(line{Answer: &a}) })
	}
	return act(ctx, r, log)
}

// act runs the requests that end by themselves.
func act(ctx context.Context, r request, log *slog.Logger) (answer, error) {
	c := newCluster(r, log)
	switch r.Action {
	case actionInspect:
		return c.inspect()
	case actionStart:
		return c.start(ctx)
	case actionStop:
		return c.stop(ctx)
	}
	return answer{}, fmt.Errorf("unknown action %q", r.Action)
}

// ask has a request carried out by a child.
func ask(ctx context.Context, r request, log *slog.Logger) (answer, error) {
	child, err := startChild(ctx, r, log)
	if err != nil {
		return answer{}, err
	}
	answer, err := child.answer()
	child.end()
	return answer, err
}

// child is a helper process that has been asked something.
type child struct {
	ctx    context.Context
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  *bufio.Reader
	stderr *bytes.Buffer
	log    *slog.Logger
	wait   func() error
}

func startChild(ctx context.Context, r request, log *slog.Logger) (*child, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if os.Getenv(childVariable) != "" {
		return nil, &Error{Message: "the program does not call local.RunChild first", Hint: "call it at the start of main or TestMain"}
	}
	if needsOtherUser() {
		a, err := serverAccount()
		if err != nil {
			return nil, err
		}
		r.UID, r.GID = a.uid, a.gid
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, failed("cannot start the helper process of the local PostgreSQL", err)
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, failed("cannot start the helper process of the local PostgreSQL", err)
	}
	if runtime.GOOS == "linux" {
		executable = "/proc/self/exe" // also when the file has been replaced since
	}
	c := &child{ctx: ctx, stderr: new(bytes.Buffer), log: log}
	c.cmd = exec.CommandContext(ctx, executable)
	c.cmd.Env = []string{childVariable + "=1"}
	for _, name := range slices.Concat(forPrograms, forDownload) {
		if value, ok := os.LookupEnv(name); ok {
			c.cmd.Env = append(c.cmd.Env, name+"="+value)
		}
	}
	c.cmd.Dir = string(os.PathSeparator) // the caller's directory may be closed to the other user
	c.cmd.Stderr = c.stderr
	c.cmd.WaitDelay = 5 * time.Second
	detach(c.cmd)
	c.stdin, err = c.cmd.StdinPipe()
	if err != nil {
		return nil, failed("cannot start the helper process of the local PostgreSQL", err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, failed("cannot start the helper process of the local PostgreSQL", err)
	}
	c.lines = bufio.NewReader(stdout)
	if err := c.cmd.Start(); err != nil {
		return nil, failed("cannot start the helper process of the local PostgreSQL", err)
	}
	c.wait = sync.OnceValue(c.cmd.Wait)
	if _, err := c.stdin.Write(append(text, '\n')); err != nil {
		c.stdin.Close()
		return nil, failed("the helper process of the local PostgreSQL ended early", errors.Join(err, c.wait()))
	}
	return c, nil
}

// end waits for a child that has nothing more to say.
func (c *child) end() {
	c.stdin.Close()
	_ = c.wait() // the answer tells how it went
}

// answer logs what the child has to say until it gives its answer.
func (c *child) answer() (answer, error) {
	for {
		text, err := c.lines.ReadBytes('\n')
		var l line
		if err == nil {
			err = json.Unmarshal(text, &l)
		}
		switch {
		case err != nil && c.ctx.Err() != nil:
			return answer{}, &Error{Message: "starting or stopping the local PostgreSQL was given up", Hint: "run it again; what is half done is mended then", Err: c.ctx.Err()}
		case err != nil:
			c.stdin.Close()
			waitErr := c.wait()
			return answer{}, failed("the helper process of the local PostgreSQL ended without an answer",
				fmt.Errorf("%w (%v)\n%s", err, waitErr, strings.TrimSpace(c.stderr.String())))
		case l.Answer == nil:
			c.log.Log(c.ctx, l.Level, l.Log)
		case l.Answer.Message != "":
			return *l.Answer, &Error{Message: l.Answer.Message, Hint: l.Answer.Hint}
		default:
			return *l.Answer, nil
		}
	}
}

// lineWriter is the child's side of the conversation, and a slog handler that sends what is logged to the parent.
type lineWriter struct {
	mu  sync.Mutex
	out *json.Encoder
}

func (w *lineWriter) write(l line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.out.Encode(l) // a parent that is gone cannot be told anything; stdin's end is what ends the child
}

func (w *lineWriter) Enabled(context.Context, slog.Level) bool { return true }
func (w *lineWriter) WithAttrs([]slog.Attr) slog.Handler       { return w }
func (w *lineWriter) WithGroup(string) slog.Handler            { return w }

func (w *lineWriter) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	w.write(line{Level: r.Level, Log: text})
	return nil
}

// failed is an error that nobody expects.
func failed(message string, err error) *Error {
	return &Error{Message: message, Hint: "give a database instead (DATABASE_URL), or report this as a bug", Err: err}
}

func hintOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Hint
	}
	return "give a database instead (DATABASE_URL), or report this as a bug"
}
