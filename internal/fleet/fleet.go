package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

const (
	fleetDone    = "done"
	fleetFailed  = "failed"
	fleetPending = "pending" // no result yet

	// Where the chart and Kubernetes keep what a report needs.
	databasesAnnotation = "keep-bootstrap/databases"
	indexAnnotation     = "batch.kubernetes.io/job-completion-index"
)

func (a *app) fleetReportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fleet-report FILE...",
		Short: "show the results of many databases in one table",
		Long: `Read the results of up, apply or plan on many databases and show one line for each: done, failed
with the reason, or pending. No database is needed. The exit code is 0 if all are done, else 78.

Each file holds the output of one run (stdout and stderr, preferably with -o json) and is named
after the database; or it holds the output of kubectl get jobs,pods -o json for an indexed Job of
the chart, whose pod messages are read. - is stdin.`,
		Example: example("keep-bootstrap fleet-report results/*.jsonl"),
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			var results []fleetResult
			for _, path := range paths {
				content, err := a.readResult(path)
				if err != nil {
					return postgres.Usage(fmt.Sprintf("cannot read a result: %v", err), "give the files with the output of the runs")
				}
				found, err := fleetResults(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), content)
				if err != nil {
					return postgres.Usage(path+": "+err.Error(), "give what kubectl get jobs,pods -o json prints")
				}
				results = append(results, found...)
			}
			return a.showFleet(results)
		},
	}
}

func (a *app) readResult(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(a.Stdin)
	}
	return os.ReadFile(path)
}

