package cli_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

func TestBadRenames(t *testing.T) {
	t.Parallel()
	d, env := installed(t)
	before := rows(t, d, secretRows)
	for _, test := range []struct {
		name, manifest string
		exit           int
		stderr         []string
	}{
		{"itself", strings.Replace(twoProviders, "  vm:", "  vm:\n    renamed_from: [vm]", 1), 65, []string{"names the provider itself"}},
		{
			"two claims", strings.Replace(strings.Replace(twoProviders, "  vm:", "  a:\n    renamed_from: [vm]", 1), "  grafana-prod:", "  b:\n    renamed_from: [vm]", 1),
			65,
			[]string{"only one provider can claim a former name"},
		},
	} {
		r := run(t, env, "apply", "-f", file(t, test.manifest), "--log-format", "text").want(t, test.exit, test.stderr...)
		if r.exit != run(t, env, "plan", "-f", file(t, test.manifest)).exit {
			t.Errorf("%s: plan and apply differ", test.name)
		}
	}
	if rows(t, d, secretRows) != before {
		t.Error("rows were written")
	}

	// The old name is a user's provider: it is not taken, unless it is said so.
	d.Exec(t, "update provider set provisioned = false, name = 'mine' where name = 'vm'")
	without, _, _ := strings.Cut(twoProviders, "  vm:")
	run(t, env, "apply", "-f", file(t, without)).want(t, 0) // no longer ours
	renamed := file(t, strings.Replace(twoProviders, "  vm:", "  vm2:\n    renamed_from: [mine]", 1))
	run(t, env, "apply", "-f", renamed, "--log-format", "text").want(t, 78, "KB024", "--adopt")
	refused := run(t, env, "plan", "-f", renamed, "--log-format", "text").want(t, 78, "KB024")
	inOrder(t, refused.stdout, "mine -> vm2", "refused: KB024")
	id := rows(t, d, "select id from provider where name = 'mine'")
	run(t, env, "apply", "-f", renamed, "--adopt").want(t, 0)
	if got := rows(t, d, "select id from provider where name = 'vm2' and provisioned"); got != id {
		t.Errorf("%s, was %s", got, id)
	}
}

// The application holds a row that must be pruned: exit code 75, and nothing is done.
func TestPruneBlockedByTheApplication(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the program tries again for 20 seconds")
	}
	d, env := installed(t)
	application := d.Conn(t)
	if _, err := application.Exec(context.Background(), "begin; select from provider where name = 'vm' for update"); err != nil {
		t.Fatal(err)
	}
	before := rows(t, d, "select name, xmin from provider order by 1")
	const one = "providers:\n  grafana-prod: {type: grafana, authentication: {host: https://new, token: " + canary + "}}\n"
	run(t, env, "apply", "-f", file(t, one), "--log-format", "text").want(t, 75, "55P03")
	if got := rows(t, d, "select name, xmin from provider order by 1"); got != before {
		t.Errorf("%s, was %s", got, before)
	}
	inOrder(t, run(t, env, "history").want(t, 0).stdout, "failed", "55P03")
}

func TestDriftByFieldAndRun(t *testing.T) {
	t.Parallel()
	d, env := installed(t)
	path := file(t, twoProviders)
	d.Exec(t, "update secret set value = replace(value, '8880', '8889') where key like '%victoriametrics%'")
	d.Exec(t, "delete from provider where name = 'grafana-prod'")

	plan := run(t, env, "plan", "-f", path).want(t, 0)
	inOrder(t, plan.stdout, "+  grafana-prod", "deleted outside of keep-bootstrap since run 1", "~  vm", "authentication.VMAlertPort (changed outside of keep-bootstrap since run 1)")
	for _, line := range lines(t, run(t, env, "plan", "-f", path, "-o", "json").want(t, 0).stdout) {
		if line["type"] == "change" && (line["drift"] == nil || line["drift_since_run"] != 1.0) {
			t.Errorf("%v", line)
		}
	}
	inOrder(t, run(t, env, "verify").want(t, 78).stdout, "deleted outside of keep-bootstrap: provider \"grafana-prod\"", "changed outside of keep-bootstrap since the last run", `provider "vm"`)
	inOrder(t, run(t, env, "status").want(t, 0).stdout, "grafana-prod", "deleted outside of keep-bootstrap", "vm", "changed outside of keep-bootstrap")
	lines(t, run(t, env, "status", "-o", "json").want(t, 0).stdout)
	inOrder(t, run(t, env, "plan", "-f", path, "--on-drift", "keep", "--detailed-exitcode").want(t, 0).stdout, "stays deleted", "vm", "changed outside of keep-bootstrap since run 1; kept", "No changes.")
	run(t, env, "plan", "-f", path, "--on-drift", "fail", "--log-format", "text").want(t, 78, "KB025", "--on-drift")
	run(t, env, "apply", "-f", path, "--on-drift", "fail", "--log-format", "text").want(t, 78, "KB025", "--on-drift")
	run(t, env, "apply", "-f", path).want(t, 0)
	inOrder(t, run(t, env, "history", "3").want(t, 0).stdout, "run 3 applied", "~  vm", "authentication.VMAlertPort (changed outside of keep-bootstrap since run 1)", "1 added, 1 changed")
}

