package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"keep-bootstrap/internal/file"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

const (
	planFileType = "keep-bootstrap plan"
	// planFileFormat rises when an older program can no longer read the file.
	planFileFormat = 1
	// fromEnvironment stands in the place of files when the providers come from Keep's variables.
	fromEnvironment = "environment"
	// mostPlanFile is how many bytes of a plan file are read: a million changes fit.
	mostPlanFile = 1 << 30
)

// planFile is a plan on disk. It holds names and ids, and no value of a secret: apply reads the same sources again, and
// the digest says whether they still lead to the same plan.
type planFile struct {
	Type      string          `json:"type"`
	Format    int             `json:"format"`
	Bootstrap string          `json:"bootstrap"`
	Made      time.Time       `json:"made"`
	Tenant    string          `json:"tenant"`
	Database  planDatabase    `json:"database"`
	Sources   []string        `json:"sources"` // as -f has them, or "environment" alone
	Strict    bool            `json:"strict,omitempty"`
	Catalogue string          `json:"catalogue,omitempty"` // as --catalogue has it
	Options   install.Options `json:"options"`
	Digest    string          `json:"digest"`
	Summary   report.Counts   `json:"summary"`
	Refusal   *planRefusal    `json:"refusal,omitempty"`
	Changes   []report.Change `json:"changes"`
}

// planRefusal is the error with which a guard refused the plan when it was made.
type planRefusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// planDatabase names a database for people.
type planDatabase struct {
	Host string `json:"host"`
	Port uint16 `json:"port"`
	Name string `json:"name"`
}

func (d planDatabase) String() string {
	return fmt.Sprintf("%s on %s:%d", report.Name(d.Name), report.Name(d.Host), d.Port)
}

func databaseOf(config *postgres.Config) planDatabase {
	name := config.Database
	if name == "" {
		name = config.User
	}
	return planDatabase{Host: config.Host, Port: config.Port, Name: name}
}

// sourcesOf are the sources of a plan: -f as it was given, so that another checkout can apply it.
func sourcesOf(files []string) []string {
	if len(files) == 0 {
		return []string{fromEnvironment}
	}
	return files
}

// write writes the file as a whole or not at all. It is readable by its owner only.
func (p *planFile) write(path string) error {
	err := p.tryWrite(path)
	if err != nil {
		return postgres.Usage("cannot write the plan to "+path+": "+fileReason(err), "give --out the path of a file in a directory that exists")
	}
	return nil
}

func (p *planFile) tryWrite(path string) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".plan-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	encoder := json.NewEncoder(file)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(p); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// fileReason words why a file could not be read or written, without the path.
func fileReason(err error) string {
	var file *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &file):
		return file.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	}
	return err.Error()
}

// readPlanFile reads what write wrote. Errors: 65 for a file that is no plan, or not all of one, 78 for one of a newer
// version of the program.
func readPlanFile(path string) (*planFile, error) {
	text, err := file.Read(path, mostPlanFile)
	if err != nil {
		reason, _ := file.Explain(err, mostPlanFile)
		return nil, noPlan(path, reason)
	}
	var head struct {
		Type      string `json:"type"`
		Format    int    `json:"format"`
		Bootstrap string `json:"bootstrap"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, noPlan(path, "not JSON, or truncated")
	}
	if head.Type != planFileType || head.Format < 1 {
		return nil, noPlan(path, "another kind of JSON")
	}
	if head.Format > planFileFormat {
		return nil, &postgres.Error{
			Code: postgres.CodeOldProgram, ExitCode: postgres.ExitRefused, File: path,
			Message: fmt.Sprintf("the plan was made by a newer version of keep-bootstrap, %s (format %d; this version reads %d)",
				report.Name(head.Bootstrap), head.Format, planFileFormat),
			Hint: "apply it with that version, or make a new plan with this one",
		}
	}
	var plan planFile
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&plan); err != nil {
		return nil, noPlan(path, "made by version "+report.Name(head.Bootstrap)+" and changed since")
	}
	if plan.Tenant == "" || len(plan.Sources) == 0 {
		return nil, noPlan(path, "no tenant or no sources")
	}
	return &plan, nil
}

func noPlan(path, reason string) error {
	return &postgres.Error{
		Code: postgres.CodeInput, ExitCode: postgres.ExitInput, File: path,
		Message: "not a bootstrap plan file: " + reason, Hint: "make one with keep-bootstrap plan --out FILE",
	}
}

// stalePlan is the SQLSTATE of a plan that does not fit, also when that is found out before the database is asked.
const stalePlan = "KB026"

func unfitPlan(message, hint string) error {
	return &postgres.Error{Code: stalePlan, ExitCode: postgres.ExitRefused, Message: message, Hint: hint}
}

// requireDatabase refuses a plan of a database of another name. Another host may be the same server, so that is left to
// the digest, whose key is the database's own.
func (p *planFile) requireDatabase(at planDatabase) error {
	if p.Database.Name != at.Name {
		return unfitPlan(fmt.Sprintf("the plan was made for database %s, this is %s", p.Database, at), "connect to that database, or make a new plan")
	}
	return nil
}

// explain says of a plan that the database refused whether it was made for another one.
func (p *planFile) explain(err error, at planDatabase) error {
	e := postgres.From(err)
	if e == nil || e.Code != stalePlan || p.Database == at {
		return err
	}
	other := *e
	other.Message = fmt.Sprintf("stale plan: it was made for database %s, this is %s", p.Database, at)
	other.Err = err
	return &other
}
