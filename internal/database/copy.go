package database

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Direct is a connection whose CopyFrom takes one round trip, where pgx first asks the server for the columns' types in
// another one. It sends COPY's text format, which every type understands; values are int32, string or *string.
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
	sql := "COPY " + table.Sanitize() + " (" + strings.Join(names, ", ") + ") FROM STDIN"
	tag, err := d.PgConn().CopyFrom(ctx, &copyText{rows: rows}, sql)
	return tag.RowsAffected(), err
}

// copyText reads rows as COPY's text format.
type copyText struct {
	rows    pgx.CopyFromSource
	buffer  []byte
	unread  []byte
	drained bool
}

// copyChunk is about how many bytes are prepared at a time.
const copyChunk = 64 << 10

func (c *copyText) Read(p []byte) (int, error) {
	if len(c.unread) == 0 {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

func (c *copyText) fill() error {
	if c.drained {
		return io.EOF
	}
	c.buffer = c.buffer[:0]
	for len(c.buffer) < copyChunk {
		if !c.rows.Next() {
			c.drained = true
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
	if len(c.buffer) == 0 {
		return io.EOF
	}
	c.unread = c.buffer
	return nil
}

func (c *copyText) row(values []any) error {
	for i, value := range values {
		if i > 0 {
			c.buffer = append(c.buffer, '\t')
		}
		switch v := value.(type) {
		case int32:
			c.buffer = strconv.AppendInt(c.buffer, int64(v), 10)
		case string:
			c.buffer = appendCopyText(c.buffer, v)
		case *string:
			if v == nil {
				c.buffer = append(c.buffer, `\N`...)
			} else {
				c.buffer = appendCopyText(c.buffer, *v)
			}
		default:
			return fmt.Errorf("COPY: no text form for a %T", value)
		}
	}
	c.buffer = append(c.buffer, '\n')
	return nil
}

func appendCopyText(buffer []byte, text string) []byte {
	for {
		i := strings.IndexAny(text, "\\\t\n\r")
		if i < 0 {
			return append(buffer, text...)
		}
		buffer = append(buffer, text[:i]...)
		switch text[i] {
		case '\t':
			buffer = append(buffer, `\t`...)
		case '\n':
			buffer = append(buffer, `\n`...)
		case '\r':
			buffer = append(buffer, `\r`...)
		default:
			buffer = append(buffer, `\\`...)
		}
		text = text[i+1:]
	}
}
