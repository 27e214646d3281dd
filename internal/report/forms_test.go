package report

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"keep-bootstrap/internal/db"
	"keep-bootstrap/internal/install"
	"keep-bootstrap/internal/postgres"
)

// hostile are names that try to end a cell, a table or a line, to become markup, or to call somebody.
var hostile = []string{
	"grafana", "a|b", "a\nb", "</details><script>alert(1)</script>", "`x`", "**b**", "[x](http://evil)", "![x](http://evil)", "@everyone", "#1", "<!--", "&lt;", "| | |\n|---|",
	"http://evil.example", "\x1b[31mred", "\u202eevil", "a\\|b", "| x |", "- [ ] x", "_i_", "~~s~~", "$x$", ":smile:", "", " ", strings.Repeat("long", 50), "日本 🙂",
}

func names() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom(hostile), rapid.String())
}

// plans generates plans, as the database could return them and worse.
func plans() *rapid.Generator[install.Plan] {
	return rapid.Custom(func(t *rapid.T) install.Plan {
		plan := install.Plan{Changes: plannedChanges().Draw(t, "changes")}
		for _, c := range plan.Changes {
			if c.Refusal != nil {
				plan.Refusal = &postgres.Error{Code: *c.Refusal, Message: names().Draw(t, "message"), Hint: names().Draw(t, "hint")}
			}
		}
		return plan
	})
}

func plannedChanges() *rapid.Generator[[]db.PlannedChange] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) db.PlannedChange {
		optional := func(label string) *string {
			if !rapid.Bool().Draw(t, label) {
				return nil
			}
			text := names().Draw(t, label)
			return &text
		}
		c := db.PlannedChange{
			Kind: rapid.SampledFrom([]string{"provider", "provider", "deduplication_rule", "workflow", "dashboard", "mapping_rule", "user", "api_key"}).Draw(t, "kind"), Name: names().Draw(t, "name"),
			Action:       rapid.SampledFrom([]string{"add", "update", "rename", "replace", "prune", "adopt", "unchanged"}).Draw(t, "action"),
			PreviousName: optional("previous"), Type: optional("type"), ProviderName: optional("provider"), ObjectID: optional("id"),
			Fields: rapid.SliceOfN(names(), 0, 2).Draw(t, "fields"), Drift: rapid.SliceOfN(names(), 0, 1).Draw(t, "drift"), Reason: names().Draw(t, "reason"),
		}
		if c.Kind == "workflow" {
			c.Notes = rapid.SliceOfN(names(), 0, 2).Draw(t, "notes")
		}
		c.StateOnly = c.Action == "unchanged"
		if rapid.IntRange(0, 9).Draw(t, "refused") == 0 {
			code := rapid.SampledFrom([]string{"KB020", "KB021", "KB022", "KB024", "KB025", "KB028", "KB029"}).Draw(t, "code")
			c.Refusal = &code
		}
		return c
	}), 0, 40)
}

// form is a plan in one form.
func form(t rapid.TB, plan *Result, format Format) string {
	t.Helper()
	var out strings.Builder
	w := Writer{Out: &out, Format: format, Version: "test"}
	w.Result(plan)
	if err := w.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Text, JSON, Markdown and the exit code say the same about any plan.
func TestFormsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plan := plans().Draw(t, "plan")
		changes := plan.Changes
		related := install.Related{Dependents: map[string][]db.Dependent{}, LastRuns: map[string]int64{}}
		for i := range changes {
			if id := changes[i].ObjectID; id != nil && rapid.Bool().Draw(t, "dependents") {
				related.Dependents[*id] = []db.Dependent{{ProviderID: *id, Kind: "workflows", Count: 1001, Names: []string{names().Draw(t, "workflow")}}}
				related.LastRuns[*id] = 7
			}
		}
		view := NewPlan("keep", &plan, &related)
		text, markdown := form(t, view, Text), form(t, view, Markdown)

		var last Summary
		counted, listed := 0, 0
		jsonLines := strings.Split(strings.TrimSuffix(form(t, view, JSON), "\n"), "\n")
		for i, line := range jsonLines[1:] {
			if i == len(jsonLines)-2 {
				if err := json.Unmarshal([]byte(line), &last); err != nil {
					t.Fatal(err)
				}
				continue
			}
			var c Change
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatal(err)
			}
			if c.Action != "unchanged" {
				counted++
			}
			if len(audible([]Change{c})) > 0 {
				listed++
			}
		}
		sentence := last.last()
		if len(jsonLines) != len(changes)+2 || counted != last.Sum() || last.Changed != (counted > 0) {
			t.Errorf("JSON: %d changes, %+v", counted, last)
		}
		if (view.Counts.Sum() > 0) != last.Changed || last.Changed == (sentence == "No changes.") {
			t.Errorf("%d changes, changed %v, %s", view.Counts.Sum(), last.Changed, sentence)
		}
		if !strings.HasSuffix(text, "\n"+sentence+"\n") && text != sentence+"\n" {
			t.Errorf("text does not end with %q:\n%s", sentence, text)
		}
		if !strings.HasSuffix(markdown, "\n"+sentence+"\n") {
			t.Errorf("Markdown does not end with %q:\n%s", sentence, markdown)
		}
		if (last.RefusalCode != nil) != (plan.Refusal != nil) || (last.RefusalCode != nil) != strings.Contains(markdown, "**Refused (") {
			t.Errorf("refusal: %v\n%s", last.RefusalCode, markdown)
		}
		checkText(t, text, listed)
		checkMarkdown(t, markdown, listed)
	})
}

