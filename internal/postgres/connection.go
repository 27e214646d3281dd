package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// fromConnection maps errors that no server reported: it is not there, or the connection broke.
func fromConnection(err error) *Error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		// Its text masks passwords only as well as it can: nothing of it is repeated.
		return &Error{
			Code: CodeUsage, Message: "the database URL cannot be read", ExitCode: ExitUsage,
			Hint: "form: postgresql://user:password@host:port/database; write @ : / ? # % in a password as %40 %3A %2F %3F %23 %25",
		}
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return unreachable(connect)
	}
	if errors.Is(err, context.Canceled) {
		return &Error{
			Code: CodeInterrupted, Message: "interrupted", ExitCode: ExitTemporary, Retry: true,
			Hint: "nothing was written by the transaction that was open: run again",
		}
	}
	if lost(err) {
		return &Error{
			Code: CodeLost, Message: "the connection to the database was lost", ExitCode: ExitTemporary, Retry: true,
			Hint: "nothing was written by the transaction that was open: run again",
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeTimeout, Message: "the database did not answer in time", ExitCode: ExitTemporary, Retry: true}
	}
	return nil
}

// Interrupted is the error of a user's interrupt when ctx is over and err only says what became of the statement that was
// running: the server cancelled it, or the connection was given up. Any other error is returned unchanged.
func Interrupted(ctx context.Context, err error) error {
	var known *Error
	if err == nil || !errors.Is(context.Cause(ctx), context.Canceled) || errors.As(err, &known) || !Is(err, "57014") && !Lost(err) {
		return err
	}
	e := fromConnection(context.Canceled)
	e.Err = err
	return e
}

// lost reports whether the connection broke while it was in use.
func lost(err error) bool {
	var netErr net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &netErr) && !errors.Is(err, context.DeadlineExceeded)
}

// Lost reports whether err means that the connection is gone, so that nobody knows what became of a COMMIT under way.
func Lost(err error) bool {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return false // it never was there
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		// The server says good-bye with an error of its own before it closes the connection.
		return strings.HasPrefix(pgErr.Code, "57P") || strings.HasPrefix(pgErr.Code, "08")
	}
	return lost(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func unreachable(connect *pgconn.ConnectError) *Error {
	server := address(connect.Config)
	e := &Error{
		Code: CodeUnreachable, Message: "cannot connect to " + server + ": " + reason(connect),
		ExitCode: ExitUnavailable, Retry: true,
		Hint: "start the server or correct host and port; --wait waits for it",
	}
	if server == unknownServer {
		e.Hint = "check the database URL: in a password, @ : / ? # % must be written as %40 %3A %2F %3F %23 %25"
	}
	if errors.Is(connect, context.Canceled) {
		e.Code, e.Message, e.ExitCode, e.Hint = CodeInterrupted, "interrupted while connecting to "+server, ExitTemporary, ""
	}
	return e
}

const unknownServer = "the server of the database URL"

// address is host and port. A password with an @ or / that is not encoded ends up in host, port or database of a URL that
// parses all the same: then nothing of it is shown.
func address(config *pgconn.Config) string {
	switch {
	case config == nil, strings.ContainsAny(config.Host, "@:?#% ") && net.ParseIP(config.Host) == nil, strings.Contains(config.Database, "@"):
		return unknownServer
	case strings.HasPrefix(config.Host, "/"):
		return config.Host
	}
	return net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
}

// reason says why a connection failed in a few words, without the user, the database or anything else of the URL.
func reason(err error) string {
	var dns *net.DNSError
	var file *os.PathError
	switch {
	case errors.As(err, &dns):
		return "host name not found"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ENOENT):
		return "no such socket"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to host"
	case errors.As(err, &file):
		return "file not readable: " + file.Path
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		return "timed out"
	case strings.Contains(err.Error(), "refused TLS"):
		return "the server has no TLS, but sslmode asks for it"
	case strings.Contains(err.Error(), "tls") || strings.Contains(err.Error(), "x509"):
		return "TLS failed: the server's certificate does not fit"
	case lost(err):
		return "the server closed the connection"
	}
	return "no connection"
}
