package doctest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/postgres"
)

// rows are the rows of the tables of a page whose first column matches, as cells.
func rows(t *testing.T, path, first string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile(`^(?:` + first + `)$`)
	var all [][]string
	for line := range strings.SplitSeq(string(text), "\n") {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if pattern.MatchString(cells[0]) {
			all = append(all, cells)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no row that begins with %s", path, first)
	}
	return all
}

// exits are the exit codes of a table, by what stands in its first column; that may name several, separated by commas.
func exits(t *testing.T, path, first string) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, row := range rows(t, path, first) {
		if row[len(row)-1] == "exit" {
			continue // the heading
		}
		exit, err := strconv.Atoi(row[len(row)-1])
		if err != nil {
			t.Errorf("%s: %s: %v", path, row[0], err)
		}
		for name := range strings.SplitSeq(row[0], ", ") {
			if _, ok := all[name]; ok {
				t.Errorf("%s: %s stands there twice", path, name)
			}
			all[name] = exit
		}
	}
	return all
}

// TestErrorsOfTheSchema: the table, the RAISEs and the program name the same codes and exit codes.
func TestErrorsOfTheSchema(t *testing.T) {
	t.Parallel()
	documented := exits(t, "docs/errors.md", `KB\d\d\d`)
	for code, exit := range documented {
		if got := postgres.From(&pgconn.PgError{Code: code}).ExitCode; got != exit {
			t.Errorf("%s: documented exit code %d, the program ends with %d", code, exit, got)
		}
	}

	files, err := filepath.Glob(filepath.Join(root, "sql/functions/*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no routines: %v", err)
	}
	raised := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(text), "\n") {
			code, _, _ := strings.Cut(line, "--")
			for _, found := range regexp.MustCompile(`'(KB\d\d\d)'`).FindAllStringSubmatch(code, -1) {
				raised[found[1]] = true
			}
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(raised)), slices.Sorted(maps.Keys(documented))); diff != "" {
		t.Errorf("docs/errors.md and sql/functions name different codes: -raised +documented\n%s", diff)
	}
}

// TestErrorsOfTheServer: the program ends as the table says.
func TestErrorsOfTheServer(t *testing.T) {
	t.Parallel()
	for code, exit := range exits(t, "docs/errors.md", `[0-9][0-9A-Z]{4}(, [0-9][0-9A-Z]{4})*`) {
		if got := postgres.From(&pgconn.PgError{Code: code}).ExitCode; got != exit {
			t.Errorf("%s: documented exit code %d, the program ends with %d", code, exit, got)
		}
	}
	if got := postgres.From(&pgconn.PgError{Code: "XX000"}).ExitCode; got != 1 {
		t.Errorf("any other SQLSTATE ends with %d", got)
	}
}

// TestErrorsOfTheProgram: the table names the codes of package postgres.
func TestErrorsOfTheProgram(t *testing.T) {
	t.Parallel()
	var want []string
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "internal/postgres/error.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, text)
		}
		return true
	})
	slices.Sort(want)
	documented := exits(t, "docs/errors.md", `[a-z]+(-[a-z]+)?`)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(documented))); diff != "" {
		t.Errorf("docs/errors.md and package postgres name different codes: -program +documented\n%s", diff)
	}
}

// TestExitCodes: the table of docs/errors.md and the constants agree.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	want := []string{}
	for _, code := range []int{
		postgres.ExitOK, postgres.ExitUnexpected, postgres.ExitChanges, postgres.ExitUsage, postgres.ExitInput, postgres.ExitUnavailable,
		postgres.ExitTemporary, postgres.ExitPermission, postgres.ExitRefused,
	} {
		want = append(want, strconv.Itoa(code))
	}
	var documented []string
	for _, row := range rows(t, "docs/errors.md", `\d\d?`) {
		documented = append(documented, row[0])
	}
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("-constants +docs/errors.md\n%s", diff)
	}
}

// TestOptions: docs/psql.md lists the options that a run checks, with the same kinds.
func TestOptions(t *testing.T) {
	t.Parallel()
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	documented := map[string]string{}
	want := map[string]string{"tool_version": "text"} // of any kind
	checks := read("sql/functions/_begin.sql")
	for _, list := range regexp.MustCompile(`(?s)unnest\(ARRAY\[('allow_empty'.*?)\]\)`).FindAllStringSubmatch(checks, -1) {
		for _, found := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(list[1], -1) {
			want[found[1]] = "boolean"
		}
	}
	kinds := map[string]string{"string": "text", "number": "number"}
	for _, found := range regexp.MustCompile(`\('(\w+)', '(string|number)', '`).FindAllStringSubmatch(checks, -1) {
		want[found[1]] = kinds[found[2]]
	}
	if len(want) < 10 {
		t.Fatalf("_begin checks %v", want)
	}
	for _, found := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (text|boolean|number) \\|").FindAllStringSubmatch(read("docs/psql.md"), -1) {
		documented[found[1]] = found[2]
	}
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("-_begin +docs/psql.md\n%s", diff)
	}
}
