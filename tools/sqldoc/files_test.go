package sqldoc_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var sqlDir = filepath.Join("..", "..", "sql")

const downSeparator = "\n---- create above / drop below ----\n"

// The rules that tern, text/template and sqlc put on a migration, none of which they report well.
func TestMigrationFiles(t *testing.T) {
	t.Parallel()
	files := sqlFiles(t, filepath.Join(sqlDir, "migrations"))
	for i, name := range files {
		text := readFile(t, filepath.Join(sqlDir, "migrations", name))
		if want := fmt.Sprintf("%03d_", i+1); !strings.HasPrefix(name, want) {
			t.Errorf("%s: the migrations must be numbered without a gap; expected %s*", name, want)
		}
		_, down, ok := strings.Cut(text, downSeparator)
		if !ok || strings.TrimSpace(down) == "" {
			t.Errorf("%s: no down part", name)
		}
		checkText(t, name, text)
	}
}

func TestRoutineFiles(t *testing.T) {
	t.Parallel()
	create := regexp.MustCompile(`(?m)^CREATE (?:OR REPLACE )?(FUNCTION|PROCEDURE|VIEW) bootstrap\.(\w+)\b`)
	include := regexp.MustCompile(`(?m)^-- \{\{ template "([^"]+)" \. \}\}$`)
	dir := filepath.Join(sqlDir, "functions")
	install := readFile(t, filepath.Join(dir, "install.sql"))
	var listed []string
	for _, m := range include.FindAllStringSubmatch(install, -1) {
		if slices.Contains(listed, m[1]) {
			t.Errorf("install.sql: lists %s twice", m[1])
		}
		listed = append(listed, m[1])
	}
	checkText(t, "install.sql", install)

	files := slices.DeleteFunc(sqlFiles(t, dir), func(name string) bool { return name == "install.sql" })
	for _, name := range listed {
		if !slices.Contains(files, name) {
			t.Errorf("install.sql: lists %s, which does not exist", name)
		}
	}
	for _, name := range files {
		text := readFile(t, filepath.Join(dir, name))
		routine := strings.TrimSuffix(name, ".sql")
		if routine == "install_manifest" {
			routine = "install" // install.sql is tern's name for the list of the routines
		}
		if !slices.Contains(listed, name) {
			t.Errorf("%s: not listed in install.sql", name)
		}
		m := create.FindAllStringSubmatch(text, -1)
		if len(m) != 1 || m[0][2] != routine {
			t.Errorf("%s: must create bootstrap.%s and nothing else", name, routine)
			continue
		}
		isView, private := m[0][1] == "VIEW", strings.HasPrefix(routine, "_")
		first := "-- bootstrap." + routine + "("
		if isView {
			first = "-- bootstrap." + routine + ":"
		}
		if !strings.HasPrefix(text, first) {
			t.Errorf("%s: the first line must be the comment %s...: what it guarantees", name, first)
		}
		// What is written in SQL becomes part of the calling statement, which a setting would prevent.
		if !isView && !(private && strings.Contains(text, "\nLANGUAGE sql ")) && !strings.Contains(text, "\nSET search_path = pg_catalog, pg_temp\n") {
			t.Errorf("%s: lacks SET search_path = pg_catalog, pg_temp", name)
		}
		if !private && !strings.Contains(text, "\nCOMMENT ON ") {
			t.Errorf("%s: lacks a COMMENT", name)
		}
		checkText(t, name, text)
	}
}

func checkText(t *testing.T, name, text string) {
	t.Helper()
	for i, line := range strings.Split(text, "\n") {
		where := fmt.Sprintf("%s:%d", name, i+1)
		if strings.ContainsFunc(line, func(r rune) bool { return r >= 0x80 }) {
			t.Errorf("%s: not ASCII; positions in error messages would be wrong", where)
		}
		if strings.Contains(line, "{{") && !strings.HasPrefix(line, "-- {{ ") {
			t.Errorf("%s: {{ outside an include", where)
		}
		if strings.HasPrefix(strings.TrimSpace(line), "--") && strings.HasSuffix(line, `\`) {
			t.Errorf(`%s: a comment that ends in \ hides the next line from tern`, where)
		}
		if strings.Contains(line, "disable-tx") || strings.Contains(line, "BEGIN ATOMIC") {
			t.Errorf("%s: tern would split this wrongly", where)
		}
	}
}

func sqlFiles(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.sql"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no .sql file in %s: %v", dir, err)
	}
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = filepath.Base(path)
	}
	slices.Sort(names)
	return names
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
