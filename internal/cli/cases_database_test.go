package cli_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

// named is everything in one manifest, with names and texts beyond ASCII.
var named = strings.NewReplacer("name: chat", "name: Grüße", "providers.chat", "providers.Grüße", "Tell the channel", "Störung", "Overview", "Übersicht", "teams", "Städte",
	"backend", "zurück", "name: ci", "name: schlüssel", "username: admin", "username: jürgen", "r1:", "règle:").Replace(allKinds)

const readable = `select 'provider', name from provider union all select 'rule', name from alertdeduplicationrule union all select 'workflow', name from workflow
	union all select 'dashboard', dashboard_name from dashboard union all select 'mapping', name || rows::text from mappingrule
	union all select 'user', username from "user" union all select 'key', reference_id from tenantapikey union all select 'secret', key || value from secret where key ~ '^keep-'
	union all select 'key hash', encode(k.key_hash::bytea, 'escape') from tenantapikey as k union all select 'tenant', id || name from tenant
	union all select 'object', name from bootstrap.object union all select 'change', name from bootstrap.change order by 1, 2`

// TestClientEncodingGarblesText: whatever client_encoding the role, the database, the URL or PGOPTIONS says, every value in the tables is the value of the file.
func TestClientEncodingGarblesText(t *testing.T) {
	t.Parallel()
	commands := [][]string{{"plan"}, {"status"}, {"history", "1"}, {"verify"}, {"export"}}
	var want string
	var outputs []string
	for _, test := range []struct{ name, setting, parameter, options string }{
		{name: "none"},
		{name: "role LATIN1", setting: "alter role %[1]s set client_encoding = 'LATIN1'"},
		{name: "role SJIS", setting: "alter role %[1]s set client_encoding = 'SJIS'"},
		{name: "database WIN1251", setting: "alter database %[2]s set client_encoding = 'WIN1251'"},
		{name: "database SQL_ASCII", setting: "alter database %[2]s set client_encoding = 'SQL_ASCII'"},
		{name: "role in database SJIS", setting: "alter role %[1]s in database %[2]s set client_encoding = 'SJIS'"},
		{name: "parameter", parameter: "client_encoding=LATIN1"},
		{name: "options", parameter: "options=-c%20client_encoding%3DLATIN1"},
		{name: "PGOPTIONS", options: "-c client_encoding=SJIS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := pgtest.New(t, pgtest.Keep(newestKeep))
			owner := d.Owner(t)
			if test.setting != "" {
				d.Exec(t, fmt.Sprintf(test.setting, owner.Quoted(), pgx.Identifier{d.Name}.Sanitize()))
			}
			env := environment{
				"DATABASE_URL": changed(t, owner.URL, func(u *url.URL) { u.RawQuery = strings.Trim(u.RawQuery+"&"+test.parameter, "&") }), "PGOPTIONS": test.options,
				"BOOTSTRAP_FILE": file(t, named), "ADMIN_PASSWORD": "schlüssel-1", "CI_KEY": "schlüssel-2", "OPS_KEY": "schlüssel-3",
				"BOOTSTRAP_TENANT_NAME": "Grüße",
			}
			if test.options == "" {
				delete(env, "PGOPTIONS")
			}
			run(t, env, "up").want(t, 0)
			conn := d.Conn(t)
			if _, err := conn.Exec(context.Background(), "set client_encoding = 'UTF8'"); err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, row := range pgtest.Table(t, conn, readable) {
				fmt.Fprintln(&got, row)
			}
			before := pgtest.RowVersions(t, conn)
			if r := run(t, env, "up").want(t, 0); r.stdout != "No changes.\n" || pgtest.RowVersions(t, conn) != before {
				t.Errorf("the second run wrote: %s", r.stdout)
			}
			for i, command := range commands {
				r := run(t, env, command...).want(t, 0)
				if command[0] == "history" {
					r.stdout = strings.Join(strings.Split(r.stdout, "\n")[2:], "\n") // the first lines have the time and the role
				}
				if test.name == "none" {
					outputs = append(outputs, r.stdout)
				} else if command[0] != "status" && r.stdout != outputs[i] {
					t.Errorf("%v:\n%s\nwithout the setting:\n%s", command, r.stdout, outputs[i])
				}
				if command[0] != "verify" && command[0] != "plan" && !strings.Contains(r.stdout, "Grüße") {
					t.Errorf("%v: %s", command, r.stdout)
				}
			}
			if test.name == "none" {
				if want = got.String(); strings.Count(want, "Grüße") < 3 || !strings.Contains(want, "schlüssel-2") {
					t.Errorf("rows:\n%s", want)
				}
			} else if got.String() != want {
				t.Errorf("rows:\n%s\nwithout the setting:\n%s", got.String(), want)
			}
		})
	}
}

