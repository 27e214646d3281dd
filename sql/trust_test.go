package sqlfiles_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/internal/postgres"
	sqlfiles "keep-bootstrap/sql"
	"keep-bootstrap/test/pgtest"
)

// What a caller has deferred, on tables of its own, does not run with the rights of the owner.
func TestDeferredTriggersOfTheCaller(t *testing.T) {
	r := newRoles(t)
	change := `CALL bootstrap.install_providers('keep', '{"g": {` + grafana("other") + `}, "v": {` + vms + `}}')`
	trigger := func(table, schema string) string {
		return `CREATE ` + table + ` (x integer); CREATE FUNCTION ` + schema + `.deferred() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
			RAISE NOTICE 'DEFERRED AS %', current_user; RETURN NULL; END $f$;
			CREATE CONSTRAINT TRIGGER noticed AFTER INSERT ON ` + schema + `.mine DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ` + schema + `.deferred();
			INSERT INTO ` + schema + `.mine VALUES (1);`
	}
	r.Exec(t, "GRANT CREATE ON SCHEMA public TO PUBLIC; CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; ALTER FUNCTION public.nothing() OWNER TO "+r.owner.Quoted()+
		"; CREATE CONSTRAINT TRIGGER noticed AFTER INSERT OR UPDATE ON public.secret DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.nothing()")
	for _, sql := range []string{trigger("TEMP TABLE mine", "pg_temp"), trigger("TABLE public.mine", "public")} {
		said := r.must(r.runner, "BEGIN; "+sql+change+"; COMMIT")
		if !strings.Contains(said, "DEFERRED AS "+r.runner.Name) || strings.Contains(said, "DEFERRED AS "+r.owner.Name) {
			t.Errorf("%s", said)
		}
		change = strings.Replace(change, "other", "another", 1)
	}
	// A provider whose tenant follows: the key that the caller deferred stays deferred.
	r.must(r.owner, `BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO public.provider SELECT (jsonb_populate_record(p, '{"id": "x", "tenant_id": "later", "name": "x"}')).* FROM public.provider AS p LIMIT 1;
		`+strings.Replace(change, "another", "last", 1)+`; INSERT INTO public.tenant (id, name) VALUES ('later', 'later'); COMMIT`)
}

// An operator in public that fits better than PostgreSQL's own is not called: by the guard, the migrations, or a run.
func TestOperatorsInPublic(t *testing.T) {
	r := newRoles(t)
	r.Exec(t, "GRANT CREATE ON SCHEMA public TO PUBLIC")
	for _, types := range []string{"oid, regclass", "oid, regnamespace", "varchar, text", "oid, regproc", "varchar, varchar", "name, varchar", `"char", text`} {
		left, right, _ := strings.Cut(types, ", ")
		r.must(r.hostile, fmt.Sprintf(`CREATE FUNCTION public.trapped(%[1]s, %[2]s) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION 'trapped' USING ERRCODE = 'TRAP0'; END $f$;
			CREATE OPERATOR public.= (LEFTARG = %[1]s, RIGHTARG = %[2]s, FUNCTION = public.trapped)`, left, right))
	}
	conn := r.Conn(t)
	if _, err := conn.Exec(context.Background(), "SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = pg_catalog.to_regclass('public.provider')"); pgtest.SQLState(err) != "TRAP0" {
		t.Fatalf("the trap does not work: %v", err)
	}
	for _, sql := range []string{sqlfiles.Guard, "SELECT * FROM bootstrap.webhook", "CALL bootstrap.install_providers('keep', '{}', '{\"allow_empty\": true}')"} {
		if _, err := conn.Exec(context.Background(), "BEGIN; "+postgres.Settings+"; "+sql+"; ROLLBACK", pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Errorf("%.60s: %s", sql, describe(err))
		}
	}
}

// A table of another role that refers to one of Keep runs its triggers when a row goes: such tables, and the privilege to make them, are refused.
func TestTablesThatReferToKeep(t *testing.T) {
	r := newRoles(t)
	call := `CALL bootstrap.install_providers('keep', '{"g": {` + grafana("other") + `}}')`
	for grant, revoke := range map[string]string{
		"GRANT REFERENCES (id) ON public.provider TO %s": "REVOKE REFERENCES (id) ON public.provider FROM %s",
		"GRANT REFERENCES ON public.secret TO %s":        "REVOKE REFERENCES ON public.secret FROM %s",
		"GRANT CREATE ON SCHEMA public TO %[1]s; GRANT REFERENCES (id) ON public.provider TO %[1]s; SET ROLE %[1]s; CREATE TABLE public.refers (id varchar REFERENCES public.provider (id) ON DELETE CASCADE); RESET ROLE; REVOKE REFERENCES (id) ON public.provider FROM %[1]s": "DROP TABLE public.refers",
	} {
		r.Exec(t, fmt.Sprintf(grant, r.hostile.Quoted()))
		said, err := r.do(r.runner, call)
		if pgtest.SQLState(err) != "KB013" || !strings.Contains(said, r.hostile.Name) {
			t.Errorf("%s: %s", grant, said)
		}
		if said := r.must(r.auditor, "SELECT ok, detail FROM bootstrap.verify() WHERE name = 'security'"); !strings.Contains(said, "[f ") || !strings.Contains(said, r.hostile.Name) {
			t.Errorf("%s: verify: %s", grant, said)
		}
		if strings.Contains(revoke, "%s") {
			revoke = fmt.Sprintf(revoke, r.hostile.Quoted())
		}
		r.Exec(t, revoke)
	}
	r.must(r.runner, call)
}

