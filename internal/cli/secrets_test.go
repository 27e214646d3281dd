package cli_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

// canaries are values that must not be seen anywhere, by the place that held them.
type canaries map[string]string

// at makes the canary of a place.
func (c canaries) at(place string) string {
	if c[place] == "" {
		c[place] = "CANARY" + strings.ToUpper(strings.ReplaceAll(place, " ", "")) + rand.Text()
	}
	return c[place]
}

// found returns the places whose value, or something that tells it, stands in a text.
func (c canaries) found(text string) (places []string) {
	lower := strings.ToLower(text)
	for place, value := range c {
		sum := sha256.Sum256([]byte(value))
		for form, needle := range map[string]string{
			"plain": value, "hexadecimal": hex.EncodeToString([]byte(value)), "SHA-256": hex.EncodeToString(sum[:16]),
			"base64": base64.StdEncoding.EncodeToString([]byte(value)[:len(value)/3*3]),
		} {
			if at := strings.Index(lower, strings.ToLower(needle)); at >= 0 {
				places = append(places, fmt.Sprintf("%s (%s): ...%s...", place, form, text[max(0, at-300):min(len(text), at+len(needle)+50)]))
			}
		}
	}
	return places
}

// secretsWorld is a database whose server logs all that it can, and everything that was seen of it.
type secretsWorld struct {
	t        *testing.T
	d        *pgtest.Database
	canaries canaries
	owner    string // URL with a canary as password
	mu       sync.Mutex
	seen     map[string]*strings.Builder
	psql     string
}

func newSecretsWorld(t *testing.T) *secretsWorld {
	t.Helper()
	program := pgtest.PSQL(t)
	w := &secretsWorld{t: t, d: pgtest.New(t, pgtest.Keep(newestKeep)), canaries: canaries{}, seen: map[string]*strings.Builder{}, psql: program}
	ctx := context.Background()
	name := "secrets_" + strings.ToLower(rand.Text())
	// In another database: a role's password is a literal, and the statistics of this one are searched.
	admin := w.d.Admin(t)
	if _, err := admin.Exec(ctx, fmt.Sprintf("create role %s login password '%s'", name, w.canaries.at("password in URL"))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.d.Exec(t, fmt.Sprintf("reassign owned by %[1]s to current_user; drop owned by %[1]s; drop role %[1]s", name))
	})
	w.owner = changed(t, w.d.URL, func(u *url.URL) { u.User = url.UserPassword(name, w.canaries.at("password in URL")) })
	database := pgx.Identifier{w.d.Name}.Sanitize()
	w.d.Exec(t, fmt.Sprintf("grant create, temporary on database %s to %s", database, name))
	for _, row := range pgtest.Table(t, w.d.Conn(t), "select oid::regclass from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'") {
		w.d.Exec(t, "alter table "+row[0]+" owner to "+name)
	}
	settings := []string{
		"log_statement = 'all'", "log_min_duration_statement = 0", "log_parameter_max_length = -1", "log_parameter_max_length_on_error = -1",
		"log_min_error_statement = 'debug5'", "log_min_messages = 'debug2'", "log_error_verbosity = 'verbose'", "log_lock_waits = on",
		"session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0", "auto_explain.log_nested_statements = on",
		"auto_explain.log_analyze = on", "auto_explain.log_verbose = on", "pg_stat_statements.track = 'all'",
	}
	conn := w.d.Conn(t)
	if _, err := conn.Exec(ctx, "load 'auto_explain'"); err != nil {
		t.Logf("no auto_explain here: %v", err)
		settings = settings[:8]
	} else if len(pgtest.Table(t, conn, "select 1 from pg_settings where name = 'auto_explain.log_parameter_max_length'")) > 0 {
		settings = append(settings, "auto_explain.log_parameter_max_length = -1") // since PostgreSQL 16
	}
	for _, setting := range settings {
		w.d.Exec(t, fmt.Sprintf("alter database %s set %s", database, setting))
	}
	return w
}

// note keeps a text for the search.
func (w *secretsWorld) note(where, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[where] == nil {
		w.seen[where] = new(strings.Builder)
	}
	w.seen[where].WriteString(text + "\n")
}

