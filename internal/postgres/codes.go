package postgres

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
)

// meaning is what a failure means for the program.
type meaning struct {
	exit  int
	again bool   // the whole transaction is repeated at once: another session was in the way
	wait  bool   // --wait waits: the failure may be temporary
	hint  string // the next step
}

// retry reports whether the same run can succeed later without any change.
func (m meaning) retry() bool { return m.exit == ExitUnavailable || m.exit == ExitTemporary }

const (
	nothingWritten = "nothing was written by the transaction that was open: run again"
	badOptions     = "correct options in the connection string, or PGOPTIONS"
	conflict       = "conflict with a concurrent transaction; nothing was written, run again"
)

// meanings is the one table of failures: by SQLSTATE, by class (the first two characters of a SQLSTATE), or by code of
// this program. Message, detail and hint of class KB come from the routine that raised it (docs/errors.md).
var meanings = map[string]meaning{
	"KB":    {exit: ExitRefused},
	"KB001": {exit: ExitInput},
	"KB002": {exit: ExitUsage},
	"KB003": {exit: ExitUsage},
	"KB010": {exit: ExitUnavailable, wait: true},
	"KB011": {exit: ExitRefused, wait: true},
	"KB030": {exit: ExitUnavailable, wait: true},
	"KB040": {exit: ExitTemporary, again: true},

	CodeUsage:       {exit: ExitUsage},
	CodeNoSource:    {exit: ExitUsage},
	CodeInput:       {exit: ExitInput},
	CodeOldProgram:  {exit: ExitRefused},
	CodeVerify:      {exit: ExitRefused},
	CodeForbidden:   {exit: ExitPermission},
	CodeSecrets:     {exit: ExitRefused},
	CodeFleet:       {exit: ExitRefused},
	CodeLocal:       {exit: ExitUnavailable},
	CodeUnreachable: {exit: ExitUnavailable, wait: true, hint: "start the server or correct host and port; --wait waits for it"},
	CodeLost:        {exit: ExitTemporary, wait: true, hint: nothingWritten},
	CodeInterrupted: {exit: ExitTemporary, hint: nothingWritten},
	CodeUnknown:     {exit: ExitTemporary},
	CodeTimeout:     {exit: ExitTemporary},
	CodeNoSchema:    {exit: ExitUnavailable, wait: true},
	CodeOldSchema:   {exit: ExitRefused},
	CodeKeepAway:    {exit: ExitUnavailable, wait: true, hint: "start Keep or correct --keep-url; --wait waits for it"},
	CodeKeepRefused: {exit: ExitRefused},
	CodeWebhookKey:  {exit: ExitRefused},
	CodeIncomplete:  {exit: ExitTemporary, hint: "run activate again later: Keep may still be working on the last call"},
	CodeNotActive:   {exit: ExitRefused, hint: "correct what each line says, then run activate again"},

	// Another session is in the way.
	pgerrcode.LockNotAvailable:     {exit: ExitTemporary, again: true, hint: "another session holds a lock; nothing was written, run again"},
	pgerrcode.SerializationFailure: {exit: ExitTemporary, again: true, hint: conflict},
	pgerrcode.DeadlockDetected:     {exit: ExitTemporary, again: true, hint: conflict},

	// The server is not ready.
	pgerrcode.CannotConnectNow:                          {exit: ExitUnavailable, wait: true, hint: "wait for it with --wait: the server is starting or recovering"},
	pgerrcode.TooManyConnections:                        {exit: ExitUnavailable, wait: true, hint: "run again later: the server has no free connection"},
	pgerrcode.InvalidCatalogName:                        {exit: ExitUnavailable, wait: true, hint: "create the database, or wait for it with --wait"},
	pgerrcode.ReadOnlySQLTransaction:                    {exit: ExitUnavailable, wait: true, hint: "point the program at the primary server, or wait with --wait until this one is promoted"},
	pgerrcode.AdminShutdown:                             {exit: ExitTemporary, wait: true, hint: "the server ended the connection; nothing was written, run again"},
	pgerrcode.CrashShutdown:                             {exit: ExitTemporary, wait: true, hint: "the server crashed and is restarting; nothing was written, run again"},
	pgerrcode.IdleSessionTimeout:                        {exit: ExitTemporary, hint: "the server ended the connection; nothing was written, run again"},
	pgerrcode.ObjectNotInPrerequisiteState + connecting: {exit: ExitUnavailable, wait: true, hint: "wait for it with --wait: the database is closed to connections"},

	// A limit ended the transaction.
	pgerrcode.QueryCanceled:                   {exit: ExitTemporary, hint: "the statement was cancelled or took longer than statement_timeout; nothing was written, run again"},
	pgerrcode.IdleInTransactionSessionTimeout: {exit: ExitTemporary, hint: "the connection was idle in a transaction for too long; nothing was written, run again"},
	"25P04": {exit: ExitTemporary, hint: "the transaction took longer than transaction_timeout; nothing was written, run again"}, // pgerrcode lacks it
	"53":    {exit: ExitTemporary, hint: "the server is out of a resource; nothing was written, run again"},

	// The role.
	pgerrcode.InsufficientPrivilege:              {exit: ExitPermission, hint: "grant the missing privilege to the role, or run as the role that owns Keep's tables"},
	pgerrcode.InsufficientPrivilege + connecting: {exit: ExitPermission, hint: "grant CONNECT on the database to the role"},
	pgerrcode.InvalidPassword:                    {exit: ExitPermission, hint: "correct the password of the role"},
	"28":                                         {exit: ExitPermission, hint: "check the role, and the lines of pg_hba.conf for it"},

	// Files of the server.
	pgerrcode.UndefinedFile: {exit: ExitUnexpected, hint: "restart PostgreSQL: one of its files is missing, for example after a package upgrade"},

	// A setting in the connection string.
	"22" + connecting:                             {exit: ExitUsage, hint: badOptions},
	pgerrcode.UndefinedObject + connecting:        {exit: ExitUsage, hint: badOptions},
	pgerrcode.CantChangeRuntimeParam + connecting: {exit: ExitUsage, hint: badOptions},
	pgerrcode.SyntaxError + connecting:            {exit: ExitUsage, hint: badOptions},

	pgerrcode.AdminShutdown + connecting: {exit: ExitUnavailable, wait: true, hint: "wait for it with --wait: the server is stopping"},
	pgerrcode.CrashShutdown + connecting: {exit: ExitUnavailable, wait: true, hint: "wait for it with --wait: the server is restarting"},

	// Class 08 is a lost connection when it comes in the middle, and a refusal before the connection is ready.
	"08":                                     {exit: ExitTemporary, wait: true, hint: "the connection was lost; nothing was written, run again"},
	"08" + connecting:                        {exit: ExitUnavailable, wait: true, hint: "see the log of the server or pooler"},
	pgerrcode.ProtocolViolation + connecting: {exit: ExitRefused, hint: "see the log of the server or pooler, which refuses this connection, or connect to PostgreSQL directly"},
}

