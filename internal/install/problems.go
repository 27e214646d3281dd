package install

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/manifest"
	"keep-bootstrap/internal/pgerr"
)

// problemLine is a line in the detail of KB001: provider <position> "<name>": <what>.
var problemLine = regexp.MustCompile(`^provider (\d+) ((?:"(?:[^"\\]|\\.)*")|\(no name\)): (.*)$`)

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
			problem.Message = part[3]
			if name, err := strconv.Unquote(part[2]); err == nil {
				problem.Provider = name
			}
			position, err := strconv.Atoi(part[1])
			if err == nil && position >= 1 && position <= len(r.Manifest.Providers) {
				problem.Position = r.Manifest.Providers[position-1].Source
			}
		}
		problems.List = append(problems.List, problem)
	}
	problems.Total = len(problems.List)
	// The list is cut at a hundred; the message says how many there are.
	if total, err := strconv.Atoi(firstNumber.FindString(server.Message)); err == nil {
		problems.Total = max(problems.Total, total)
	}
	e := *pgerr.From(err)
	e.Detail, e.Err = "", errors.Join(problems, err)
	return &e
}

var firstNumber = regexp.MustCompile(`\d+`)
