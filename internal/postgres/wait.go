package postgres

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Wait is the deadline of --wait. The zero value does not wait.
type Wait struct {
	deadline time.Time
	limit    time.Duration
	log      *slog.Logger
}

// NewWait starts the clock: For gives up limit from now. A limit of 0 means not to wait.
func NewWait(limit time.Duration, log *slog.Logger) Wait {
	return Wait{deadline: time.Now().Add(limit), limit: limit, log: log}
}

// waitable reports whether time alone can cure the error: server down, host name unknown, database missing, server
// starting or in recovery, a standby that may be promoted, Keep's tables missing or still too old, schema bootstrap not migrated yet. A wrong password
// or a missing privilege is not waited for.
func waitable(err error) bool {
	switch From(err).Code {
	case CodeUnreachable, CodeLost, CodeNoSchema,
		"3D000", "55000", "57P03", "53300", "57P01", "57P02", "08006", "08001", "08004", "25006", "KB010", "KB011", "KB030":
		return true
	}
	return false
}

// For runs attempt until it succeeds, fails with something that waiting does not cure, or the deadline is over. It logs
// what it waits for when that changes, and every 30 seconds. After the deadline the exit code is 69, whatever the last
// reason was.
func (w Wait) For(ctx context.Context, attempt func(context.Context) error) error {
	if w.limit <= 0 {
		return attempt(ctx)
	}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 2*time.Second
	var reported string
	var reportedAt time.Time
	for {
		err := attempt(ctx)
		if err == nil || !waitable(err) || ctx.Err() != nil {
			return err
		}
		reason := From(err)
		left := time.Until(w.deadline)
		if left <= 0 {
			return w.expired(reason)
		}
		if text := reason.Message; text != reported || time.Since(reportedAt) > 30*time.Second {
			w.log.Info("waiting", "for", text, "code", reason.Code, "left", left.Round(time.Second).String())
			reported, reportedAt = text, time.Now()
		}
		select {
		case <-time.After(min(pause.NextBackOff(), left)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (w Wait) expired(reason *Error) error {
	late := *reason
	late.Message = "waited " + w.limit.String() + " in vain: " + reason.Message
	late.ExitCode, late.Retry = ExitUnavailable, true
	late.Err = errors.Join(context.DeadlineExceeded, reason.Err)
	return &late
}