// encoded is a database with Keep's tables in another encoding.
func encoded(t *testing.T, encoding string) environment {
	t.Helper()
	from := pgtest.New(t, pgtest.Empty)
	name := strings.ToLower(encoding + from.Name[len(from.Name)-11:])
	admin := from.Admin(t)
	if _, err := admin.Exec(context.Background(), fmt.Sprintf("create database %s encoding '%s' lc_collate 'C' lc_ctype 'C' template template0", pgx.Identifier{name}.Sanitize(), encoding)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), "drop database "+pgx.Identifier{name}.Sanitize()+" with (force)"); err != nil {
			t.Error(err)
		}
	})
	address := changed(t, from.URL, func(u *url.URL) { u.Path = "/" + name })
	if err := pgtest.Keep(newestKeep).Build(context.Background(), address); err != nil {
		t.Fatal(err)
	}
	return environment{"DATABASE_URL": address}
}

// TestClientEncodingGarblesText of a database that is not UTF8: what fits is converted, what does not fit is refused before anything is written.
func TestClientEncodingGarblesTextOfTheDatabase(t *testing.T) {
	t.Parallel()
	text := func(name string) string {
		return file(t, "providers: [{name: "+name+", type: grafana, authentication: {host: https://g.example.com, token: t}}]\n")
	}
	latin := encoded(t, "LATIN1")
	run(t, latin, "up", "-f", text("Grüße")).want(t, 0)
	connect := func(env environment) *pgx.Conn {
		conn := pgtest.Connect(t, env["DATABASE_URL"])
		if _, err := conn.Exec(context.Background(), "set client_encoding = 'UTF8'"); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	conn := connect(latin)
	if rows := pgtest.Table(t, conn, "select name from provider"); fmt.Sprint(rows) != "[[Grüße]]" {
		t.Errorf("stored: %s", rows)
	}
	if r := run(t, latin, "up", "-f", text("Grüße")).want(t, 0); r.stdout != "No changes.\n" {
		t.Error(r.stdout)
	}
	for i, env := range []environment{latin, encoded(t, "LATIN1"), encoded(t, "SQL_ASCII")} {
		u, _ := url.Parse(env["DATABASE_URL"])
		path := text("Preis €")
		if i == 2 {
			path = text("Grüße")
		}
		conn := connect(env)
		const all = "select (select count(*) from tenant), (select count(*) from provider), (select string_agg(value, '') from secret)"
		before := fmt.Sprint(pgtest.Table(t, conn, all))
		run(t, env, "up", "-f", path).want(t, 78, "KB014", strings.TrimPrefix(u.Path, "/"), []string{"LATIN1", "LATIN1", "SQL_ASCII"}[i])
		if fmt.Sprint(pgtest.Table(t, conn, all)) != before {
			t.Error("something was written")
		}
		if i == 0 {
			run(t, env, "plan", "-f", path).want(t, 78, "KB014")
		}
	}
}

const checkIt = `create function check_it() returns trigger language plpgsql as $$begin raise exception 'bad value %%', NEW.value using errcode = '%[1]s', detail = NEW.value,
		hint = NEW.value, column = NEW.value, datatype = NEW.value; end$$;
	create constraint trigger check_it after insert or update on secret deferrable initially deferred for each row execute function check_it()`

// TestDeferredTriggerShowsSecret: an error at COMMIT that quotes a row of table secret is told by its SQLSTATE, table and trigger, never by its text.
func TestDeferredTriggerShowsSecret(t *testing.T) {
	t.Parallel()
	provider := file(t, "providers: [{name: a, type: grafana, authentication: {host: https://g.example.com, token: "+canary+"}}]")
	key := file(t, "api_keys: [{name: a, role: admin, secret: "+canary+"}]")
	for _, state := range []string{"P0001", "23514", "23505", "XX000", "KB024", "42501", "22012"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			d := pgtest.New(t, ready)
			env := environment{"DATABASE_URL": d.URL}
			d.Exec(t, fmt.Sprintf(checkIt, state))
			for _, args := range [][]string{{"up"}, {"apply"}, {"up", "-o", "json"}, {"up", "--log-format", "json"}, {"up", "--log-format", "text"}} {
				for _, path := range []string{provider, key} {
					r := run(t, env, append(args, "-f", path)...) // run searches for the canary
					if r.exit == 0 || r.exit == 75 || !strings.Contains(r.stderr, state) {
						t.Errorf("%v: exit %d\n%s", args, r.exit, r.stderr)
					}
					if !strings.Contains(r.stderr, "trigger check_it of") {
						t.Errorf("%v does not name the trigger: %s", args, r.stderr)
					}
				}
			}
			if rows := pgtest.Table(t, d.Conn(t), "select count(*) from secret"); rows[0][0] != "0" {
				t.Error("secrets were written")
			}
			if rows := pgtest.Table(t, d.Conn(t), "select error_code, error_message from bootstrap.run where error_message ~ 'canary'"); len(rows) > 0 {
				t.Errorf("journal: %s", rows)
			}
			conn := d.Conn(t)
			_, err := conn.Exec(context.Background(), `CALL bootstrap.install('keep', '{"api_keys": [{"name": "a", "role": "admin", "secret": "`+canary+`"}]}')`)
			if err == nil || strings.Contains(fmt.Sprintf("%+v %#v", err, err), canary) {
				t.Errorf("CALL: %#v", err)
			}
		})
	}
}

