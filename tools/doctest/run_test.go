package doctest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keep-bootstrap/test/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var update = flag.Bool("update", false, "write what the commands print into the pages")

const (
	root       = "../.."
	newestKeep = pgtest.NewestKeep
)

// requirePSQL skips a test where there is no psql. In CI there must be one.
func requirePSQL(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("psql"); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no psql in PATH: CI must execute the pages (Debian: postgresql-client)")
	}
	t.Skip("no psql in PATH, so the commands of this page are not executed (Debian: postgresql-client)")
}

// session executes a page.
type session struct {
	t         *testing.T
	page      *page
	directory string // the working directory of the commands
	variables string // a file with the variables that earlier commands exported
	database  *pgtest.Database
	// secrets replace texts in files that the page or the examples hold, so that their way can be followed.
	secrets *strings.Replacer
	// prepare is called with every new database.
	prepare func(*pgtest.Database)
}

func newSession(t *testing.T, path string, secrets ...string) *session {
	t.Helper()
	p, err := readPage(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, page: p, directory: t.TempDir(), secrets: strings.NewReplacer(secrets...), prepare: func(*pgtest.Database) {}}
	s.variables = filepath.Join(t.TempDir(), "variables")
	programs := filepath.Join(t.TempDir(), "bin")
	for _, directory := range []string{programs, filepath.Join(s.directory, "scripts")} {
		if err := os.Mkdir(directory, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(pgtest.Bootstrap(t), filepath.Join(programs, "keep-bootstrap")); err != nil {
		t.Fatal(err)
	}
	s.write(s.variables, "PATH="+quoted(programs+":"+os.Getenv("PATH"))+"\nHOME="+quoted(t.TempDir())+"\n"+
		"export PATH HOME LC_ALL=C.UTF-8 PSQLRC=/dev/null PAGER=cat BOOTSTRAP_LOG_FORMAT=text\n")
	s.copyExamples()
	return s
}

// copyExamples gives the commands what a checkout has: the examples, and what make bootstrap needs.
func (s *session) copyExamples() {
	s.t.Helper()
	for _, name := range []string{"Makefile", "scripts/bootstrap.sh"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.directory, name), text, 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	examples := filepath.Join(s.directory, "examples")
	if err := os.CopyFS(examples, os.DirFS(filepath.Join(root, "examples"))); err != nil {
		s.t.Fatal(err)
	}
	for _, pattern := range []string{"*.json", "*.yaml", "providers/*"} {
		files, err := filepath.Glob(filepath.Join(examples, pattern))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				s.t.Fatal(err)
			}
			s.write(file, s.secrets.Replace(string(text)))
		}
	}
}

func (s *session) write(path, text string) {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// use begins a new database, to which both psql and keep-bootstrap connect.
func (s *session) use(name string) {
	s.t.Helper()
	templates := map[string]pgtest.Template{"keep": pgtest.Keep(newestKeep), "empty": pgtest.Empty, "installed": pgtest.Keep(newestKeep)}
	createTables := "" // as for the local database, which is empty, too
	if name == "empty" {
		createTables = "true"
	}
	template, ok := templates[name]
	if !ok {
		s.t.Fatalf("there is no template %q", name)
	}
	s.database = pgtest.New(s.t, template)
	s.prepare(s.database)
	address, err := url.Parse(s.database.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	password, _ := address.User.Password()
	variables, err := os.ReadFile(s.variables)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(s.variables, fmt.Sprintf("%s\nexport PGHOST=%s PGPORT=%s PGUSER=%s PGPASSWORD=%s PGDATABASE=%s DATABASE_URL=%s BOOTSTRAP_CREATE_TABLES=%s\n", variables,
		quoted(address.Hostname()), quoted(address.Port()), quoted(address.User.Username()), quoted(password), quoted(s.database.Name),
		quoted(s.database.URL), createTables))
	if name == "installed" {
		if printed, exit := s.execute(&block{language: "sh", text: "keep-bootstrap up -f examples/providers.yaml"}); exit != 0 {
			s.t.Fatalf("exit code %d\n%s", exit, printed)
		}
	}
}

// run executes all blocks of the page in order.
func (s *session) run() {
	s.t.Helper()
	var printed string
	outputs := map[int]string{} // by index of the output block
	for i := range s.page.blocks {
		b := &s.page.blocks[i]
		at := fmt.Sprintf("%s:%d", s.page.path, b.line)
		if b.database != "" {
			s.use(b.database)
			continue
		}
		if b.file != "" {
			s.write(filepath.Join(s.directory, b.file), s.secrets.Replace(b.text))
		}
		switch {
		case b.output:
			outputs[i] = printed
			if matches(b.text, printed) {
				continue
			}
			if !*update || slices.Contains(strings.Split(b.text, "\n"), anyLines) {
				s.t.Errorf("%s: the page shows\n%s\nbut the command prints\n%s", at, b.text, printed)
			}
		case b.run:
			if b.needs != "" {
				if _, err := exec.LookPath(b.needs); err != nil {
					s.t.Logf("%s: not executed, there is no %s", at, b.needs)
					continue
				}
			}
			var exit int
			if printed, exit = s.execute(b); exit != b.exit {
				s.t.Fatalf("%s: exit code %d, expected %d\n%s\nprints\n%s", at, exit, b.exit, b.text, printed)
			}
		}
	}
	if *update {
		s.update(outputs)
	}
}

func (s *session) update(outputs map[int]string) {
	s.t.Helper()
	for i := len(s.page.blocks) - 1; i >= 0; i-- {
		b := &s.page.blocks[i]
		if printed, ok := outputs[i]; ok && !matches(b.text, printed) && !slices.Contains(strings.Split(b.text, "\n"), anyLines) {
			for _, m := range masks {
				if m.mask == "" {
					printed = m.pattern.ReplaceAllString(printed, "")
				}
			}
			s.page.replaceOutput(b, printed)
		}
	}
	if err := s.page.write(); err != nil {
		s.t.Fatal(err)
	}
}

// execute returns what a block prints, both streams as on a terminal, and its exit code.
func (s *session) execute(b *block) (printed string, exit int) {
	s.t.Helper()
	script := "set -a; . " + quoted(s.variables) + "; set +a; trap 'export -p >" + quoted(s.variables) + "' EXIT; set -euo pipefail\n"
	switch b.language {
	case "sh":
		script += b.text
	case "sql":
		s.write(filepath.Join(s.directory, ".block.sql"), b.text)
		script += "psql -X -v ON_ERROR_STOP=1 -f .block.sql"
	default:
		s.t.Fatalf("%s:%d: a block of language %q cannot be run", s.page.path, b.line, b.language)
	}
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = s.directory
	// make builds the program; here it takes the one that is built already.
	cmd.Env = []string{"MAKEFLAGS=e", "GO_BUILD=mkdir -p bin && cp " + quoted(pgtest.Bootstrap(s.t)) + " bin/keep-bootstrap #"}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return output.String(), failed.ExitCode()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return output.String(), 0
}

// quoted is a word for bash.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
