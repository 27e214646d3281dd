package sqlfiles_test

import (
	"fmt"
	"strings"
	"testing"
)

// labels name the rows of Keep's tables, as SQL.
var labels = map[string]string{
	"alertdeduplicationrule": "t.name", "dashboard": "t.dashboard_name", "mappingrule": "t.name", "provider": "t.name",
	"secret": "regexp_replace(t.key, '_[0-9a-f]{32}$', '')", "tenantapikey": "t.reference_id", `"user"`: "t.username",
	"workflow": "t.name", "workflowversion": "(SELECT w.name FROM public.workflow AS w WHERE w.id = t.workflow_id) || ' ' || t.revision",
}

// eachTime returns one line from sql for every column of a time in Keep's tables; %[1]s is the table, %[2]s the column, %[3]s the row's
// label, and %[4]s an expression for the time in UTC.
func (d database) eachTime(sql string) (statements []string) {
	d.t.Helper()
	for table, label := range labels {
		for _, column := range d.text(`SELECT a.attname || ' ' || format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
			WHERE a.attrelid = ('public.' || $1)::regclass AND a.attnum > 0 AND a.atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype)`, table) {
			name, kind, _ := strings.Cut(column, " ")
			utc := "t." + name
			if kind == "timestamp with time zone" {
				utc = fmt.Sprintf("(t.%s AT TIME ZONE 'UTC')", name)
			}
			statements = append(statements, fmt.Sprintf(sql, "public."+table, name, label, utc))
		}
	}
	return statements
}

// age sets all times in Keep's tables back.
func (d database) age() {
	d.t.Helper()
	for _, statement := range d.eachTime("UPDATE %[1]s AS t SET %[2]s = '2020-01-02 03:04:05' WHERE t.%[2]s IS NOT NULL --%[3]s%[4]s") {
		d.exec(statement)
	}
}

// moved lists the times in Keep's tables that were written since age, as "table.column row"; one that is not now in UTC gets a mark.
func (d database) moved() []string {
	d.t.Helper()
	return d.text("SELECT x.line FROM (" + strings.Join(d.eachTime(`SELECT '%[1]s.%[2]s ' || %[3]s || CASE WHEN abs(extract(epoch FROM %[4]s - now() AT TIME ZONE 'UTC')) < 600 THEN '' ELSE ' is not now in UTC' END
		FROM %[1]s AS t WHERE t.%[2]s <> '2020-01-02 03:04:05'`), " UNION ALL ") + `) AS x (line) ORDER BY x.line COLLATE "C"`)
}

const ruled = `"deduplication_rules": {"r": {"description": "d"}}, `

// Times are UTC whatever the session's time zone is, and an update moves the time of the last change and no other.
func TestTimes(t *testing.T) {
	d := newDatabase(t)
	d.exec("SET TimeZone = 'America/New_York'")
	first := strings.Replace(everything, `"vm": {`, `"vm": {`+ruled, 1)
	d.mustInstallAll(first)
	d.wantRows("first install", d.moved(), `public."user".created_at admin`,
		"public.alertdeduplicationrule.created_at r", "public.alertdeduplicationrule.last_updated r",
		"public.dashboard.created_at Overview", "public.dashboard.updated_at Overview",
		"public.mappingrule.created_at services", "public.mappingrule.created_at teams",
		"public.mappingrule.last_updated_at services", "public.mappingrule.last_updated_at teams",
		"public.provider.installation_time vm",
		"public.secret.last_updated keep-ci", "public.secret.last_updated keep-ui", "public.secret.last_updated keep_victoriametrics",
		"public.tenantapikey.created_at ci", "public.tenantapikey.created_at ui",
		"public.workflow.creation_time Second", "public.workflow.creation_time disk-full",
		"public.workflow.last_updated Second", "public.workflow.last_updated disk-full",
		"public.workflowversion.updated_at Second 1", "public.workflowversion.updated_at disk-full 1")
	for _, test := range []struct {
		old, new string
		want     []string
	}{
		{"8880", "8881", []string{"public.secret.last_updated keep_victoriametrics"}},
		{`{"description": "d"}`, `{"description": "e"}`, []string{"public.alertdeduplicationrule.last_updated r"}},
		{"Calls somebody", "Calls everybody", []string{"public.workflow.last_updated disk-full", "public.workflowversion.updated_at disk-full 2"}},
		{"2.50", "3", []string{"public.dashboard.updated_at Overview"}},
		{`"priority": 3`, `"priority": 4`, []string{"public.mappingrule.last_updated_at services"}},
		{"CANARY-1", "CANARY-3", []string{"public.secret.last_updated keep-ci"}},
		{`"role": "webhook"`, `"role": "noc"`, nil},
		{`"password": "pass"`, `"password": "word", "reset_password": true`, nil},
	} {
		d.age()
		before := d.rowVersions()
		d.mustInstallAll(strings.Replace(first, test.old, test.new, 1))
		d.wantRows(test.new, d.moved(), test.want...)
		if len(before) == len(d.rowVersions()) { // at least the journal has grown
			t.Errorf("%s changed nothing", test.new)
		}
		d.mustInstallAll(first)
	}
}

