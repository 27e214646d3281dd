package cli_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"keep-bootstrap/internal/cli"
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
	fmt.Fprintln(terminal, "end")
	var shown []string
	for printed := bufio.NewScanner(reader); printed.Scan() && printed.Text() != "end"; {
		shown = append(shown, printed.Text())
	}
	text := strings.Join(shown, "\n")
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
