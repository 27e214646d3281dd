package install

import (
	"context"
	"regexp"
	"time"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/postgres"
)

// sqlState tells the codes of the server from our own words (input, usage).
var sqlState = regexp.MustCompile(`^[0-9A-Z]{5}$`)

// codeUntrusted says that schema bootstrap, or something in it, belongs to another role.
const codeUntrusted = "KB013"

// RecordFailure writes a failed run into the journal, in a transaction of its own. It is best effort: without a
// connection or without schema bootstrap nothing is recorded, and its own errors are only logged. The message is stored
// for errors of our own routines, which hold no secret; of any other error only the SQLSTATE.
func (r *Run) RecordFailure(ctx context.Context, failure error) {
	e := postgres.From(failure)
	conn := r.Open()
	if conn == nil || !sqlState.MatchString(e.Code) || e.Code == codeUntrusted {
		return // not an error of the server, no way to tell it, or the routine that tells it could be someone else's
	}
	message := ""
	if postgres.IsOwn(e.Code) {
		message = e.Message
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := db.New(conn).RecordFailure(ctx, db.RecordFailureParams{
		TenantID: r.Tenant, ErrorCode: e.Code, ErrorMessage: message, ToolVersion: r.Options.ToolVersion,
	})
	if err != nil {
		r.Log.Debug("the failure was not recorded", "because", postgres.From(err).Message)
	}
}
