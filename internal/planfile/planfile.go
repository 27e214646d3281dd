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

	"github.com/spf13/pflag"

	"keep-bootstrap/internal/file"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/postgres"
	"keep-bootstrap/internal/report"
)

const (
	fileType = "keep-bootstrap plan"
	// fileFormat rises when an older program can no longer read the file.
	fileFormat = 1
	// largest is how many bytes of a plan file are read: a million changes fit.
	largest = 1 << 30
	// codeStale is the SQLSTATE of a plan that does not fit, also when that is found out before the database is asked.
	codeStale = "KB026"
)

// Plan is the content of a plan file.
type Plan struct {
	Type      string          `json:"type"`
	Format    int             `json:"format"`
	Bootstrap string          `json:"bootstrap"` // version of the program
	Made      time.Time       `json:"made"`
	Tenant    string          `json:"tenant"`
	Database  Database        `json:"database"`
	Options   Options         `json:"options"`
	Digest    string          `json:"digest"`
	Summary   report.Counts   `json:"summary"`
	Refusal   *postgres.Error `json:"refusal,omitempty"` // with which a guard refused the plan when it was made
	Changes   []report.Change `json:"changes"`
}

// Options are what flags said, by the names of the flags with _ for -, and what else the run is told.
type Options struct {
	// File is as it was given, so that another checkout can apply the plan; null for Keep's variables.
	File      []string `json:"file"`
	Strict    bool     `json:"strict"`
	Catalogue string   `json:"catalogue"`
	install.Options
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

// Write writes the file as a whole or not at all. It is readable by its owner only. plan is what was shown.
func (p *Plan) Write(path, version string, plan *report.Result) error {
	p.Type, p.Format, p.Bootstrap = fileType, fileFormat, version
	p.Made = time.Now().UTC().Truncate(time.Second)
	p.Summary, p.Changes, p.Refusal = plan.Counts, plan.Changes, plan.Refusal
	text, err := json.MarshalIndent(p, "", "  ")
	if err == nil {
		err = file.Replace(path, append(text, '\n'), 0o600)
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
	var plan Plan
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // one may be a guard, or say where the providers are
	err = decoder.Decode(&plan)     // a mistake in one key leaves the others
	version := report.Name(plan.Bootstrap)
	switch {
	case !json.Valid(text):
		return nil, noPlan(path, "not JSON, or truncated")
	case plan.Type != fileType || plan.Format < 1:
		return nil, noPlan(path, "another kind of JSON")
	case plan.Format > fileFormat:
		e := postgres.New(postgres.CodeOldProgram,
			fmt.Sprintf("the plan was made by a newer version of keep-bootstrap, %s (format %d; this version reads %d)",
				version, plan.Format, fileFormat),
			"apply it with that version, or make a new plan with this one")
		e.File = path
		return nil, e
	case err != nil || plan.Tenant == "":
		return nil, noPlan(path, "made by version "+version+" in another form, or changed since")
	}
	return &plan, nil
}

func noPlan(path, reason string) error {
	e := postgres.New(postgres.CodeInput, "not a bootstrap plan file: "+reason,
		"make one with keep-bootstrap plan --out FILE")
	e.File = path
	return e
}

// Check refuses a plan of another tenant, one that a guard refused when it was made, and flags that say something else: the
// reviewed plan is what is applied.
func (p *Plan) Check(tenant string, given Options, flags *pflag.FlagSet) error {
	if flags.Changed("tenant") && p.Tenant != tenant {
		message := fmt.Sprintf("the plan was made for tenant %s, not for %s", report.Name(p.Tenant), report.Name(tenant))
		return postgres.New(codeStale, message, "omit --tenant, or make a new plan")
	}
	if r := p.Refusal; r != nil {
		return postgres.New(r.Code, "a guard refused this plan when it was made: "+r.Message, r.Hint+" Then make a new plan.")
	}
	options, recorded := given.fields(), p.Options.fields()
	for _, name := range slices.Sorted(maps.Keys(options)) {
		flag := strings.ReplaceAll(name, "_", "-")
		if flags.Changed(flag) && !bytes.Equal(options[name], recorded[name]) {
			return postgres.Usage("--"+flag+" conflicts with the plan", "omit it: the plan holds its sources and options")
		}
	}
	return nil
}

// fields are the options by their names.
func (o Options) fields() map[string]json.RawMessage {
	var all map[string]json.RawMessage
	text, err := json.Marshal(o)
	if err = cmp.Or(err, json.Unmarshal(text, &all)); err != nil {
		panic(err) // texts, numbers and booleans
	}
	return all
}

// Apply applies the plan to a database by install. A plan of a database of another name is refused. Another host may be the
// same server, so that is left to the digest, whose key is the database's own; if that is why the database refuses the
// plan, the error says so.
func (p *Plan) Apply(at Database, install func() error) error {
	madeFor := fmt.Sprintf("made for database %s, this is %s", p.Database, at)
	if p.Database.Name != at.Name {
		return postgres.New(codeStale, "the plan was "+madeFor, "connect to that database, or make a new plan")
	}
	err := install()
	e := postgres.From(err)
	if e == nil || e.Code != codeStale || p.Database == at {
		return err
	}
	return postgres.New(codeStale, "stale plan: it was "+madeFor, e.Hint, err)
}
