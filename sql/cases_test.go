package sqlfiles_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/migrate"
	"keep-bootstrap/test/pgtest"
)

// named is a kind with three objects, and how its names are changed behind our back.
type namedKind struct {
	kind, table, column string
	manifest            func(names ...string) string
	content             string // of a row, by which the names are told apart
	unique              bool   // names are unique in Keep's table
}

func objects(key string, each func(name string) string) func(...string) string {
	return func(names ...string) string {
		var list []string
		for _, name := range names {
			list = append(list, each(name))
		}
		return fmt.Sprintf(`{%q: [%s]}`, key, strings.Join(list, ", "))
	}
}

var namedKinds = []namedKind{
	{"provider", "provider", "name", objects("providers", func(n string) string { return entry(n, grafana(n)) }), "(SELECT s.value::json #>> '{authentication,token}' FROM secret AS s WHERE s.key = t.configuration_key)", true},
	{"dashboard", "dashboard", "dashboard_name", objects("dashboards", func(n string) string {
		return fmt.Sprintf(`{"dashboard_name": %q, "dashboard_config": {"n": %q}}`, n, n)
	}), "t.dashboard_config ->> 'n'", true},
	{"workflow", "workflow", "name", objects("workflows", func(n string) string { return fmt.Sprintf(`{"id": %q, "name": %q, "description": %q}`, n, n, n) }), "t.description", false},
	{"mapping_rule", "mappingrule", "name", objects("mapping_rules", func(n string) string {
		return fmt.Sprintf(`{"name": %q, "description": %q, "matchers": [["a"]], "rows": [{"a": "b"}]}`, n, n)
	}), "t.description", false},
	{"deduplication_rule", "alertdeduplicationrule", "name", func(names ...string) string {
		var rules []string
		for _, n := range names {
			rules = append(rules, fmt.Sprintf(`%q: {"description": %q}`, n, n))
		}
		return `{"providers": {"p": {` + vms + `, "deduplication_rules": {` + strings.Join(rules, ", ") + `}}}}`
	}, "t.description", false},
	{"api_key", "tenantapikey", "reference_id", objects("api_keys", func(n string) string { return fmt.Sprintf(`{"name": %q, "role": "noc", "secret": %q}`, n, "of "+n) }), "substr(CASE t.key_hash " +
		"WHEN encode(sha256('of A'), 'hex') THEN 'of A' WHEN encode(sha256('of B'), 'hex') THEN 'of B' WHEN encode(sha256('of C'), 'hex') THEN 'of C' END, 4)", true},
}

// TestDashboardNamesSwapped: whoever swaps, rotates or shifts names of any kind, what the plan shows is what the run does, and each name has the content of the file again.
func TestDashboardNamesSwapped(t *testing.T) {
	for _, kind := range namedKinds {
		for name, to := range map[string]map[string]string{
			"swapped": {"A": "B", "B": "A"},
			"rotated": {"A": "B", "B": "C", "C": "A"},
			"shifted": {"A": "B", "B": "C", "C": "D"},
			"renamed": {"A": "X", "B": "Y", "C": "Z"},
		} {
			if kind.kind == "api_key" && (name == "shifted" || name == "renamed") {
				continue // Keep tells API keys apart by their secrets, and cannot rename them: KB028
			}
			t.Run(kind.kind+" "+name, func(t *testing.T) {
				d := newDatabase(t)
				manifest := kind.manifest("A", "B", "C")
				d.mustInstallAll(manifest)
				for _, from := range []string{"A", "B", "C"} {
					d.exec(fmt.Sprintf("UPDATE public.%s SET %s = $1 WHERE %[2]s = $2", kind.table, kind.column), "-"+from, from)
				}
				for _, from := range []string{"A", "B", "C"} {
					target := to[from]
					if target == "" {
						target = from
					}
					d.exec(fmt.Sprintf("UPDATE public.%s SET %s = $1 WHERE %[2]s = $2", kind.table, kind.column), target, "-"+from)
				}
				plan := d.planAll(manifest, `{"max_prune": "100%"}`)
				if len(plan) == 0 || slices.ContainsFunc(plan, func(line string) bool { return strings.Contains(line, "!") }) {
					t.Errorf("plan: %q", plan)
				}
				d.mustInstallAll(manifest, `{"max_prune": "100%"}`)
				alive := map[string]string{"workflow": " AND NOT t.is_deleted", "tenantapikey": " AND NOT t.is_deleted"}[kind.table]
				for _, n := range []string{"A", "B", "C"} {
					if got := d.text(fmt.Sprintf("SELECT %s FROM public.%s AS t WHERE t.%s = $1%s", kind.content, kind.table, kind.column, alive), n); !slices.Equal(got, []string{n}) {
						t.Errorf("%s has the content %q; the plan was %q", n, got, plan)
					}
				}
				if got := d.planAll(manifest); len(got) != 0 {
					t.Errorf("plan afterwards: %q", got)
				}
			})
		}
	}
}