// The words of a context depend on lc_messages. In another language than English, only what our routines raise keeps its text.
func TestErrorsOfAServerInAnotherLanguage(t *testing.T) {
	d := newDatabase(t)
	const ours = "PL/pgSQL-Funktion bootstrap._begin(text,jsonb,json,boolean) Zeile 12 bei RAISE\nSQL-Anweisung »SELECT bootstrap._begin(p_tenant_id, p_options)«\nPL/pgSQL-Funktion bootstrap.install_staged(text,jsonb) Zeile 40 bei PERFORM"
	const theirs = "PL/pgSQL-Funktion public.\"f bootstrap.x(\"() Zeile 1 bei RAISE\nSQL-Anweisung »INSERT INTO public.secret«\n" + ours
	for _, test := range []struct {
		state, context, want string
		shown                bool
	}{
		{"KB001", ours, "KB001", true},
		{"KB001", strings.ReplaceAll(ours, "bootstrap._begin(", `"bootstrap"."_begin"(`), "KB001", true}, // quote_all_identifiers
		{"KB001", theirs, "P0001", false},
		{"KB001", `PL/pgSQL-Funktion "x"."f ""bootstrap""."y"() Zeile 1` + "\n" + ours, "P0001", false},
		{"53400", theirs, "53400", false},
		{"42501", theirs, "42501", false},
		{"55P03", theirs, "55P03", false},
		{"23505", theirs, "KB040", false},
		{"22P02", theirs, "22P02", false},
	} {
		err := d.call("SELECT bootstrap._reraise(ROW($1, 'CANARY', 'CANARY', 'CANARY', 'CANARY', 'CANARY', $2)::bootstrap.error)", test.state, test.context)
		if code := pgtest.SQLState(err); code != test.want || strings.Contains(describe(err), "CANARY") != test.shown {
			t.Errorf("%s: %s %s", test.state, code, describe(err))
		}
	}
}

// Each workflow that a run wrote has one current version, whatever a trigger does to it or to its workflow.
func TestTriggerBreaksVersions(t *testing.T) {
	const before = `{"workflows": [{"id": "w", "description": "a", "triggers": [], "steps": []}]}`
	after := strings.Replace(before, `"a"`, `"b"`, 1)
	for name, trigger := range map[string]string{
		"workflow touched in a subtransaction": "AFTER INSERT OR UPDATE ON public.workflow FOR EACH ROW WHEN (pg_trigger_depth() = 0)|BEGIN UPDATE public.workflow SET updated_by = 'x' WHERE id = NEW.id; EXCEPTION WHEN division_by_zero THEN NULL; END; RETURN NULL;",
		"old version stays current":            "BEFORE UPDATE ON public.workflowversion FOR EACH ROW|RETURN NULL;",
		"new version is not current":           "BEFORE INSERT ON public.workflowversion FOR EACH ROW|NEW.is_current := false; RETURN NEW;",
		"another text":                         "BEFORE INSERT ON public.workflowversion FOR EACH ROW|NEW.workflow_raw := 'x'; RETURN NEW;",
	} {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t)
			d.mustInstallAll(before)
			event, body, _ := strings.Cut(trigger, "|")
			d.exec("CREATE FUNCTION public.breaks() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN " + body + " END $f$")
			d.exec("CREATE TRIGGER breaks " + event + " EXECUTE FUNCTION public.breaks()")
			err := d.installAll(after)
			if code := pgtest.SQLState(err); code != "KB041" && (err != nil || name != "workflow touched in a subtransaction") {
				t.Fatalf("SQLSTATE %q: %v", code, err)
			}
			d.wantRows("current versions", d.text("SELECT count(*) || ' ' || bool_and(v.workflow_raw = f.workflow_raw AND v.revision = f.revision) FROM public.workflow AS f JOIN public.workflowversion AS v ON v.workflow_id = f.id AND v.is_current"), "1 true")
		})
	}
}