func TestHistory(t *testing.T) {
	t.Parallel()
	d, env := installed(t)
	for i, manifest := range []string{
		strings.Replace(next, "type: grafana", "type: grafanna", 1),
		"providers: {}",
		strings.Replace(twoProviders, "token: "+canary, "token: {a: "+canary+"}", 1),
	} {
		if r := run(t, env, "apply", "-f", file(t, manifest)); r.exit == 0 {
			t.Errorf("%d did not fail", i)
		}
	}
	d.Exec(t, "create function fail() returns trigger language plpgsql as $$ begin raise exception 'row: %', new.value using errcode = '22023'; end $$; create trigger fail before update on secret for each row execute function fail()")
	run(t, env, "apply", "-f", file(t, strings.Replace(twoProviders, canary, canary+"2", 1))).want(t, 1)

	text := run(t, env, "history").want(t, 0).stdout
	inOrder(t, text, "failed", "22023", "failed", "KB020: the manifest holds no provider", "applied", "2 added")
	failed := lines(t, run(t, env, "history", "-o", "json").want(t, 0).stdout)[1]
	if failed["outcome"] != "failed" || failed["error_code"] != "22023" {
		t.Errorf("%v", failed)
	}
	number := fmt.Sprint(failed["run"])
	inOrder(t, run(t, env, "history", number).want(t, 0).stdout, "run "+number+" failed", "22023")
	if one := lines(t, run(t, env, "history", number, "-o", "json").want(t, 0).stdout); len(one) != 2 || one[1]["outcome"] != "failed" {
		t.Errorf("%v", one)
	}
	inOrder(t, run(t, env, "history", "1").want(t, 0).stdout, "run 1 applied", "with keep-bootstrap test", "providers.yaml", "+  grafana-prod", "2 added")
	run(t, env, "history", "99", "--log-format", "text").want(t, 64, "no run 99")
	run(t, env, "history", "1", "--tenant", "other", "--log-format", "text").want(t, 64, "no run 1")
	if got := rows(t, d, "select h from bootstrap.history() as h") + rows(t, d, "select c from bootstrap.history() as h, bootstrap.history_changes(h.run_id) as c"); strings.Contains(got, canary) {
		t.Error("the journal holds a secret")
	}
}

func TestDependentsAreShown(t *testing.T) {
	t.Parallel()
	d, env := installed(t)
	d.Exec(t, `insert into alert (id, tenant_id, timestamp, provider_type, provider_id, fingerprint)
		select gen_random_uuid(), 'keep', now(), 'x', p.id, 'f' from provider p, generate_series(1, 1500) where p.name = 'vm'`)
	d.Exec(t, `insert into workflow (id, tenant_id, name, workflow_raw, creation_time, is_deleted, revision)
		values ('w', 'keep', 'nightly', 'config: "{{ providers.vm }}"', now(), false, 1)`)
	one := file(t, "providers:\n  grafana-prod: {type: grafana, authentication: {host: https://grafana.example.com, token: "+canary+"}}\n")
	inOrder(t, run(t, env, "plan", "-f", one).want(t, 0).stdout, "  -  vm", "\n       referenced by 1000+ alerts; 1 workflow: nightly\n", "Plan: 0 to add, 0 to change, 0 to rename, 1 to prune.")
	all := lines(t, run(t, env, "plan", "-f", one, "-o", "json").want(t, 0).stdout)
	if got := fmt.Sprint(all[1]["dependents"]); got != "[map[count:1000 kind:alerts or_more:true] map[count:1 kind:workflows names:[nightly]]]" {
		t.Error(got)
	}
	renamed := file(t, strings.Replace(twoProviders, "  vm:", "  new:\n    renamed_from: [vm]", 1))
	inOrder(t, run(t, env, "plan", "-f", renamed).want(t, 0).stdout, "vm -> new", "referenced by 1 workflow: nightly")

	locker := d.Conn(t)
	if _, err := locker.Exec(context.Background(), "begin; lock table alert in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	inOrder(t, run(t, env, "plan", "-f", one, "--detailed-exitcode").want(t, 2).stdout, "  -  vm", "not counted", "1 to prune.")
	inOrder(t, run(t, env, "plan", "-f", one, "-o", "markdown").want(t, 0).stdout, "vm", "not counted")
}

// Only our own memory changes, as when the manifest follows what someone did in Keep: no changes for the user, in every form.
func TestOnlyMemoryChanges(t *testing.T) {
	t.Parallel()
	d, env := installed(t)
	d.Exec(t, "update secret set value = replace(value, '8880', '8881')")
	path, before := file(t, next), rows(t, d, secretRows)
	if got := run(t, env, "plan", "-f", path, "--detailed-exitcode").want(t, 0).stdout; got != "No changes.\n" {
		t.Error(got)
	}
	if got := run(t, env, "plan", "-f", path, "--detailed-exitcode", "-o", "markdown").want(t, 0).stdout; strings.Contains(got, "| vm") || !strings.HasSuffix(got, "No changes.\n") {
		t.Error(got)
	}
	all := lines(t, run(t, env, "plan", "-f", path, "--detailed-exitcode", "-o", "json").want(t, 0).stdout)
	if last := all[len(all)-1]; last["changed"] != false {
		t.Errorf("%v", all)
	}
	if got := run(t, env, "apply", "-f", path).want(t, 0).stdout; !strings.HasSuffix(got, "No changes.\n") {
		t.Error(got)
	}
	if rows(t, d, secretRows) != before {
		t.Error("rows of Keep's were written")
	}
	run(t, env, "apply", "-f", path, "--on-drift", "fail").want(t, 0) // it is no drift any more
}