// TestDashboardNamesTakenByUsers: a name that belongs to an object of a user is refused in plan and run alike with every on_drift, and taken over with adopt.
func TestDashboardNamesTakenByUsers(t *testing.T) {
	for _, kind := range namedKinds {
		if kind.kind == "deduplication_rule" || kind.kind == "mapping_rule" || kind.kind == "api_key" {
			continue // rules: a user's may have the same name; API keys: the name is the identity, so a new one of that name is drift
		}
		t.Run(kind.kind, func(t *testing.T) {
			d := newDatabase(t)
			manifest := kind.manifest("A", "B")
			d.mustInstallAll(manifest)
			d.exec(fmt.Sprintf("UPDATE public.%s SET %s = 'moved' WHERE %[2]s = 'A'", kind.table, kind.column))
			switch kind.kind {
			case "provider":
				id := pgtest.KeepProvisioned(t, d.Conn, "A", "grafana", `{"host": "http://grafana", "token": "theirs"}`)
				d.exec("UPDATE public.provider SET provisioned = false, installed_by = 'me@x' WHERE id = $1", id)
			case "dashboard":
				d.addDashboard("keep", "theirs", "A", "me@x")
			case "workflow":
				d.addWorkflow("keep", "theirs", "A", false, false, false, "2020-01-01")
			}
			before := d.rows()
			for _, drift := range []string{"overwrite", "keep", "fail"} {
				options := fmt.Sprintf(`{"on_drift": %q, "max_prune": "100%%"}`, drift)
				if got := strings.Join(d.planAll(manifest, options), "\n"); !strings.Contains(got, "KB024") {
					t.Errorf("%s: plan %s", drift, got)
				}
				d.refusedAll("KB024", manifest, options)
			}
			d.wantRows("rows", d.rows(), before...)
			d.mustInstallAll(manifest, `{"adopt": true, "max_prune": "100%"}`)
			if got := d.planAll(manifest); len(got) != 0 {
				t.Errorf("plan after adopt: %q", got)
			}
		})
	}
}

