package migrate

import (
	"fmt"
	"strings"

	ternmigrate "github.com/jackc/tern/v2/migrate"

	sqlfiles "keep-bootstrap/sql"
)

// Script returns all migrations as one script for psql, which leaves a database in the same state as Up: schema,
// comments and version table. It holds no BEGIN or COMMIT; it refuses to run outside of a transaction. Running it again,
// or on a database that is migrated in part, does only what is missing.
func Script(program string) (string, error) {
	migrations, err := load()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, scriptHeader, program, len(migrations), contents(migrations))
	b.WriteString(sqlfiles.Guard)
	b.WriteString(scriptSchema)
	for _, m := range migrations {
		// Behind the comment sign of its template, a routine begins with one of its own.
		fmt.Fprintf(&b, scriptMigration, m.Sequence, m.Name, strings.ReplaceAll(m.UpSQL, "\n-- -- ", "\n-- "))
	}
	b.WriteString(scriptFooter)
	return b.String(), nil
}

// contents lists the migrations with the first sentence of each, and the steps of the routines with their names, in the order
// in which they stand in the script.
func contents(migrations []*ternmigrate.Migration) string {
	const width = 120
	var lines []string
	for _, m := range migrations {
		for line := range strings.SplitSeq(m.UpSQL, "\n") {
			name, what, _ := strings.Cut(strings.TrimPrefix(line, "-- "), ": ")
			switch last := len(lines) - 1; {
			case strings.HasPrefix(line, "-- 00"):
				what, _, _ = strings.Cut(what, ". ")
				lines = append(lines, fmt.Sprintf("--   %-24s %s", name, strings.TrimSuffix(what, ".")))
			case strings.HasPrefix(line, stepMark):
				lines = append(lines, fmt.Sprintf("--     %-22s", strings.TrimPrefix(line, stepMark)))
			case strings.HasPrefix(line, "-- -- bootstrap."):
				name, _, _ = strings.Cut(strings.TrimPrefix(name, "-- bootstrap."), "(")
				if len(lines[last])+len(name) > width {
					lines = append(lines, fmt.Sprintf("--     %-22s", ""))
					last++
				}
				lines[last] += " " + name
			}
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// stepMark begins the line before the routines of a step, in functions/install.sql.
const stepMark = "-- ===== "

// scriptHeader takes the program's version, the number of migrations and the table of contents.
const scriptHeader = `-- Schema bootstrap of keep-bootstrap %[1]s: migrations 1 to %[2]d, for psql.
--
-- Run:     psql -X -1 -v ON_ERROR_STOP=1 -f FILE
-- as:      the owner of Keep's tables, with CREATE on the database. A superuser first says SET ROLE (psql -c 'SET ROLE ...' -f FILE).
-- Effect:  the same as "keep-bootstrap migrate": schema bootstrap with its tables and routines. Of Keep's tables only the
--          foreign key provider(tenant_id) -> tenant(id) changes: it becomes DEFERRABLE INITIALLY IMMEDIATE; and the
--          row of tenant "keep" is inserted if it is missing.
-- Repeat:  does only what is missing.
-- Undo:    keep-bootstrap migrate --to 0
-- -X keeps your .psqlrc out, -1 makes it one transaction: all or nothing.
--
-- Contents, in the order in which it is best read:
%[3]s
\set ON_ERROR_STOP on
SET LOCAL search_path = pg_catalog, pg_temp; -- or an operator made in schema public could be called
SELECT pg_catalog.pg_current_xact_id() AS bootstrap_transaction \gset
SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text <> :'bootstrap_transaction' AS bootstrap_no_transaction \gset
\if :bootstrap_no_transaction
    DO $$ BEGIN RAISE EXCEPTION 'this script must run in one transaction' USING HINT = 'psql -X -1 -v ON_ERROR_STOP=1 -f FILE'; END $$;
\endif
SELECT current_user AS bootstrap_role \gset

SET LOCAL client_min_messages = warning;
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '60s';
SELECT pg_catalog.pg_advisory_xact_lock(19266, 0) AS bootstrap_lock \gset
SET LOCAL lock_timeout = '5s';

`

// scriptSchema follows the guard: the script refuses instead of changing the role.
const scriptSchema = `
SELECT current_user <> :'bootstrap_role' AS bootstrap_other_role, current_user AS bootstrap_owner \gset
\if :bootstrap_other_role
    DO $$ BEGIN RAISE EXCEPTION 'run this script as the owner of Keep''s tables, role %', current_user USING HINT = 'Run SET ROLE first.'; END $$;
\endif
SELECT pg_catalog.to_regnamespace('bootstrap') IS NULL AS bootstrap_missing \gset
\if :bootstrap_missing
    CREATE SCHEMA bootstrap;
` + commentSchema + `\endif
SELECT pg_catalog.to_regclass('bootstrap.schema_version') IS NULL AS bootstrap_missing \gset
\if :bootstrap_missing
` + createVersionTable + `\endif
`

// scriptMigration takes number, name and text of a migration.
const scriptMigration = `

-- ==================== migration %[2]s ====================
SELECT version < %[1]d AS bootstrap_missing FROM bootstrap.schema_version \gset
\if :bootstrap_missing
%[3]s
UPDATE bootstrap.schema_version SET version = %[1]d;
\endif
`

const scriptFooter = `
SELECT version AS "schema bootstrap is at version" FROM bootstrap.schema_version;
`
