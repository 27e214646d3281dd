package cli

import (
	"log/slog"
	"sync"
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
	start, stop := time.Now(), make(chan struct{})
	var logging sync.WaitGroup
	logging.Go(func() {
		for pause := time.Second; ; pause = 10 * time.Second {
			select {
			case <-time.After(pause):
				a.log.Info(what+" ...", "for", time.Since(start).Round(time.Second).String())
			case <-stop:
				return
			}
		}
	})
	return func() {
		close(stop)
		logging.Wait()
	}
}