// Keep declares the name of a workflow nullable: a row without one is a row.
func TestWorkflowWithoutName(t *testing.T) {
	d := newDatabase(t)
	const manifest = `{"workflows": [{"id": "w", "triggers": [], "steps": []}]}`
	d.mustInstallAll(manifest)
	d.exec("UPDATE public.workflow SET name = NULL")
	d.mustInstallAll(manifest)
	d.wantRows("named again", d.text("SELECT name || ' ' || count(*) OVER () FROM public.workflow WHERE NOT is_deleted"), "w 1")
	d.exec("UPDATE public.workflow SET name = NULL")
	d.mustInstallAll(`{"workflows": []}`, `{"allow_empty": true}`)
	d.wantRows("pruned", d.text("SELECT is_deleted::text FROM public.workflow"), "true")
	d.addWorkflow("keep", "other", "x", true, false, false, "2026-01-01")
	d.exec("UPDATE public.workflow SET name = NULL WHERE id = 'other'")
	d.mustInstallAll(`{"workflows": []}`, `{"allow_empty": true}`)
	d.wantRows("provisioned one pruned", d.text("SELECT is_deleted::text FROM public.workflow WHERE id = 'other'"), "true")
	d.wantRows("afterwards", d.planAll(`{"workflows": []}`, `{"allow_empty": true}`))
}

// What jsonb cannot hold in a rule of a user or of Keep stops neither a run nor verify, and is not shown.
func TestUnreadableDeduplicationRule(t *testing.T) {
	d := newDatabase(t)
	manifest := `{"vm": {` + ruled + vms + `}}`
	d.mustInstall(manifest)
	d.exec(`UPDATE public.alertdeduplicationrule SET fingerprint_fields = '["CANARY\u0000"]', ignore_fields = '["\udc80"]'`)
	for _, routine := range []string{"verify", "status"} {
		if err := d.call("SELECT FROM bootstrap." + routine + "('keep')"); err != nil {
			t.Errorf("%s: %s", routine, describe(err))
		}
	}
	d.mustInstall(manifest)
	d.wantRows("written anew", d.text("SELECT fingerprint_fields::text FROM public.alertdeduplicationrule WHERE fingerprint_fields::text LIKE '%CANARY%'"))
}

// The default user of a tenant is one of its own users.
func TestDefaultUserOfAnotherTenant(t *testing.T) {
	d := newDatabase(t)
	d.mustInstallAll(`{"default_user": {"username": "admin", "password": "p"}}`)
	before := d.text(`SELECT u::text FROM public."user" AS u`)
	for _, name := range []string{"admin", "other"} {
		err := d.call("CALL bootstrap.install('t2', $1::json)", `{"default_user": {"username": "`+name+`", "password": "q", "reset_password": true}}`)
		if code := pgtest.SQLState(err); code != "KB029" {
			t.Errorf("%s: SQLSTATE %q: %v", name, code, err)
		}
	}
	d.wantRows("users", d.text(`SELECT u::text FROM public."user" AS u`), before...)
}

// A tenant that a trigger drops is not taken for one that exists.
func TestTriggerDropsTenant(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE FUNCTION public.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
	d.exec("CREATE TRIGGER swallow BEFORE INSERT ON public.tenant FOR EACH ROW EXECUTE FUNCTION public.swallow()")
	for _, sql := range []string{"SELECT bootstrap.ensure_tenant('q', 'Q')", "CALL bootstrap.install_providers('q', '{}')"} {
		if code := pgtest.SQLState(d.call(sql)); code != "KB041" {
			t.Errorf("%s: SQLSTATE %q", sql, code)
		}
	}
}

// A runner makes the foreign key deferrable, and cannot undo it.
func TestRunnerCannotUndoTheForeignKey(t *testing.T) {
	r := newRoles(t)
	r.must(r.runner, "SELECT bootstrap.prepare_keep()")
	r.denied(r.runner, "SELECT bootstrap.prepare_keep(false)")
	r.must(r.owner, "BEGIN; SELECT bootstrap.prepare_keep(false)")
}

// What is remembered of a rule follows its provider to a new name: a rule deleted later is drift, and not new.
func TestRuleOfARenamedProviderIsDeleted(t *testing.T) {
	d := newDatabase(t)
	d.mustInstall(`{"a": {` + ruled + vms + `}}`)
	renamed := `{"d": {"renamed_from": ["a"], ` + ruled + vms + `}}`
	d.mustInstall(renamed)
	d.exec("DELETE FROM public.alertdeduplicationrule")
	d.refused("KB025", renamed, `{"on_drift": "fail"}`)
	d.mustInstall(renamed, `{"on_drift": "keep"}`)
	d.wantRows("kept", d.text("SELECT name FROM public.alertdeduplicationrule"))
	d.mustInstall(renamed)
	d.wantRows("back", d.text("SELECT name FROM public.alertdeduplicationrule"), "r")
}