// TestForeignOwnerOfSchemaRunsCode: nothing in a schema bootstrap of a third role is called, and nothing runs on tables whose triggers a third role owns.
func TestForeignOwnerOfSchemaRunsCode(t *testing.T) {
	t.Parallel()
	path := file(t, twoProviders)
	commands := [][]string{{"up", "-f", path}, {"plan", "-f", path}, {"apply", "-f", path}, {"migrate"}, {"status"}, {"history"}, {"export"}}
	for _, test := range []struct {
		name      string
		installed bool   // before it is made foreign
		sql       string // %[1]s is the stranger, %[2]s the owner
		named     string
		migrates  bool // migrate does not call anything that is foreign
		reads     bool // commands that read Keep's tables only may go on
	}{
		{"an empty schema", false, "create schema bootstrap authorization %[1]s; grant all on schema bootstrap to %[2]s", "schema bootstrap", false, false},
		{"a schema with a table", false, "create schema bootstrap authorization %[1]s; grant all on schema bootstrap to %[2]s; set role %[1]s; create table bootstrap.schema_version (version int); insert into bootstrap.schema_version values (4); grant all on bootstrap.schema_version to %[2]s", "schema bootstrap", false, false},
		{"the schema handed over", true, "alter schema bootstrap owner to %[1]s", "schema bootstrap", false, false},
		{"a table handed over", true, "alter table bootstrap.staging owner to %[1]s; grant all on bootstrap.staging to %[2]s", "staging", false, false},
		{"a routine handed over", true, "grant create on schema bootstrap to %[1]s; alter function bootstrap.status(text) owner to %[1]s", "status", false, false},
		{"a trigger on staging", true, "create function public.copy_it() returns trigger language plpgsql as 'begin return new; end'; alter function public.copy_it() owner to %[1]s; create trigger copy_it before insert on bootstrap.staging for each row execute function public.copy_it()", "staging", false, false},
		{"a type of its own", true, "grant create on schema bootstrap to %[1]s; set role %[1]s; create type bootstrap.mine as (a text)", "mine", false, false},
		{"a routine of its own", true, "grant create on schema bootstrap to %[1]s; set role %[1]s; create function bootstrap.mine() returns int language sql as 'select 1'", "mine", false, false},
		{"a sequence of its own", true, "grant create on schema bootstrap to %[1]s; set role %[1]s; create sequence bootstrap.mine", "mine", false, false},
		{"a trigger of a third role on Keep's table", true, "create function public.copy_it() returns trigger language plpgsql as 'begin return new; end'; alter function public.copy_it() owner to %[1]s; create trigger copy_it before insert on secret for each row execute function public.copy_it()", "copy_it", true, true},
		{"the privilege TRIGGER for a third role", true, "grant trigger on secret to %[1]s", "may create triggers", true, true},
		{"Keep's table of a third role", true, "alter table secret owner to %[1]s; grant all on secret to %[2]s", "secret", true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := pgtest.New(t, pgtest.Keep(newestKeep))
			owner, stranger := d.Owner(t), d.Login(t, "")
			env := environment{"DATABASE_URL": owner.URL}
			if test.installed {
				run(t, env, "up", "-f", path).want(t, 0)
			}
			d.Exec(t, fmt.Sprintf(test.sql, stranger.Quoted(), owner.Quoted()))
			before := rowVersions(t, d)
			changes := file(t, strings.Replace(twoProviders, "8880", "8881", 1))
			for _, command := range commands {
				if test.migrates && command[0] == "migrate" || test.reads && len(command) == 1 {
					continue
				}
				for i := range command {
					if command[i] == path {
						command = append(append([]string{}, command[:i]...), changes)
					}
				}
				for _, address := range []string{owner.URL, d.URL} { // the owner of Keep's tables, and a superuser
					if r := run(t, environment{"DATABASE_URL": address}, command...); r.exit != 78 && r.exit != 77 || !strings.Contains(r.stderr, test.named) || !strings.Contains(r.stderr, stranger.Name) {
						t.Errorf("%v: exit code %d\n%s", command, r.exit, r.stderr)
					}
				}
			}
			if rowVersions(t, d) != before {
				t.Error("rows were written")
			}
			r := run(t, env, "verify")
			if text := r.stdout + r.stderr; r.exit != 78 && r.exit != 77 || !strings.Contains(text, test.named) || !strings.Contains(text, stranger.Name) {
				t.Errorf("verify: exit code %d\n%s%s", r.exit, r.stdout, r.stderr)
			}
		})
	}
}

