package migrate

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	ternmigrate "github.com/jackc/tern/v2/migrate"

	sqlfiles "keep-bootstrap/sql"
)

// versionTable is tern's record of the installed version.
const versionTable = "bootstrap.schema_version"

// files are the migrations as they are embedded.
var files = func() fs.FS {
	sub, err := fs.Sub(sqlfiles.Migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}()

// Known returns the number of the newest migration of this program.
var Known = sync.OnceValue(func() int32 {
	names, err := ternmigrate.FindMigrations(files)
	if err != nil {
		panic(err) // the files are embedded, and a test loads them
	}
	return int32(len(names))
})

// Names returns the file names of the migrations, in order.
func Names() []string {
	names, err := ternmigrate.FindMigrations(files)
	if err != nil {
		panic(err) // as in Known
	}
	return names
}

// load evaluates the migrations: {{ install_snapshot "NNN" }} becomes the frozen routines.
func load() ([]*ternmigrate.Migration, error) {
	loader, err := ternmigrate.NewMigratorEx(context.Background(), nil, versionTable, &ternmigrate.MigratorOptions{})
	if err != nil {
		return nil, fmt.Errorf("loading the migrations: %w", err)
	}
	if err := loader.LoadMigrations(files); err != nil {
		return nil, fmt.Errorf("loading the migrations: %w", err)
	}
	return loader.Migrations, nil
}

// place finds the file that a position of an evaluated migration comes from: the migration itself, or one of the frozen
// routines in it. text is the evaluated SQL, position counts characters from 1.
func place(migration, text string, position int) (file string, line, column int, excerpt string) {
	line, column, excerpt = locate(text, position)
	file = "sql/migrations/" + migration
	runes := []rune(text)
	if line == 0 || position > len(runes) {
		return file, line, column, excerpt
	}
	offset := len(string(runes[:position-1]))
	_ = fs.WalkDir(files, "snapshots", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, path)
		if err != nil || len(body) == 0 {
			return err
		}
		start := strings.Index(text, string(body))
		if start < 0 || offset < start || offset >= start+len(body) {
			return nil
		}
		file = "sql/migrations/" + path
		line -= strings.Count(text[:start], "\n")
		return fs.SkipAll
	}) // there may be no snapshots; the place in the migration is right too
	return file, line, column, excerpt
}
