package postgres

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// fromConnection maps errors that no server reported: the connection broke.
func fromConnection(err error) *Error {
	var code, message string
	switch {
	case errors.Is(err, context.Canceled):
		code, message = CodeInterrupted, "interrupted"
	case errors.Is(err, errStalled):
		code, message = CodeLost, errStalled.Error()
	case lost(err):
		code, message = CodeLost, "the connection to the database was lost"
	case errors.Is(err, context.DeadlineExceeded):
		code, message = CodeTimeout, "the database did not answer in time"
	default:
		return nil
	}
	return New(code, message, "")
}

// Interrupted is the error of a user's interrupt when ctx is over and err only says what became of the statement that was
// running: the server cancelled it, or the connection was given up. Any other error is returned unchanged.
func Interrupted(ctx context.Context, err error) error {
	var known *Error
	if err == nil || !errors.Is(context.Cause(ctx), context.Canceled) || errors.As(err, &known) || !Is(err, pgerrcode.QueryCanceled) && !Lost(err) {
		return err
	}
	e := fromConnection(context.Canceled)
	e.Err = err
	return e
}

// lost reports whether the connection broke while it was in use.
func lost(err error) bool {
	var netErr net.Error
	return errors.Is(err, errStalled) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &netErr) && !errors.Is(err, context.DeadlineExceeded)
}

// Lost reports whether err means that the connection is gone, so that the outcome of a COMMIT in progress is unknown.
func Lost(err error) bool {
	if neverConnected(err) {
		return false
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		// The server says good-bye with an error of its own before it closes the connection. A pooler's refusal is not one.
		_, refusal := poolerAnswer(pgErr)
		return !refusal && (strings.HasPrefix(pgErr.Code, "57P") || strings.HasPrefix(pgErr.Code, "08"))
	}
	return lost(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// notConnected is the error of an attempt to connect.
type notConnected struct{ error }

func (e notConnected) Unwrap() error { return e.error }

// neverConnected reports whether err says that there was no connection.
func neverConnected(err error) bool {
	_, ok := errors.AsType[notConnected](err)
	return ok
}

// lastAttempt picks, of several attempts at one host (addresses, with TLS and without), the error that counts: the last,
// but not that the server has no TLS, or that no time was left, when there is another.
func lastAttempt(err error) error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if attempts, ok := e.(interface{ Unwrap() []error }); ok {
			list := attempts.Unwrap()
			for _, attempt := range slices.Backward(list) {
				if !refusedTLS(attempt) && !(strings.Contains(attempt.Error(), "dial error") && errors.Is(attempt, context.DeadlineExceeded)) {
					return notConnected{attempt}
				}
			}
			return notConnected{list[len(list)-1]}
		}
	}
	return notConnected{err}
}

func refusedTLS(err error) bool {
	return strings.Contains(err.Error(), "server refused TLS connection")
}

// failure is why one host was not connected to.
type failure struct {
	config *pgx.ConnConfig
	err    error
}

// unreachable is the error after the last host. Code, exit code and hint are those of the last failure.
func (c *Config) unreachable(failures []failure) *Error {
	var e *Error
	var reasons []string
	for _, f := range failures {
		e = f.explain()
		reasons = append(reasons, address(f.config)+": "+e.Message)
	}
	last := failures[len(failures)-1]
	e.Err = last.err
	switch {
	case c.hidden:
		e.Message, e.Hint = "cannot connect to the server of the database URL", passwordHint
		return e
	case e.Code == pgerrcode.InvalidPassword && last.config.Password == "":
		e.Hint = "no password was given: set it in the URL, in PGPASSWORD, or in the password file"
	case unfit(last.err):
		e.Hint = "no server matches target_session_attrs=" + c.attributes + ": add one that does, or wait for one with --wait"
	}
	e.Message = fmt.Sprintf("cannot connect to database %q as role %q at %s",
		cmp.Or(c.Database, c.User), c.User, strings.Join(reasons, "; "))
	return e
}

// address is host and port, or the socket.
func address(config *pgx.ConnConfig) string {
	network, name := pgconn.NetworkAddress(config.Host, config.Port)
	if network == "unix" {
		return "socket " + name
	}
	return name
}

