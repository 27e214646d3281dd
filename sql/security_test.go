package sqlfiles_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/test/pgtest"
)

const secretCanary = "CANARY-7d1e"

// roles is a database with an owner without attributes, the two roles of roles.sql, and a role that owns nothing.
type roles struct {
	*pgtest.Database
	t                               *testing.T
	owner, runner, auditor, hostile pgtest.Login
	sessions                        map[string]session
}

// newRoles installs two providers with canaries in their secrets, as the owner.
func newRoles(t *testing.T) roles {
	t.Helper()
	t.Parallel()
	d := pgtest.New(t, pgtest.Keep("67ff7efffed4"))
	r := roles{Database: d, t: t, owner: d.Owner(t), sessions: map[string]session{}}
	if _, err := migrate.Up(context.Background(), r.owner.Conn(t), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	r.must(r.owner, `CALL bootstrap.install_providers('keep', '{"g": {`+grafana(secretCanary)+`}, "v": {`+vms+`}}')`)
	r.runner, r.auditor = d.Roles(t, r.owner)
	r.hostile = d.Login(t, "")
	return r
}

// session is a connection of a role, and what the server said on it.
type session struct {
	*pgconn.PgConn
	said *strings.Builder
}

// do runs a statement of a role; what the role got to see is returned with notices and errors. Nothing of it lasts in the
// session.
func (r roles) do(as pgtest.Login, sql string) (said string, err error) {
	r.t.Helper()
	ctx := context.Background()
	s, ok := r.sessions[as.Name]
	if !ok {
		config, err := pgx.ParseConfig(as.URL)
		if err != nil {
			r.t.Fatal(err)
		}
		s.said = new(strings.Builder)
		config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
			fmt.Fprintln(s.said, n.Severity, n.Message, n.Detail, n.Hint, n.Where)
		}
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { conn.Close(ctx) })
		s.PgConn = conn.PgConn()
		r.sessions[as.Name] = s
	}
	s.said.Reset()
	all, err := s.Exec(ctx, sql).ReadAll()
	for _, result := range all {
		for _, row := range result.Rows {
			fmt.Fprintf(s.said, "%s\n", row)
		}
	}
	if err != nil {
		fmt.Fprintln(s.said, describe(err))
	}
	said = s.said.String()
	for _, sql := range []string{"ROLLBACK", "DISCARD ALL"} {
		if _, err := s.Exec(ctx, sql).ReadAll(); err != nil {
			r.t.Fatal(err)
		}
	}
	return said, err
}

func (r roles) must(as pgtest.Login, sql string) string {
	r.t.Helper()
	said, err := r.do(as, sql)
	if err != nil {
		r.t.Fatalf("%s: %s", sql, said)
	}
	return said
}

// denied wants 42501.
func (r roles) denied(as pgtest.Login, sql string) {
	r.t.Helper()
	if said, err := r.do(as, sql); pgtest.SQLState(err) != "42501" {
		r.t.Errorf("%s: %v, want 42501\n%s", sql, err, said)
	}
}

// routines are the routines of the schema with the arguments that a call of them needs, by name.
func (r roles) routines() map[string]string {
	r.t.Helper()
	calls := map[string]string{}
	for _, row := range pgtest.Table(r.t, r.Conn(r.t), `
		select p.proname, p.prokind, coalesce(string_agg(case t.typname
		           when 'text' then format('%L::pg_catalog.text', case a.name when 'p_error_code' then '55P03' else 'keep' end)
		           when 'json' then $$'{}'::pg_catalog.json$$ when 'jsonb' then $$'{}'::pg_catalog.jsonb$$
		           when '_text' then $$'{}'::pg_catalog.text[]$$ else format('NULL::%s.%I', t.typnamespace::regnamespace, t.typname) end, ', ' order by a.n) filter (where t.oid is not null), '')
		from pg_proc as p
		left join lateral unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) with ordinality as a (name, type, n) on true
		left join pg_type as t on t.oid = a.type
		where p.pronamespace = 'bootstrap'::regnamespace
		group by p.oid, p.proname, p.prokind`) {
		call := "SELECT * FROM bootstrap." + row[0] + "(" + row[2] + ")"
		if row[1] == "p" {
			call = "CALL bootstrap." + row[0] + "(" + row[2] + ")"
		}
		calls[row[0]] = call
	}
	return calls
}

