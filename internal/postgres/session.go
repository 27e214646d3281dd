package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Session is one connection that is opened when it is first needed, and opened again when it is gone.
type Session struct {
	Config *Config

	conn *pgx.Conn
}

// Connection returns the open connection, or opens one.
func (s *Session) Connection(ctx context.Context) (*pgx.Conn, error) {
	if conn := s.Open(); conn != nil {
		return conn, nil
	}
	conn, err := Connect(ctx, s.Config)
	if err != nil {
		return nil, err
	}
	s.conn = conn
	return conn, nil
}

// Open returns the connection if it is open, otherwise nil.
func (s *Session) Open() *pgx.Conn {
	if s.conn == nil || s.conn.IsClosed() {
		return nil
	}
	return s.conn
}

// Close ends the connection.
func (s *Session) Close(ctx context.Context) {
	if s.conn != nil {
		Close(ctx, s.conn)
		s.conn = nil
	}
}

// Rollback ends the transaction also when the context is over. If it fails the connection is broken, and then the server rolls back.
func Rollback(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = conn.Exec(ctx, "ROLLBACK")
}

// One reads the only row of a query in a batch.
func One[T any](into *T) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		value, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[T])
		if err == nil {
			*into = value
		}
		return err
	}
}

// All reads the rows of a query in a batch.
func All[T any](into *[]T) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		return err
	}
}