// checkText: one line a change, and nothing that a terminal could take for a command.
func checkText(t rapid.TB, text string, listed int) {
	t.Helper()
	rows := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "       ") && !strings.HasPrefix(line, "Plan: ") && line != "No changes.\n" {
			rows++
		}
	}
	if listed > 0 && rows > listed {
		t.Errorf("%d lines for %d changes:\n%s", rows, listed, text)
	}
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) && r != ' ' {
			t.Errorf("%U is printed", r)
		}
	}
}

var (
	allowedTags = regexp.MustCompile(`</?code>|</?span>|</?details>|</?summary>`)
	tableRows   = [...]*regexp.Regexp{3: regexp.MustCompile(`^\|( [^|]*\|){3}$`), 4: regexp.MustCompile(`^\|( [^|]*\|){4}$`)}
)

// checkMarkdown: as many rows as changes, as many cells in each, and no markup but ours.
func checkMarkdown(t rapid.TB, markdown string, listed int) {
	t.Helper()
	rows, cells := 0, 3
	if strings.Contains(markdown, "| type |") {
		cells = 4
	}
	for _, line := range strings.Split(markdown, "\n") {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		rows++
		if line != "|"+strings.Repeat("---|", cells) && !tableRows[cells].MatchString(line) {
			t.Errorf("a row is broken: %s", line)
		}
	}
	if want := listed + 2; listed > 0 && rows != want || listed == 0 && rows != 0 {
		t.Errorf("%d rows for %d changes:\n%s", rows, listed, markdown)
	}
	rest := allowedTags.ReplaceAllString(markdown, "")
	for _, line := range strings.Split(rest, "\n") {
		line = strings.TrimPrefix(line, "> ")
		if strings.ContainsAny(line, "<>`[]@_~$\\") {
			t.Errorf("markup: %s", line)
		}
	}
	if opened := strings.Count(markdown, "<details>"); opened != strings.Count(markdown, "</details>") || (opened == 1) != (listed > openRows) {
		t.Errorf("%d collapsed blocks for %d changes", opened, listed)
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	kind, previous, refusal := "victoriametrics", "vms", "KB022"
	view := NewPlan("keep", &install.Plan{Refusal: &postgres.Error{
		Code: "KB022", Message: "1 provider(s) with prevent_delete would be pruned or replaced", Hint: "If that is meant, first install the provider with prevent_delete: false.",
	}, Changes: []db.PlannedChange{
		{Kind: "provider", Action: "rename", Name: "victoria", PreviousName: &previous, Type: &kind, Fields: []string{"name"}, Reason: `renamed_from names "vms"`},
		{Kind: "provider", Action: "prune", Name: "a|b", Type: &kind, Reason: "provisioned, and not in the manifest", Refusal: &refusal},
	}}, &install.Related{})
	const want = `### Plan for tenant <code>keep</code>: 0 to add, 0 to change, 1 to rename, 1 to prune

> **Refused (KB022)**: 1 provider&#40;s&#41; with prevent&#95;delete would be pruned or replaced.
> Next step: If that is meant, first install the provider with prevent&#95;delete&#58; false.

| | name | type | what |
|---|---|---|---|
| <code>&#62;</code> | <code>vms -&#62; victoria</code> | <code>victoriametrics</code> | name &#40;renamed&#95;from names &#34;vms&#34;&#41; |
| <code>-</code> | <code>a&#124;b</code> | <code>victoriametrics</code> | provisioned, and not in the manifest; refused&#58; KB022 |

Plan: 0 to add, 0 to change, 1 to rename, 1 to prune.
`
	if got := form(t, view, Markdown); got != want {
		t.Errorf("%s", got)
	}

	// A comment on GitHub holds 65,536 characters.
	var many []db.PlannedChange
	for i := range 5000 {
		many = append(many, db.PlannedChange{Kind: "provider", Action: "add", Name: fmt.Sprint("provider ", i), Reason: "not installed yet"})
	}
	view = NewPlan("keep", &install.Plan{Changes: many}, &install.Related{})
	long := form(t, view, Markdown)
	if len(long) > 65_000 || !strings.Contains(long, "more\n") || !strings.Contains(long, "<details><summary>5000 changes</summary>") || !strings.HasSuffix(long, "Plan: 5000 to add, 0 to change, 0 to rename, 0 to prune.\n") {
		t.Errorf("%d bytes", len(long))
	}
}
