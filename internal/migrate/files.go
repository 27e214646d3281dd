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
	loader, err := ternmigrate.NewMigrator(context.Background(), nil, "bootstrap.schema_version")
	if err == nil {
		err = loader.LoadMigrations(files)
	}
	if err != nil {
		return nil, fmt.Errorf("loading the migrations: %w", err)
	}
	return loader.Migrations, nil
}