// fleetResult is what became of one database.
type fleetResult struct {
	Type     string `json:"type"` // "database"
	Name     string `json:"name"`
	Outcome  string `json:"outcome"`
	ExitCode *int   `json:"exit_code,omitempty"`
	Changes  string `json:"changes,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// fleetResults reads the output of one run, or the objects of Kubernetes.
func fleetResults(name string, content []byte) ([]fleetResult, error) {
	var list kubernetesObject
	if err := json.Unmarshal(content, &list); err == nil && list.Kind != "" {
		if list.Kind != "List" && list.Kind != "PodList" {
			list.Items = []kubernetesObject{list}
		}
		return podResults(list.Items)
	}
	return []fleetResult{logResult(name, content)}, nil
}

// resultLine is a line of JSON that ends a run: its summary, or its error.
type resultLine struct {
	Type     string
	Command  string
	Changed  bool
	ExitCode int `json:"exit_code"`
	Code     string
	Message  string
	Problems []manifest.Problem
	report.Counts
}

// place looks like file:line: or file:line:column: at the begin of a problem in a text.
var problemPlace = document.Pattern(`^\S+:\d+(:\d+)?: `)

// logResult is the result that the output of a run tells, as JSON lines or as text. An error counts more than a summary: a run
// that is committed can still fail a check.
func logResult(name string, log []byte) fleetResult {
	r := fleetResult{Type: "database", Name: name, Outcome: fleetPending, Reason: "no result"}
	problem := ""
	scanner := bufio.NewScanner(bytes.NewReader(log))
	scanner.Buffer(nil, len(log)+1)
	for scanner.Scan() && r.Outcome != fleetFailed {
		text := scanner.Text()
		var line resultLine
		if json.Unmarshal(scanner.Bytes(), &line) == nil {
			switch line.Type {
			case "summary":
				r.done(line.changes())
			case "error":
				if len(line.Problems) > 0 {
					problem = line.Problems[0].String()
				}
				r.fail(line.Code+": "+line.Message, problem, &line.ExitCode)
			}
			continue
		}
		switch message, isError := strings.CutPrefix(text, "error: "); {
		case isError:
			r.fail(message, problem, nil)
		case text == report.NoChanges, strings.HasPrefix(text, "Applied: "), strings.HasPrefix(text, "Plan: "):
			r.done(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(text, "Applied: "), "Plan: "), "."))
		case problem == "" && problemPlace().MatchString(text):
			problem = text
		}
	}
	return r
}

func (l *resultLine) changes() string {
	switch {
	case l.Sum() == 0:
		return strings.TrimSuffix(report.NoChanges, ".")
	case l.Command == "plan":
		return l.Phrase(false)
	}
	return l.Phrase(true)
}

func (r *fleetResult) done(changes string) {
	exit := postgres.ExitOK
	r.Outcome, r.Changes, r.Reason, r.ExitCode = fleetDone, changes, "", &exit
}

func (r *fleetResult) fail(reason, problem string, exit *int) {
	if problem != "" {
		reason += ": " + problem
	}
	r.Outcome, r.Reason, r.Changes, r.ExitCode = fleetFailed, reason, "", exit
}

// kubernetesObject is what a report needs of a Job, a pod, or a list of them.
type kubernetesObject struct {
	Kind     string
	Items    []kubernetesObject
	Metadata struct {
		Name                string
		Labels, Annotations map[string]string
		CreationTimestamp   string
	}
	Status struct {
		Phase, Reason, Message string
		ContainerStatuses      []struct {
			Name  string
			State struct {
				Waiting    *struct{ Reason, Message string }
				Terminated *struct {
					ExitCode        int
					Reason, Message string
				}
			}
		}
	}
}

// podResults is the newest result of each index of each Job, under the name that the Job's annotation has for it.
func podResults(objects []kubernetesObject) ([]fleetResult, error) {
	type place struct {
		job   string
		index int
	}
	results := map[place]fleetResult{}
	names := map[string][]string{}
	for i := range objects {
		if o := &objects[i]; o.Kind == "Job" && o.Metadata.Annotations[databasesAnnotation] != "" {
			names[o.Metadata.Name] = strings.Split(o.Metadata.Annotations[databasesAnnotation], ",")
			for index, name := range names[o.Metadata.Name] {
				results[place{o.Metadata.Name, index}] = fleetResult{Type: "database", Name: name, Outcome: fleetPending, Reason: "no pod yet"}
			}
		}
	}
	// A later pod of an index is a new attempt; the time is of one form, so its texts can be compared.
	slices.SortStableFunc(objects, func(a, b kubernetesObject) int {
		return strings.Compare(a.Metadata.CreationTimestamp, b.Metadata.CreationTimestamp)
	})
	for i := range objects {
		pod := &objects[i]
		if pod.Kind != "Pod" {
			continue
		}
		at := place{pod.Metadata.Labels["batch.kubernetes.io/job-name"], 0}
		name := pod.Metadata.Name
		if text := pod.Metadata.Annotations[indexAnnotation]; text != "" {
			index, err := strconv.Atoi(text)
			if err != nil {
				return nil, fmt.Errorf("pod %s: the index %q is not a number", name, text)
			}
			at.index, name = index, text
		} else if at.job != "" {
			name = at.job
		}
		if at.job == "" {
			at.job = name // without a Job, each pod for itself
		}
		if known := names[at.job]; at.index < len(known) {
			name = known[at.index]
		}
		if results[at].Outcome != fleetDone {
			results[at] = podResult(name, pod)
		}
	}
	if len(results) == 0 {
		return nil, errors.New("there is no pod")
	}
	var all []fleetResult
	for _, at := range slices.SortedFunc(maps.Keys(results), func(a, b place) int {
		if a.job != b.job {
			return strings.Compare(a.job, b.job)
		}
		return a.index - b.index
	}) {
		all = append(all, results[at])
	}
	return all, nil
}

// podResult reads the state of a pod and, as its message, the end of its log.
func podResult(name string, pod *kubernetesObject) fleetResult {
	r := fleetResult{Type: "database", Name: name, Outcome: fleetPending, Reason: strings.ToLower(pod.Status.Phase)}
	if pod.Status.Phase == "Failed" {
		r.fail(strings.TrimPrefix(pod.Status.Reason+": "+pod.Status.Message, ": "), "", nil) // evicted, or the node is gone
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name != "keep-bootstrap" {
			continue
		}
		if waiting := c.State.Waiting; waiting != nil && waiting.Message != "" {
			r.Reason = waiting.Reason + ": " + waiting.Message
		}
		ended := c.State.Terminated
		if ended == nil {
			continue
		}
		told := logResult(name, []byte(ended.Message))
		if ended.ExitCode == postgres.ExitOK {
			r.done(told.Changes)
			continue
		}
		if told.Outcome != fleetFailed {
			told.fail(strings.TrimSuffix(ended.Reason+": "+lastLine(ended.Message), ": "), "", nil)
		}
		told.ExitCode = &ended.ExitCode
		r = told
	}
	return r
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// showFleet prints the results, those that are not done last, and fails when there are any.
func (a *app) showFleet(results []fleetResult) error {
	slices.SortStableFunc(results, func(a, b fleetResult) int {
		order := []string{fleetDone, fleetPending, fleetFailed}
		return slices.Index(order, a.Outcome) - slices.Index(order, b.Outcome)
	})
	counts := map[string]int{}
	for i := range results {
		counts[results[i].Outcome]++
	}
	if err := a.writeFleet(results, counts); err != nil {
		return err
	}
	if counts[fleetDone] == len(results) {
		return nil
	}
	return &postgres.Error{
		Code: postgres.CodeFleet, ExitCode: postgres.ExitRefused,
		Message: fmt.Sprintf("%d of %s done, %d failed, %d pending", counts[fleetDone], report.Number(len(results), "database"), counts[fleetFailed], counts[fleetPending]),
		Hint:    "mend what the reasons name and run again; the databases that are done stay as they are",
	}
}

func (a *app) writeFleet(results []fleetResult, counts map[string]int) error {
	if a.out.Format == report.JSON {
		for i := range results {
			_ = a.out.JSONLine(&results[i])
		}
		return a.out.JSONLine(struct {
			Type    string `json:"type"`
			Command string `json:"command"`
			Done    int    `json:"done"`
			Failed  int    `json:"failed"`
			Pending int    `json:"pending"`
		}{"summary", "fleet-report", counts[fleetDone], counts[fleetFailed], counts[fleetPending]})
	}
	rows := [][]string{{"DATABASE", "OUTCOME", "EXIT", "RESULT"}}
	for i := range results {
		r := &results[i]
		exit := ""
		if r.ExitCode != nil {
			exit = strconv.Itoa(*r.ExitCode)
		}
		rows = append(rows, []string{report.Name(r.Name), r.Outcome, exit, report.Line(r.Changes + r.Reason)})
	}
	if err := a.out.Table(rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(&a.out, "%d done, %d failed, %d pending.\n", counts[fleetDone], counts[fleetFailed], counts[fleetPending])
	return err
}
