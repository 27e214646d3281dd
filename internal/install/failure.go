package install

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

// explain adds to an error that says the manifest has problems (KB001) what they are, and where in the input. The
// transaction that failed is over: the manifest is staged again, and read back as rows; with prepare, in the schema
// that the transaction installs. Other errors are returned as they are.
func (r *Run) explain(ctx context.Context, prepare bool, failure error) error {
	if !postgres.Is(failure, "KB001") {
		return failure
	}
	var rows []db.ManifestProblem
	_, err := r.try(ctx, transaction{
		prepare: prepare, dry: true, stage: stagedRows(r.Manifest),
		queue: func(batch *pgx.Batch) {
			batch.Queue(db.Problems, r.Options.document()).Query(postgres.All(&rows))
		},
	})
	if err != nil || len(rows) == 0 {
		return failure // without the rows, the first hundred are in its detail
	}
	problems := &manifest.Problems{Total: len(rows)}
	for _, row := range rows[:min(len(rows), manifest.MaxProblems)] {
		problem := manifest.Problem{Code: "catalogue", Message: row.Problem, Position: r.position(row.Kind, int(row.Position))}
		if row.Kind == manifest.KindProvider {
			problem.Provider = text(row.Name)
		} else {
			problem.Kind, problem.Name = row.Kind, text(row.Name)
		}
		problems.List = append(problems.List, problem)
	}
	e := *postgres.From(failure)
	e.Detail, e.Err = "", errors.Join(problems, failure)
	return &e
}

// position is where the input has an object of a kind, by its position in the kind, from 1.
func (r *Run) position(kind string, position int) manifest.Position {
	if providers := r.Manifest.Providers; kind == manifest.KindProvider && position > 0 && position <= len(providers) {
		return providers[position-1].Source
	}
	for _, resource := range r.Manifest.Resources {
		if resource.Kind == kind {
			if position--; position == 0 {
				return resource.Source
			}
		}
	}
	return manifest.Position{}
}

// encodable names database and encoding when the server could not convert a text of the manifest. Any other error is
// returned as it is.
func encodable(conn *pgx.Conn, err error) error {
	if !postgres.Is(err, pgerrcode.UntranslatableCharacter) {
		return err
	}
	message := fmt.Sprintf("database %q has the encoding %s, which cannot hold a text of the manifest",
		conn.Config().Database, conn.PgConn().ParameterStatus("server_encoding"))
	return postgres.New("KB014", message,
		"use a database with the encoding UTF8, or remove the characters that this one lacks", err)
}

// sqlState tells the codes of the server from our own words (input, usage).
var sqlState = regexp.MustCompile(`^[0-9A-Z]{5}$`)

// RecordFailure writes a failed run into the journal, in a transaction of its own. It is best effort: without a
// connection or without schema bootstrap nothing is recorded, and its own errors are only logged. The message is stored
// for errors of our own routines, which hold no secret; of any other error only the SQLSTATE.
func (r *Run) RecordFailure(ctx context.Context, failure error) {
	e := postgres.From(failure)
	conn := r.Open()
	if conn == nil || !sqlState.MatchString(e.Code) || e.Code == "KB013" {
		return // not an error of the server, no way to record it, or the routine that records it could be someone else's
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
