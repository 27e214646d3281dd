package doctest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOrder: sql/ORDER.md lists every file once, in the order of the printed script, with its length. -update writes the lengths.
func TestOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(root, "sql/ORDER.md")
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page := read(path)

	want := []string{"guard.sql", "migrations/001_schema.sql"}
	for _, found := range regexp.MustCompile(`template "(\S+)"`).FindAllStringSubmatch(read(filepath.Join(root, "sql/functions/install.sql")), -1) {
		want = append(want, "functions/"+found[1])
	}
	want = append(want, "migrations/003_catalogue.sql", "migrations/004_keep.sql", "roles.sql")
	var got []string
	counted := regexp.MustCompile(`\]\(([a-z0-9_/]+\.sql)\) \| \d+ \|`).ReplaceAllStringFunc(page, func(row string) string {
		file, _, _ := strings.Cut(strings.TrimPrefix(row, "]("), ")")
		got = append(got, file)
		return fmt.Sprintf("](%s) | %d |", file, strings.Count(read(filepath.Join(root, "sql", file)), "\n"))
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-script +sql/ORDER.md\n%s", diff)
	}
	if *update {
		if err := os.WriteFile(path, []byte(counted), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if page != counted {
		t.Error("lengths in sql/ORDER.md are not right; run: go test ./tools/doctest -run TestOrder -update")
	}
}
