package cli

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"keep-bootstrap/internal/postgres"
)

const (
	// openRows is how many changes a Markdown table shows without being opened.
	openRows = 25
	// mostMarkdown is about how long a table may get, in bytes: a comment on GitHub holds 65,536 characters.
	mostMarkdown = 50_000
)

// markdown is the plan as a comment on a pull request.
func (v *planView) markdown() string {
	var out strings.Builder
	heading := noChanges
	if v.total.sum() > 0 {
		heading = v.total.phrase(wordsPlanned)
	}
	fmt.Fprintf(&out, "### Plan for tenant %s: %s\n\n", code(v.tenant), heading)
	if v.refusal != nil {
		writeRefusal(&out, v.refusal)
	}
	writeMarkdownChanges(&out, v.changes, "")
	writeMarkdownNotes(&out, v.notes)
	fmt.Fprintf(&out, "%s\n", v.total.plan())
	return out.String()
}

// markdown is what a run did as a comment on a pull request.
func (v *runView) markdown() string {
	var out strings.Builder
	heading := noChanges
	if v.changed {
		heading = v.total.phrase(wordsDone)
	}
	fmt.Fprintf(&out, "### Applied to tenant %s: %s\n\n", code(v.tenant), heading)
	rest := ""
	if v.Report.RunID != nil {
		rest = fmt.Sprintf("; `keep-bootstrap history %d` lists them", *v.Report.RunID)
	}
	writeMarkdownChanges(&out, v.changes, rest)
	notes := slices.Clone(v.Report.Notes)
	for _, check := range v.Checks {
		if check.Ok == nil || !*check.Ok {
			notes = append(notes, text(check.Name)+": "+text(check.Detail))
		}
	}
	writeMarkdownNotes(&out, notes)
	fmt.Fprintf(&out, "%s\n", v.applied())
	return out.String()
}

func writeRefusal(out *strings.Builder, refusal *postgres.Error) {
	fmt.Fprintf(out, "> **Refused (%s)**: %s.\n> Next step: %s.\n\n", refusal.Code, escaped(refusal.Message), escaped(strings.TrimSuffix(refusal.Hint, ".")))
}

// writeMarkdownChanges writes a table, collapsed when it is long. more says where to look for what does not fit.
func writeMarkdownChanges(out *strings.Builder, changes []change, more string) {
	changes = audible(changes)
	if len(changes) == 0 {
		return
	}
	if len(changes) > openRows {
		fmt.Fprintf(out, "<details><summary>%s</summary>\n\n", count(len(changes), "change"))
	}
	typed := slices.ContainsFunc(changes, func(c change) bool { return c.ProviderType != nil })
	if typed {
		out.WriteString("| | name | type | what |\n|---|---|---|---|\n")
	} else {
		out.WriteString("| | name | what |\n|---|---|---|\n") // the journal does not hold types
	}
	start, left := out.Len(), 0
	for i := range changes {
		if out.Len()-start > mostMarkdown {
			left = len(changes) - i
			break
		}
		writeMarkdownRow(out, &changes[i], typed)
	}
	out.WriteString("\n")
	if left > 0 {
		fmt.Fprintf(out, "... and %d more%s\n\n", left, more)
	}
	if len(changes) > openRows {
		out.WriteString("</details>\n\n")
	}
}

func writeMarkdownRow(out *strings.Builder, c *change, typed bool) {
	symbol := strings.TrimSpace(symbols[c.Action].text)
	if symbol != "" {
		symbol = code(symbol)
	}
	kind := ""
	if c.ProviderType != nil {
		kind = code(shown(*c.ProviderType))
	}
	if typed {
		kind += " | "
	}
	what := escaped(c.what())
	if references := c.references(); references != "" {
		what += "; referenced by " + escaped(references)
	}
	for _, note := range c.Notes {
		what += "; note: " + escaped(note)
	}
	fmt.Fprintf(out, "| %s | %s | %s%s |\n", symbol, code(c.title()), kind, what)
}

func writeMarkdownNotes(out *strings.Builder, notes []string) {
	for _, note := range notes {
		fmt.Fprintf(out, "- %s\n", escaped(note))
	}
	if len(notes) > 0 {
		out.WriteString("\n")
	}
}

// code shows a text as code. Its characters are escaped one by one, so that no backquote ends it.
func code(s string) string {
	return "<code>" + escaped(s) + "</code>"
}

// escaped makes a text mean nothing in Markdown, HTML and to GitHub: what is neither a letter nor a digit is written as
// a character reference, line breaks and other control characters become spaces, and what would mention somebody
// (@name) or an issue (#1) is cut off from what follows.
func escaped(s string) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), strings.ContainsRune(" ,;-", r):
			out.WriteRune(r)
		case r == '@', r == '#':
			fmt.Fprintf(&out, "<span>&#%d;</span>", r)
		case unicode.IsPrint(r):
			fmt.Fprintf(&out, "&#%d;", r)
		default:
			out.WriteByte(' ')
		}
	}
	return out.String()
}
