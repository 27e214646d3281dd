package install

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/postgres"
)

// problemLine is a line in the detail of KB001: provider <position> "<name>": <what>; likewise for the other kinds.
var problemLine = regexp.MustCompile(`^([a-zA-Z]+(?:[ _][a-zA-Z]+)?) (\d+) ((?:"(?:[^"\\]|\\.)*")|\(no name\)): (.*)$`)

// explain gives the problems that the database found in the manifest the places where the manifest has them. Other
// errors are returned as they are.
func (r *Run) explain(err error) error {
	var server *pgconn.PgError
	if !errors.As(err, &server) || server.Code != "KB001" {
		return err
	}
	problems := &manifest.Problems{}
	for line := range strings.SplitSeq(server.Detail, "\n") {
		problem := manifest.Problem{Code: "catalogue", Message: line}
		if part := problemLine.FindStringSubmatch(line); part != nil {
			problem.Message = part[4]
			name, err := strconv.Unquote(part[3])
			if err != nil {
				name = "" // (no name)
			}
			kind := strings.ReplaceAll(strings.ToLower(part[1]), " ", "_")
			if kind == "provider" {
				problem.Provider = name
			} else {
				problem.Kind, problem.Name = kind, name
			}
			if position, err := strconv.Atoi(part[2]); err == nil {
				problem.Position = r.place(kind, position)
			}
		}
		problems.List = append(problems.List, problem)
	}
	problems.Total = len(problems.List)
	// The list is cut at a hundred; the message says how many there are.
	if total, err := strconv.Atoi(firstNumber.FindString(server.Message)); err == nil {
		problems.Total = max(problems.Total, total)
	}
	e := *postgres.From(err)
	e.Detail, e.Err = "", errors.Join(problems, err)
	return &e
}

// place is where the manifest has a resource of a kind, by its position from 1.
func (r *Run) place(kind string, position int) manifest.Position {
	m := r.Manifest
	switch i := position - 1; kind {
	case "provider":
		if i < len(m.Providers) {
			return m.Providers[i].Source
		}
	case manifest.KindWorkflow:
		if i < len(m.Workflows) {
			return m.Workflows[i].Source
		}
	case manifest.KindDashboard:
		if i < len(m.Dashboards) {
			return m.Dashboards[i].Source
		}
	case manifest.KindMappingRule:
		if i < len(m.MappingRules) {
			return m.MappingRules[i].Source
		}
	case manifest.KindAPIKey:
		if i < len(m.APIKeys) {
			return m.APIKeys[i].Source
		}
	case manifest.KindUser:
		if m.User != nil {
			return m.User.Source
		}
	}
	return manifest.Position{}
}

var firstNumber = regexp.MustCompile(`\d+`)
