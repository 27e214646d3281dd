package cli

import (
	"log/slog"
	"time"

	"keep-bootstrap/internal/report"
)

// newLog returns the log on stderr. form is text, json, or "" for text on a terminal and json otherwise.
func (a *app) newLog(form string) *slog.Logger {
	if form == "text" || form == "" && terminal(a.Stderr) {
		return report.NewLog(a.Stderr)
	}
	return slog.New(slog.NewJSONHandler(a.Stderr, nil))
}

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
