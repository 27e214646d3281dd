package report

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// NewLog returns a log of lines for people, without time and level.
func NewLog(out io.Writer) *slog.Logger {
	return slog.New(&textHandler{out: out, lock: new(sync.Mutex)})
}

// textHandler writes one line per record: the message and its attributes, without time and level, as a person at a
// terminal reads it.
type textHandler struct {
	out   io.Writer
	lock  *sync.Mutex
	attrs []slog.Attr
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
	write := func(attr slog.Attr) bool {
		value := attr.Value.Resolve().String()
		if value == "" || strings.ContainsAny(value, " \"=") || Line(value) != value {
			value = fmt.Sprintf("%q", value)
		}
		fmt.Fprintf(&line, " %s=%s", attr.Key, value)
		return true
	}
	for _, attr := range h.attrs {
		write(attr)
	}
	record.Attrs(write)
	line.WriteByte('\n')
	h.lock.Lock()
	defer h.lock.Unlock()
	_, err := io.WriteString(h.out, line.String())
	return err
}

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &textHandler{out: h.out, lock: h.lock, attrs: append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

func (h *textHandler) WithGroup(string) slog.Handler { return h }
