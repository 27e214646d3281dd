package cli_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"keep-bootstrap/internal/cli"
	"keep-bootstrap/test/pgtest"
)

// pseudoTerminal opens a terminal and the end from which what is printed on it is read.
func pseudoTerminal(t *testing.T) (terminal, reader *os.File) {
	t.Helper()
	reader, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { reader.Close() })
	var number, unlock int32
	for request, argument := range map[uintptr]*int32{syscall.TIOCGPTN: &number, syscall.TIOCSPTLCK: &unlock} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, reader.Fd(), request, uintptr(unsafe.Pointer(argument))); errno != 0 {
			t.Skip(errno)
		}
	}
	if terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return terminal, reader
}

// printed is what is on a terminal until now.
func printed(terminal, reader *os.File) string {
	fmt.Fprintln(terminal, "end")
	var shown []string
	for lines := bufio.NewScanner(reader); lines.Scan() && lines.Text() != "end"; {
		shown = append(shown, lines.Text())
	}
	return strings.Join(shown, "\n")
}

// TestColour: there is colour on a terminal, unless it is dumb or NO_COLOR is set, and nowhere else.
func TestColour(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	path := file(t, twoProviders)
	env := environment{"DATABASE_URL": d.URL}
	run(t, env, "migrate").want(t, 0)
	if r := run(t, env, "plan", "-f", path).want(t, 0); strings.Contains(r.stdout, "\x1b[") {
		t.Errorf("colour in a file: %s", r.stdout)
	}
	for variable, want := range map[string]bool{"TERM=xterm": true, "TERM=dumb": false, "NO_COLOR=1": false} {
		terminal, reader := pseudoTerminal(t)
		exit := cli.Main(context.Background(), cli.Environment{
			Args: []string{"plan", "-f", path}, Environ: []string{"DATABASE_URL=" + d.URL, variable},
			Stdin: strings.NewReader(""), Stdout: terminal, Stderr: io.Discard, Version: "test",
		})
		if text := printed(terminal, reader); exit != 0 || strings.Contains(text, "\x1b[") != want {
			t.Errorf("%s: exit code %d\n%q", variable, exit, text)
		}
	}
}

// TestCaret: on a terminal the line and a caret follow a problem, and no secret is shown.
func TestCaret(t *testing.T) {
	t.Parallel()
	terminal, reader := pseudoTerminal(t)
	exit := cli.Main(context.Background(), cli.Environment{
		Args: []string{"validate", "-f", file(t, threeMistakes)}, Stdin: strings.NewReader(""), Stdout: terminal, Stderr: terminal, Version: "test",
	})
	if exit != 65 {
		t.Errorf("exit code %d", exit)
	}
	text := printed(terminal, reader)
	for _, want := range []string{
		"    type: grafanaa\n              ^", "      VMAlertHst: ...\n          ^", "      VMAlertPort: ...\n                       ^", "      other: ...\n          ^",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nlacks\n%s", text, want)
		}
	}
	if strings.Contains(text, canary) {
		t.Error("a secret is shown")
	}
}