// TestWrongDatabaseKeepsSchema: a database that is not Keep's is as before, whatever up was told.
func TestWrongDatabaseKeepsSchema(t *testing.T) {
	t.Parallel()
	path := file(t, twoProviders)
	all := `select n.nspname, c.relname, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname !~ '^pg_|information_schema'
		union all select nspname, '', 'n' from pg_namespace where nspname !~ '^pg_' order by 1, 2`
	for name, test := range map[string]struct {
		sql  string
		exit []int
		code string
		only bool // --tenant-only works there
	}{
		"empty":                {"", []int{69}, "KB010", false},
		"other tables":         {"create table account (id int)", []int{69}, "KB010", false},
		"another tenant":       {"create table tenant (id int, label text)", []int{78, 69}, "KB011", false},
		"another provider":     {"create table provider (id int, label text)", []int{78, 69}, "KB011", false},
		"view tenant":          {"create view tenant as select 'a'::varchar as id, 'b'::varchar as name, '{}'::json as configuration", []int{78, 69}, "KB011", false},
		"in another schema":    {"create schema keep; create table keep.tenant (id varchar); create table keep.provider (id varchar); create table keep.secret (key varchar)", []int{78, 69}, "KB012", false},
		"Keep without columns": {"KEEP; alter table provider drop column pulling_enabled", []int{78, 69}, "KB011", true},
		"Keep without a key":   {"KEEP; alter table secret drop constraint secret_pkey", []int{78, 69}, "KB011", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			template := pgtest.Empty
			sql, isKeep := strings.CutPrefix(test.sql, "KEEP; ")
			if isKeep {
				template = pgtest.Keep(newestKeep)
			}
			d := pgtest.New(t, template)
			if sql != "" {
				d.Exec(t, sql)
			}
			before := fmt.Sprint(pgtest.Table(t, d.Conn(t), all)) + rowVersions(t, d)
			u, _ := url.Parse(d.URL)
			for _, args := range [][]string{{"up", "-f", path}, {"up", "-f", path, "--wait=1s"}, {"up", "--tenant-only"}, {"plan", "-f", path}, {"apply", "-f", path}, {"verify"}, {"status"}, {"history"}, {"export"}} {
				if args[1:] != nil && len(args) > 1 && args[1] == "--tenant-only" && test.only {
					continue
				}
				r := run(t, environment{"DATABASE_URL": d.URL}, args...)
				if (r.exit != test.exit[0] && r.exit != test.exit[len(test.exit)-1]) || args[0] == "up" && !strings.Contains(r.stderr, test.code) {
					t.Errorf("%v: exit code %d\n%s%s", args, r.exit, r.stdout, r.stderr)
				}
				if args[0] == "up" && (!strings.Contains(r.stderr, d.Name) || !strings.Contains(r.stderr, u.Port())) {
					t.Errorf("%v does not say where: %s", args, r.stderr)
				}
			}
			if after := fmt.Sprint(pgtest.Table(t, d.Conn(t), all)) + rowVersions(t, d); after != before {
				t.Errorf("left behind: %s\nbefore: %s", after, before)
			}
		})
	}
}