func TestRunner(t *testing.T) {
	r := newRoles(t)
	r.must(r.runner, `CALL bootstrap.install_providers('keep', '{"g": {`+grafana("new")+`}, "p": {"type": "prometheus", "authentication": {"url": "http://p"}}}')`)
	if got := pgtest.Table(t, r.Conn(t), "select string_agg(name, ' ' order by name) from public.provider"); got[0][0] != "g p" {
		t.Errorf("providers: %s", got)
	}
	// The journal names who called, not whose privileges the run had.
	if got := pgtest.Table(t, r.Conn(t), "select role_name from bootstrap.history() limit 1"); got[0][0] != r.runner.Name {
		t.Errorf("role in the journal: %s", got)
	}
	said := r.must(r.runner, `BEGIN; INSERT INTO bootstrap.manifest_staging (line) VALUES ('{"a": {"type": "airflow"}}');
		SELECT name, action, refusal FROM bootstrap.plan_staged('keep'); COMMIT`)
	if !strings.Contains(said, "[a add ") {
		t.Errorf("plan: %s", said)
	}
	r.must(r.runner, `BEGIN; INSERT INTO bootstrap.manifest_staging (line) VALUES ('{"a": {"type": "airflow"}}'); CALL bootstrap.install_staged('keep'); SELECT * FROM bootstrap.report(); COMMIT`)
	r.must(r.runner, `CALL bootstrap.install('keep', '{"providers": {"a": {"type": "airflow"}}}'); SELECT * FROM bootstrap.plan('keep', '{"providers": {}}');
		BEGIN; INSERT INTO bootstrap.manifest_staging (line) VALUES ('[5]'); SELECT * FROM bootstrap.problems(); ROLLBACK`)
	r.must(r.runner, `SELECT bootstrap.ensure_tenant('other', 'Other'); SELECT bootstrap.prepare_keep();
		SELECT * FROM bootstrap.dependents('keep', '[]'); CALL bootstrap.record_failure('keep', 'KB001', 'm', 'v')`)
	r.must(r.runner, "SELECT * FROM bootstrap.status(); SELECT * FROM bootstrap.history(); SELECT * FROM bootstrap.history_changes(1)")
	if said := r.must(r.runner, "SELECT name, ok, detail FROM bootstrap.verify()"); !strings.Contains(said, "[security t ") {
		t.Errorf("verify: %s", said)
	}
	for _, sql := range []string{
		"SELECT * FROM bootstrap.export()", "SELECT bootstrap.require_keep()", "CREATE TABLE bootstrap.x ()", "UPDATE bootstrap.manifest_staging SET line = 'x'",
		"SELECT line FROM bootstrap.manifest_staging", "SELECT content FROM bootstrap.staging", "INSERT INTO bootstrap.staging (transaction_id) VALUES ('5')",
		"SELECT digest_key FROM bootstrap.setting", "SELECT * FROM bootstrap.wanted_provider", "SELECT * FROM bootstrap._live_providers('keep')",
	} {
		r.denied(r.runner, sql)
	}
}

func TestAuditor(t *testing.T) {
	r := newRoles(t)
	for _, call := range []string{"verify()", "status()", "history()", "history_changes(1)"} {
		r.must(r.auditor, "SELECT * FROM bootstrap."+call)
	}
	for _, sql := range []string{
		"CALL bootstrap.install_providers('keep', '{}')", "CALL bootstrap.install_staged('keep')", "SELECT * FROM bootstrap.plan_providers('keep', '{}')",
		"SELECT bootstrap.ensure_tenant('x', 'x')", "SELECT bootstrap.prepare_keep()", "SELECT * FROM bootstrap.export()",
		"SELECT * FROM bootstrap.plan('keep', '{}')", "SELECT * FROM bootstrap.plan_staged('keep')", "SELECT * FROM bootstrap.problems()", "SELECT * FROM bootstrap.dependents('keep', '[]')",
		"SELECT digest_key FROM bootstrap.setting",
		"CALL bootstrap.record_failure('keep', 'KB001', 'm', 'v')", "INSERT INTO bootstrap.manifest_staging (line) VALUES ('x')",
	} {
		r.denied(r.auditor, sql)
	}
}

