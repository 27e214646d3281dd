package report

import (
	"slices"
	"strconv"
)

// The outcomes of a database of a fleet.
const (
	Done    = "done"
	Failed  = "failed"
	Pending = "pending" // no result yet
)

// Database is what became of one database of a fleet.
type Database struct {
	Name     string `json:"name"`
	Outcome  string `json:"outcome"`
	ExitCode *int   `json:"exit_code,omitempty"`
	Changes  string `json:"changes,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// Fleet shows the results of many databases, those that are not done last, and returns how many have each outcome.
func (w *Writer) Fleet(results []Database) (counts map[string]int) {
	slices.SortStableFunc(results, func(a, b Database) int {
		order := []string{Done, Pending, Failed}
		return slices.Index(order, a.Outcome) - slices.Index(order, b.Outcome)
	})
	counts = map[string]int{}
	rows := [][]string{{"DATABASE", "OUTCOME", "EXIT", "RESULT"}}
	for _, r := range results {
		counts[r.Outcome]++
		w.line("database", r)
		exit := ""
		if r.ExitCode != nil {
			exit = strconv.Itoa(*r.ExitCode)
		}
		rows = append(rows, []string{Name(r.Name), r.Outcome, exit, Line(r.Changes + r.Reason)})
	}
	w.summary("fleet-report", object{"done", counts[Done], "failed", counts[Failed], "pending", counts[Pending]})
	w.table(rows)
	w.printf("%d done, %d failed, %d pending.\n", counts[Done], counts[Failed], counts[Pending])
	return counts
}