// program runs the real program.
func (w *secretsWorld) program(exit int, env environment, stdin string, args ...string) result {
	w.t.Helper()
	cmd := command(w.t, env, args...)
	if env["DATABASE_URL"] == "" && env["none"] == "" {
		cmd.Env = append(cmd.Env, "DATABASE_URL="+w.owner)
	}
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	r := finished(w.t, cmd.Run(), &stdout, &stderr)
	w.note("stdout", r.stdout)
	w.note("stderr", r.stderr)
	if r.exit != exit {
		w.t.Errorf("%q: exit code %d, want %d\n%s%s", args, r.exit, exit, r.stdout, r.stderr)
	}
	return r
}

// script runs psql with a script from stdin.
func (w *secretsWorld) script(exit int, script string) {
	w.t.Helper()
	u, err := url.Parse(w.owner)
	if err != nil {
		w.t.Fatal(err)
	}
	password, _ := u.User.Password()
	cmd := exec.Command(w.psql, "-X", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-f", "-", "-d", changed(w.t, w.owner, func(u *url.URL) { u.User = url.User(u.User.Username()) }))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PGPASSWORD=" + password}
	cmd.Stdin = strings.NewReader(script)
	output, _ := cmd.CombinedOutput()
	w.note("psql", string(output))
	if cmd.ProcessState.ExitCode() != exit {
		w.t.Errorf("psql: exit code %d, want %d\n%s", cmd.ProcessState.ExitCode(), exit, output)
	}
}

// lines loads a JSON document by \copy and runs a statement over it.
func (w *secretsWorld) lines(exit int, document, statement string) {
	w.t.Helper()
	w.script(exit, fmt.Sprintf("begin;\n\\copy bootstrap.manifest_staging (line) from '%s' with (format csv, delimiter e'\\x01', quote e'\\x02')\n%s;\ncommit;\n",
		w.file("manifest.json", document), statement))
}

// provider loads a provider by \copy, and installs it after a statement.
func (w *secretsWorld) provider(exit int, before, authentication string) {
	w.t.Helper()
	w.lines(exit, fmt.Sprintf(`{"g2": {"type": "grafana", "authentication": %s}}`, authentication), before+` call bootstrap.install_staged('keep', '{"max_prune": "100%"}')`)
}

