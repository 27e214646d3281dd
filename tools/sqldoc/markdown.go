package sqldoc

import (
	"fmt"
	"strings"
)

// Markdown is the text of docs/sql.md.
func Markdown(s Schema) string {
	var b strings.Builder
	b.WriteString(`# Schema bootstrap

<!-- Generated from COMMENT ON of a migrated database; do not edit. To write it again: go test ./tools/sqldoc -update -->

For whoever calls the routines or reads the tables: schema bootstrap in the words of its comments, which psql shows too (` + "`\\d+`, `\\df+`" + `). Public routines
are the interface; private ones (names with a leading underscore) and the layout of the tables may change with any
release. Every public routine pins its search_path to ` + "`pg_catalog, pg_temp`" + `, and PUBLIC may execute none.

`)
	b.WriteString("## Public routines\n")
	for _, r := range s.Routines {
		if !r.Private() {
			routine(&b, r)
		}
	}
	b.WriteString("\n## Tables\n")
	for _, t := range s.Tables {
		table(&b, t)
	}
	b.WriteString("\n## Private routines\n\nThe first lines of sql/functions/NAME.sql say what each guarantees.\n\n")
	rows := [][]string{}
	for _, r := range s.Routines {
		if r.Private() {
			rows = append(rows, []string{code(r.Signature()), code(r.Result)})
		}
	}
	grid(&b, []string{"routine", "returns"}, rows)
	return b.String()
}

func routine(b *strings.Builder, r Routine) {
	fmt.Fprintf(b, "\n### %s\n\n```sql\n", r.Name)
	if r.Kind == "procedure" {
		fmt.Fprintf(b, "CALL bootstrap.%s\n", r.Signature())
	} else {
		fmt.Fprintf(b, "bootstrap.%s RETURNS %s\n", r.Signature(), r.Result)
	}
	security := "SECURITY INVOKER"
	if r.SecurityDefiner {
		security = "SECURITY DEFINER"
	}
	fmt.Fprintf(b, "```\n\n%s\n\n%s.\n", r.Comment, security)
}

func table(b *strings.Builder, t Table) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n", t.Name, t.Comment)
	if t.Kind != "table" {
		fmt.Fprintf(b, "Kind: %s.\n\n", t.Kind)
	}
	rows := [][]string{}
	for _, c := range t.Columns {
		null := "null"
		if c.NotNull {
			null = "not null"
		}
		rows = append(rows, []string{code(c.Name), c.Type, null, code(c.Default), c.Comment})
	}
	grid(b, []string{"column", "type", "null", "default", "meaning"}, rows)

	rows = [][]string{}
	for _, n := range t.Constraints {
		rows = append(rows, []string{code(n.Name), code(n.Definition), n.Comment})
	}
	for _, n := range t.Indexes {
		rows = append(rows, []string{code(n.Name), code(n.Definition), n.Comment})
	}
	if len(rows) > 0 {
		b.WriteString("\n")
		grid(b, []string{"constraint or index", "definition", "meaning"}, rows)
	}
}

func grid(b *strings.Builder, head []string, rows [][]string) {
	line := func(cells []string) {
		b.WriteString("|")
		for _, c := range cells {
			// A new line or a bar would end the cell.
			c = strings.ReplaceAll(strings.Join(strings.Fields(c), " "), "|", `\|`)
			if c != "" {
				c += " "
			}
			b.WriteString(" " + c + "|")
		}
		b.WriteString("\n")
	}
	line(head)
	b.WriteString(strings.Repeat("|---", len(head)) + "|\n")
	for _, r := range rows {
		line(r)
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
