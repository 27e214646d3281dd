package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/local"
)

// providerLine is one provider, or another resource, of status as JSON.
type providerLine struct {
	Type          string     `json:"type"`           // "provider" or "resource"
	Kind          string     `json:"kind,omitempty"` // of a resource
	Name          *string    `json:"name"`
	ProviderType  *string    `json:"provider_type,omitempty"`
	ID            *string    `json:"id"`
	Origin        *string    `json:"origin"`
	Run           *int64     `json:"run"`
	ChangedAt     *time.Time `json:"changed_at"`
	PreventDelete *bool      `json:"prevent_delete"`
	Condition     *string    `json:"condition"`
}

func newProviderLine(p db.ProviderStatus) providerLine {
	line := providerLine{
		Type: "provider", Name: p.Name, ProviderType: p.Type, ID: p.ObjectID, Origin: p.Origin, Run: p.ChangedRun,
		PreventDelete: p.PreventDelete, Condition: p.Condition,
	}
	if kind := text(p.Kind); kind != "provider" {
		line.Type, line.Kind = "resource", kind
	}
	if p.ChangedAt.Valid {
		at := p.ChangedAt.Time.UTC()
		line.ChangedAt = &at
	}
	return line
}

// showStatus prints the result of status.
func (a *app) showStatus(providers []db.ProviderStatus) error {
	resources := 0
	for _, p := range providers {
		if text(p.Kind) != "provider" {
			resources++
		}
	}
	if a.output == formatJSON {
		lines := a.lines()
		for _, p := range providers {
			lines.write(newProviderLine(p))
		}
		return lines.last(struct {
			Type      string `json:"type"`
			Command   string `json:"command"`
			Tenant    string `json:"tenant"`
			Providers int    `json:"providers"`
			Resources int    `json:"resources,omitempty"`
		}{"summary", "status", a.tenant, len(providers) - resources, resources})
	}
	if len(providers) == 0 {
		_, err := fmt.Fprintf(a.Stdout, "tenant %s has no providers\n", shown(a.tenant))
		return err
	}
	rows := [][]string{{"NAME", "TYPE", "ID", "ORIGIN", "RUN", "GUARDED", "CONDITION"}}
	for _, p := range providers {
		var run, guarded string
		if p.ChangedRun != nil {
			run = strconv.FormatInt(*p.ChangedRun, 10)
		}
		if p.PreventDelete != nil && *p.PreventDelete {
			guarded = "yes"
		}
		name := shown(text(p.Name))
		if kind := kindName(text(p.Kind)); kind != "" {
			name = kind + " " + name
		}
		rows = append(rows, []string{name, shown(text(p.Type)), shown(text(p.ObjectID)), text(p.Origin), run, guarded, text(p.Condition)})
	}
	return a.writeTable(rows)
}

// runLine is one run of history as JSON.
type runLine struct {
	Type string `json:"type"`
	Run  int64  `json:"run"`
	tally
	Outcome       string    `json:"outcome"`
	StartedAt     time.Time `json:"started_at"`
	FinishedAt    time.Time `json:"finished_at"`
	Role          string    `json:"role"`
	Application   string    `json:"application"`
	ClientAddress *string   `json:"client_address,omitempty"`
	ToolVersion   *string   `json:"tool_version,omitempty"`
	Generation    *int64    `json:"generation,omitempty"`
	Inputs        []string  `json:"inputs"`
	TenantCreated bool      `json:"tenant_created"`
	ErrorCode     *string   `json:"error_code,omitempty"`
	ErrorMessage  *string   `json:"error_message,omitempty"`
}

func runTally(r *db.Run) tally {
	return tally{
		Add: int(r.Added), Update: int(r.Updated), Rename: int(r.Renamed), Replace: int(r.Replaced), Prune: int(r.Pruned),
		Adopt: int(r.Adopted), Rules: int(r.RulesChanged), Resources: int(r.ResourcesChanged),
	}
}

func newRunLine(r *db.Run) runLine {
	return runLine{
		Type: "run", Run: r.RunID, tally: runTally(r), Outcome: r.Outcome, StartedAt: r.StartedAt.UTC(), FinishedAt: r.FinishedAt.UTC(),
		Role: r.RoleName, Application: r.Application, ClientAddress: r.ClientAddress, ToolVersion: r.ToolVersion,
		Generation: r.Generation, Inputs: orNone(r.InputNames), TenantCreated: r.TenantCreated,
		ErrorCode: r.ErrorCode, ErrorMessage: r.ErrorMessage,
	}
}

// result says what a run did, or why it failed.
func (r *runLine) result() string {
	if r.ErrorCode == nil {
		return r.phrase(wordsDone) + "."
	}
	if message := text(r.ErrorMessage); message != "" {
		return oneLine(*r.ErrorCode + ": " + message)
	}
	return oneLine(*r.ErrorCode)
}

// showRuns prints the result of history.
func (a *app) showRuns(runs []db.Run) error {
	if a.output == formatJSON {
		lines := a.lines()
		for i := range runs {
			lines.write(newRunLine(&runs[i]))
		}
		return lines.err
	}
	if len(runs) == 0 {
		_, err := fmt.Fprintln(a.Stdout, "no run has changed anything yet")
		return err
	}
	rows := [][]string{{"RUN", "TIME (UTC)", "ROLE", "OUTCOME", "CHANGES"}}
	for i := range runs {
		r := newRunLine(&runs[i])
		rows = append(rows, []string{strconv.FormatInt(r.Run, 10), r.StartedAt.Format(time.DateTime), shown(r.Role), r.Outcome, r.result()})
	}
	return a.writeTable(rows)
}

// showRun prints the result of history RUN: the run, then what it changed.
func (a *app) showRun(run *db.Run, journal []db.Change) error {
	line := newRunLine(run)
	changes := make([]change, len(journal))
	for i := range journal {
		changes[i] = done(&journal[i])
	}
	if a.output == formatJSON {
		lines := a.lines()
		lines.write(line)
		for i := range changes {
			lines.write(&changes[i])
		}
		return lines.err
	}
	by := shown(line.Role)
	if line.ToolVersion != nil {
		by += " with keep-bootstrap " + shown(*line.ToolVersion)
	}
	if line.Application != "" {
		by += " (" + shown(line.Application) + ")"
	}
	fmt.Fprintf(a.Stdout, "run %d %s, %s UTC, by %s\n", line.Run, line.Outcome, line.FinishedAt.Format(time.DateTime), by)
	if len(line.Inputs) > 0 {
		fmt.Fprintln(a.Stdout, "from "+shownList(line.Inputs))
	}
	a.writeChanges(changes)
	_, err := fmt.Fprintln(a.Stdout, line.result())
	return err
}

// showLocal prints the state of the local server; without its password.
func (a *app) showLocal(status local.Status) error {
	if a.output == formatJSON {
		return a.lines().last(struct {
			Type string `json:"type"`
			local.Status
		}{"local", status})
	}
	_, err := fmt.Fprintln(a.Stdout, status.String())
	return err
}

func (a *app) writeTable(rows [][]string) error {
	_, err := fmt.Fprintln(a.Stdout, strings.Join(table(rows), "\n"))
	return err
}
