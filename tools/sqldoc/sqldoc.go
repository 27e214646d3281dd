// Package sqldoc reads schema bootstrap from the catalogue of a migrated database and writes docs/sql.md from it, the
// reference of the tables and routines. All text comes from COMMENT ON, so the page says what a DBA sees in psql.
package sqldoc

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Schema is what docs/sql.md shows. Everything is sorted by name, columns by position.
type Schema struct {
	Tables   []Table
	Routines []Routine
}

// Table is a table or a view.
type Table struct {
	Name        string
	Kind        string // table, unlogged table, view
	Comment     string
	Columns     []Column
	Constraints []Named
	Indexes     []Named // without those that belong to a constraint
}

// Column is a column of a Table.
type Column struct {
	Name, Type, Default, Comment string
	NotNull                      bool
}

// Named is a constraint or an index.
type Named struct{ Name, Definition, Comment string }

// Routine is a function or procedure.
type Routine struct {
	Name, Kind, Arguments, Result, Language, Comment string

	SecurityDefiner bool
	Config          []string // settings of the routine, name=value
	PublicExecute   bool     // PUBLIC may execute it
}

// Private reports whether the routine is an implementation detail, which its name says.
func (r Routine) Private() bool { return strings.HasPrefix(r.Name, "_") }

// Signature is the name with the arguments. The server adds a cast to defaults, which is left out.
func (r Routine) Signature() string {
	return r.Name + "(" + strings.NewReplacer("'::text", "'", "'::jsonb", "'", "'::json", "'", "NULL::text", "NULL").Replace(r.Arguments) + ")"
}

// Read reads schema bootstrap. It only reads catalogues, in the transaction or session that it is given.
func Read(ctx context.Context, conn *pgx.Conn) (Schema, error) {
	var s Schema
	tables, err := conn.Query(ctx, tablesSQL)
	if err != nil {
		return s, err
	}
	s.Tables, err = pgx.CollectRows(tables, func(row pgx.CollectableRow) (t Table, err error) {
		err = row.Scan(&t.Name, &t.Kind, &t.Comment)
		return t, err
	})
	if err != nil {
		return s, fmt.Errorf("tables: %w", err)
	}
	for i := range s.Tables {
		t := &s.Tables[i]
		columns, err := conn.Query(ctx, columnsSQL, t.Name)
		if err != nil {
			return s, err
		}
		t.Columns, err = pgx.CollectRows(columns, pgx.RowToStructByName[Column])
		if err != nil {
			return s, fmt.Errorf("columns of %s: %w", t.Name, err)
		}
		for sql, to := range map[string]*[]Named{constraintsSQL: &t.Constraints, indexesSQL: &t.Indexes} {
			rows, err := conn.Query(ctx, sql, t.Name)
			if err != nil {
				return s, err
			}
			*to, err = pgx.CollectRows(rows, pgx.RowToStructByName[Named])
			if err != nil {
				return s, fmt.Errorf("constraints and indexes of %s: %w", t.Name, err)
			}
		}
	}
	routines, err := conn.Query(ctx, routinesSQL)
	if err != nil {
		return s, err
	}
	s.Routines, err = pgx.CollectRows(routines, pgx.RowToStructByName[Routine])
	if err != nil {
		return s, fmt.Errorf("routines: %w", err)
	}
	return s, nil
}

// Names are compared as "C" text, so that the page does not depend on the collation of the database; types are shown
// with their schema unless they are built in, because search_path is set by the statement that reads them.
const (
	tablesSQL = `
SELECT c.relname::text,
       CASE WHEN c.relkind = 'v' THEN 'view' WHEN c.relpersistence = 'u' THEN 'unlogged table' ELSE 'table' END,
       coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '')
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'bootstrap'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
ORDER BY c.relname::text COLLATE "C"`

	columnsSQL = `
SELECT a.attname::text AS name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN a.attidentity = 'a' THEN 'identity, always' WHEN a.attidentity = 'd' THEN 'identity'
            ELSE coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') END AS "default",
       coalesce(pg_catalog.col_description(a.attrelid, a.attnum), '') AS comment,
       a.attnotnull AS not_null
FROM pg_catalog.pg_attribute AS a
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = pg_catalog.format('bootstrap.%I', $1::text)::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`

	// Contype n is PostgreSQL 18's own entry for NOT NULL, which the columns show.
	constraintsSQL = `
SELECT o.conname::text AS name,
       pg_catalog.pg_get_constraintdef(o.oid) AS definition,
       coalesce(pg_catalog.obj_description(o.oid, 'pg_constraint'), '') AS comment
FROM pg_catalog.pg_constraint AS o
WHERE o.conrelid = pg_catalog.format('bootstrap.%I', $1::text)::pg_catalog.regclass AND o.contype <> 'n'
ORDER BY o.conname::text COLLATE "C"`

	indexesSQL = `
SELECT c.relname::text AS name,
       pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
       coalesce(pg_catalog.obj_description(i.indexrelid, 'pg_class'), '') AS comment
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
WHERE i.indrelid = pg_catalog.format('bootstrap.%I', $1::text)::pg_catalog.regclass
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS o WHERE o.conindid = i.indexrelid AND o.conrelid = i.indrelid)
ORDER BY c.relname::text COLLATE "C"`

	routinesSQL = `
SELECT p.proname::text AS name,
       CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END AS kind,
       pg_catalog.pg_get_function_arguments(p.oid) AS arguments,
       coalesce(pg_catalog.pg_get_function_result(p.oid), '') AS result,
       l.lanname::text AS language,
       coalesce(pg_catalog.obj_description(p.oid, 'pg_proc'), '') AS comment,
       p.prosecdef AS security_definer,
       coalesce(p.proconfig, '{}') AS config,
       EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
               WHERE a.grantee = 0) AS public_execute
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'bootstrap'::pg_catalog.regnamespace
ORDER BY p.proname::text COLLATE "C", pg_catalog.pg_get_function_arguments(p.oid) COLLATE "C"`
)

// Foreign lists the dependencies between schema bootstrap and anything outside itself and the system's schemas, in both
// directions: always none, because one would stop Keep from altering or dropping its own tables.
func Foreign(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, `
SELECT DISTINCT pg_catalog.format('%s depends on %s',
       pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid),
       pg_catalog.pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid))
FROM pg_catalog.pg_depend AS d
CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, 0) AS a
CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.refclassid, d.refobjid, 0) AS b
CROSS JOIN LATERAL (VALUES (a.identity, b.identity), (b.identity, a.identity)) AS pair (ours, other)
WHERE d.deptype NOT IN ('p', 'e')
  AND pair.ours ~ '(^|[ (])bootstrap[.]'
  AND pair.other !~ '(^|[ (])(bootstrap|pg_catalog|information_schema|pg_toast)[.]'
  AND pair.other ~ '[.]'
ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