// TestRefusedFirstRunLeavesTenant: a first run that is refused leaves no row of Keep's and no schema.
func TestRefusedFirstRunLeavesTenant(t *testing.T) {
	t.Parallel()
	path := file(t, twoProviders)
	mapping := t.TempDir()
	if err := os.WriteFile(filepath.Join(mapping, "m.yaml"), []byte(simpleMapping("m", "a")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, revision, sql string
		env                 environment
		args                []string
		exit                int
		code                string
	}{
		{"secrets elsewhere", newestKeep, "", environment{"SECRET_MANAGER_TYPE": "k8s"}, []string{"-f", path}, 78, "KB023"},
		{"a user's provider", newestKeep, "insert into tenant (id, name) values ('x', 'X')", nil, []string{"-f", path, "--require-tenant"}, 78, ""},
		{"no such kind", "9dd1be4539e0", "", environment{"KEEP_MAPPINGS_DIRECTORY": mapping}, nil, 78, "KB027"},
		{
			"the secret of another key", newestKeep, "insert into tenant (id, name) values ('x', 'X'); insert into tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at) values ('x', 'theirs', encode(sha256('abc'), 'hex'), false, false, 'user', 'noc', now())",
			environment{"KEEP_DEFAULT_API_KEYS": "k:noc:abc"},
			nil, 78, "KB028",
		},
		{"a row of another owner", newestKeep, "insert into secret values ('keep-k', 'theirs', now())", environment{"KEEP_DEFAULT_API_KEYS": "k:noc:abc"}, nil, 78, "KB031"},
		{"an error of the database", newestKeep, "alter table provider add constraint none check (name <> 'vm')", nil, []string{"-f", path}, 1, "23514"},
		{"swallowed rows", newestKeep, "create function swallow() returns trigger language plpgsql as 'begin return null; end'; create trigger swallow before insert on secret for each row execute function swallow()", nil, []string{"-f", path}, 78, "KB041"},
		{"an option that is none", newestKeep, "", nil, []string{"-f", path, "--max-prune", "x"}, 64, ""},
		{"another tenant", newestKeep, "", environment{"SECRET_MANAGER_TYPE": "k8s"}, []string{"-f", path, "--tenant", "acme", "--tenant-name", "Acme"}, 78, "KB023"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := pgtest.New(t, pgtest.Keep(test.revision))
			if test.sql != "" {
				d.Exec(t, test.sql)
			}
			before := rowVersions(t, d)
			env := copied(environment{"DATABASE_URL": d.URL}, test.env)
			for _, wait := range [][]string{nil, {"--wait=1s"}} {
				r := run(t, env, append(append([]string{"up", "--log-format", "text"}, test.args...), wait...)...).want(t, test.exit, test.code)
				if strings.Contains(r.stderr, "tenant "+"keep created") || strings.Contains(r.stderr, "tenant created") {
					t.Errorf("%s", r.stderr)
				}
			}
			if after := rowVersions(t, d); after != before {
				t.Errorf("rows:\n%s\nbefore:\n%s", after, before)
			}
			if rows := pgtest.Table(t, d.Conn(t), "select 1 from pg_namespace where nspname = 'bootstrap'"); len(rows) > 0 {
				t.Error("schema bootstrap was left")
			}
		})
	}
}

