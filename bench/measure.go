package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is what one run of a program cost its machine.
type process struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
	Memory  int64   `json:"memory_bytes"` // the most that was resident
}

// measure runs a command as a whole process. A small process of this program stands in between, because Linux counts the
// memory of the process that starts another as that one's.
func measure(ctx context.Context, env []string, command ...string) (process, error) {
	var p process
	self, err := os.Executable()
	if err != nil {
		return p, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return p, err
	}
	defer read.Close()
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, self, append([]string{"run-and-measure"}, command...)...)
	cmd.Env, cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = env, []*os.File{write}, io.Discard, &output
	err = cmd.Start()
	write.Close()
	if err != nil {
		return p, err
	}
	decodeErr := json.NewDecoder(read).Decode(&p)
	if err := cmd.Wait(); err != nil {
		return p, fmt.Errorf("%s: %w\n%s", command[0], err, tail(output.String()))
	}
	return p, decodeErr
}

func tail(text string) string { return text[max(0, len(text)-3000):] }

// runAndMeasure is the process in between: it reports through file 3.
func runAndMeasure(command []string) int {
	cmd := exec.CommandContext(context.Background(), command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	begin := time.Now()
	err := cmd.Run()
	seconds := time.Since(begin).Seconds()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	p := process{Seconds: seconds, CPU: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.Memory = usage.Maxrss * 1024
	}
	if err := json.NewEncoder(os.NewFile(3, "result")).Encode(p); err != nil {
		return 1
	}
	return 0
}