// What an update is not about stays, although it is not what a first install writes.
func TestUpdatesLeaveTheRest(t *testing.T) {
	d := newDatabase(t)
	first := strings.Replace(everything, `"vm": {`, `"vm": {`+ruled, 1)
	d.mustInstallAll(first)
	d.exec(`UPDATE public.alertdeduplicationrule SET created_by = 'me'`)
	d.exec(`UPDATE public.workflow SET created_by = 'me'`)
	d.exec(`UPDATE public.dashboard SET created_by = 'me', is_active = false, is_private = true`)
	d.exec(`UPDATE public.mappingrule SET created_by = 'me'`)
	d.exec(`UPDATE public.tenantapikey SET system_description = 'text', last_used = '2020-01-01' WHERE reference_id = 'ci'`)
	d.exec(`UPDATE public."user" SET role = 'noc', last_sign_in = '2020-01-01'`)
	secret := "SELECT ctid || ' ' || xmin FROM public.secret WHERE key = 'keep-ci'"
	before := d.one(secret)
	changed := strings.NewReplacer(`{"description": "d"}`, `{"description": "e"}`, "Calls somebody", "Calls everybody", "2.50", "3", `"priority": 3`, `"priority": 4`,
		`"role": "webhook"`, `"role": "noc"`, `"password": "pass"`, `"password": "word", "reset_password": true`).Replace(first)
	d.mustInstallAll(changed)
	d.wantRows("rows", d.text(`
		SELECT concat_ws('|', 'rule', description, created_by) FROM public.alertdeduplicationrule
		UNION ALL SELECT concat_ws('|', 'workflow', description, created_by) FROM public.workflow WHERE name = 'disk-full'
		UNION ALL SELECT concat_ws('|', 'dashboard', dashboard_config, created_by, updated_by, is_active, is_private) FROM public.dashboard
		UNION ALL SELECT concat_ws('|', 'mapping rule', priority, created_by, updated_by) FROM public.mappingrule WHERE name = 'services'
		UNION ALL SELECT concat_ws('|', 'key', role, is_system, system_description, last_used IS NOT NULL) FROM public.tenantapikey WHERE reference_id = 'ci'
		UNION ALL SELECT concat_ws('|', 'user', role, password_hash = encode(sha256('word'), 'hex'), last_sign_in IS NOT NULL) FROM public."user"`),
		"rule|e|me", "workflow|Calls everybody|me", `dashboard|{"layout": [1, 3]}|me|system|f|t`, "mapping rule|4|me|system", "key|noc|t|text|t", "user|noc|t|t")
	if d.one(secret) != before {
		t.Error("a new role wrote the secret of the API key")
	}

	d.exec("INSERT INTO public.tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at) VALUES ('keep', 'mine', 'h', false, false, 'me@x', 'noc', now())")
	d.mustInstallAll(`{"api_keys": [{"name": "mine", "role": "admin", "secret": "s"}]}`, `{"adopt": true}`)
	d.wantRows("an adopted key", d.text("SELECT concat_ws('|', is_system, created_by, role) FROM public.tenantapikey WHERE reference_id = 'mine'"), "f|me@x|admin")
}