// TestSessionSettingsBreakRuns: neither the first run, nor one with something to change, nor the plan depends on settings of role, database or URL.
func TestSessionSettingsBreakRuns(t *testing.T) {
	t.Parallel()
	for i, setting := range []string{
		"DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'", "TimeZone = 'Asia/Kolkata'", "bytea_output = 'escape'", "extra_float_digits = -15", "xmloption = 'document'",
		"array_nulls = off", "quote_all_identifiers = on", "standard_conforming_strings = off", "transform_null_equals = on", "search_path = 'pg_temp, nowhere'",
		"default_transaction_isolation = 'serializable'", "default_transaction_deferrable = on", "lc_messages = 'C'", "row_security = off", "check_function_bodies = off",
		"plpgsql.variable_conflict = 'use_column'", "jit_above_cost = 0", "enable_hashjoin = off", "plan_cache_mode = 'force_generic_plan'",
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			d := pgtest.New(t, pgtest.Keep(newestKeep))
			owner := d.Owner(t)
			env := environment{"DATABASE_URL": owner.URL, "ADMIN_PASSWORD": "a", "CI_KEY": "b", "OPS_KEY": "c", "BOOTSTRAP_FILE": file(t, named)}
			name, value, _ := strings.Cut(setting, " = ")
			switch i % 3 {
			case 0:
				d.Exec(t, "alter database "+pgx.Identifier{d.Name}.Sanitize()+" set "+setting)
			case 1:
				d.Exec(t, "alter role "+owner.Quoted()+" in database "+pgx.Identifier{d.Name}.Sanitize()+" set "+setting)
			case 2:
				env["DATABASE_URL"] = changed(t, owner.URL, func(u *url.URL) {
					query := u.Query()
					query.Set("options", "-c "+name+"="+strings.ReplaceAll(strings.Trim(value, "'"), " ", `\ `))
					u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
				})
			}
			run(t, env, "up").want(t, 0)
			if r := run(t, env, "plan", "--detailed-exitcode").want(t, 0); r.stdout != "No changes.\n" {
				t.Errorf("%s", r.stdout)
			}
			env["BOOTSTRAP_FILE"] = file(t, strings.NewReplacer("http://localhost", "http://other", "w: 3", "w: 4", "10m", "20m", "role: noc", "role: admin").Replace(named))
			run(t, env, "plan", "--detailed-exitcode").want(t, 2)
			run(t, env, "up").want(t, 0)
			run(t, env, "verify").want(t, 0)
			run(t, env, "status").want(t, 0)
			run(t, env, "history", "2").want(t, 0)
			run(t, env, "export").want(t, 0)
		})
	}
}

