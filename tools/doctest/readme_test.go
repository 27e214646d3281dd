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

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keep-bootstrap/internal/cli"
	"keep-bootstrap/test/keepapi"
	"keep-bootstrap/test/pgtest"
)

// executed are the pages whose commands TestPages runs in order; withServer those that have a test of their own.
var (
	executed   = []string{"README.md", "CONTRIBUTING.md", "docs/input.md", "docs/ci.md", "docs/operations.md", "docs/troubleshooting.md", "docs/validate.md"}
	withServer = []string{"docs/psql.md", "docs/secrets.md", "docs/activate.md"}
)

// TestPages executes the pages.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, path := range executed {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := newSession(t, path)
			if slices.ContainsFunc(s.page.blocks, func(b block) bool { return b.language == "sql" && b.run }) {
				requirePSQL(t)
			}
			s.run()
		})
	}
}

// TestActivatePage executes docs/activate.md, with a double of Keep that is called.
func TestActivatePage(t *testing.T) {
	t.Parallel()
	s := newSession(t, "docs/activate.md")
	s.prepare = func(d *pgtest.Database) {
		variables, err := os.ReadFile(s.variables)
		if err != nil {
			t.Fatal(err)
		}
		keep := keepapi.New(t, d.URL)
		keep.Scopes["grafana-prod"] = `{"alert.rules:read": true, "alert.provisioning:write": "Missing scope"}`
		s.write(s.variables, string(variables)+"export KEEP_URL="+keep.URL+"\n")
	}
	s.run()
}

// TestREADMEIsShort: what does not fit belongs to a page of docs.
func TestREADMEIsShort(t *testing.T) {
	t.Parallel()
	p, err := readPage(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := len(p.lines) - 1; lines > 170 {
		t.Errorf("README.md has %d lines, more than 170", lines)
	}
}

// TestIndex: docs/README.md lists every page, and a page begins with whom it is for.
func TestIndex(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile(filepath.Join(root, "docs/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages(t) {
		if name := filepath.Base(path); filepath.Dir(path) == "docs" && name != "README.md" && !strings.Contains(string(index), "]("+name+")") {
			t.Errorf("docs/README.md does not list %s", name)
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if path != "README.md" && path != "CHANGELOG.md" && !regexp.MustCompile(`\A# .*\n\n(<!--.*-->\n\n)?For `).Match(text) {
			t.Errorf("%s does not begin with \"For ...\", which says who reads it and why", path)
		}
	}
}

// pages are the paths of all pages for users.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	all := []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}
	for _, path := range found {
		all = append(all, filepath.Join("docs", filepath.Base(path)))
	}
	return all
}

// notExecuted are the blocks with commands that no test executes, by page and beginning, and why.
var notExecuted = []struct{ page, begin, reason string }{
	{"README.md", "make build\n", "the pages run the program that the tests build"},
	{"CONTRIBUTING.md", "go test", "runs the tests themselves"},
	{"docs/cli.md", "", "one example per command, without its input; TestFlags knows their flags"},
	{"docs/deploy.md", "make image-context IMAGE_PLATFORMS", "pushes to a registry; make test-image runs the image"},
	{"docs/deploy.md", "kubectl", "needs a cluster; make chart-check runs the pods"},
	{"docs/deploy.md", "helm", "needs a cluster; make chart-check runs the pods"},
	{"docs/deploy.md", "make image-context\ndocker", "needs Docker; make chart-check runs the service"},
	{"docs/deploy.md", "sha256sum", "needs a release; make release-snapshot installs the package"},
	{"docs/performance.md", "make bench", "half an hour; make check runs bench-quick"},
	{"docs/reliability.md", "make torture", "half an hour; make check runs a short form"},
	{"docs/sql.md", "", "signatures, not commands"},
	{"docs/secrets.md", "kubectl", "needs a cluster"},
}

// TestBlocks: every block with commands is run, or listed in notExecuted.
func TestBlocks(t *testing.T) {
	t.Parallel()
	used := map[int]bool{}
	for _, path := range pages(t) {
		p, err := readPage(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range p.blocks {
			if !slices.Contains([]string{"sh", "sql", "bash", "shell", "console"}, b.language) || b.file != "" || b.grants != "" {
				continue
			}
			listed := slices.IndexFunc(notExecuted, func(n struct{ page, begin, reason string }) bool {
				return n.page == path && strings.HasPrefix(b.text, n.begin)
			})
			used[listed] = true
			if executed := b.run && (slices.Contains(executed, path) || slices.Contains(withServer, path)); executed == (listed >= 0) {
				t.Errorf("%s:%d: a block must be executed or in notExecuted, not both", path, b.line)
			}
		}
	}
	for i, n := range notExecuted {
		if !used[i] {
			t.Errorf("%s has no block that begins with %q", n.page, n.begin)
		}
	}
}

// TestFlags: every flag that a page gives to keep-bootstrap, or names on its own, exists.
func TestFlags(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"help": true, "version": true}
	var collect func(*cobra.Command)
	collect = func(cmd *cobra.Command) {
		for _, flags := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
			flags.VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
		}
		for _, sub := range cmd.Commands() {
			collect(sub)
		}
	}
	collect(cli.Command("test"))
	mention := regexp.MustCompile("keep-bootstrap [^\n`|;&#]*|`--[a-z][^`\n]*`")
	for _, path := range pages(t) {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range mention.FindAllString(string(text), -1) {
			for _, flag := range regexp.MustCompile(`--([a-z][a-z-]*)`).FindAllStringSubmatch(found, -1) {
				if !known[flag[1]] {
					t.Errorf("%s: there is no flag --%s: %s", path, flag[1], found)
				}
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

// grants are the statements of a block of docs/security.md, with other names in them.
func grants(t *testing.T, kind string, names ...string) []string {
	t.Helper()
	p, err := readPage(filepath.Join(root, "docs/security.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range p.blocks {
		if b.grants == kind {
			return strings.Split(strings.TrimSuffix(strings.NewReplacer(names...).Replace(b.text), "\n"), "\n")
		}
	}
	t.Fatalf("docs/security.md has no grants for %s", kind)
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

// TestLinks: links between the pages lead somewhere.
func TestLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^):]+)\)`)
	for _, path := range pages(t) {
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
