package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// otherKinds are objects besides providers: a query for their rows of staging, and the comparison that a DBA would write by hand.
var otherKinds = []struct{ name, rows, differ string }{
	{
		"1,000 workflows", `select 'workflow', n, 'workflow-' || n, null, json_build_object('definition',
			json_build_object('id', 'workflow-' || n, 'description', 'd', 'triggers', json_build_array(json_build_object('type', 'interval', 'value', 60)),
			'steps', json_build_array(json_build_object('name', 's', 'provider', json_build_object('type', 'console')))), 'raw', repeat('name: workflow-' || n || E'\n', 100))::text
			from generate_series(1, 1000) n`,
		`public.workflow f on f.tenant_id = 'keep' and f.name = w.name where f.workflow_raw is distinct from w.content::json ->> 'raw'`,
	},
	{
		"1,000 mapping rules of 10 rows", `select 'mapping_rule', r, 'rule-' || r, null, json_build_object('definition', json_build_object('name', 'rule-' || r, 'matchers', '[["service"]]'::json,
			'rows', json_agg(json_build_object('service', 's' || n, 'team', md5(n::text)))))::text from generate_series(1, 1000) r, generate_series(1, 10) n group by r`,
		`public.mappingrule f on f.tenant_id = 'keep' and f.name = w.name where f.rows::jsonb is distinct from w.content::jsonb #> '{definition,rows}'`,
	},
	{
		"a mapping rule of 100,000 rows", `select 'mapping_rule', 1, 'rule', null, json_build_object('definition', json_build_object('name', 'rule', 'matchers', '[["service"]]'::json,
			'rows', json_agg(json_build_object('service', 's' || n, 'team', md5(n::text)))))::text from generate_series(1, 100000) n`,
		`public.mappingrule f on f.tenant_id = 'keep' and f.name = w.name where f.rows::jsonb is distinct from w.content::jsonb #> '{definition,rows}'`,
	},
	{
		"100 dashboards", `select 'dashboard', n, 'dashboard-' || n, null, json_build_object('layout', (select json_agg(json_build_object('i', i, 'x', i, 'y', n)) from generate_series(1, 100) i))::text
			from generate_series(1, 100) n`,
		`public.dashboard f on f.tenant_id = 'keep' and f.dashboard_name = w.name where f.dashboard_config::jsonb is distinct from w.content::jsonb`,
	},
}

// kinds measures the other kinds: installed for the first time, unchanged, and compared by hand.
func (b *benchmark) kinds(ctx context.Context, repeats int, special func(name, side string) *measurement) error {
	for i, k := range otherKinds {
		progress("%s", k.name)
		file := filepath.Join(b.work, fmt.Sprintf("kind-%d", i))
		scripts := map[string]string{
			"write": fmt.Sprintf("create table rows (kind, position, name, type, content) as %s;\n\\copy rows to '%s'\n", k.rows, file),
			"call":  fmt.Sprintf("BEGIN;\n\\copy bootstrap.staging (kind, position, name, type, content) from '%s'\nCALL bootstrap.install_staged('keep');\nCOMMIT;\n", file),
			"hand":  fmt.Sprintf("BEGIN;\ncreate temp table wanted (kind text, position integer, name text, type text, content text);\n\\copy wanted from '%s'\nselect count(*) from wanted w join %s;\nCOMMIT;\n", file, k.differ),
		}
		command := func(name string) []string {
			return []string{b.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file + "." + name}
		}
		for name, script := range scripts {
			if err := os.WriteFile(file+"."+name, []byte(script), 0o600); err != nil {
				return err
			}
		}
		if err := b.server.create(ctx, runDatabase, "bench_keep"); err != nil {
			return err
		}
		if _, err := measure(ctx, environment(runDatabase), command("write")...); err != nil {
			return err
		}
		install, unchanged, hand := special(k.name+", first install", stagedName), special(k.name+", unchanged", stagedName), special(k.name+", unchanged", handName)
		for range repeats {
			if err := b.server.create(ctx, runDatabase, "bench_keep"); err != nil {
				return err
			}
			for _, run := range []struct {
				m    *measurement
				name string
			}{{install, "call"}, {unchanged, "call"}, {hand, "hand"}} {
				if err := b.sample(ctx, run.m, environment(runDatabase), command(run.name)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
