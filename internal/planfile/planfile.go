// Package planfile keeps a plan on disk, so that what was looked at is what is done.
//
// A file holds names and ids, and no value of a secret: apply reads the same sources again, and the digest reports whether they still
// lead to the same plan.
package planfile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"keep-bootstrap/internal/file"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

const (
	fileType = "keep-bootstrap plan"
	// fileFormat rises when an older program can no longer read the file.
	fileFormat = 1
	// fromEnvironment replaces the files if the providers come from Keep's variables.
	fromEnvironment = "environment"
	// largest is how many bytes of a plan file are read: a million changes fit.
	largest = 1 << 30
	// codeStale is the SQLSTATE of a plan that does not fit, also when that is found out before the database is asked.
	codeStale = "KB026"
)

// head is what every version of the program reads.
type head struct {
	Type      string `json:"type"`
	Format    int    `json:"format"`
	Bootstrap string `json:"bootstrap"`
}

// Plan is the content of a plan file.
type Plan struct {
	head
	Made      time.Time       `json:"made"`
	Tenant    string          `json:"tenant"`
	Database  Database        `json:"database"`
	Sources   []string        `json:"sources"` // as -f has them, or "environment" alone
	Strict    bool            `json:"strict,omitempty"`
	Catalogue string          `json:"catalogue,omitempty"` // as --catalogue has it
	Options   install.Options `json:"options"`
	Digest    string          `json:"digest"`
	Summary   report.Counts   `json:"summary"`
	Refusal   *refusal        `json:"refusal,omitempty"`
	Changes   []report.Change `json:"changes"`
}

// refusal is the error with which a guard refused the plan when it was made.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Database names a database for people.
type Database struct {
	Host string `json:"host"`
	Port uint16 `json:"port"`
	Name string `json:"name"`
}

func (d Database) String() string {
	return fmt.Sprintf("%s on %s:%d", report.Name(d.Name), report.Name(d.Host), d.Port)
}

// DatabaseOf names the database of a connection.
func DatabaseOf(config *postgres.Config) Database {
	return Database{Host: config.Host, Port: config.Port, Name: cmp.Or(config.Database, config.User)}
}

// SourcesOf are the sources of a plan: -f as it was given, so that another checkout can apply it.
func SourcesOf(files []string) []string {
	if len(files) == 0 {
		return []string{fromEnvironment}
	}
	return files
}

// Files is -f as it was given for the plan.
func (p *Plan) Files() []string {
	if len(p.Sources) == 1 && p.Sources[0] == fromEnvironment {
		return nil
	}
	return p.Sources
}

// Write writes the file as a whole or not at all. It is readable by its owner only. plan is what was shown.
func (p *Plan) Write(path, version string, plan *report.Result) error {
	p.head = head{fileType, fileFormat, version}
	p.Made, p.Summary, p.Changes = time.Now().UTC().Truncate(time.Second), plan.Counts, plan.Changes
	if r := plan.Refusal; r != nil {
		p.Refusal = &refusal{r.Code, r.Message, r.Hint}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(p)
	if err == nil {
		err = file.Replace(path, text.Bytes(), 0o600)
	}
	if err != nil {
		return postgres.Usage("cannot write the plan to "+path+": "+file.Reason(err), "give --out the path of a file in a directory that exists")
	}
	return nil
}

// Read reads what Write wrote. Errors: 65 for a file that is no plan, or not all of one, 78 for one of a newer version of the
// program.
func Read(path string) (*Plan, error) {
	text, err := file.Read(path, largest)
	if err != nil {
		reason, _ := file.Explain(err, largest)
		return nil, noPlan(path, reason)
	}
	var head head
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, noPlan(path, "not JSON, or truncated")
	}
	if head.Type != fileType || head.Format < 1 {
		return nil, noPlan(path, "another kind of JSON")
	}
	if head.Format > fileFormat {
		return nil, &postgres.Error{
			Code: postgres.CodeOldProgram, ExitCode: postgres.ExitRefused, File: path,
			Message: fmt.Sprintf("the plan was made by a newer version of keep-bootstrap, %s (format %d; this version reads %d)",
				report.Name(head.Bootstrap), head.Format, fileFormat),
			Hint: "apply it with that version, or make a new plan with this one",
		}
	}
	var plan Plan
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

func unfit(message, hint string) error {
	return &postgres.Error{Code: codeStale, ExitCode: postgres.ExitRefused, Message: message, Hint: hint}
}

// RequireTenant refuses a plan of another tenant.
func (p *Plan) RequireTenant(tenant string) error {
	if p.Tenant != tenant {
		return unfit("the plan was made for tenant "+report.Name(p.Tenant)+", not for "+report.Name(tenant), "omit --tenant, or make a new plan")
	}
	return nil
}

// RequireAllowed refuses a plan that a guard refused when it was made.
func (p *Plan) RequireAllowed() error {
	if r := p.Refusal; r != nil {
		return &postgres.Error{
			Code: r.Code, ExitCode: postgres.ExitRefused,
			Message: "a guard refused this plan when it was made: " + r.Message, Hint: r.Hint + " Then make a new plan.",
		}
	}
	return nil
}

// RequireDatabase refuses a plan of a database of another name. Another host may be the same server, so that is left to
// the digest, whose key is the database's own.
func (p *Plan) RequireDatabase(at Database) error {
	if p.Database.Name != at.Name {
		return unfit(fmt.Sprintf("the plan was made for database %s, this is %s", p.Database, at), "connect to that database, or make a new plan")
	}
	return nil
}

// Explain says of a plan that the database refused whether it was made for another one.
func (p *Plan) Explain(err error, at Database) error {
	e := postgres.From(err)
	if e == nil || e.Code != codeStale || p.Database == at {
		return err
	}
	other := *e
	other.Message = fmt.Sprintf("stale plan: it was made for database %s, this is %s", p.Database, at)
	other.Err = err
	return &other
}

// Differs names an option that is given and not the plan's; "" when there is none. The version and the secret manager may differ.
func (p *Plan) Differs(given install.Options) string {
	options, recorded := fields(given), fields(p.Options)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if name != "tool_version" && name != "secret_manager" && !bytes.Equal(options[name], recorded[name]) {
			return strings.ReplaceAll(name, "_", "-")
		}
	}
	return ""
}

// fields are the options that were given, by their names.
func fields(options install.Options) map[string]json.RawMessage {
	text, err := json.Marshal(options)
	if err != nil {
		panic(err) // texts, numbers and booleans
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		panic(err) // it was made a line above
	}
	return all
}
