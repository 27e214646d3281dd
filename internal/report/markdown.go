package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

const (
	// openRows is how many changes a Markdown table shows without being opened.
	openRows = 25
	// mostMarkdown is about how long a table may get, in bytes: a comment on GitHub holds 65,536 characters.
	mostMarkdown = 50_000
)

// markdown writes a plan or a run as a comment on a pull request.
func (w *Writer) markdown(r *Result) {
	done, more := "Applied to", ""
	if r.Command == "plan" {
		done = "Plan for"
	}
	if r.Run != nil {
		more = fmt.Sprintf("; `keep-bootstrap history %d` lists them", *r.Run)
	}
	w.printf("### %s tenant %s: %s\n\n", done, code(r.Tenant), r.Counted())
	if e := r.Refusal; e != nil {
		hint := strings.TrimSuffix(e.Hint, ".")
		w.printf("> **Refused (%s)**: %s.\n> Next step: %s.\n\n", e.Code, escaped(e.Message), escaped(hint))
	}
	w.markdownChanges(r.Changes, more)
	notes := slices.Clone(r.Notes)
	for _, check := range failed(r.Checks) {
		notes = append(notes, check.Name+": "+check.Detail)
	}
	for _, note := range notes {
		w.printf("- %s\n", escaped(note))
	}
	if len(notes) > 0 {
		w.printf("\n")
	}
	w.printf("%s\n", r.last())
}

// markdownChanges writes a table, collapsed when it is long. more says where to look for what does not fit.
func (w *Writer) markdownChanges(changes []Change, more string) {
	changes = audible(changes)
	if len(changes) == 0 {
		return
	}
	typed := slices.ContainsFunc(changes, func(c Change) bool { return c.Type != nil }) // the journal does not hold types
	rows, size := []string{"| | name | what |", "|---|---|---|"}, 0
	if typed {
		rows = []string{"| | name | type | what |", "|---|---|---|---|"}
	}
	left := len(changes)
	for ; left > 0 && size <= mostMarkdown; left-- {
		row := changes[len(changes)-left].markdown(typed)
		rows, size = append(rows, row), size+len(row)
	}
	table := strings.Join(rows, "\n") + "\n\n"
	if left > 0 {
		table += fmt.Sprintf("... and %d more%s\n\n", left, more)
	}
	if len(changes) > openRows {
		table = fmt.Sprintf("<details><summary>%s</summary>\n\n%s</details>\n\n", Number(len(changes), "change"), table)
	}
	w.printf("%s", table)
}

// markdown is a row of a table.
func (c *Change) markdown(typed bool) string {
	cells := []string{code(strings.TrimSpace(actionNamed(actions, c.Action).sign)), code(c.title())}
	if typed {
		cells = append(cells, code(optionalName(c.Type)))
	}
	what := escaped(c.what())
	if references := c.references(); references != "" {
		what += "; referenced by " + escaped(references)
	}
	for _, note := range c.Notes {
		what += "; note: " + escaped(note)
	}
	return "| " + strings.Join(append(cells, what), " | ") + " |"
}

// code shows a text as code; an empty one as nothing. Its characters are escaped one by one, so that no backquote ends it.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "<code>" + escaped(s) + "</code>"
}

// escaped makes a text mean nothing in Markdown, HTML and to GitHub: what is neither a letter nor a digit is written as
// a character reference, line breaks and other control characters become spaces, and what would mention a user
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
