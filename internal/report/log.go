package report

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// NewLog returns a log of lines for people: the message and its attributes, without time and level.
func NewLog(out io.Writer) *slog.Logger { return slog.New(&textHandler{out: out}) }

type textHandler struct {
	out  io.Writer
	lock sync.Mutex
}

func (h *textHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

func (h *textHandler) Handle(_ context.Context, record slog.Record) error {
	var line strings.Builder
	if record.Level >= slog.LevelWarn {
		line.WriteString(strings.ToLower(record.Level.String()) + ": ")
	}
	line.WriteString(record.Message)
	record.Attrs(func(attr slog.Attr) bool {
		value := attr.Value.Resolve().String()
		if value == "" || strings.ContainsAny(value, " \"=") || Line(value) != value {
			value = fmt.Sprintf("%q", value)
		}
		fmt.Fprintf(&line, " %s=%s", attr.Key, value)
		return true
	})
	line.WriteByte('\n')
	h.lock.Lock()
	defer h.lock.Unlock()
	_, err := io.WriteString(h.out, line.String())
	return err
}

// WithAttrs and WithGroup are not used: every attribute is given with its message.

func (h *textHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h *textHandler) WithGroup(string) slog.Handler { return h }
