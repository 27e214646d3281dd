package postgres

import (
	"cmp"
	"errors"
	"strings"
)

// Exit codes of the program. They are part of its contract: an init container or a CI job decides by them.
const (
	ExitOK          = 0
	ExitUnexpected  = 1
	ExitChanges     = 2  // plan --detailed-exitcode: there are changes
	ExitUsage       = 64 // wrong flags, no source, a database URL that cannot be read
	ExitInput       = 65 // the manifest is not valid
	ExitUnavailable = 69 // database or Keep's schema not there (in time); a retry can help
	ExitTemporary   = 75 // lock timeout, serialization failure, connection lost before COMMIT; a retry can help
	ExitPermission  = 77 // wrong password, missing privilege
	ExitRefused     = 78 // a guard refused, or the schema does not fit
)

// Codes of errors that have no SQLSTATE.
const (
	CodeUsage       = "usage"
	CodeNoSource    = "no-source"
	CodeInput       = "input"
	CodeUnreachable = "unreachable"
	CodeLost        = "connection-lost"
	CodeUnknown     = "commit-unknown"
	CodeInterrupted = "interrupted"
	CodeTimeout     = "timeout"
	CodeNoSchema    = "no-schema"
	CodeOldSchema   = "old-schema"
	CodeOldProgram  = "old-program"
	CodeVerify      = "verify"
	CodeForbidden   = "forbidden" // by the API of Kubernetes
	CodeSecrets     = "secrets"   // import-secrets could not copy all of them
	CodeFleet       = "fleet"     // fleet-report: not every database is done
	CodeOutput      = "output"    // the result cannot be written
	CodeLocal       = "local"     // the local PostgreSQL does not run
	CodeUnexpected  = "unexpected"

	CodeKeepAway    = "keep-unavailable"      // Keep does not answer, or its database is gone
	CodeKeepRefused = "keep-refused"          // Keep refuses the key, or is another Keep
	CodeWebhookKey  = "webhook-key"           // the API key that Keep gives to outside systems does not work
	CodeIncomplete  = "activation-incomplete" // some calls were not answered
	CodeNotActive   = "activation-refused"    // some calls were refused
)

// Error is an error as users see it.
type Error struct {
	Code     string `json:"code"`             // SQLSTATE, or one of the Code constants
	Message  string `json:"message"`          // one sentence, lower case, no secret
	Detail   string `json:"detail,omitempty"` // several lines are possible; only from errors that are known to hold no data
	Hint     string `json:"hint,omitempty"`   // the next step
	File     string `json:"file,omitempty"`   // migration or input file, where known
	Line     int    `json:"line,omitempty"`   // counted from 1
	Column   int    `json:"column,omitempty"` // counted from 1, in characters
	ExitCode int    `json:"exit_code"`
	Retry    bool   `json:"retry"` // the same run can succeed later without any change
	Err      error  `json:"-"`     // cause; never printed
}

// Error returns code and message. It holds no secret.
func (e *Error) Error() string {
	return e.Code + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New is an error with the exit code of its code, and with the hint of its code if there is no other one.
func New(code, message, hint string, causes ...error) *Error {
	m := meaningOf(nil, code)
	return &Error{
		Code: code, Message: message, Hint: cmp.Or(hint, m.hint), ExitCode: m.exit, Retry: m.retry(),
		Err: errors.Join(causes...),
	}
}

// Usage is an error in flags or variables: exit code 64.
func Usage(message, hint string) *Error { return New(CodeUsage, message, hint) }

// From maps any error. An *Error anywhere in the chain is returned as it is. Errors that are unknown become code
// "unexpected", exit code 1.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	e := cmp.Or(fromServer(err), fromConnection(err))
	if e == nil {
		e = New(CodeUnexpected, strings.TrimSpace(err.Error()), "")
	}
	e.Err = err
	return e
}
