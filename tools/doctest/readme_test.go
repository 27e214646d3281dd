package doctest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

// TestREADME executes the page.
func TestREADME(t *testing.T) {
	t.Parallel()
	newSession(t, "README.md").run()
}

// TestOperationsPage: the statements of docs/operations.md can be executed on a migrated database.
func TestOperationsPage(t *testing.T) {
	t.Parallel()
	p, err := readPage(filepath.Join(root, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	d := pgtest.New(t, pgtest.Empty)
	if printed, exit := bootstrap(t, []string{"DATABASE_URL=" + d.URL}, "migrate"); exit != 0 {
		t.Fatalf("exit code %d\n%s", exit, printed)
	}
	for _, b := range p.blocks {
		if b.language == "sql" {
			d.Exec(t, b.text)
		}
	}
}

// TestBlocks: every block with commands is run, or is one of those here.
func TestBlocks(t *testing.T) {
	t.Parallel()
	skipped := []string{
		"make bootstrap\nmake test\n", // the first is run further down; the second is this
		"export DATABASE_URL=postgresql://keep:password@db.example.com:5432/keep\n",
		// The local server; internal/cli tests these commands.
		"export PATH=\"$PWD/bin:$PATH\"\nkeep-bootstrap local psql -c 'select name, type from provider'\nkeep-bootstrap local reset\n",
	}
	for _, path := range []string{"README.md", "docs/psql.md"} {
		p, err := readPage(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range p.blocks {
			commands := b.language == "sh" || b.language == "sql" || b.language == "bash" || b.language == "shell"
			switch {
			case !commands || b.run || b.file != "" || b.grants != "":
			case b.skip && slices.Contains(skipped, b.text):
			default:
				t.Errorf("%s:%d: this block is not executed", path, b.line)
			}
		}
	}
}

// bootstrap runs the program with a clean environment and returns what it printed, both streams, and its exit code.
func bootstrap(t *testing.T, variables []string, args ...string) (printed string, exit int) {
	t.Helper()
	cmd := exec.Command(pgtest.Bootstrap(t), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "BOOTSTRAP_LOG_FORMAT=text"}, variables...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return output.String(), failed.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return output.String(), 0
}

// grants are the statements of a block of the README, with other names in them.
func grants(t *testing.T, kind string, names ...string) []string {
	t.Helper()
	p, err := readPage(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range p.blocks {
		if b.grants == kind {
			return strings.Split(strings.TrimSuffix(strings.NewReplacer(names...).Replace(b.text), "\n"), "\n")
		}
	}
	t.Fatalf("README.md has no grants for %s", kind)
	return nil
}

func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }

// TestPrivileges: a role with exactly the documented privileges can do what the page says, and needs each of them.
func TestPrivileges(t *testing.T) {
	t.Parallel()
	examples := filepath.Join(root, "examples/providers.yaml")
	everything := filepath.Join(root, "examples/keep.yaml")
	nothing := filepath.Join(t.TempDir(), "nothing.yaml")
	if err := os.WriteFile(nothing, []byte("workflows: []\ndashboards: []\nmapping_rules: []\napi_keys: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	database := func(t *testing.T) (d *pgtest.Database, owner, ownerURL string) {
		t.Helper()
		d = pgtest.New(t, pgtest.Keep(newestKeep))
		owner, ownerURL = d.Role(t, "")
		d.Exec(t, fmt.Sprintf(`DO $$
			DECLARE t regclass;
			BEGIN
				FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
					EXECUTE format('ALTER TABLE %%s OWNER TO %s', t);
				END LOOP;
			END $$`, strings.ReplaceAll(identifier(owner), "'", "''")))
		d.Exec(t, fmt.Sprintf("REVOKE CREATE ON SCHEMA public FROM PUBLIC; REVOKE TEMPORARY ON DATABASE %s FROM PUBLIC", identifier(d.Name)))
		return d, owner, ownerURL
	}
	allow := func(t *testing.T, d *pgtest.Database, statements []string) {
		t.Helper()
		for _, statement := range statements {
			d.Exec(t, statement)
		}
	}

	t.Run("owner", func(t *testing.T) {
		t.Parallel()
		d, owner, address := database(t)
		if printed, exit := bootstrap(t, []string{"DATABASE_URL=" + address}, "up", "-f", examples); exit != 77 {
			t.Errorf("without any grant: exit code %d\n%s", exit, printed)
		}
		allow(t, d, grants(t, "owner", "DATABASE keep", "DATABASE "+identifier(d.Name), "keep_app", identifier(owner)))
		for _, args := range [][]string{{"up", "-f", examples}, {"migrate", "--to", "0"}} {
			if printed, exit := bootstrap(t, []string{"DATABASE_URL=" + address}, args...); exit != 0 {
				t.Errorf("%v: exit code %d\n%s", args, exit, printed)
			}
		}
	})

	// Each of these is needed, though roles.sql grants it together with others.
	for _, without := range []string{
		"", "USAGE ON SCHEMA bootstrap", "SELECT ON bootstrap.schema_version", "SELECT (breaking_version) ON bootstrap.setting",
		"INSERT (kind, position, name, type, content, options) ON bootstrap.staging", "EXECUTE ON PROCEDURE bootstrap.install_staged",
		"EXECUTE ON FUNCTION bootstrap.report",
	} {
		t.Run("runner without "+without, func(t *testing.T) {
			t.Parallel()
			d, owner, ownerURL := database(t)
			allow(t, d, grants(t, "owner", "DATABASE keep", "DATABASE "+identifier(d.Name), "keep_app", identifier(owner)))
			if printed, exit := bootstrap(t, []string{"DATABASE_URL=" + ownerURL}, "migrate"); exit != 0 {
				t.Fatalf("exit code %d\n%s", exit, printed)
			}
			runner, _ := d.Roles(t, pgtest.Login{Name: owner, URL: ownerURL})
			variables := []string{"DATABASE_URL=" + runner.URL, "ALERTMANAGER_KEY=key", "ADMIN_PASSWORD=password"}
			if without != "" {
				d.Exec(t, "REVOKE "+without+" FROM "+runner.Quoted())
				if printed, exit := bootstrap(t, variables, "up", "-f", examples, "-f", everything); exit != 77 {
					t.Errorf("without %q: exit code %d\n%s", without, exit, printed)
				}
				return
			}
			for _, args := range [][]string{
				{"plan", "-f", examples, "-f", everything},
				{"up", "-f", examples, "-f", everything},
				{"up", "-f", examples},
				{"up", "-f", examples, "--tenant", "another"},
				{"up", "--tenant-only", "--tenant", "third"},
				{"apply", "-f", filepath.Join(root, "examples/providers/grafana.yaml"), "--max-prune", "9"}, // prunes the others
				{"apply", "-f", examples},
				{"apply", "-f", nothing, "--allow-empty"},
				{"apply", "-f", examples, "-f", everything},
				{"verify"},
				{"status"},
				{"history"},
				{"history", "1"},
			} {
				if printed, exit := bootstrap(t, variables, args...); exit != 0 {
					t.Errorf("%v: exit code %d\n%s", args, exit, printed)
				}
			}
		})
	}
}

// help returns the names that a pattern finds in the help of a command.
func help(t *testing.T, pattern string, args ...string) []string {
	t.Helper()
	printed, exit := bootstrap(t, nil, append(args, "--help")...)
	if exit != 0 {
		t.Fatalf("%v: exit code %d", args, exit)
	}
	var names []string
	for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(printed, -1) {
		names = append(names, found[1])
	}
	return names
}

// TestCommandsAndFlags: the tables of the README have all commands and all flags, and no others.
func TestCommandsAndFlags(t *testing.T) {
	t.Parallel()
	commands := help(t, `(?m)^  ([a-z-]+) +[a-zA-Z]`)
	commands = slices.DeleteFunc(commands, func(name string) bool { return name == "help" || name == "keep-bootstrap" }) // the second is in the examples
	slices.Sort(commands)
	var documented []string
	for _, row := range rows(t, "README.md", "`keep-bootstrap [a-z-]+`") {
		documented = append(documented, strings.TrimSuffix(strings.TrimPrefix(row[0], "`keep-bootstrap "), "`"))
	}
	slices.Sort(documented)
	if diff := cmp.Diff(commands, documented); diff != "" {
		t.Errorf("commands: -program +README.md\n%s", diff)
	}

	global := help(t, `(?m)^ +(?:-\w, )?--([a-z-]+)`)
	want, got := map[string]string{}, map[string]string{}
	for _, flag := range global {
		want[flag] = "all"
	}
	for _, command := range []string{"up", "plan", "apply", "validate", "types", "migrate", "verify", "status", "history", "export", "sql", "local", "fleet-report", "version"} {
		if !slices.Contains(commands, command) {
			t.Fatalf("there is no command %s any more", command)
		}
		for _, flag := range help(t, `(?m)^ +(?:-\w, )?--([a-z-]+)`, command) {
			if !slices.Contains(global, flag) {
				want[flag] = strings.TrimPrefix(want[flag]+", "+command, ", ")
			}
		}
	}
	for _, command := range commands {
		if _, ok := map[string]bool{
			"up": true, "plan": true, "apply": true, "migrate": true, "verify": true, "status": true, "history": true, "sql": true,
			"local": true, "version": true, "completion": true, "validate": true, "types": true, "export": true, "fleet-report": true,
		}[command]; !ok {
			t.Errorf("the flags of the new command %s are not checked", command)
		}
	}
	delete(want, "help")
	delete(want, "version")
	name := regexp.MustCompile(`--([a-z-]+)`)
	for _, row := range rows(t, "README.md", "`-.*") {
		found := name.FindStringSubmatch(row[0])
		if found == nil {
			continue
		}
		got[found[1]] = row[1]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags: -program +README.md\n%s", diff)
	}
}

// TestLinks: links between the pages lead somewhere.
func TestLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^):]+)\)`)
	for _, path := range []string{"README.md", "CHANGELOG.md", "docs/psql.md", "docs/errors.md", "docs/operations.md", "docs/deploy.md"} {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			file, anchor, _ := strings.Cut(found[1], "#")
			target := filepath.Join(root, filepath.Dir(path), file)
			if file == "" {
				target = filepath.Join(root, path)
			}
			linked, err := os.ReadFile(target)
			if err != nil {
				if info, dirErr := os.Stat(target); dirErr != nil || !info.IsDir() {
					t.Errorf("%s: %s: %v", path, found[1], err)
				}
				continue
			}
			if anchor != "" && !slices.Contains(anchors(string(linked)), anchor) {
				t.Errorf("%s: %s has no heading %q", path, file, anchor)
			}
		}
	}
}

// anchors are the names of the headings of a page, as GitHub makes them.
func anchors(text string) []string {
	var all []string
	for _, found := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(strings.ToLower(found[1]), "")
		all = append(all, strings.ReplaceAll(name, " ", "-"))
	}
	return all
}