// Whatever tables and routines there are: the roles read and write no table, and what they may call shows no secret.
func TestRolesSeeNoSecret(t *testing.T) {
	r := newRoles(t)
	tables := pgtest.Table(t, r.Conn(t), `select c.oid::regclass::text, c.relname from pg_class as c
		where c.relnamespace in ('public'::regnamespace, 'bootstrap'::regnamespace) and c.relkind in ('r', 'v') order by 1`)
	statements, open, shut := 0, 0, 0
	for _, as := range []pgtest.Login{r.runner, r.auditor, r.hostile} {
		for _, table := range tables {
			if table[0] != "bootstrap.schema_version" || as == r.hostile {
				r.denied(as, "SELECT * FROM "+table[0])
			}
			for _, sql := range []string{"DELETE FROM %s", "INSERT INTO %s DEFAULT VALUES", "TRUNCATE %s", "LOCK TABLE %s IN EXCLUSIVE MODE", "DROP TABLE %s", "COPY %s TO STDOUT"} {
				if strings.HasPrefix(sql, "COPY") && table[1] == "schema_version" || strings.HasPrefix(sql, "INSERT") && strings.HasSuffix(table[1], "staging") {
					continue
				}
				statements++
				if _, err := r.do(as, fmt.Sprintf(sql, table[0])); err == nil {
					t.Errorf("%s may "+sql, as.Name, table[0])
				}
			}
		}
		for name, call := range r.routines() {
			// The caller asks for all that a session can make the server tell it about its statements.
			said, err := r.do(as, "SET client_min_messages = debug5; SET debug_print_plan = on; SET debug_print_parse = on; SET debug_print_rewritten = on; SET debug_pretty_print = off; BEGIN; "+
				"SET LOCAL plan_cache_mode = force_custom_plan; "+call+"; ROLLBACK")
			if pgtest.SQLState(err) == "42501" {
				shut++
			} else {
				open++
			}
			if strings.Contains(said, secretCanary) || strings.Contains(said, dump(secretCanary)) {
				t.Errorf("%s shows a secret to %s", name, as.Name)
			}
		}
	}
	t.Logf("%d statements against %d tables were denied; of the calls, %d were denied and %d showed no secret", statements, len(tables), shut, open)
}

// dump is a text as debug_print_plan shows a constant: bytes as signed numbers.
func dump(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, "%d ", int8(text[i]))
	}
	return strings.TrimSpace(b.String())
}

func TestNobodyElseMayExecute(t *testing.T) {
	r := newRoles(t)
	count := 0
	for name, call := range r.routines() {
		count++
		r.denied(r.hostile, call)
		if strings.HasPrefix(name, "_") {
			r.denied(r.runner, call)
		}
	}
	r.denied(r.hostile, "SELECT * FROM bootstrap.schema_version")
	acl := `select p.oid::regprocedure::text from pg_proc as p cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
		where p.pronamespace = 'bootstrap'::regnamespace and a.grantee = 0`
	if rows := pgtest.Table(t, r.Conn(t), acl); len(rows) > 0 {
		t.Errorf("PUBLIC may execute %s", rows)
	}
	t.Logf("%d routines", count)
}

