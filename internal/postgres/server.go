package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// outcome is what a SQLSTATE means for the program.
type outcome struct {
	exit  int
	retry bool
	hint  string
}

// own are the errors that the routines of schema bootstrap raise (docs/design.md, "Error classes"). Message, detail and
// hint come from the routine.
var own = map[string]outcome{
	"KB001": {exit: ExitInput},
	"KB002": {exit: ExitUsage},
	"KB003": {exit: ExitUsage},
	"KB004": {exit: ExitRefused},
	"KB010": {exit: ExitUnavailable, retry: true},
	"KB011": {exit: ExitRefused},
	"KB012": {exit: ExitRefused},
	"KB013": {exit: ExitRefused},
	"KB020": {exit: ExitRefused},
	"KB021": {exit: ExitRefused},
	"KB022": {exit: ExitRefused},
	"KB023": {exit: ExitRefused},
	"KB024": {exit: ExitRefused},
	"KB025": {exit: ExitRefused},
	"KB026": {exit: ExitRefused},
	"KB027": {exit: ExitRefused},
	"KB028": {exit: ExitRefused},
	"KB029": {exit: ExitRefused},
	"KB030": {exit: ExitUnavailable, retry: true},
	"KB040": {exit: ExitTemporary, retry: true},
}

// foreign are SQLSTATEs of PostgreSQL itself that need more than their class says.
var foreign = map[string]outcome{
	"42501": {exit: ExitPermission, hint: "grant the missing privilege to the role, or run as the role that owns Keep's tables"},
	"25006": {exit: ExitUnavailable, retry: true, hint: "point the program at the primary server, or wait with --wait until this one is promoted"},
	"3D000": {exit: ExitUnavailable, retry: true, hint: "create the database, or wait for it with --wait"},
	"53300": {exit: ExitUnavailable, retry: true, hint: "the server has no free connection: run again later"},
	"57P03": {exit: ExitUnavailable, retry: true, hint: "the server is starting or recovering: wait for it with --wait"},
	"57P01": {exit: ExitTemporary, retry: true, hint: "the server ended the connection; nothing was written: run again"},
	"57P02": {exit: ExitTemporary, retry: true, hint: "the server crashed and restarts; nothing was written: run again"},
	"57P05": {exit: ExitTemporary, retry: true, hint: "the server ended the connection; nothing was written: run again"},
	"57014": {exit: ExitTemporary, retry: true, hint: "the statement was cancelled or took longer than statement_timeout; nothing was written: run again"},
	"25P03": {exit: ExitTemporary, retry: true, hint: "the connection was idle in a transaction for too long; nothing was written: run again"},
	"25P04": {exit: ExitTemporary, retry: true, hint: "the transaction took longer than transaction_timeout; nothing was written: run again"},
	"55P03": {exit: ExitTemporary, retry: true, hint: "another session holds a lock; nothing was written: run again"},
	"40001": {exit: ExitTemporary, retry: true, hint: "another transaction was faster; nothing was written: run again"},
	"40P01": {exit: ExitTemporary, retry: true, hint: "another transaction was faster; nothing was written: run again"},
}

// classes are the first two characters of a SQLSTATE.
var classes = map[string]outcome{
	"08": {exit: ExitTemporary, retry: true, hint: "the connection was lost; nothing was written: run again"},
	"28": {exit: ExitPermission, hint: "check user, password and pg_hba.conf"},
	"53": {exit: ExitTemporary, retry: true, hint: "the server is out of a resource; nothing was written: run again"},
	"KB": {exit: ExitRefused},
}

// IsOwn reports whether a SQLSTATE is one of ours: then message, detail and hint hold no secret and may be shown and
// stored.
func IsOwn(sqlstate string) bool {
	return len(sqlstate) == 5 && strings.HasPrefix(sqlstate, "KB")
}

// Is reports whether err is a server error with one of the SQLSTATEs.
func Is(err error, sqlstates ...string) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return false
	}
	for _, code := range sqlstates {
		if pgErr.Code == code {
			return true
		}
	}
	return false
}

func fromServer(err error) *Error {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return nil
	}
	e := &Error{Code: pgErr.Code, Message: pgErr.Message, ExitCode: ExitUnexpected}
	result, known := own[pgErr.Code]
	if !known {
		result, known = foreign[pgErr.Code]
	}
	if !known {
		result, known = classes[pgErr.Code[:min(2, len(pgErr.Code))]]
	}
	var connect *pgconn.ConnectError
	if pgErr.Code == "55000" && errors.As(err, &connect) {
		result, known = outcome{exit: ExitUnavailable, retry: true, hint: "somebody has closed the database to connections: wait for it with --wait"}, true
	}
	if known {
		e.ExitCode, e.Retry, e.Hint = result.exit, result.retry, result.hint
	}
	if IsOwn(pgErr.Code) {
		e.Detail, e.Hint = pgErr.Detail, pgErr.Hint
		return e
	}
	// The detail of a foreign error may quote rows ("Failing row contains ..."), and so may the message of class 22
	// ("invalid input syntax for type json"): neither is shown. What names an object is safe and helps.
	if strings.HasPrefix(pgErr.Code, "22") {
		e.Message = "the server refused a value (its message is not shown because it may quote a secret)"
	}
	if pgErr.Code == "25006" {
		e.Message = "this server is a standby, or read-only for this role or database: " + pgErr.Message
	}
	e.Detail = objects(pgErr)
	return e
}

// objects names the objects that a server error is about.
func objects(pgErr *pgconn.PgError) string {
	var parts []string
	add := func(kind, name string) {
		if name != "" {
			parts = append(parts, kind+" "+name)
		}
	}
	add("schema", pgErr.SchemaName)
	add("table", pgErr.TableName)
	add("column", pgErr.ColumnName)
	add("type", pgErr.DataTypeName)
	add("constraint", pgErr.ConstraintName)
	return strings.Join(parts, ", ")
}
