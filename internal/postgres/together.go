package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/db"
)

// A Query sends exactly one statement through its connection, as the functions of sqlc do, and keeps the result.
type Query func(ctx context.Context, conn db.DBTX) error

// Statement is a Query without a result.
func Statement(sql string) Query {
	return func(ctx context.Context, conn db.DBTX) error {
		_, err := conn.Exec(ctx, sql)
		return err
	}
}

// Together sends queries in one round trip. Each is called twice: first to learn its statement, then, when the answers
// are there, to read its own. The server runs them in order and skips all after the first that fails, so a COMMIT at the
// end is only reached when everything before it went well; queries before the failed one have kept their results.
//
// The error is that of the first query that failed, unchanged. A query that returns nil although its statement failed has
// judged the failure: it is not returned, but what comes after it was skipped all the same.
func Together(ctx context.Context, conn *pgx.Conn, queries ...Query) (err error) {
	var batch pgx.Batch
	for _, query := range queries {
		var r recorder
		if err := query(ctx, &r); !errors.Is(err, errRecorded) {
			return fmt.Errorf("a query was not sent: %w", err)
		}
		batch.Queue(r.sql, r.args...)
	}
	answers := &replay{results: conn.SendBatch(ctx, &batch)}
	defer func() {
		// Close repeats the error of a statement; of its own it has what comes at the very end, as a lost connection.
		if closeErr := answers.results.Close(); err == nil && !answers.failed {
			err = closeErr
		}
	}()
	for _, query := range queries {
		if err := query(ctx, answers); err != nil {
			return err
		}
		if answers.failed {
			return nil
		}
	}
	return nil
}

var errRecorded = errors.New("recorded")

var errOneStatement = errors.New("COPY cannot share a round trip")

// recorder takes down the statement of a query.
type recorder struct {
	sql  string
	args []any
}

func (r *recorder) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	r.sql, r.args = sql, args
	return pgconn.CommandTag{}, errRecorded
}

func (r *recorder) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	r.sql, r.args = sql, args
	return nil, errRecorded
}

func (r *recorder) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	r.sql, r.args = sql, args
	return recordedRow{}
}

func (r *recorder) CopyFrom(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error) {
	return 0, errOneStatement
}

type recordedRow struct{}

func (recordedRow) Scan(...any) error { return errRecorded }

// replay hands a query the answer to the statement that it sent earlier, and notes whether that is an error.
type replay struct {
	results pgx.BatchResults
	failed  bool
}

func (r *replay) note(err error) error {
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		r.failed = true
	}
	return err
}

func (r *replay) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	tag, err := r.results.Exec()
	return tag, r.note(err)
}

func (r *replay) Query(context.Context, string, ...any) (pgx.Rows, error) {
	rows, err := r.results.Query()
	return replayRows{rows, r}, r.note(err)
}

func (r *replay) QueryRow(context.Context, string, ...any) pgx.Row {
	return replayRow{r.results.QueryRow(), r}
}

func (r *replay) CopyFrom(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error) {
	return 0, errOneStatement
}

type replayRows struct {
	pgx.Rows
	answers *replay
}

func (r replayRows) Err() error { return r.answers.note(r.Rows.Err()) }

type replayRow struct {
	row     pgx.Row
	answers *replay
}

func (r replayRow) Scan(into ...any) error { return r.answers.note(r.row.Scan(into...)) }
