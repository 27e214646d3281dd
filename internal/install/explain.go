package install

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

// explain adds to an error that says the manifest has problems (KB001) what they are, and where in the input. The transaction that
// failed is over: the manifest is staged again, and read back as rows; with prepare, in the schema that the transaction installs.
// Other errors are returned as they are.
func (r *Run) explain(ctx context.Context, conn *pgx.Conn, prepare bool, failure error) error {
	if !postgres.Is(failure, "KB001") {
		return encodable(conn, failure)
	}
	if _, _, err := r.open(ctx, conn, prepare); err != nil {
		postgres.Rollback(ctx, conn)
		return failure // without the rows, the first hundred are in its detail
	}
	defer postgres.Rollback(ctx, conn)
	if err := r.stage(ctx, conn); err != nil {
		return failure
	}
	rows, err := db.New(conn).Problems(ctx, r.Options.document())
	if err != nil || len(rows) == 0 {
		return failure
	}
	problems := &manifest.Problems{Total: len(rows)}
	for _, row := range rows[:min(len(rows), manifest.MaxProblems)] {
		problem := manifest.Problem{Code: "catalogue", Message: row.Problem, Position: r.position(row.Kind, int(row.Position))}
		name := ""
		if row.Name != nil {
			name = *row.Name
		}
		if row.Kind == manifest.KindProvider {
			problem.Provider = name
		} else {
			problem.Kind, problem.Name = row.Kind, name
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

// encodable names database and encoding when the server could not convert a text of the manifest; any other error is returned as it is.
func encodable(conn *pgx.Conn, err error) error {
	if !postgres.Is(err, pgerrcode.UntranslatableCharacter) {
		return err
	}
	return &postgres.Error{
		Code: "KB014", ExitCode: postgres.ExitRefused, Err: err,
		Message: fmt.Sprintf("database %q has the encoding %s, which cannot hold a text of the manifest", conn.Config().Database, conn.PgConn().ParameterStatus("server_encoding")),
		Hint:    "use a database with the encoding UTF8, or remove the characters that this one lacks",
	}
}