// TestDeduplicationRuleDriftIgnored: every field of a rule that someone else changed is drift, in plan, run and verify.
func TestDeduplicationRuleDriftIgnored(t *testing.T) {
	const manifest = `{"providers": {"o": {"type": "prometheus", "authentication": {"url": "http://o"}}, "p": {"type": "prometheus", "authentication": {"url": "http://p"}, "deduplication_rules": {
		"r": {"description": "d", "fingerprint_fields": ["a"], "ignore_fields": ["i"], "full_deduplication": false, "priority": 1}}}}}`
	for field, edit := range map[string]string{
		"enabled": "enabled = false", "description": "description = 'theirs'", "fingerprint_fields": `fingerprint_fields = '["b"]'`, "ignore_fields": `ignore_fields = '["x"]'`,
		"full_deduplication": "full_deduplication = true", "priority": "priority = 7", "provider": "provider_id = (SELECT id FROM public.provider WHERE name = 'o')",
		"deleted": "DELETE",
	} {
		t.Run(field, func(t *testing.T) {
			d := newDatabase(t)
			d.mustInstallAll(manifest)
			ours := d.rows()
			if edit == "DELETE" {
				d.exec("DELETE FROM public.alertdeduplicationrule")
			} else {
				d.exec("UPDATE public.alertdeduplicationrule SET " + edit)
			}
			theirs := d.rows()
			said := d.refusedAll("KB025", manifest, `{"on_drift": "fail"}`)
			if !strings.Contains(said, `"r"`) || edit != "DELETE" && !strings.Contains(said, field) {
				t.Errorf("fail: %s", said)
			}
			d.mustInstallAll(manifest, `{"on_drift": "keep"}`)
			d.wantRows("kept", d.rows(), theirs...)
			if got := d.text("SELECT detail FROM bootstrap.verify() WHERE ok IS NOT TRUE AND name IN ('drift', 'objects')"); len(got) != 1 || !strings.Contains(got[0], `"r"`) {
				t.Errorf("verify: %q", got)
			}
			if plan := d.planAll(manifest); len(plan) != 1 || !strings.Contains(plan[0], "drifted") {
				t.Errorf("plan: %q", plan)
			}
			d.mustInstallAll(manifest)
			if edit != "DELETE" {
				d.wantRows("overwritten", d.rows(), ours...)
			}
			d.wantRows("plan afterwards", d.planAll(manifest))
		})
	}
}

// TestSecretRowOfAnotherOwnerOverwritten: a row of table secret is written and deleted only for the object of this tenant that owns it.
func TestSecretRowOfAnotherOwnerOverwritten(t *testing.T) {
	install := func(d database, tenant, manifest string, options ...string) string {
		return pgtest.SQLState(d.call("CALL bootstrap.install($1, $2::json, $3::jsonb)", tenant, manifest, strings.Join(append(options, "{}")[:1], "")))
	}
	const first = `{"api_keys": [{"name": "eu-admin", "role": "admin", "secret": "first"}]}`
	const second = `{"api_keys": [{"name": "admin", "role": "admin", "secret": "second"}]}`
	t.Run("two tenants", func(t *testing.T) {
		d := newDatabase(t)
		if code := install(d, "acme", first); code != "" {
			t.Fatal(code)
		}
		before := d.rowVersions()
		for _, options := range []string{"{}", `{"adopt": true}`, `{"on_drift": "keep"}`} {
			if code := install(d, "acme-eu", second, options); code != "KB031" {
				t.Errorf("%s: SQLSTATE %q", options, code)
			}
			if got := d.one("SELECT refusal FROM bootstrap.plan('acme-eu', $1::json, $2::jsonb)", second, options); got != "KB031" {
				t.Errorf("plan, %s: %s", options, got)
			}
		}
		d.wantRows("row versions", d.rowVersions(), before...)
		// The other tenant's run, with the keys pruned and given again, changes its own row.
		for _, manifest := range []string{`{"api_keys": []}`, first, strings.Replace(first, `"first"`, `"third"`, 1)} {
			if code := install(d, "acme", manifest, `{"allow_empty": true}`); code != "" {
				t.Errorf("%s: %s", manifest, code)
			}
		}
		d.wantRows("secrets", d.text("SELECT key || ' ' || value FROM public.secret"), "acme-eu-admin third")
	})
	t.Run("both there already", func(t *testing.T) { // since an earlier version of this software, or by Keep's API
		d := newDatabase(t)
		if code := install(d, "acme", first); code != "" {
			t.Fatal(code)
		}
		d.exec("INSERT INTO public.tenant (id, name) VALUES ('acme-eu', 'EU')")
		d.addKey("acme-eu", "admin", "another")
		d.exec("UPDATE public.tenantapikey SET key_hash = 'x', created_by = 'system', is_system = true WHERE tenant_id = 'acme-eu'")
		if code := install(d, "acme-eu", second, `{"adopt": true}`); code != "KB031" {
			t.Errorf("update: SQLSTATE %q", code)
		}
		if code := install(d, "acme-eu", `{"api_keys": []}`, `{"allow_empty": true}`); code != "" {
			t.Errorf("prune: SQLSTATE %q", code)
		}
		d.wantRows("secrets", d.text("SELECT key || ' ' || value FROM public.secret"), "acme-eu-admin first")
	})
	t.Run("a row of the application", func(t *testing.T) {
		d := newDatabase(t)
		d.exec("INSERT INTO public.secret VALUES ('keep-oauth', 'theirs', now())")
		for _, options := range []string{"{}", `{"adopt": true}`} {
			if got := d.refusedAll("KB031", `{"api_keys": [{"name": "oauth", "role": "admin", "secret": "s"}]}`, options); !strings.Contains(got, "oauth") || !strings.Contains(got, "keep-oauth") {
				t.Error(got)
			}
		}
	})
	t.Run("a row that a user's provider shares", func(t *testing.T) {
		d := newDatabase(t)
		d.mustInstall(`{"g": {` + grafana("t") + `}, "v": {` + vms + `}}`)
		d.exec(`INSERT INTO public.provider (id, tenant_id, name, type, installed_by, installation_time, configuration_key, "validatedScopes", consumer, provisioned, pulling_enabled, provider_metadata)
			SELECT 'theirs', tenant_id, 'theirs', type, 'me@x', installation_time, configuration_key, "validatedScopes", consumer, false, pulling_enabled, provider_metadata FROM public.provider WHERE name = 'g'`)
		secret := d.secret("g")
		d.refused("KB031", `{"g": {`+grafana("other")+`}, "v": {`+vms+`}}`)
		d.mustInstall(`{"v": {` + vms + `}}`)
		if got := d.secret("theirs"); got != secret {
			t.Errorf("secret after prune: %s", got)
		}
	})
}

