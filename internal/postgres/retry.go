package postgres

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Policy says how long and why an operation is repeated.
type Policy struct {
	// First is about the first pause; 0 means 50 ms. Pauses grow up to 40 times that, with jitter.
	First time.Duration
	// Limit ends the repetition, counted from the call of Retry. The last try begins before it, and soon after the end of
	// --wait.
	Limit time.Duration
	// Again reports whether an error is worth another try. Nil means [Conflict].
	Again func(error) bool
	// Notify, when given, is called before each pause.
	Notify func(err error, pause time.Duration)
}

// LogRetry returns a Notify that logs the reason.
func LogRetry(log *slog.Logger) func(error, time.Duration) {
	return func(err error, pause time.Duration) {
		e := From(err)
		log.Warn("trying again", "code", e.Code, "because", e.Message, "after", pause.Round(time.Millisecond).String())
	}
}

// Retry repeats operation until it succeeds, fails with something that no other try would cure, or the limit is over. It
// returns what operation returned last, or the cause of ctx when that ended a pause.
func Retry[T any](ctx context.Context, policy Policy, operation func() (T, error)) (T, error) {
	if policy.Again == nil {
		policy.Again = Conflict
	}
	pauses := &pauses{*backoff.NewExponentialBackOff(), time.Now().Add(policy.Limit)}
	if end := waitEnd(ctx); !end.IsZero() && end.Add(afterWait).Before(pauses.deadline) {
		pauses.deadline = end.Add(afterWait)
	}
	pauses.InitialInterval = cmp.Or(policy.First, 50*time.Millisecond)
	pauses.MaxInterval = 40 * pauses.InitialInterval
	return backoff.Retry(ctx, func() (T, error) {
		result, err := operation()
		if err != nil && !policy.Again(err) {
			return result, backoff.Permanent(err)
		}
		return result, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0), backoff.WithNotify(policy.Notify))
}

// pauses end at the deadline; the last one is shortened to it.
type pauses struct {
	backoff.ExponentialBackOff
	deadline time.Time
}

func (p *pauses) NextBackOff() time.Duration {
	if left := time.Until(p.deadline); left > 0 {
		return min(p.ExponentialBackOff.NextBackOff(), left)
	}
	return backoff.Stop
}

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
// starting or in recovery, a standby that may be promoted, Keep's tables missing or still too old, schema bootstrap not
// migrated yet. A wrong password, a missing privilege or a refused parameter is not waited for.
func waitable(err error) bool {
	e := From(err)
	if e.Code == CodeUnreachable {
		return e.Retry
	}
	return meaningOf(err, e.Code).wait
}

// For runs attempt until it succeeds, fails with something that waiting does not cure, or the deadline is over. It logs
// what it waits for when that changes, and every 30 seconds. After the deadline the exit code is 69, whatever the last
// reason was; or 75 when a connection was lost that had worked.
//
// A connection made by attempt ends soon after the deadline if the server does not answer.
func (w Wait) For(ctx context.Context, attempt func(context.Context) error) error {
	if w.limit <= 0 {
		return attempt(ctx)
	}
	ctx = context.WithValue(ctx, waitKey{}, w.deadline)
	var reported string
	var reportedAt time.Time
	_, err := Retry(ctx, Policy{
		Limit: time.Until(w.deadline), Again: waitable,
		Notify: func(err error, _ time.Duration) {
			if text := From(err).Message; text != reported || time.Since(reportedAt) > 30*time.Second {
				w.log.Info("waiting", "for", text, "code", From(err).Code, "left", time.Until(w.deadline).Round(time.Second).String())
				reported, reportedAt = text, time.Now()
			}
		},
	}, func() (struct{}, error) { return struct{}{}, attempt(ctx) })
	if err == nil || ctx.Err() != nil || !waitable(err) {
		return err
	}
	late := *From(err)
	late.Message = "gave up after " + w.limit.String() + ": " + late.Message
	if late.Retry = true; late.Code != CodeLost {
		late.ExitCode = ExitUnavailable
	}
	late.Err = errors.Join(context.DeadlineExceeded, late.Err)
	return &late
}

// waitKey is the key of the deadline of --wait in a context.
type waitKey struct{}

// waitEnd is the deadline of --wait; zero without one.
func waitEnd(ctx context.Context) time.Time {
	end, _ := ctx.Value(waitKey{}).(time.Time)
	return end
}

// afterWait is how long attempts to connect and repetitions may go on after the end of --wait.
const afterWait = 10 * time.Second
