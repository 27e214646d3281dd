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
		fmt.Fprintf(&b, scriptMigration, m.Sequence, m.Name, m.UpSQL)
	}
	b.WriteString(scriptFooter)
	return b.String(), nil
}

// contents lists what the script creates, in its order, with the first sentence of each file.
func contents(migrations []*ternmigrate.Migration) string {
	var b strings.Builder
	for _, m := range migrations {
		for line := range strings.SplitSeq(m.UpSQL, "\n") {
			name, what, ok := strings.Cut(strings.TrimPrefix(line, "-- "), ": ")
			if ok && (strings.HasPrefix(line, "-- bootstrap.") || strings.HasPrefix(line, "-- 00")) {
				name, _, _ = strings.Cut(strings.TrimPrefix(name, "bootstrap."), "(")
				what, _, _ = strings.Cut(what, ". ")
				fmt.Fprintf(&b, "--   %-26s %s\n", name, strings.TrimSuffix(what, "."))
			}
		}
	}
	return b.String()
}

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
    COMMENT ON SCHEMA bootstrap IS '` + schemaComment + `';
\endif
SELECT pg_catalog.to_regclass('bootstrap.schema_version') IS NULL AS bootstrap_missing \gset
\if :bootstrap_missing
    CREATE TABLE bootstrap.schema_version (version int4 NOT NULL PRIMARY KEY);
    COMMENT ON TABLE bootstrap.schema_version IS '` + versionTableComment + `';
    COMMENT ON COLUMN bootstrap.schema_version.version IS '` + versionColumnComment + `';
    COMMENT ON CONSTRAINT schema_version_pkey ON bootstrap.schema_version IS '` + versionKeyComment + `';
    INSERT INTO bootstrap.schema_version (version) VALUES (0);
\endif
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
