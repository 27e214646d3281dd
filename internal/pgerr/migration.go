package pgerr

import (
	"errors"
	"strings"

	ternmigrate "github.com/jackc/tern/v2/migrate"
)

// fromMigration maps an error of a migration: the same as the server error in it, plus file, line and caret.
func fromMigration(err error) *Error {
	var failed ternmigrate.MigrationPgError
	if !errors.As(err, &failed) || failed.PgError == nil {
		return nil
	}
	e := fromServer(failed.PgError)
	e.File = failed.MigrationName
	if failed.Position > 0 {
		e.Line, e.Column, e.Excerpt = Locate(failed.Sql, int(failed.Position))
	}
	return e
}

// Locate turns the position that the server reports (characters, counted from 1) into line and column of sql, and the
// line itself with a caret under the place. All zero when the position lies outside.
func Locate(sql string, position int) (line, column int, excerpt string) {
	runes := []rune(sql)
	if position < 1 || position > len(runes) {
		return 0, 0, ""
	}
	before := string(runes[:position-1])
	line = strings.Count(before, "\n") + 1
	start := strings.LastIndex(before, "\n") + 1
	text, _, _ := strings.Cut(sql[start:], "\n")
	column = len([]rune(before[start:])) + 1
	// Tabs stay tabs so that the caret stands under the character whatever their width.
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before[start:])
	return line, column, text + "\n" + pad + "^"
}