// TestNothingStagedIsAnEmptyManifest: none of the ways to give no manifest prunes anything.
func TestNothingStagedIsAnEmptyManifest(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(everything)
	before := d.rowVersions()
	options := `{"allow_empty": true, "max_prune": "100%"}`
	for _, manifest := range []any{nil, "null", "[null]", "[null, null]", `{"providers": null}`, `""`, "0", "false"} {
		for _, call := range []string{
			"CALL bootstrap.install('keep', $1::json, $2::jsonb)", "CALL bootstrap.install_providers('keep', $1::json, $2::jsonb)",
			"SELECT FROM bootstrap.plan('keep', $1::json, $2::jsonb)", "SELECT FROM bootstrap.plan_providers('keep', $1::json, $2::jsonb)",
		} {
			if code := pgtest.SQLState(d.call(call, manifest, options)); code != "KB001" {
				t.Errorf("%s of %v: SQLSTATE %q, want KB001", call, manifest, code)
			}
		}
	}
	for _, lines := range [][]string{{""}, {" "}, {"null"}, {"[null]"}, {}} {
		for _, call := range []string{"CALL bootstrap.install_staged('keep', $1::jsonb)", "SELECT FROM bootstrap.plan_staged('keep', $1::jsonb)"} {
			d.exec("BEGIN")
			for _, line := range lines {
				d.exec("INSERT INTO bootstrap.manifest_staging (line) VALUES ($1)", line)
			}
			if code := pgtest.SQLState(d.call(call, options)); code != "KB001" {
				t.Errorf("%s of %q: SQLSTATE %q, want KB001", call, lines, code)
			}
			d.exec("ROLLBACK")
		}
	}
	// A row that another transaction left, also under a number that comes round again, joins no manifest.
	d.exec("ALTER TABLE bootstrap.manifest_staging DISABLE TRIGGER ALL")
	d.exec("INSERT INTO bootstrap.manifest_staging (line) VALUES ('{}')")
	if code := pgtest.SQLState(d.call("CALL bootstrap.install_staged('keep', $1::jsonb)", options)); code != "KB001" {
		t.Errorf("with a row of another transaction: SQLSTATE %q", code)
	}
	d.wantRows("rows", slices.DeleteFunc(d.rowVersions(), func(line string) bool { return strings.Contains(line, "manifest_staging") }),
		slices.DeleteFunc(before, func(line string) bool { return strings.Contains(line, "manifest_staging") })...)
}

