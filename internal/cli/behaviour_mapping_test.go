package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const oneMapping = `name: teams
description: who looks after what
priority: 3
type: csv
matchers:
  - [service, region]
rows:
  - {service: backend, region: eu, team: one}
  - {service: frontend, region: us, team: two}
`

func TestMappingRule(t *testing.T) {
	s := newScene(t)
	s.up(0, s.mappings(map[string]string{"a.yaml": oneMapping}))
	s.rows("select name, description, priority, type, matchers::jsonb, created_by, updated_by, is_provisioned, provisioned_file like '/%/mappings/a.yaml' from mappingrule",
		`teams|who looks after what|3|csv|[["service", "region"]]|system||true|true`)
	s.rows("select rows::jsonb -> 1 ->> 'team', json_array_length(rows) from mappingrule", "two|2")
}

func TestTwoMappingRules(t *testing.T) {
	s := newScene(t)
	s.up(0, s.mappings(map[string]string{"a.yaml": simpleMapping("one", "x"), "b.yml": simpleMapping("two", "x")}))
	s.rows(mappings, "one\ntwo")
}

func TestUnchangedMappingRules(t *testing.T) {
	s := newScene(t)
	env := s.mappings(map[string]string{"a.yaml": simpleMapping("one", "x"), "b.yml": simpleMapping("two", "x")})
	s.up(0, env)
	before := s.sql("select id, name from mappingrule order by 1")
	versions := rowVersions(t, s.d)
	s.up(0, env)
	s.rows("select id, name from mappingrule order by 1", before)
	if rowVersions(t, s.d) != versions {
		t.Error("the second run wrote rows")
	}
}

// usersMapping is a rule that a user made.
func (s *scene) usersMapping(name string) (id string) {
	s.Helper()
	s.d.Exec(s.TB, `insert into mappingrule (tenant_id, priority, name, description, created_by, created_at, disabled, override, condition, type, matchers, rows, last_updated_at, is_multi_level, is_provisioned)
		values ('keep', 7, '`+name+`', 'by hand', 'user', now(), true, false, 'x == 1', 'csv', '[["a"]]', '[{"a": "b"}]', now(), false, false)`)
	return s.sql("select id from mappingrule where name = '" + name + "'")
}

func TestMappingRuleOfAUserIsAdopted(t *testing.T) {
	s := newScene(t)
	id := s.usersMapping("teams")
	s.up(0, s.mappings(map[string]string{"a.yaml": oneMapping}))
	s.rows("select id, is_provisioned, priority, description, matchers::jsonb, updated_by, created_by, disabled, override, condition from mappingrule",
		id+`|true|3|who looks after what|[["service", "region"]]|system|user|false|true|`)
}

func TestMappingRulesOfOneName(t *testing.T) {
	s := newScene(t)
	r := s.up(0, s.mappings(map[string]string{"a.yaml": simpleMapping("same", "first"), "b.yaml": simpleMapping("same", "second")}))
	inOrder(t, r.stderr, "b.yaml:", "a.yaml:", "later one")
	s.rows("select name, rows::jsonb -> 0 ->> 'team', provisioned_file like '%b.yaml' from mappingrule", "same|second|true")
}

func TestOtherFilesBesideMappingRules(t *testing.T) {
	s := newScene(t)
	s.up(0, s.mappings(map[string]string{"a.yaml": simpleMapping("one", "x"), "README.md": "# no rule", "b.txt": simpleMapping("two", "x")}))
	s.rows(mappings, "one")
}

func TestDriftOfAMappingRule(t *testing.T) {
	s := newScene(t)
	env := s.mappings(map[string]string{"a.yaml": oneMapping})
	s.up(0, env)
	id := s.sql("select id from mappingrule")
	s.d.Exec(t, "update mappingrule set priority = 99, rows = '[]', disabled = true")
	s.up(0, env)
	s.rows("select id, priority, json_array_length(rows), disabled from mappingrule", id+"|3|2|false")
}