// connecting marks the meaning of a SQLSTATE, or a class, before the connection is ready.
const connecting = " while connecting"

// poolerAnswers are texts of pgbouncer, which has one SQLSTATE for nearly all: 08P01. The first that is found counts.
var poolerAnswers = []struct {
	text string
	meaning
}{
	{"unsupported startup parameter", meaning{exit: ExitUsage, hint: "add the parameter to ignore_startup_parameters of the pooler, or remove it from the URL (or PGOPTIONS)"}},
	{"statement pooling mode", meaning{exit: ExitRefused, hint: "set pool_mode = transaction (or session) for this database in the pooler"}},
	{"server login", meaning{exit: ExitUnavailable, wait: true, hint: "check the server and the users of the pooler: the pooler cannot log in to PostgreSQL"}},
	{"cannot connect to server", meaning{exit: ExitUnavailable, wait: true, hint: "check the server: the pooler does not reach PostgreSQL"}},
	{"no such database", meaning{exit: ExitUnavailable, wait: true, hint: "add the database to the pooler, or correct its name"}},
	{"no such user", meaning{exit: ExitPermission, hint: "add the role to the users of the pooler"}},
	{"auth failed", meaning{exit: ExitPermission, hint: "correct role and password, or the users of the pooler"}},
	{"no more connections", meaning{exit: ExitUnavailable, wait: true, hint: "run again later: the pooler has no free connection"}},
	{"query_wait_timeout", meaning{exit: ExitUnavailable, wait: true, hint: "run again later: the pooler has no free connection"}},
	{"shutting down", meaning{exit: ExitUnavailable, wait: true, hint: "wait with --wait: the pooler is restarting"}},
	{"paused", meaning{exit: ExitUnavailable, wait: true, hint: "wait with --wait: the database is paused in the pooler"}},
	{"disabled", meaning{exit: ExitUnavailable, wait: true, hint: "wait with --wait: the database is disabled in the pooler"}},
}

