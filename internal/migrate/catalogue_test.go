package migrate_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"keep-bootstrap/test/pgtest"
)

// describe lists everything that a schema holds: what a dump would show, and the privileges. It works for every version
// of the server, where the pg_dump at hand may be too old.
func describe(t *testing.T, conn *pgx.Conn, schema string) []string {
	t.Helper()
	var all []string
	for _, query := range []string{
		`select 'schema', coalesce(obj_description(oid, 'pg_namespace'), '-'), coalesce(nspacl::text, '-') from pg_namespace where nspname = $1`,
		`select 'relation', c.relname, c.relkind, c.relpersistence, coalesce(c.relacl::text, '-'), coalesce(c.reloptions::text, '-'),
		        coalesce(obj_description(c.oid, 'pg_class'), '-'), case when c.relkind = 'v' then pg_get_viewdef(c.oid) else '-' end
		 from pg_class c where c.relnamespace = $1::text::regnamespace order by 2`,
		`select 'column', c.relname, a.attnum::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text, a.attidentity, a.attgenerated,
		        coalesce(pg_get_expr(d.adbin, d.adrelid), '-'), coalesce(col_description(c.oid, a.attnum), '-')
		 from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
		 where c.relnamespace = $1::text::regnamespace order by c.relname, a.attnum`,
		`select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), coalesce(obj_description(oid, 'pg_constraint'), '-')
		 from pg_constraint where connamespace = $1::text::regnamespace order by 2, 3`,
		`select 'index', pg_get_indexdef(indexrelid) from pg_index i join pg_class c on c.oid = i.indexrelid
		 where c.relnamespace = $1::text::regnamespace order by 2`,
		`select 'routine', pg_get_functiondef(oid), coalesce(proacl::text, '-'), coalesce(obj_description(oid, 'pg_proc'), '-')
		 from pg_proc where pronamespace = $1::text::regnamespace order by 2`,
		`select 'trigger', tgrelid::regclass::text, pg_get_triggerdef(g.oid) from pg_trigger g join pg_class c on c.oid = g.tgrelid
		 where c.relnamespace = $1::text::regnamespace and not tgisinternal order by 2, 3`,
	} {
		for _, row := range pgtest.Table(t, conn, query, schema) {
			line := ""
			for _, cell := range row {
				line += cell + "|"
			}
			all = append(all, line)
		}
	}
	return all
}

// data lists the rows of schema bootstrap that do not differ from one installation to the next.
func data(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	var all []string
	for _, table := range pgtest.Table(t, conn, "select c.oid::regclass from pg_class c where c.relnamespace = 'bootstrap'::regnamespace and c.relkind = 'r' order by 1") {
		// Times and keys differ: columns of the types timestamptz and bytea are left out.
		columns := pgtest.Table(t, conn, `select coalesce(string_agg(format('%I::text', attname), ', ' order by attnum), 'null') from pg_attribute
			where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and atttypid not in ('timestamptz'::regtype, 'bytea'::regtype)`, table[0])
		for _, row := range pgtest.Table(t, conn, "select '"+table[0]+"', "+columns[0][0]+" from "+table[0]+" order by 2") {
			line := ""
			for _, cell := range row {
				line += cell + "|"
			}
			all = append(all, line)
		}
	}
	return all
}

// same compares two lists and reports the first differences.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	reported := 0
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w && reported < 3 {
			t.Errorf("%s, entry %d:\n got %s\nwant %s", what, i, g, w)
			reported++
		}
	}
}