func TestMappingRuleLeavesItsDirectory(t *testing.T) {
	s := newScene(t)
	s.up(0, s.mappings(map[string]string{"a.yaml": simpleMapping("one", "x"), "b.yaml": simpleMapping("two", "x")}))
	s.up(0, s.mappings(map[string]string{"b.yaml": simpleMapping("two", "x")}))
	s.rows(mappings, "two")
}

// Keep deletes all rules then. Here a kind that is not given is left alone, and said so; --allow-empty with an empty
// directory deletes them.
func TestMappingRulesNotGiven(t *testing.T) {
	s := newScene(t)
	s.up(0, s.mappings(map[string]string{"a.yaml": oneMapping}))
	r := s.up(0, environment{"KEEP_PROVIDERS": threeOfKeep})
	inOrder(t, r.stdout, "not covered by the manifest, and left alone: 1 mapping rule(s)")
	s.rows(mappings, "teams")
	s.up(0, s.mappings(nil), "--allow-empty")
	s.rows(mappings, "")
}

func TestMappingRulesOfUsersStay(t *testing.T) {
	s := newScene(t)
	s.usersMapping("theirs")
	before := s.sql("select xmin, m.* from mappingrule m")
	s.up(0, s.mappings(map[string]string{"a.yaml": oneMapping}))
	s.up(0, s.mappings(nil), "--allow-empty")
	s.rows("select xmin, m.* from mappingrule m", before)
}

func TestMissingMappingDirectory(t *testing.T) {
	s := newScene(t)
	s.up(65, environment{"KEEP_MAPPINGS_DIRECTORY": filepath.Join(s.dir, "missing")}).want(t, 65, "does not exist")
	s.nothing()
}

// In Keep a valid file is installed beside one that is not; here both are reported on, and neither is written.
func TestBrokenMappingRuleBesideAGoodOne(t *testing.T) {
	s := newScene(t)
	s.up(0, s.mappings(map[string]string{"a.yaml": simpleMapping("one", "x")}))
	before := s.sql("select xmin, m.* from mappingrule m")
	s.up(65, s.mappings(map[string]string{"a.yaml": simpleMapping("one", "y"), "b.yaml": "name: bad\ntype: csv\nmatchers: [[a]]\n"})).want(t, 65, "b.yaml:1:1", "without rows")
	s.rows("select xmin, m.* from mappingrule m", before)
}

func TestNoMappingRules(t *testing.T) {
	s := newScene(t)
	s.up(0, environment{"KEEP_PROVIDERS": "{}"})
	s.rows("select count(*) from mappingrule", "0")
}

// An empty directory may be a mount that is missing: the rules go when --allow-empty says so.
func TestEmptyMappingDirectory(t *testing.T) {
	s := newScene(t)
	s.up(0, s.mappings(map[string]string{"a.yaml": oneMapping}))
	s.up(78, s.mappings(nil)).want(t, 78, "KB020", "--allow-empty")
	s.rows(mappings, "teams")
	s.up(0, s.mappings(nil), "--allow-empty")
	s.rows(mappings, "")
}

func TestPathOfAMappingRuleIsAbsolute(t *testing.T) {
	s := newScene(t)
	path := s.mappings(map[string]string{"a.yaml": oneMapping})["KEEP_MAPPINGS_DIRECTORY"]
	working, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(working, path)
	if err != nil {
		t.Fatal(err)
	}
	s.up(0, environment{"KEEP_MAPPINGS_DIRECTORY": relative})
	before := s.sql("select xmin, m.* from mappingrule m")
	s.rows("select provisioned_file from mappingrule", path+"/a.yaml")
	s.up(0, environment{"KEEP_MAPPINGS_DIRECTORY": path})
	s.rows("select xmin, m.* from mappingrule m", before)
}

// DELETE and PUT answer 409 where the row is provisioned.
func TestMappingRuleIsProvisioned(t *testing.T) {
	s := newScene(t)
	s.up(0, s.mappings(map[string]string{"a.yaml": strings.Replace(oneMapping, "type: csv", "type: topology", 1)}))
	s.rows("select is_provisioned, type from mappingrule", "true|topology")
}
