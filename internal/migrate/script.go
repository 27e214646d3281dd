package migrate

import (
	"fmt"
	"strings"
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
	fmt.Fprintf(&b, scriptHeader, program, len(migrations))
	for _, m := range migrations {
		fmt.Fprintf(&b, scriptMigration, m.Sequence, m.Name, m.UpSQL)
	}
	b.WriteString(scriptFooter)
	return b.String(), nil
}

// scriptHeader takes the program's version and the number of migrations.
const scriptHeader = `-- Schema bootstrap of keep-bootstrap %[1]s: migrations 1 to %[2]d, for psql.
--
-- Run:     psql -X -1 -v ON_ERROR_STOP=1 -f FILE
-- as:      a role that may create a schema in the database (CREATE on it) and owns Keep's tables where they exist.
-- Effect:  the same as "bootstrap migrate": schema bootstrap with its tables and routines. Of Keep's tables only the
--          foreign key provider(tenant_id) -> tenant(id) changes: it becomes DEFERRABLE INITIALLY IMMEDIATE; and the
--          row of tenant "keep" is inserted where it is missing.
-- Repeat:  does only what is missing; nothing at all when everything is there.
-- Undo:    bootstrap migrate --to 0
-- -X keeps your .psqlrc out, -1 makes it one transaction: all or nothing.

\set ON_ERROR_STOP on
SELECT pg_catalog.pg_current_xact_id() AS bootstrap_transaction \gset
SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text <> :'bootstrap_transaction' AS bootstrap_no_transaction \gset
\if :bootstrap_no_transaction
    DO $$ BEGIN RAISE EXCEPTION 'this script must run in one transaction' USING HINT = 'psql -X -1 -v ON_ERROR_STOP=1 -f FILE'; END $$;
\endif

SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '60s';
SELECT pg_catalog.pg_advisory_xact_lock(19266, 0) AS bootstrap_lock \gset
SET LOCAL lock_timeout = '5s';

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
SET LOCAL client_min_messages = warning;
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '5s';
%[3]s

RESET ALL;
UPDATE bootstrap.schema_version SET version = %[1]d;
\endif
`

const scriptFooter = `
SELECT version AS "schema bootstrap is at version" FROM bootstrap.schema_version;
`