// TestDigestsReadableByOthers: whatever default privileges the owner has, after a migration nobody else has a right on anything in schema bootstrap; verify names what is granted later.
func TestDigestsReadableByOthers(t *testing.T) {
	rights := `SELECT c.relname || ' ' || a.privilege_type FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a WHERE c.relnamespace = 'bootstrap'::regnamespace AND a.grantee <> c.relowner
		UNION ALL SELECT p.proname || ' ' || a.privilege_type FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE p.pronamespace = 'bootstrap'::regnamespace AND a.grantee <> p.proowner
		UNION ALL SELECT 'schema ' || a.privilege_type FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a WHERE n.nspname = 'bootstrap' AND a.grantee <> n.nspowner`

	for _, by := range []string{"", "FOR ROLE owner ", "IN SCHEMA"} {
		for _, grantee := range []string{"reporting", "PUBLIC"} {
			t.Run(by+grantee, func(t *testing.T) {
				t.Parallel()
				shared := pgtest.New(t, pgtest.Keep("67ff7efffed4"))
				owner, reporting := shared.Owner(t), shared.Login(t, "")
				to, conn := reporting.Quoted(), owner.Conn(t)
				if grantee == "PUBLIC" {
					to = grantee
				}
				if by == "IN SCHEMA" {
					// Privileges by schema stay with a schema that was dropped and made again only where it exists before.
					if _, err := migrate.Up(context.Background(), conn, slog.New(slog.DiscardHandler)); err != nil {
						t.Fatal(err)
					}
				}
				for _, what := range []string{"SELECT, INSERT, UPDATE, TRIGGER ON TABLES", "EXECUTE ON ROUTINES", "USAGE ON SEQUENCES", "USAGE ON TYPES", "USAGE, CREATE ON SCHEMAS"} {
					sql := "ALTER DEFAULT PRIVILEGES "
					switch {
					case by == "IN SCHEMA" && strings.HasSuffix(what, "SCHEMAS"):
						continue
					case by == "IN SCHEMA":
						sql += "IN SCHEMA bootstrap "
					case by != "":
						sql += "FOR ROLE " + owner.Quoted() + " "
					}
					if _, err := conn.Exec(context.Background(), sql+"GRANT "+what+" TO "+to); err != nil {
						t.Fatal(err)
					}
				}
				if by == "IN SCHEMA" {
					if _, err := migrate.To(context.Background(), conn, slog.New(slog.DiscardHandler), 1); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := migrate.Up(context.Background(), conn, slog.New(slog.DiscardHandler)); err != nil {
					t.Fatal(err)
				}
				if got := pgtest.Table(t, conn, rights); len(got) > 0 {
					t.Errorf("rights: %s", got)
				}
				for _, table := range []string{"setting", "object", "staging"} {
					if _, err := reporting.Conn(t).Exec(context.Background(), "SELECT FROM bootstrap."+table); pgtest.SQLState(err) != "42501" {
						t.Errorf("%s can be read: %v", table, err)
					}
				}
				if got := pgtest.Table(t, conn, "SELECT detail FROM bootstrap.verify() WHERE name = 'security' AND NOT ok"); len(got) > 0 {
					t.Errorf("verify: %s", got)
				}
			})
		}
	}
}

// TestVerifyMissesDamage: everything that is missing from schema bootstrap or altered is named by verify, and up writes nothing then.
func TestVerifyMissesDamage(t *testing.T) {
	t.Parallel()
	shared := pgtest.New(t, migrated)
	conn := shared.Conn(t)
	ctx := context.Background()
	var damages []string
	for _, row := range pgtest.Table(t, conn, `
		SELECT format('DROP %s bootstrap.%I CASCADE', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, c.relname), c.relname FROM pg_class AS c WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind IN ('r', 'v')
		UNION ALL SELECT format('DROP INDEX bootstrap.%I', c.relname), c.relname FROM pg_class AS c WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind = 'i'
			AND NOT EXISTS (SELECT FROM pg_constraint AS o WHERE o.conindid = c.oid)
		UNION ALL SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', o.conrelid::regclass, o.conname), o.conname FROM pg_constraint AS o WHERE o.connamespace = 'bootstrap'::regnamespace AND o.contype IN ('p', 'c', 'f', 'u')
		UNION ALL SELECT format('ALTER TABLE %s DROP COLUMN %I CASCADE', a.attrelid::regclass, a.attname), a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
			WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL SELECT format('DROP ROUTINE %s CASCADE', p.oid::regprocedure), p.proname FROM pg_proc AS p WHERE p.pronamespace = 'bootstrap'::regnamespace
		UNION ALL SELECT format('ALTER ROUTINE %s SET work_mem = %L', p.oid::regprocedure, '64kB'), p.proname FROM pg_proc AS p WHERE p.pronamespace = 'bootstrap'::regnamespace
		UNION ALL VALUES ('DELETE FROM bootstrap.setting', 'setting'), ('DELETE FROM bootstrap.provider_type', 'provider_type'), ('DELETE FROM bootstrap.schema_version', ''),
			('UPDATE pg_proc SET prosrc = prosrc || chr(10) WHERE proname = ''_write_providers''', '_write_providers'),
			('CREATE FUNCTION bootstrap.more() RETURNS integer LANGUAGE sql AS ''SELECT 1''', 'more'),
			('CREATE RULE gone AS ON INSERT TO bootstrap.change DO INSTEAD NOTHING', 'gone'),
			('ALTER TABLE bootstrap.change ENABLE ROW LEVEL SECURITY', 'change'), ('ALTER TABLE bootstrap.staging SET LOGGED', 'staging'),
			('ALTER TABLE bootstrap.object ALTER COLUMN digest DROP NOT NULL', 'digest'), ('ALTER TABLE bootstrap.setting ALTER COLUMN digest_key DROP DEFAULT', 'digest_key')`) {
		damages = append(damages, row[0]+"\x00"+row[1])
	}
	for _, damage := range damages {
		sql, name, _ := strings.Cut(damage, "\x00")
		tx, err := conn.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, sql); err != nil {
			t.Errorf("%s: %v", sql, err)
			_ = tx.Rollback(ctx)
			continue
		}
		rows, err := tx.Query(ctx, "SELECT ok::text, detail FROM bootstrap.verify() WHERE name = 'schema'")
		if err == nil {
			var found [][2]string
			found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (pair [2]string, err error) { return pair, row.Scan(&pair[0], &pair[1]) })
			if err == nil && (len(found) != 1 || found[0][0] != "false" || !strings.Contains(found[0][1], name)) {
				t.Errorf("%s: verify says %q", sql, found)
			}
		}
		if err != nil && pgtest.SQLState(err)[:2] != "42" { // a verify that is damaged itself cannot answer; the program says so
			t.Errorf("%s: %v", sql, err)
		}
		_ = tx.Rollback(ctx)
	}
	t.Logf("%d kinds of damage", len(damages))
}

