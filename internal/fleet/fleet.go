// Package fleet tells what became of many databases, from the output of their runs or from the pods of a Job.
package fleet

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"keep-bootstrap/internal/document"
	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

// Where the chart and Kubernetes keep what a report needs.
const (
	databasesAnnotation = "keep-bootstrap/databases"
	indexAnnotation     = "batch.kubernetes.io/job-completion-index"
	jobLabel            = "batch.kubernetes.io/job-name"
)

// Read reads the output of one run on the database of that name, or what kubectl get jobs,pods -o json prints.
func Read(name string, content []byte) ([]report.Database, error) {
	var list object
	if err := json.Unmarshal(content, &list); err == nil && list.Kind != "" {
		if list.Items == nil { // a single object
			list.Items = []object{list}
		}
		return fromObjects(list.Items)
	}
	result := fromOutput(content)
	result.Name = name
	return []report.Database{result}, nil
}

func pending(reason string) report.Database {
	return report.Database{Outcome: report.Pending, Reason: reason}
}

func done(changes string) report.Database {
	return report.Database{Outcome: report.Done, Changes: changes, ExitCode: new(postgres.ExitOK)}
}

func failed(exit *int, reasons ...string) report.Database {
	reasons = slices.DeleteFunc(reasons, func(reason string) bool { return reason == "" })
	return report.Database{Outcome: report.Failed, Reason: strings.Join(reasons, ": "), ExitCode: exit}
}

// line is a line of JSON that ends a run: its summary, or its error.
type line struct {
	Type string
	postgres.Error
	Problems []manifest.Problem
	report.Summary
}

// atPlace begins with file:line: or file:line:column: as a problem in a text does.
var atPlace = document.Pattern(`^\S+:\d+(:\d+)?: `)

// fromOutput is the result that the output of a run tells, as JSON lines or as text. An error counts more than a summary: a run
// that is committed can still fail a check.
func fromOutput(output []byte) report.Database {
	result, problem := pending("no result"), ""
	for text := range strings.Lines(string(bytes.TrimSpace(output))) {
		text = strings.TrimRight(text, "\r\n")
		var l line
		if json.Unmarshal([]byte(text), &l) == nil {
			switch l.Type {
			case "summary":
				if l.Command == "activate" {
					continue // it follows that of up
				}
				result = done(strings.TrimSuffix(l.Counted(), "."))
			case "error":
				if len(l.Problems) > 0 {
					problem = l.Problems[0].String()
				}
				return failed(&l.ExitCode, l.Code, l.Message, problem)
			}
			continue
		}
		if message, isError := strings.CutPrefix(text, "error: "); isError {
			return failed(nil, message, problem)
		}
		if summary, isSummary := report.CutSummary(text); isSummary {
			result = done(summary)
		} else if problem == "" && atPlace().MatchString(text) {
			problem = text
		}
	}
	return result
}

// object is what a report needs of a Job, a pod, or a list of them.
type object struct {
	Kind     string
	Items    []object
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

// fromObjects is the newest result of each index of each Job, under the name that the Job's annotation has for it.
func fromObjects(objects []object) ([]report.Database, error) {
	results := map[string]report.Database{} // in their order by Job and index
	key := func(job, index string) string { return fmt.Sprintf("%s %9s", job, cmp.Or(index, "0")) }
	for i := range objects {
		if o := &objects[i]; o.Kind == "Job" && o.Metadata.Annotations[databasesAnnotation] != "" {
			for number, name := range strings.Split(o.Metadata.Annotations[databasesAnnotation], ",") {
				result := pending("no pod yet")
				result.Name = name
				results[key(o.Metadata.Name, strconv.Itoa(number))] = result
			}
		}
	}
	// A later pod of an index is a new attempt; the time is of one form, so its texts can be compared.
	slices.SortStableFunc(objects, func(a, b object) int {
		return strings.Compare(a.Metadata.CreationTimestamp, b.Metadata.CreationTimestamp)
	})
	for i := range objects {
		pod := &objects[i]
		if pod.Kind != "Pod" {
			continue
		}
		// Without an index, a pod is known by the name of its Job; without a Job, each pod is one of its own.
		job, index := cmp.Or(pod.Metadata.Labels[jobLabel], pod.Metadata.Name), pod.Metadata.Annotations[indexAnnotation]
		if former := results[key(job, index)]; former.Outcome != report.Done {
			result := fromPod(pod)
			result.Name = cmp.Or(former.Name, index, job)
			results[key(job, index)] = result
		}
	}
	if len(results) == 0 {
		return nil, errors.New("no pod")
	}
	var all []report.Database
	for _, key := range slices.Sorted(maps.Keys(results)) {
		all = append(all, results[key])
	}
	return all, nil
}

// fromPod reads the state of a pod and, as its message, the end of its log.
func fromPod(pod *object) report.Database {
	result := pending(strings.ToLower(pod.Status.Phase))
	if pod.Status.Phase == "Failed" {
		result = failed(nil, pod.Status.Reason, pod.Status.Message) // evicted, or the node is gone
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name != "keep-bootstrap" {
			continue
		}
		if waiting := c.State.Waiting; waiting != nil && waiting.Message != "" {
			result.Reason = waiting.Reason + ": " + waiting.Message
		}
		ended := c.State.Terminated
		if ended == nil {
			continue
		}
		told := fromOutput([]byte(ended.Message))
		switch {
		case ended.ExitCode == postgres.ExitOK:
			result = done(told.Changes)
		case told.Outcome == report.Failed:
			result = failed(&ended.ExitCode, told.Reason)
		default:
			lines := strings.Split(strings.TrimSpace(ended.Message), "\n")
			result = failed(&ended.ExitCode, ended.Reason, lines[len(lines)-1])
		}
	}
	return result
}