// TestLimitsFoundTooLate: texts that PostgreSQL cannot hold, and files that never end, are refused at once, whatever gives them.
func TestLimitsFoundTooLate(t *testing.T) {
	s := newScene(t)
	fifo := filepath.Join(s.dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	path := s.file(allKinds)
	base := environment{"DATABASE_URL": s.d.URL, "ADMIN_PASSWORD": "a", "CI_KEY": "b", "OPS_KEY": "c"}
	s.nothing()
	for _, endless := range []string{"/dev/zero", fifo, s.dir, filepath.Join(s.dir, "none")} {
		for _, args := range [][]string{
			{"apply", "--plan", endless},
			{"status", "--database-url-file", endless},
			{"up", "-f", path, "--env-file", endless},
			{"up", "-f", path, "--catalogue", endless},
			{"validate", "-f", path, "--catalogue", endless},
		} {
			env := base
			if args[0] == "status" {
				env = environment{}
			}
			if r := run(t, env, args...); r.exit != 64 && r.exit != 65 || !strings.Contains(r.stderr, endless) {
				t.Errorf("%v: exit code %d\n%s", args, r.exit, r.stderr)
			}
		}
		for _, variable := range []string{"PGSERVICEFILE", "PGPASSFILE"} {
			env := environment{"PGHOST": "127.0.0.1", "PGPORT": "1", "PGUSER": "u", "PGDATABASE": "d", variable: endless}
			if variable == "PGSERVICEFILE" {
				env["PGSERVICE"] = "s"
			}
			if r := run(t, env, "status"); r.exit != 64 && r.exit != 69 {
				t.Errorf("%s=%s: exit code %d\n%s", variable, endless, r.exit, r.stderr)
			}
		}
	}
	for _, bad := range []string{"a\xff", strings.Repeat("x", 2000), "a\x00b"} {
		for _, args := range [][]string{{"up", "-f", path, "--tenant", bad}, {"up", "-f", path, "--tenant", "new", "--tenant-name", bad}, {"up", "--tenant-only", "--tenant", bad}, {"plan", "-f", path, "--tenant", bad}} {
			if len(bad) > 1000 && args[len(args)-2] == "--tenant-name" {
				continue // Keep's column has no limit
			}
			if r := run(t, base, args...); r.exit != 64 {
				t.Errorf("%q: exit code %d\n%s", args, r.exit, r.stderr)
			}
		}
	}
	s.nothing()
	// A folder whose name is not UTF-8 is stored as provisioned_file, or refused.
	odd := filepath.Join(s.dir, "x-\xff")
	if err := os.Mkdir(odd, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(odd, "w.yaml"), []byte(simpleWorkflow("w")), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run(t, copied(base, environment{"KEEP_WORKFLOWS_DIRECTORY": odd}), "up"); r.exit != 0 && r.exit != 64 && r.exit != 65 {
		t.Errorf("exit code %d\n%s", r.exit, r.stderr)
	}
	address := changed(t, s.d.URL, func(u *url.URL) { u.RawQuery += "&application_name=" + strings.Repeat("x", 300) + "%01%FF" })
	if r := run(t, copied(base, environment{"DATABASE_URL": address}), "up", "-f", path, "--adopt"); r.exit != 0 && r.exit != 64 {
		t.Errorf("application_name: exit code %d\n%s", r.exit, r.stderr)
	}
}