// TestVerifyMissesRights: a runner or auditor that can read or write Keep's tables, by whatever way, is named.
func TestVerifyMissesRights(t *testing.T) {
	r := newRoles(t)
	other := r.Login(t, "")
	r.Exec(t, "GRANT SELECT ON public.secret TO "+other.Quoted())
	for _, role := range []pgtest.Login{r.runner, r.auditor} {
		for grant, undo := range map[string]string{
			"GRANT SELECT ON public.secret TO %s":                     "REVOKE SELECT ON public.secret FROM %s",
			"GRANT SELECT (value) ON public.secret TO %s":             "REVOKE SELECT (value) ON public.secret FROM %s",
			"GRANT UPDATE ON public.provider TO %s":                   "REVOKE UPDATE ON public.provider FROM %s",
			"GRANT TRIGGER ON public.secret TO %s":                    "REVOKE TRIGGER ON public.secret FROM %s",
			"GRANT SELECT ON public.secret TO PUBLIC":                 "REVOKE SELECT ON public.secret FROM PUBLIC",
			"GRANT pg_read_all_data TO %s":                            "REVOKE pg_read_all_data FROM %s",
			"GRANT pg_write_all_data TO %s":                           "REVOKE pg_write_all_data FROM %s",
			"GRANT " + other.Quoted() + " TO %s":                      "REVOKE " + other.Quoted() + " FROM %s",
			"GRANT " + r.owner.Quoted() + " TO %s":                    "REVOKE " + r.owner.Quoted() + " FROM %s",
			"GRANT SELECT ON bootstrap.setting TO %s":                 "REVOKE SELECT ON bootstrap.setting FROM %s",
			"GRANT UPDATE ON SEQUENCE bootstrap.run_run_id_seq TO %s": "REVOKE UPDATE ON SEQUENCE bootstrap.run_run_id_seq FROM %s",
		} {
			do := func(sql string) {
				if strings.Contains(sql, "%s") {
					sql = fmt.Sprintf(sql, role.Quoted())
				}
				r.Exec(t, sql)
			}
			do(grant)
			said := r.must(r.owner, "SELECT ok, detail FROM bootstrap.verify() WHERE name = 'security'")
			if !strings.Contains(said, "[f ") || !strings.Contains(said, role.Name) && !strings.Contains(said, "PUBLIC") {
				t.Errorf("%s: verify says %s", grant, said)
			}
			do(undo)
		}
		if said := r.must(r.owner, "SELECT ok, detail FROM bootstrap.verify() WHERE name = 'security'"); !strings.Contains(said, "[t ") {
			t.Errorf("verify afterwards: %s", said)
		}
	}
}