// meaningOf looks up the failure err of a code. Unknown ones end with exit code 1.
func meaningOf(err error, code string) meaning {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		if answer, ok := poolerAnswer(pgErr); ok {
			return answer
		}
		code = pgErr.Code
	}
	class := code[:min(2, len(code))]
	keys := []string{code, class}
	if neverConnected(err) {
		keys = []string{code + connecting, code, class + connecting, class}
	}
	for _, key := range keys {
		if m, ok := meanings[key]; ok {
			return m
		}
	}
	return meaning{exit: ExitUnexpected}
}

func poolerAnswer(pgErr *pgconn.PgError) (meaning, bool) {
	if pgErr.Code == pgerrcode.ProtocolViolation {
		for _, answer := range poolerAnswers {
			if strings.Contains(pgErr.Message, answer.text) {
				return answer.meaning, true
			}
		}
	}
	return meaning{}, false
}

// IsOwn reports whether a SQLSTATE is of class KB: then message, detail and hint hold no secret and may be shown and
// stored.
func IsOwn(sqlstate string) bool {
	return len(sqlstate) == 5 && strings.HasPrefix(sqlstate, "KB")
}

// Is reports whether err is a server error with one of the SQLSTATEs.
func Is(err error, sqlstates ...string) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains(sqlstates, pgErr.Code)
}

// Conflict reports whether another session was in the way: the transaction wrote nothing, and may be repeated at once.
func Conflict(err error) bool {
	return err != nil && meaningOf(err, From(err).Code).again
}

// fromServer maps an error that the server sent.
func fromServer(err error) *Error {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return nil
	}
	m := meaningOf(err, pgErr.Code)
	e := &Error{Code: pgErr.Code, Message: pgErr.Message, Hint: m.hint, ExitCode: m.exit, Retry: m.retry()}
	if IsOwn(pgErr.Code) {
		e.Detail, e.Hint = pgErr.Detail, pgErr.Hint
		return e
	}
	// The detail of a foreign error may quote rows ("Failing row contains ..."), and so may some messages: class 22
	// ("invalid input syntax for type json"), and whatever other routines raise. What names an object is safe.
	switch {
	case strings.HasPrefix(pgErr.Where, "PL/pgSQL function bootstrap._reraise("): // our own text
	case strings.HasPrefix(pgErr.Code, "22") && !neverConnected(err):
		e.Message = "the server refused a value (its message is not shown because it may quote a secret)"
	case raisedByOthers(pgErr):
		e.Message = "a trigger or function outside of keep-bootstrap raised an error (its message is not shown because it may quote a secret)"
	case pgErr.Code == pgerrcode.ReadOnlySQLTransaction:
		e.Message = "this server is a standby, or read-only for this role or database: " + pgErr.Message
	}
	e.Detail = objects(pgErr)
	return e
}

// raisedIn finds the function at the top of the call stack.
var raisedIn = regexp.MustCompile(`^PL/pgSQL \S+ (\S+\([^()]*\)) `)

// inMigration matches a call stack that is a DO block alone, as in our migrations. One that a trigger executes has more.
var inMigration = regexp.MustCompile(`^PL/pgSQL \S+ inline_code_block [^\n]*$`)

// raisedByOthers reports whether the error has a text of a RAISE or ASSERT that is not one of schema bootstrap's.
func raisedByOthers(pgErr *pgconn.PgError) bool {
	raised := pgErr.Routine == "exec_stmt_raise" || pgErr.Code == pgerrcode.RaiseException || pgErr.Code == pgerrcode.AssertFailure
	found := raisedIn.FindStringSubmatch(pgErr.Where)
	return raised && !inMigration.MatchString(pgErr.Where) && (found == nil || !strings.HasPrefix(found[1], "bootstrap."))
}

// objects names the objects that a server error is about.
func objects(pgErr *pgconn.PgError) string {
	var function string
	if found := raisedIn.FindStringSubmatch(pgErr.Where); found != nil && raisedByOthers(pgErr) {
		function = found[1]
	}
	var parts []string
	for _, object := range [][2]string{
		{"schema ", pgErr.SchemaName},
		{"table ", pgErr.TableName},
		{"column ", pgErr.ColumnName},
		{"type ", pgErr.DataTypeName},
		{"constraint ", pgErr.ConstraintName},
		{"function ", function},
	} {
		if object[1] != "" {
			parts = append(parts, object[0]+object[1])
		}
	}
	return strings.Join(parts, ", ")
}
