package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Direct is a connection whose CopyFrom takes one round trip, where pgx first asks the server for the columns' types in
// another one. Values are int32 for columns of type integer, string or *string for text. It sends COPY's binary format: when
// a COPY in another format ends early (a timeout, a cancelled run, a server that stops), the server writes the line that
// it was at into its log, and here that line holds secrets.
type Direct struct {
	*pgx.Conn
	// Rows, when given, replaces the rows that CopyFrom is called with. So the table and the columns come from the
	// query of sqlc, and the rows from a source that holds one row at a time.
	Rows pgx.CopyFromSource
}

// CopyFrom loads rows by COPY. It holds about 64 KiB of them at a time.
func (d Direct) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	if d.Rows != nil {
		rows = d.Rows
	}
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = pgx.Identifier{column}.Sanitize()
	}
	sql := "COPY " + table.Sanitize() + " (" + strings.Join(names, ", ") + ") FROM STDIN (FORMAT binary)"
	source := &copyBinary{rows: rows, buffer: []byte(copyHeader)}
	defer source.close()
	tag, err := d.PgConn().CopyFrom(ctx, source, sql)
	return tag.RowsAffected(), err
}

// copyBinary reads rows as COPY's binary format. The buffer has the header to begin with.
type copyBinary struct {
	// pgconn reads in a goroutine, and does not wait for it when the connection is lost.
	mutex   sync.Mutex
	closed  bool
	rows    pgx.CopyFromSource
	buffer  []byte
	unread  []byte
	started bool
	drained bool
}

// What stands before the rows: a signature, no flags, no extension. And after them: a row with -1 fields.
const (
	copyHeader  = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"
	copyTrailer = "\xff\xff"
)

// copyChunk is about how many bytes are prepared at a time.
const copyChunk = 64 << 10

// close returns when nobody reads rows any more. They belong to the caller again.
func (c *copyBinary) close() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.closed = true
}

func (c *copyBinary) Read(p []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed {
		return 0, io.ErrClosedPipe
	}
	if len(c.unread) == 0 {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

func (c *copyBinary) fill() error {
	if c.drained {
		return io.EOF
	}
	if c.started {
		c.buffer = c.buffer[:0]
	}
	c.started = true
	for len(c.buffer) < copyChunk {
		if !c.rows.Next() {
			c.drained = true
			c.buffer = append(c.buffer, copyTrailer...)
			break
		}
		values, err := c.rows.Values()
		if err != nil {
			return err
		}
		if err := c.row(values); err != nil {
			return err
		}
	}
	if err := c.rows.Err(); err != nil {
		return err
	}
	c.unread = c.buffer
	return nil
}

func (c *copyBinary) row(values []any) error {
	c.buffer = binary.BigEndian.AppendUint16(c.buffer, uint16(len(values)))
	for _, value := range values {
		switch v := value.(type) {
		case int32:
			c.buffer = binary.BigEndian.AppendUint32(c.buffer, 4)
			c.buffer = binary.BigEndian.AppendUint32(c.buffer, uint32(v))
		case string:
			c.text(v)
		case *string:
			if v == nil {
				c.buffer = binary.BigEndian.AppendUint32(c.buffer, math.MaxUint32) // -1 bytes: NULL
			} else {
				c.text(*v)
			}
		default:
			return fmt.Errorf("COPY: no binary form for a %T", value)
		}
	}
	return nil
}

func (c *copyBinary) text(text string) {
	c.buffer = binary.BigEndian.AppendUint32(c.buffer, uint32(len(text)))
	c.buffer = append(c.buffer, text...)
}
