package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// newLog returns the log on stderr. form is text, json, or "" for text on a terminal and json otherwise.
func (a *app) newLog(form string) *slog.Logger {
	if form == "text" || form == "" && terminal(a.Stderr) {
		return slog.New(&textHandler{out: a.Stderr, lock: new(sync.Mutex)})
	}
	return slog.New(slog.NewJSONHandler(a.Stderr, nil))
}

// textHandler writes one line a record: the message and its attributes, without time and level, as a person at a
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
		if value == "" || strings.ContainsAny(value, " \"=") || oneLine(value) != value {
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

// progress logs what is under way once it takes more than a second, and then every ten. The function that it returns
// ends that.
func (a *app) progress(what string) (done func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	start := time.Now()
	go func() {
		defer close(stopped)
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
				a.log.Info(what+" ...", "for", time.Since(start).Round(time.Second).String())
				timer.Reset(10 * time.Second)
			case <-stop:
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}
