package migrate

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	ternmigrate "github.com/jackc/tern/v2/migrate"

	sqlfiles "keep-bootstrap/sql"
)

// versionTable is tern's record of the installed version.
const versionTable = "bootstrap.schema_version"

// files are the migrations as tern reads them, with the routines in the place of migration 002.
var files = tree{sqlfiles.Files}

type tree struct{ embedded embed.FS }

// Open opens a file by its path below sql/migrations.
func (t tree) Open(name string) (fs.File, error) {
	if routine, ok := strings.CutPrefix(name, "snapshots/002"); ok {
		return t.embedded.Open("functions" + routine)
	}
	return t.embedded.Open(path.Join("migrations", name))
}

// Known returns the number of the newest migration of this program.
func Known() int32 { return int32(len(Names())) }

// Names returns the file names of the migrations, in order.
var Names = sync.OnceValue(func() []string {
	names, err := ternmigrate.FindMigrations(files)
	if err != nil {
		panic(err) // the files are embedded, and a test loads them
	}
	return names
})

// load evaluates the migrations: {{ install_snapshot "002" }} becomes the routines.
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

// place finds the file that a position of an evaluated migration comes from: the migration itself, or one of the routines in
// it. text is the evaluated SQL, position counts characters from 1.
func place(migration, text string, position int) (file string, line, column int, excerpt string) {
	file = "sql/migrations/" + migration
	offset, line, column, excerpt := locate(text, position)
	if line == 0 {
		return file, 0, 0, ""
	}
	names, err := fs.Glob(sqlfiles.Files, "functions/*.sql")
	if err != nil {
		panic(err) // the pattern is good
	}
	for _, name := range names {
		body, err := sqlfiles.Files.ReadFile(name)
		if err != nil {
			panic(err) // it is embedded
		}
		start := strings.Index(text, string(body))
		if start >= 0 && offset >= start && offset < start+len(body) {
			return "sql/" + name, line - strings.Count(text[:start], "\n"), column, excerpt
		}
	}
	return file, line, column, excerpt
}