// TestRunnerRedirectsKeptSecret: a secret that someone else changed, or that Keep added, never goes to an address of the runner's choice.
func TestRunnerRedirectsKeptSecret(t *testing.T) {
	const first = `{"p": {"type": "prometheus", "authentication": {"url": "http://p", "username": "u", "password": "ours", "verify": true}}}`
	for name, change := range map[string][2]string{
		"url": {"http://p", "http://evil"}, "verify": {`"verify": true`, `"verify": false`}, "name": {`{"p":`, `{"q":`},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t)
			d.mustInstall(first)
			d.exec(`UPDATE public.secret SET value = replace(value, '"ours"', '"theirs"')`)
			before := d.secret("p")
			manifest := strings.NewReplacer(change[0], change[1], `"ours"`, `"guess"`).Replace(first)
			for _, options := range []string{`{"on_drift": "keep"}`, `{"on_drift": "keep", "adopt": true}`} {
				err := d.install(manifest, options)
				after := d.text("SELECT value FROM public.secret WHERE value ~ 'theirs'")
				for _, text := range after {
					if strings.Contains(text, "evil") || strings.Contains(text, `"verify": false`) {
						t.Errorf("%s: %v: the kept password goes to %s", options, err, text)
					}
				}
			}
			if after := d.text("SELECT value FROM public.secret WHERE value ~ 'theirs'"); name != "name" && !slices.Equal(after, []string{before}) {
				t.Errorf("the secret was %s, is %s", before, after)
			}
		})
	}
	t.Run("added by Keep", func(t *testing.T) {
		d := newDatabase(t)
		d.mustInstall(`{"g": {"type": "prometheus", "authentication": {"url": "http://g"}}}`)
		d.exec(`UPDATE public.secret SET value = replace(value, '"url":', '"password": "theirs", "url":')`)
		d.mustInstall(`{"g": {"type": "prometheus", "authentication": {"url": "http://evil"}}}`)
		if got := d.secret("g"); strings.Contains(got, "theirs") {
			t.Errorf("%s", got)
		}
	})
	t.Run("adopted", func(t *testing.T) {
		d := newDatabase(t)
		d.mustInstall(`{}`)
		pgtest.KeepProvisioned(t, d.Conn, "p", "prometheus", `{"url": "http://p", "username": "u", "password": "theirs"}`)
		d.exec("UPDATE public.provider SET provisioned = false, installed_by = 'me@x'")
		for _, options := range []string{`{"adopt": true}`, `{"adopt": true, "on_drift": "keep"}`} {
			_ = d.install(`{"p": {"type": "prometheus", "authentication": {"url": "http://evil"}}}`, options)
			if got := d.secret("p"); strings.Contains(got, "theirs") && strings.Contains(got, "evil") {
				t.Errorf("%s", got)
			}
		}
	})
}