// file writes a file that only the test reads.
func (w *secretsWorld) file(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// watch samples what other users of the machine and the server can see, until stop.
func (w *secretsWorld) watch() (stop func() (samples int)) {
	conn := w.d.Conn(w.t)
	end, done := make(chan struct{}), make(chan int)
	known := map[string]bool{}
	note := func(where, text string) {
		if !known[text] {
			known[text] = true
			w.note(where, text)
		}
	}
	go func() {
		samples := 0
		for {
			select {
			case <-end:
				done <- samples
				return
			default:
			}
			samples++
			rows, err := conn.Query(context.Background(), "select distinct application_name || ' ' || query from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()", w.d.Name)
			if err == nil {
				texts, _ := pgx.CollectRows(rows, pgx.RowTo[string])
				for _, text := range texts {
					note("pg_stat_activity", text)
				}
			}
			arguments, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, path := range arguments {
				text, _ := os.ReadFile(path)
				if bytes.Contains(text, []byte("bootstrap")) || bytes.Contains(text, []byte("psql")) || bytes.Contains(text, []byte("postgres")) {
					note("process arguments", string(text))
				}
			}
		}
	}()
	return func() int { close(end); return <-done }
}

// stored is every row of schema bootstrap and what pg_stat_statements holds of the database.
func (w *secretsWorld) stored() {
	conn := w.d.Conn(w.t)
	for _, table := range pgtest.Table(w.t, conn, "select oid::regclass from pg_class where relnamespace = 'bootstrap'::regnamespace and relkind = 'r'") {
		for _, row := range pgtest.Table(w.t, conn, "select to_jsonb(x) from "+table[0]+" as x") {
			w.note("state and journal", row[0])
		}
	}
	w.d.Exec(w.t, "create extension if not exists pg_stat_statements")
	for _, row := range pgtest.Table(w.t, conn, "select query from pg_stat_statements where dbid = (select oid from pg_database where datname = $1)", w.d.Name) {
		w.note("pg_stat_statements", row[0])
	}
}

// log is what the server has logged since the file was so long.
func (w *secretsWorld) log(from int64) (text string, length int64) {
	conn := w.d.Conn(w.t)
	marker := "marker" + rand.Text()
	w.d.Exec(w.t, "select '"+marker+"'")
	deadline := time.Now().Add(20 * time.Second)
	for {
		var file *string
		if err := conn.QueryRow(context.Background(), "select pg_current_logfile()").Scan(&file); err != nil {
			w.t.Fatal(err)
		}
		if file == nil {
			pgtest.Missing(w.t, "this server has no log that SQL can read (logging_collector is off)")
		}
		if err := conn.QueryRow(context.Background(), "select size from pg_stat_file($1)", *file).Scan(&length); err != nil {
			w.t.Fatal(err)
		}
		text = ""
		for at := from; at < length; at += 64 << 20 {
			var part []byte
			if err := conn.QueryRow(context.Background(), "select pg_read_binary_file($1, $2, $3)", *file, at, int64(64<<20)).Scan(&part); err != nil {
				w.t.Fatal(err)
			}
			text += string(part)
		}
		if strings.Contains(text, marker) {
			return text, length
		}
		if time.Now().After(deadline) {
			w.t.Fatal("the log of the server does not show the last statement")
		}
	}
}

// TestSecretsLeaveNoTrace puts a canary into every place that can hold a secret, uses all of them, provokes failures with
// the secret at hand, and searches everything that others can see.
func TestSecretsLeaveNoTrace(t *testing.T) {
	t.Parallel()
	w := newSecretsWorld(t)
	_, start := w.log(0)
	stop := w.watch()
	secret := func(place string) string { return w.canaries.at(place) }
	grafana := func(name, value string) string {
		return fmt.Sprintf("  - name: %s\n    type: grafana\n    authentication: {host: \"https://g\", token: %q}\n", name, value)
	}
	yaml := func(place string) string { return "providers:\n" + grafana("g", secret(place)) }

	// Every way in.
	inline := w.file("p.yaml", yaml("file"))
	w.program(0, nil, "", "up", "-f", inline)
	w.program(0, nil, yaml("stdin"), "up", "-f", "-")
	w.program(0, environment{"KEEP_PROVIDERS": fmt.Sprintf(`{"g": {"type": "grafana", "authentication": {"host": "https://g", "token": %q}}}`, secret("KEEP_PROVIDERS"))}, "", "up")
	w.program(0, environment{"KEEP_PROVIDER_G": fmt.Sprintf(`{"type": "grafana", "authentication": {"host": "https://g", "token": %q}}`, secret("KEEP_PROVIDER"))}, "", "up")
	directory := filepath.Dir(w.file("g.yaml", strings.ReplaceAll(strings.TrimPrefix(grafana("g", secret("directory")), "  - "), "\n    ", "\n")))
	w.program(0, environment{"KEEP_PROVIDERS_DIRECTORY": directory}, "", "up")
	references := w.file("r.yaml", "providers:\n"+grafana("g", "$(TOKEN)")+grafana("h", "$(file:"+w.file("token", secret("file reference")+"\n")+")"))
	w.program(0, environment{"TOKEN": secret("variable reference")}, "", "up", "-f", references)
	w.program(0, environment{"TOKEN": secret("variable reference")}, "", "plan", "-f", references)

	// Every way to the database.
	u, _ := url.Parse(w.owner)
	password, _ := u.User.Password()
	libpq := environment{"none": "1", "PGHOST": u.Hostname(), "PGPORT": u.Port(), "PGUSER": u.User.Username(), "PGDATABASE": w.d.Name, "PGSSLMODE": "disable"}
	w.program(0, copied(libpq, environment{"PGPASSWORD": password}), "", "status")
	w.program(0, copied(libpq, environment{"PGPASSFILE": w.file("pass", "*:*:*:*:"+password+"\n")}), "", "status")
	w.program(0, environment{"none": "1"}, "", "status", "--database-url-file", w.file("url", w.owner))
	w.program(0, environment{"none": "1", "DATABASE_CONNECTION_STRING": strings.Replace(strings.Replace(w.owner, "postgresql://", "postgres://", 1), "postgres://", "postgresql+psycopg2://", 1)}, "", "status")

	// Every command, in every form.
	changedFile := w.file("c.yaml", strings.ReplaceAll(yaml("changed file"), "name: g", "name: g2"))
	planFile := filepath.Join(t.TempDir(), "plan.json")
	for _, form := range []string{"text", "json", "markdown"} {
		w.program(0, nil, "", "plan", "-f", changedFile, "-o", form)
	}
	w.program(0, nil, "", "plan", "-f", changedFile, "--out", planFile)
	w.program(0, nil, "", "apply", "--plan", planFile, "-o", "json")
	text, err := os.ReadFile(planFile)
	if err != nil {
		t.Fatal(err)
	}
	w.note("plan file", string(text))
	w.d.Exec(t, "update secret set value = replace(value, 'CANARYCHANGED', 'CANARYDRIFTED')")
	w.canaries["drifted in the database"] = strings.Replace(secret("changed file"), "CANARYCHANGED", "CANARYDRIFTED", 1)
	for _, args := range [][]string{{"status"}, {"verify"}, {"history"}, {"history", "1"}, {"export"}, {"validate", "-f", inline}, {"plan", "-f", changedFile}, {"migrate"}} {
		w.program(0, nil, "", append(args, "-o", "text")...)
	}
	w.program(0, nil, "", "up", "-f", changedFile, "--log-format", "text")

	// With psql: a JSON file, a CSV file, and secrets that the application wrote.
	w.lines(0, fmt.Sprintf(`{"g": {"type": "grafana", "authentication": {"host": "https://g", "token": %q}}}`, secret("psql lines")), "select * from bootstrap.plan_staged('keep')")
	w.provider(0, "", fmt.Sprintf(`{"host": "https://g", "token": %q}`, secret("psql columns")))
	// What the application writes itself does not belong into this search: its statement is kept out of the log.
	application := w.d.Conn(t)
	if _, err := application.Exec(context.Background(), "set log_statement = none; set log_min_duration_statement = -1; set auto_explain.log_min_duration = -1; set pg_stat_statements.track = none; set log_min_messages = warning"); err != nil {
		t.Fatal(err)
	}
	pgtest.KeepProvisioned(t, application, "ui", "grafana", fmt.Sprintf(`{"host": "https://g", "token": %q}`, secret("application")))
	w.d.Exec(t, "update provider set provisioned = false where name = 'ui'")
	failures := w.failures(changedFile)

	samples := stop()
	w.stored()
	log, _ := w.log(start)
	w.note("server log", log)
	searched := 0
	for where, text := range w.seen {
		searched += text.Len()
		for _, place := range w.canaries.found(text.String()) {
			t.Errorf("%s shows the secret of %s", where, place)
		}
	}
	if failures < 30 {
		t.Errorf("only %d failures were provoked", failures)
	}

	// What cannot be hidden is found: otherwise the search proves nothing.
	control := canaries{}
	w.script(0, fmt.Sprintf(`call bootstrap.install_providers('keep', '{"g": {"type": "grafana", "authentication": {"host": "https://g", "token": "%s"}}}');`, control.at("literal")))
	after, _ := w.log(start)
	if len(control.found(after[len(log):])) == 0 {
		t.Error("not even a literal is found in the server's log")
	}
	explained := strings.Count(log, "Query Text:")
	t.Logf("%d canaries; %d failures provoked; %d samples of activity and arguments; %d MB searched in %d places, of them %d MB of server log with %d explained statements",
		len(w.canaries), failures, samples, searched>>20, len(w.seen), len(log)>>20, explained)
}

// failures provokes errors of every kind with secrets at hand, and returns how many.
func (w *secretsWorld) failures(current string) int {
	w.t.Helper()
	count := 0
	canary := func() string { return w.canaries.at(fmt.Sprint("failure ", count)) }
	grafana := func(rest string) string {
		return fmt.Sprintf("providers:\n  - name: g2\n    type: grafana\n    authentication: {host: \"https://g\", token: %q}\n", canary()) + rest
	}

	// The input.
	for _, input := range []string{
		"providers:\n  - name: g\n    type: grafana\n    authentication: {token: %[1]s, token2: \"%[1]s}\n",
		"providers:\n  - name: g\n   type: %[1]s\n",
		"providers:\n  - name: g\n    type: grafana\n    authentication: %[1]s\n",
		"providers:\n  - name: g\n    type: grafana\n    authentication: [%[1]s]\n",
		"providers:\n  - name: g\n    type: grafana\n    authentication: {token: \"%[1]s\\0\", host: \"https://g\"}\n",
		"providers:\n  - name: g\n    type: grafana\n    authentication: {token: $(file:/no/such/file), host: \"%[1]s\"}\n",
		"providers:\n  - name: g\n    type: grafana\n    authentication: {token: $(NO_SUCH_VARIABLE), host: \"%[1]s\"}\n",
		"providers:\n  - name: g\n    type: grafanaa\n    authentication: {token: %[1]s}\n",
		"providers:\n  - name: g\n    type: grafana\n    authentification: {token: %[1]s}\n",
		"providers:\n  - name: g\n    type: grafana\n    authentication: {Token: %[1]s}\n",
		"providers:\n  - name: g\n    type: postgres\n    authentication: {username: u, password: %[1]s, host: h, port: %[1]s}\n",
		"providers:\n  - name: g\n    type: grafana\n    authentication: {token: %[1]s, host: [%[1]s]}\n",
		"providers:\n  - name: g\n    type: grafana\n    authentication: {token: !!binary %[1]s, host: x}\n",
		"providers:\n  - name: g\n    type: grafana\n    authentication: &a {token: %[1]s, host: *b}\n",
		"providers:\n  - name: g\n    type: grafana\n    authentication: {token: %[1]s, token: %[1]s}\n",
		"{\"g\": {\"type\": \"grafana\", \"authentication\": {\"token\": \"%[1]s\", }}}",
		"{\"g\": {\"type\": \"grafana\", \"authentication\": {\"token\": \"%[1]s\\ud800\"}}}",
		"providers:\n  - name: g\n    type: kafka\n    authentication: {host: h, topic: t, password: %[1]s, username: {a: %[1]s}}\n",
		"providers:\n  - {name: g, type: grafana, authentication: {token: %[1]s, host: \"https://g\"}}\n  - {name: g, type: grafana, authentication: {token: %[1]s, host: \"https://g\"}}\n",
		"providers:\n  - name: g\n    type: netdata\n    authentication: {token: %[1]s}\n",
		"providers:\n  - name: g\n    type: grafana\n    authentication: {token: \"%[1]s\xff\"}\n",
	} {
		count++
		text := fmt.Sprintf(input, canary())
		w.program(65, nil, text, "up", "-f", "-")
		w.program(65, environment{"KEEP_PROVIDERS": text}, "", "validate", "-f", w.file("bad.yaml", text), "-o", "json")
	}

	// The guards.
	guarded := func(yes bool) {
		w.program(0, nil, strings.ReplaceAll(grafana(""), "    type:", fmt.Sprintf("    prevent_delete: %t\n    type:", yes)), "apply", "-f", "-", "--max-prune", "100%")
		count++ // the next input differs
	}
	guarded(true)
	for _, guard := range []struct {
		code, input string
		args        []string
	}{
		{"KB020", "providers: []\n", nil},
		{"KB022", strings.ReplaceAll(grafana(""), "g2", "n") + "    prevent_delete: false\n", nil},
		{"KB023", grafana(""), []string{"--allow-unknown-types"}},
		{"KB024", strings.ReplaceAll(grafana(""), "g2", "ui"), nil},
		{"KB004", grafana(""), []string{"--tenant", "none", "--require-tenant"}},
		{"KB025", grafana(""), []string{"--on-drift", "fail"}},
		{"KB021", strings.ReplaceAll(grafana(""), "g2", "n"), []string{"--max-prune", "0"}},
	} {
		count++
		env := environment{}
		if guard.code == "KB023" {
			env["SECRET_MANAGER_TYPE"] = "k8s"
		}
		if guard.code == "KB025" {
			w.d.Exec(w.t, "update secret set value = replace(value, 'https://g', 'https://elsewhere')")
		}
		if guard.code == "KB023" {
			guarded(false)
		}
		if r := w.program(78, env, guard.input, append([]string{"apply", "-f", "-"}, guard.args...)...); !strings.Contains(r.stderr, guard.code) {
			w.t.Errorf("not refused with %s: %s", guard.code, r.stderr)
		}
	}

	// The database, while the secret is written.
	for _, hindrance := range []struct {
		exit       int
		make, mend string
	}{
		// While COPY is under way: the server would quote the line in any format but the binary one.
		{1, "create function public.spoil() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$; do $$ begin execute (select string_agg(format('create trigger spoil before insert on %s for each row execute function public.spoil()', oid::regclass), ';') from pg_class where relnamespace = 'bootstrap'::regnamespace and relkind = 'r' and relpersistence = 'u'); end $$", "drop function public.spoil cascade"},
		{1, "alter table secret add constraint short check (length(value) < 10) not valid", "alter table secret drop constraint short"},
		{1, "alter table secret alter column value type varchar(200); update secret set value = value; alter table secret alter column value type varchar(60) using left(value, 60)", "alter table secret alter column value type varchar"},
		{1, "create function public.spoil() returns trigger language plpgsql as $$ begin raise exception 'no: %', new.value; end $$; create trigger spoil before insert or update on secret for each row execute function public.spoil()", "drop function public.spoil cascade"},
		{1, "create function public.spoil() returns trigger language plpgsql as $$ begin perform new.value::integer; return new; end $$; create trigger spoil before insert or update on secret for each row execute function public.spoil()", "drop function public.spoil cascade"},
		{1, "create function public.spoil() returns trigger language plpgsql as $$ begin perform (new.value || 'x')::json; return new; end $$; create trigger spoil before insert or update on secret for each row execute function public.spoil()", "drop function public.spoil cascade"},
		{1, "alter table secret add constraint spoil check (value::integer > 0) not valid", "alter table secret drop constraint spoil"},
		{78, "alter table secret add column more text not null default 'x'; alter table secret alter column more drop default", "alter table secret drop column more"},
		{78, "alter table secret alter column value type text", "alter table secret alter column value type varchar"},
		{77, "revoke insert, update on secret from %[1]s", "grant all on secret to %[1]s"},
	} {
		count++
		owner := must(url.Parse(w.owner)).User.Username()
		w.d.Exec(w.t, strings.ReplaceAll(hindrance.make, "%[1]s", owner))
		r := w.program(hindrance.exit, nil, grafana("  - {name: n, type: grafana, authentication: {host: \"https://g\", token: "+canary()+"}}\n"), "up", "-f", "-", "--log-format", "text")
		w.t.Logf("%s", strings.TrimSpace(r.stderr))
		w.d.Exec(w.t, strings.ReplaceAll(hindrance.mend, "%[1]s", owner))
	}

	// No database, or not that way.
	for _, way := range []struct {
		exit   int
		change func(u *url.URL)
	}{
		{77, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), canary()) }},
		{77, func(u *url.URL) { u.User = url.UserPassword("nobody", canary()) }},
		{69, func(u *url.URL) { u.User, u.Host = url.UserPassword("u", canary()), "127.0.0.1:1" }},
		{69, func(u *url.URL) { u.Path = "/nosuch" }},
		{64, func(u *url.URL) { u.Scheme, u.User = "mysql", url.UserPassword("u", canary()) }},
		{64, func(u *url.URL) { u.RawQuery = "sslmode=" + canary() }},
		{69, func(u *url.URL) { u.RawQuery = "options=-c%20default_transaction_read_only%3Don" }},
	} {
		count++
		w.program(way.exit, environment{"DATABASE_URL": changed(w.t, w.owner, way.change)}, "", "up", "-f", current)
	}

	// psql.
	for _, document := range []string{
		`{"g2": {"type": "grafana", "authentication": {"host": "https://g", "token": "%s" "x"}}}`, `"%s"`, `["%s"]`, `{"g2": "%s"}`,
		`{"g2": {"type": "grafana", "authentication": "%s"}}`, `{"g2": {"type": "grafana", "authentication": {"token": "%s\u0000"}}}`,
	} {
		count++
		w.lines(3, fmt.Sprintf(document, canary()), `call bootstrap.install_staged('keep', '{"max_prune": "100%"}')`)
	}
	for before, authentication := range map[string]string{
		"":                                 `{%s`,
		"set local statement_timeout = 1;": `{"token": "%s", "host": "https://h"}`,
		"set transaction isolation level serializable;":     `{"token": "%s", "host": "https://h"}`,
		"create unique index spoil on secret (length(''));": `{"token": "%s", "host": "https://h"}`,
	} {
		count++
		w.provider(3, before, fmt.Sprintf(authentication, canary()))
	}
	return count
}
