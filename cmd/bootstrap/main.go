// Command keep-bootstrap installs the provisioned providers of Keep in its PostgreSQL database.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"keep-bootstrap/internal/cli"
)

// version is set by the linker: -ldflags "-X main.version=1.2.3". Without it the build information is used.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	exit := cli.Main(ctx, cli.Environment{
		Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: version,
	})
	stop()
	os.Exit(exit)
}
