package migrate_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/test/pgtest"
)

// psql runs the script of the program as the documentation says, and returns what psql printed.
func psql(t *testing.T, address string, oneTransaction bool) (string, error) {
	t.Helper()
	program := pgtest.PSQL(t)
	script, err := migrate.Script("test")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bootstrap.sql")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-X", "-v", "ON_ERROR_STOP=1", "-f", file, "-d", address}
	if oneTransaction {
		args = append(args, "-1")
	}
	output, err := exec.Command(program, args...).CombinedOutput()
	return string(output), err
}

func TestScriptDoesWhatUpDoes(t *testing.T) {
	t.Parallel()
	for _, template := range []pgtest.Template{pgtest.Empty, pgtest.Keep(newestKeep)} {
		byScript, byUp := pgtest.New(t, template), pgtest.New(t, template)
		scripted, migrated := connect(t, byScript.URL), connect(t, byUp.URL)
		up(t, migrated)
		want := append(describe(t, migrated, "bootstrap"), data(t, migrated)...)
		wantPublic := describe(t, migrated, "public")
		for _, time := range []string{"first", "second"} {
			if output, err := psql(t, byScript.URL, true); err != nil {
				t.Fatalf("%s: the %s time: %v\n%s", template.Name, time, err, output)
			}
			same(t, template.Name+", by psql, the "+time+" time", append(describe(t, scripted, "bootstrap"), data(t, scripted)...), want)
			same(t, template.Name+", Keep's schema by psql", describe(t, scripted, "public"), wantPublic)
		}
		if result := up(t, scripted); result.Changed() {
			t.Errorf("%s: after the script there is still something to migrate: %+v", template.Name, result)
		}
		sameDump(t, byScript.URL, byUp.URL)
		noLocks(t, scripted)
	}
}

// sameDump compares pg_dump of both, where there is one that is new enough for the server.
func sameDump(t *testing.T, first, second string) {
	t.Helper()
	program, err := exec.LookPath("pg_dump")
	if err != nil {
		return
	}
	dump := func(address string) (string, error) {
		output, err := exec.Command(program, "--exclude-table-data=bootstrap.setting", "-d", address).CombinedOutput()
		// Newer ones write a random key into the dump.
		return regexp.MustCompile(`(?m)^\\(un)?restrict .*$`).ReplaceAllString(string(output), ""), err
	}
	a, err := dump(first)
	if err != nil {
		if strings.Contains(a, "server version mismatch") {
			return // the catalogue has been compared
		}
		t.Fatalf("%v\n%s", err, a)
	}
	b, err := dump(second)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	same(t, "pg_dump", strings.Split(a, "\n"), strings.Split(b, "\n"))
}

func TestScriptOnAPartlyMigratedDatabase(t *testing.T) {
	t.Parallel()
	complete := connect(t, pgtest.New(t, pgtest.Keep(newestKeep)).URL)
	up(t, complete)
	want := append(describe(t, complete, "bootstrap"), data(t, complete)...)
	for version := int32(1); version < migrate.Known(); version++ {
		d := pgtest.New(t, pgtest.Keep(newestKeep))
		conn := connect(t, d.URL)
		to(t, conn, version)
		if output, err := psql(t, d.URL, true); err != nil {
			t.Fatalf("from %d: %v\n%s", version, err, output)
		}
		same(t, "from version "+strconv.Itoa(int(version)), append(describe(t, conn, "bootstrap"), data(t, conn)...), want)
	}
}

func TestScriptRefusesToRunWithoutATransaction(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Empty)
	output, err := psql(t, d.URL, false)
	if err == nil || !strings.Contains(output, "must run in one transaction") {
		t.Errorf("%v\n%s", err, output)
	}
	if rows := pgtest.Table(t, d.Conn(t), "select 1 from pg_namespace where nspname = 'bootstrap'"); len(rows) > 0 {
		t.Error("the script has changed the database")
	}
}

func TestScriptHasNoTransactionControl(t *testing.T) {
	t.Parallel()
	script, err := migrate.Script("test")
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?im)^\s*(BEGIN|START TRANSACTION|COMMIT|ROLLBACK|END)( WORK| TRANSACTION)?\s*;`).FindAllString(withoutBodies(script), -1); len(found) > 0 {
		t.Errorf("the script controls the transaction: %q", found)
	}
	if !strings.Contains(script, fmt.Sprintf("migrations 1 to %d", migrate.Known())) {
		t.Error("the header does not say what the script holds")
	}
}

// withoutBodies cuts the bodies of routines.
func withoutBodies(script string) string {
	return regexp.MustCompile(`(?s)\$\$.*?\$\$`).ReplaceAllString(script, "")
}