// unfit reports whether the server is not one that target_session_attrs asks for.
func unfit(err error) bool {
	return errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, pgconn.ErrReadWriteConnection) ||
		errors.Is(err, pgconn.ErrPrimaryConnection) || errors.Is(err, pgconn.ErrStandbyConnection)
}

const (
	checkAddress = "check host and port, firewall and network policies; --wait waits"
	checkPeer    = "check the port, and any proxy or load balancer: something other than PostgreSQL may listen there"
)

// Innermost is the text of the first cause of an error; those around it repeat addresses.
func Innermost(err error) string {
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err.Error()
}

// explain says in a few words why a host was not connected to, without a secret.
func (f failure) explain() *Error {
	if e := fromServer(f.err); e != nil {
		return e
	}
	if errors.Is(f.err, context.Canceled) {
		return fromConnection(context.Canceled)
	}
	var (
		dns      *net.DNSError
		hostname x509.HostnameError
		timeout  net.Error
	)
	err, text := f.err, f.err.Error()
	innermost := Innermost(err)
	contains := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case errors.As(err, &dns) && dns.IsTimeout:
		return New(CodeUnreachable, "the name server did not answer", checkAddress)
	case errors.As(err, &dns):
		return New(CodeUnreachable, "host name not found",
			"correct the host name, or wait with --wait until it resolves")
	case errors.Is(err, syscall.ECONNREFUSED):
		return New(CodeUnreachable, "connection refused", "")
	case errors.Is(err, syscall.ENOENT):
		return New(CodeUnreachable, "the socket does not exist",
			"start the server, or correct directory and port; --wait waits for it")
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return denied("permission denied", "allow this user to use the socket or the network")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return New(CodeUnreachable, "no route to host", checkAddress)
	case unfit(err):
		return New(CodeUnreachable, innermost, "")
	case refusedTLS(err):
		return New(CodeUnreachable, "the server has no TLS, but sslmode asks for it",
			"enable TLS on the server, or set sslmode=disable on a network that you trust")
	case errors.As(err, &hostname):
		return New(CodeUnreachable, "TLS failed: the certificate of the server is not for this host",
			"use a host name of the certificate, or sslmode=verify-ca")
	case contains("tls: "), contains("x509: "):
		return New(CodeUnreachable, "TLS failed: "+innermost,
			"check sslrootcert, the certificate of the server, the clocks, and the versions of TLS that both sides allow")
	case contains("require_auth check failed"):
		return denied(innermost, "change require_auth, or the method in pg_hba.conf")
	case contains("channel binding"):
		return denied(innermost, "channel_binding=require needs TLS and a password of type scram-sha-256")
	case contains("sslcertmode check failed"):
		return denied(innermost, "sslcertmode=require needs a server that asks for a certificate, and sslcert")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		if contains("dial error") {
			return New(CodeUnreachable, "timed out", checkAddress)
		}
		return New(CodeUnreachable, "connected, but no answer in time", checkPeer)
	case lost(err):
		return New(CodeUnreachable, "the server closed the connection", checkPeer)
	}
	return New(CodeUnreachable, innermost, checkPeer)
}

// denied is the error of a connection that somebody has to allow.
func denied(text, hint string) *Error {
	e := New(CodeUnreachable, text, hint)
	e.ExitCode, e.Retry = ExitPermission, false
	return e
}

const passwordHint = "use the form postgresql://user:password@host:port/database, and write @ : / ? # % in a password as %40 %3A %2F %3F %23 %25"

// unsplittable is the error of a connection string whose parts cannot be told apart. Nothing of it is shown.
func (s Source) unsplittable() error {
	return Usage(s.Origin+": the database URL cannot be read", passwordHint)
}

// refuse completes the error of a connection string.
func (s Source) refuse(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	if parse, ok := errors.AsType[*pgconn.ParseConfigError](err); ok {
		// Its own text quotes the connection string, that of its cause only what is wrong.
		err = cmp.Or(errors.Unwrap(parse), errors.New("the connection parameters contradict each other"))
	}
	return Usage(s.Origin+": "+err.Error(), "")
}