// roles.sql takes back what else the roles were granted, and is needed again after the routines were dropped and created.
func TestRolesAreRepeatable(t *testing.T) {
	r := newRoles(t)
	ctx := context.Background()
	r.must(r.owner, "GRANT SELECT ON bootstrap.setting, bootstrap.object TO "+r.auditor.Quoted()+"; GRANT EXECUTE ON FUNCTION bootstrap.export TO "+r.runner.Quoted())
	pgtest.Grant(t, r.owner, r.runner, r.auditor)
	for as, sql := range map[pgtest.Login]string{r.auditor: "SELECT digest FROM bootstrap.object", r.runner: "SELECT * FROM bootstrap.export()"} {
		r.denied(as, sql)
	}
	if said := r.must(r.owner, "SELECT ok, detail FROM bootstrap.verify() WHERE name = 'security'"); !strings.Contains(said, "[t ") {
		t.Errorf("verify: %s", said)
	}
	logger := slog.New(slog.DiscardHandler)
	if _, err := migrate.To(ctx, r.owner.Conn(t), logger, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := migrate.Up(ctx, r.owner.Conn(t), logger); err != nil {
		t.Fatal(err)
	}
	r.denied(r.auditor, "SELECT * FROM bootstrap.status()")
	pgtest.Grant(t, r.owner, r.runner, r.auditor)
	r.must(r.auditor, "SELECT * FROM bootstrap.status()")
	r.must(r.runner, `CALL bootstrap.install_providers('keep', '{"g": {`+grafana("again")+`}, "v": {`+vms+`}}')`)
}

// Whatever somebody grants is named by verify: a digest that can be read is a digest that can be tried.
func TestVerifyNamesForeignPrivileges(t *testing.T) {
	r := newRoles(t)
	security := "SELECT ok, detail FROM bootstrap.verify() WHERE name = 'security'"
	if said := r.must(r.owner, security); !strings.Contains(said, "[t ") {
		t.Errorf("as installed: %s", said)
	}
	r.must(r.owner, "GRANT EXECUTE ON FUNCTION bootstrap.history(text) TO PUBLIC; GRANT SELECT ON bootstrap.run TO "+r.hostile.Quoted())
	said := r.must(r.owner, security)
	for _, want := range []string{"[f ", "PUBLIC", "bootstrap.history(text)", r.hostile.Name, "bootstrap.run"} {
		if !strings.Contains(said, want) {
			t.Errorf("verify lacks %q: %s", want, said)
		}
	}
	r.must(r.owner, "REVOKE ALL ON FUNCTION bootstrap.history(text) FROM PUBLIC; REVOKE ALL ON bootstrap.run FROM "+r.hostile.Quoted())
	for grant, want := range map[string]string{
		"EXECUTE ON FUNCTION bootstrap.export":          "bootstrap.export(text,boolean)",
		"SELECT (value) ON public.secret":               "public.secret",
		"UPDATE (configuration_key) ON public.provider": "public.provider",
	} {
		r.must(r.owner, "GRANT "+grant+" TO "+r.runner.Quoted())
		if said := r.must(r.owner, security); !strings.Contains(said, "[f ") || !strings.Contains(said, want) {
			t.Errorf("%s: %s", grant, said)
		}
		r.must(r.owner, "REVOKE "+grant+" FROM "+r.runner.Quoted())
	}
	if said := r.must(r.owner, security); !strings.Contains(said, "[t ") {
		t.Errorf("revoked: %s", said)
	}
}

// A routine of one expression, and a rule that swallows the journal, are parts of the schema as well.
func TestVerifyNamesAlteredParts(t *testing.T) {
	d := newDatabase(t)
	d.exec("SET quote_all_identifiers = on") // which changes how an expression is shown
	if got := d.one("SELECT detail FROM bootstrap.verify() WHERE name = 'schema'"); !strings.HasPrefix(got, "every object") {
		t.Errorf("verify: %s", got)
	}
	d.exec("CREATE OR REPLACE FUNCTION bootstrap._digest(p_key bytea, p_text text) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE RETURN NULL::bytea")
	d.exec("CREATE RULE swallow AS ON INSERT TO bootstrap.change DO INSTEAD NOTHING")
	if got := d.one("SELECT detail FROM bootstrap.verify() WHERE name = 'schema' AND NOT ok"); got != "routine _digest was altered; rule swallow of change is unknown" {
		t.Errorf("verify: %s", got)
	}
}

// trap is a function that notes as whom it runs. hostileObjects makes everything of our names that a role can make, so
// that anything which is found by its name in the wrong place springs the trap.
const hostileObjects = `
CREATE FUNCTION %[1]s.trap(text) RETURNS text LANGUAGE plpgsql AS $trap$
BEGIN
    IF current_user <> %[2]s THEN RAISE EXCEPTION 'TRAP sprung as %%', current_user USING ERRCODE = 'TRAP0'; END IF;
    RETURN $1;
END $trap$;
CREATE FUNCTION %[1]s.trap_two(text, text) RETURNS boolean LANGUAGE plpgsql AS $trap$ BEGIN PERFORM %[1]s.trap($1); RETURN true; END $trap$;
CREATE FUNCTION %[1]s.trap_json(json, text) RETURNS json LANGUAGE plpgsql AS $trap$ BEGIN PERFORM %[1]s.trap($2); RETURN $1; END $trap$;
CREATE FUNCTION %[1]s.trap_jsonb(jsonb, text) RETURNS boolean LANGUAGE plpgsql AS $trap$ BEGIN PERFORM %[1]s.trap($2); RETURN true; END $trap$;
CREATE OPERATOR %[1]s.= (LEFTARG = text, RIGHTARG = text, FUNCTION = %[1]s.trap_two);
CREATE OPERATOR %[1]s.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = %[1]s.trap_two);
CREATE OPERATOR %[1]s.~ (LEFTARG = text, RIGHTARG = text, FUNCTION = %[1]s.trap_two);
CREATE OPERATOR %[1]s.-> (LEFTARG = json, RIGHTARG = text, FUNCTION = %[1]s.trap_json);
CREATE OPERATOR %[1]s.? (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = %[1]s.trap_jsonb);
`

// naive wants the trap to spring in a routine that is not written with care: otherwise the tests here prove nothing.
func (r roles) naive(query string) {
	r.t.Helper()
	r.Exec(r.t, "CREATE FUNCTION public.naive() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $f$ BEGIN EXECUTE $q$"+query+"$q$; RETURN ''; END $f$; ALTER FUNCTION public.naive() OWNER TO "+r.owner.Quoted())
	if said, err := r.do(r.runner, "SET search_path = public, pg_catalog; SELECT public.naive()"); err == nil || !strings.Contains(said, "TRAP sprung as "+r.owner.Name) {
		r.t.Errorf("the trap does not work in %s: %s", query, said)
	}
	r.Exec(r.t, "DROP FUNCTION public.naive()")
}

func TestHostileObjects(t *testing.T) {
	r := newRoles(t)
	// As PostgreSQL 14 has it by default, and worse: everybody may create in public, and the runner itself is hostile.
	r.Exec(t, "GRANT CREATE ON SCHEMA public TO PUBLIC; GRANT CREATE, TEMPORARY ON DATABASE "+pgx.Identifier{r.Name}.Sanitize()+" TO PUBLIC")
	made := 0
	make := func(conn *pgx.Conn, sql string) {
		if _, err := conn.Exec(context.Background(), sql); err == nil {
			made++
		} else if code := pgtest.SQLState(err); code != "42P07" && code != "42723" && code != "42710" && code != "42501" && code != "42P13" {
			t.Errorf("%s: %v", sql, err)
		}
	}
	relations := pgtest.Table(t, r.Conn(t), `select distinct c.relname from pg_class as c
		where c.relnamespace in ('public'::regnamespace, 'bootstrap'::regnamespace, 'pg_catalog'::regnamespace) and c.relkind in ('r', 'v')
		  and (c.relnamespace <> 'pg_catalog'::regnamespace or c.relname ~ '^pg_(proc|class|attribute|constraint|namespace|index|roles|type)$')`)
	functions := pgtest.Table(t, r.Conn(t), `select distinct quote_ident(p.proname) from pg_proc as p
		where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f'
		  and exists (select from pg_proc as b where b.pronamespace = 'bootstrap'::regnamespace and b.prosrc ~ ('\m' || p.proname || '\('))
		union select distinct quote_ident(p.proname) from pg_proc as p where p.pronamespace = 'bootstrap'::regnamespace`)
	types := []string{"text", "json", "jsonb", "xid8", "boolean", "regprocedure", "run_report", "manifest_staging", "check_result"}

	runner := r.runner.Conn(t)
	prepare := func(conn *pgx.Conn, schema string) {
		make(conn, fmt.Sprintf(hostileObjects, schema, "session_user"))
		for _, name := range functions {
			for _, arguments := range []string{"", "text", "json", "jsonb", "anyelement"} {
				body := "BEGIN PERFORM %[1]s.trap('x'); RETURN NULL; END"
				make(conn, fmt.Sprintf("CREATE FUNCTION %[1]s.%[2]s(%[3]s) RETURNS text LANGUAGE plpgsql AS $f$ "+body+" $f$", schema, name[0], arguments))
			}
		}
		for _, name := range types {
			make(conn, fmt.Sprintf("CREATE TYPE %s.%s AS (trap text)", schema, pgx.Identifier{name}.Sanitize()))
		}
		for _, name := range relations {
			make(conn, fmt.Sprintf("CREATE VIEW %[1]s.%[2]s AS SELECT %[1]s.trap('x') AS id, 'keep'::pg_catalog.text AS tenant_id; GRANT ALL ON %[1]s.%[2]s TO PUBLIC", schema, pgx.Identifier{name[0]}.Sanitize()))
			make(conn, fmt.Sprintf("CREATE TEMPORARY TABLE %[1]s (id text, tenant_id text)", pgx.Identifier{name[0]}.Sanitize()))
		}
	}
	prepare(runner, "public")
	prepare(runner, "pg_temp")
	// A type of its own with casts to and from everything that the routines take.
	make(runner, "CREATE TYPE public.mine AS (a text)")
	for _, target := range []string{"text", "json", "jsonb"} {
		make(runner, fmt.Sprintf("CREATE FUNCTION public.cast_%[1]s(public.mine) RETURNS %[1]s LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.trap('x'); RETURN '{}'; END $f$; CREATE CAST (public.mine AS %[1]s) WITH FUNCTION public.cast_%[1]s(public.mine) AS IMPLICIT", target))
	}
	for _, query := range []string{"SELECT 'a'::pg_catalog.text = 'b'::pg_catalog.text", "SELECT lower('a'::pg_catalog.text)", "SELECT pg_catalog.count(id) FROM public.setting"} {
		r.naive(query)
	}
	if made < 200 {
		t.Fatalf("only %d hostile objects could be made", made)
	}

	called := 0
	call := func(sql string) {
		t.Helper()
		called++
		_, err := runner.PgConn().Exec(context.Background(), sql).ReadAll() // pgx itself refuses standard_conforming_strings = off
		if said := describe(err); strings.Contains(said, "TRAP") || pgtest.SQLState(err) == "TRAP0" {
			t.Errorf("%s: %s", sql, said)
		} else if err != nil && pgtest.SQLState(err) != "42501" && !strings.HasPrefix(pgtest.SQLState(err), "KB") {
			t.Errorf("%s: %s", sql, said)
		}
	}
	for _, path := range []string{"public, pg_catalog, bootstrap", "pg_temp, public, pg_catalog, bootstrap"} {
		if _, err := runner.Exec(context.Background(), "SET search_path = "+path+"; SET check_function_bodies = off; SET standard_conforming_strings = off; SET escape_string_warning = off; SET transform_null_equals = on; SET array_nulls = off; SET quote_all_identifiers = on"); err != nil {
			t.Fatal(err)
		}
		for _, sql := range r.routines() {
			call(sql)
		}
		call("SELECT * FROM bootstrap.verify('keep'::pg_catalog.text)")
		call(`CALL bootstrap.install_providers('keep'::pg_catalog.text, '{"g": {` + grafana("a"+path) + `, "deduplication_rules": {"r": {}}}, "w": {"renamed_from": ["v"], ` + vms + `}}'::pg_catalog.json)`)
		call(`SELECT * FROM bootstrap.plan_providers('keep'::pg_catalog.text, '{"v": {` + vms + `}}'::pg_catalog.json, '{"max_prune": "100%"}'::pg_catalog.jsonb)`)
		call(`CALL bootstrap.install_providers('keep'::pg_catalog.text, '{"v": {"renamed_from": ["w"], ` + vms + `}, "g": {` + grafana("b"+path) + `}}'::pg_catalog.json)`)
	}
	if got := pgtest.Table(t, r.Conn(t), "select string_agg(name, ' ' order by name) from public.provider"); got[0][0] != "g v" {
		t.Errorf("the runs did not do their work: %s", got)
	}
	if _, err := runner.PgConn().Exec(context.Background(), "DISCARD ALL").ReadAll(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d hostile objects, %d calls, none ran foreign code", made, called)
}

// Where a table of Keep is missing, somebody can make one, or a view, whose code would run as the owner.
func TestHostileTables(t *testing.T) {
	r := newRoles(t)
	r.Exec(t, "GRANT CREATE ON SCHEMA public TO PUBLIC")
	r.must(r.hostile, fmt.Sprintf(hostileObjects, "public", "session_user"))
	calls := r.routines()
	calls["dependents"] = `SELECT * FROM bootstrap.dependents('keep', '["x"]')`
	calls["install_providers"] = `CALL bootstrap.install_providers('keep', '{"g": {` + grafana("more") + `}, "w": {` + vms + `}}')`
	all := `'{"workflows": [{"id": "w"}], "dashboards": [{"dashboard_name": "d", "dashboard_config": {}}], "mapping_rules": [{"name": "m", "type": "topology", "matchers": [["a"]]}],
		"default_user": {}, "api_keys": [{"name": "k", "role": "noc", "secret": "s"}]}'`
	calls["install"] = "CALL bootstrap.install('keep', " + all + ")"
	calls["plan"] = "SELECT * FROM bootstrap.plan('keep', " + all + ")"
	kinds := map[string]bool{"workflowversion": true, "dashboard": true, "mappingrule": true, "tenantapikey": true, `"user"`: true}
	tried := 0
	for _, table := range []string{
		"provider", "tenant", "secret", "alertdeduplicationrule", "workflow", "workflowversion", "dashboard", "mappingrule", "tenantapikey", `"user"`,
		"alert", "alembic_version", "providerexecutionlog",
	} {
		original := pgtest.Table(t, r.Conn(t), "select 1 where to_regclass('public."+table+"') is not null")
		if len(original) > 0 {
			r.Exec(t, "ALTER TABLE public."+table+" RENAME TO hidden; GRANT SELECT ON public.hidden TO PUBLIC")
		} else {
			r.Exec(t, "CREATE TABLE public.hidden (id uuid, tenant_id varchar, provider_id varchar, version_num varchar); GRANT SELECT ON public.hidden TO PUBLIC")
		}
		// The same columns, so that it looks like Keep's; the trap is in one that every query reads.
		columns := pgtest.Table(t, r.Conn(t), `select string_agg(case when a.attname in ('tenant_id', 'id', 'key', 'version_num', 'workflow_id') and a.atttypid = 'varchar'::regtype
				then 'public.trap(''keep'')::varchar' else format('NULL::%s', format_type(a.atttypid, NULL)) end || format(' AS %I', a.attname), ', ')
			from pg_attribute as a where a.attrelid = 'public.hidden'::regclass and a.attnum > 0 and not a.attisdropped`)[0][0]
		for _, how := range []string{
			"CREATE VIEW public.%[1]s AS SELECT " + columns + "; GRANT ALL ON public.%[1]s TO PUBLIC",
			"CREATE TABLE public.%[1]s (LIKE public.hidden INCLUDING DEFAULTS INCLUDING INDEXES); GRANT ALL ON public.%[1]s TO PUBLIC;" +
				"CREATE FUNCTION public.trigger() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.trap('x'); RETURN NEW; END $f$;" +
				"CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON public.%[1]s FOR EACH STATEMENT EXECUTE FUNCTION public.trigger()",
			"CREATE TYPE public.mine AS (a text); CREATE FUNCTION public.shown(public.mine) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN RETURN public.trap('x'); END $f$;" +
				"CREATE CAST (public.mine AS text) WITH FUNCTION public.shown(public.mine); CREATE TABLE public.%[1]s AS SELECT '(x)'::public.mine AS version_num, 'keep'::varchar AS id;" +
				"GRANT ALL ON public.%[1]s TO PUBLIC",
		} {
			r.must(r.hostile, fmt.Sprintf(how, table))
			for name, call := range calls {
				if strings.HasPrefix(name, "_") || kinds[table] && !slices.Contains([]string{"install", "plan", "install_staged", "plan_staged", "status", "verify"}, name) {
					continue // the others do not know this table
				}
				tried++
				for _, as := range []pgtest.Login{r.runner, r.auditor} {
					said, err := r.do(as, "SET client_min_messages = error; "+call)
					if strings.Contains(said, "TRAP") || pgtest.SQLState(err) == "TRAP0" {
						t.Errorf("%s: %s runs foreign code: %s", how, call, said)
					}
					if err != nil && !strings.HasPrefix(pgtest.SQLState(err), "KB") && pgtest.SQLState(err) != "42501" {
						t.Errorf("%s: %s: %s", how, call, said)
					}
				}
			}
			if said := r.must(r.auditor, "SELECT ok, detail FROM bootstrap.verify() WHERE name = 'security'"); !strings.Contains(said, "[f ") || !strings.Contains(said, table+" belongs to role "+r.hostile.Name) {
				t.Errorf("verify: %s", said)
			}
			if strings.HasPrefix(how, "CREATE VIEW") {
				r.naive("SELECT count(row_to_json(x)) FROM public." + table + " AS x")
				r.Exec(t, "DROP VIEW public."+table)
			} else {
				r.Exec(t, "DROP TABLE public."+table+"; DROP TYPE IF EXISTS public.mine CASCADE; DROP FUNCTION IF EXISTS public.trigger()")
			}
		}
		if len(original) > 0 {
			r.Exec(t, "REVOKE ALL ON public.hidden FROM PUBLIC; ALTER TABLE public.hidden RENAME TO "+table)
		} else {
			r.Exec(t, "DROP TABLE public.hidden")
		}
	}
	r.must(r.runner, `CALL bootstrap.install_providers('keep', '{"g": {`+grafana("after")+`}, "v": {`+vms+`}}')`)
	t.Logf("%d calls, none ran foreign code", tried)
}

// A literal with a backslash means something else under standard_conforming_strings = off, which any caller can set.
func TestLiteralsMeanTheSameForEveryCaller(t *testing.T) {
	d := newDatabase(t)
	d.exec("SET standard_conforming_strings = off")
	d.exec("SET escape_string_warning = off")
	var entries []string
	for i := range 10 {
		entries = append(entries, entry(fmt.Sprint("p", i), `"type": "kafka", "authentication": {"host": "h:9092", "topic": "t", "pulling_enabled": false}`))
	}
	d.mustInstall(list(entries...))
	if got := d.plan(list(entries[:5]...), `{"max_prune": "5"}`); slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, "KB021") }) {
		t.Errorf("max_prune 5 was taken for a percentage: %q", got)
	}
	if got := d.one("SELECT string_agg(DISTINCT pulling_enabled::text, '') FROM public.provider"); got != "false" {
		t.Errorf("pulling_enabled: %s", got)
	}
	d.refused("KB001", `{"a": {"type": "grafana", "authentication": {"host": "http://`+"x"+`", "token": "\u0000"}}}`)

	files, err := filepath.Glob("functions/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for number, line := range strings.Split(string(text), "\n") {
			code, _, _ := strings.Cut(line, "--")
			for i, literal := range strings.Split(code, "'") {
				before := strings.Split(code, "'")[max(i-1, 0)]
				if i%2 == 1 && strings.Contains(literal, `\`) && !strings.HasSuffix(before, "E") {
					t.Errorf("%s:%d: write %q as E'...': it depends on standard_conforming_strings", file, number+1, literal)
				}
			}
		}
	}
}
