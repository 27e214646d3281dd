-- Keep's tables: what a run accepts and refuses, and prepare_keep.
BEGIN;
\ir helpers.psql
SELECT plan(40);

CREATE FUNCTION pg_temp.run() RETURNS text LANGUAGE sql AS $$
    SELECT $q$SELECT pg_temp.install('run', '{"a": {"type": "airflow"}}')$q$
$$;

-- As the tables are.
SELECT is(pg_temp.error_after('SELECT', pg_temp.run()), 'no error', 'the tables of Keep''s newest known revision fit');

-- What never refuses.
SELECT is(pg_temp.error_after(d.ddl, pg_temp.run()), 'no error', 'fits: ' || d.what)
FROM (VALUES ('ALTER TABLE public.provider ADD COLUMN new_one text', 'a further column that is nullable'),
             ('ALTER TABLE public.provider ADD COLUMN new_one text NOT NULL DEFAULT ''x''', 'a further column with a default'),
             ('ALTER TABLE public.provider ADD COLUMN new_one bigint NOT NULL GENERATED ALWAYS AS IDENTITY', 'a further identity column'),
             ('ALTER TABLE public.provider ADD COLUMN new_one text NOT NULL GENERATED ALWAYS AS (''x'') STORED', 'a further generated column'),
             ('ALTER TABLE public.provider ALTER COLUMN name TYPE varchar(300)', 'a length on a text'),
             ('ALTER TABLE public.provider DROP CONSTRAINT provider_tenant_id_name_key; CREATE UNIQUE INDEX ON public.provider (name, tenant_id)', 'the unique key as an index, in another order'),
             ('ALTER TABLE public.provider DROP CONSTRAINT provider_tenant_id_fkey', 'no foreign key'),
             ('DROP TABLE public.dashboard, public.mappingrule, public.workflowversion, public.workflow', 'tables that providers do not need')) AS d (ddl, what);

-- What refuses, and names it.
SELECT matches(pg_temp.error_after(d.ddl, pg_temp.run()), '^KB011.*' || d.says, 'KB011: ' || d.what)
FROM (VALUES ('DROP TABLE public.secret', 'public.secret does not exist', 'a table is missing'),
             ('DROP TABLE public.alertdeduplicationrule', 'public.alertdeduplicationrule does not exist', 'the table of deduplication rules is missing'),
             ('ALTER TABLE public.provider DROP COLUMN provider_metadata', 'provider_metadata does not exist', 'a column is missing'),
             ('ALTER TABLE public.provider DROP COLUMN pulling_enabled; ALTER TABLE public.secret DROP COLUMN last_updated', 'pulling_enabled.*last_updated', 'every difference is named'),
             ('ALTER TABLE public.provider ALTER COLUMN "validatedScopes" TYPE jsonb', 'validatedScopes.*jsonb.*json', 'a column has another type'),
             ('ALTER TABLE public.secret ALTER COLUMN value TYPE text', 'value.*text', 'a text instead of character varying'),
             ('ALTER TABLE public.provider ADD COLUMN new_one text NOT NULL', 'new_one.*NOT NULL', 'a further column that is NOT NULL without a default'),
             ('ALTER TABLE public.provider ALTER COLUMN last_pull_time SET NOT NULL', 'last_pull_time.*NOT NULL', 'a column that must be nullable is not'),
             ('ALTER TABLE public.provider DROP CONSTRAINT provider_tenant_id_name_key', 'unique key.*name, tenant_id', 'the unique key is missing'),
             ('ALTER TABLE public.provider DROP CONSTRAINT provider_tenant_id_name_key; CREATE UNIQUE INDEX ON public.provider (tenant_id, name) WHERE provisioned', 'unique key', 'a partial unique index is none'),
             ('ALTER TABLE public.secret DROP CONSTRAINT secret_pkey', 'unique key.*key', 'the key of secrets is missing'),
             ('ALTER TABLE public.secret RENAME TO secret_t; CREATE VIEW public.secret AS TABLE public.secret_t', 'secret is not a table', 'a view instead of a table')) AS d (ddl, says, what);
SELECT matches(pg_temp.error_after('DROP TABLE public.secret', pg_temp.run()), 'KB011.*database "' || current_database() || '" as role "' || session_user || '".*schema revision',
    'KB011 names the database, the role and the oldest schema revision of Keep');
SELECT is(left(pg_temp.error_after('DROP TABLE public.secret', q.sql), 5), 'KB011', q.what)
FROM (VALUES ($$SELECT pg_temp.install('keep', '{}')$$, 'install refuses as well'),
             ($$SELECT * FROM pg_temp.plan('keep', '{}')$$, 'plan refuses as well'),
             ($$SELECT * FROM bootstrap.status()$$, 'status refuses as well')) AS q (sql, what);
SELECT is(pg_temp.error_after('DROP TABLE public.secret', 'SELECT * FROM bootstrap.verify()'), 'no error', 'verify never raises for it');

-- No tables, or elsewhere.
CREATE FUNCTION pg_temp.without_tables() RETURNS text LANGUAGE sql AS $$
    SELECT 'DROP TABLE ' || string_agg(format('public.%I', table_name), ', ') || ' CASCADE' FROM (SELECT relname AS table_name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r') AS k
    WHERE to_regclass(format('public.%I', table_name)) IS NOT NULL
$$;
CREATE FUNCTION pg_temp.tables_elsewhere() RETURNS text LANGUAGE sql AS $$
    SELECT 'CREATE SCHEMA "Else where"; ' || string_agg(format('ALTER TABLE public.%I SET SCHEMA "Else where"', table_name), '; ') FROM (SELECT relname AS table_name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r') AS k
    WHERE to_regclass(format('public.%I', table_name)) IS NOT NULL
$$;
SELECT matches(pg_temp.error_after(pg_temp.without_tables(), pg_temp.run()), '^KB010.*Keep''s own migrations.*--wait', 'KB010: no tables at all; the hint names the ways on');
SELECT matches(pg_temp.error_after(pg_temp.without_tables() || '; CREATE TABLE public.dashboard (x int)', pg_temp.run()), '^KB010',
    'KB010: a foreign table of the name of an optional one does not make it an old Keep');
SELECT matches(pg_temp.error_after(pg_temp.tables_elsewhere(), pg_temp.run()), '^KB012.*"Else where"', 'KB012: the tables are in another schema, which is named');
SELECT is(pg_temp.error_after(pg_temp.without_tables(), 'SELECT bootstrap.prepare_keep()'), 'no error', 'prepare_keep does nothing without tables');

-- prepare_keep.
CREATE FUNCTION pg_temp.deferrable() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', c.conname, c.condeferrable, c.condeferred), ', ') FROM pg_constraint AS c
    WHERE c.conrelid = 'public.provider'::regclass AND c.confrelid = 'public.tenant'::regclass
$$;
ALTER TABLE public.provider ALTER CONSTRAINT provider_tenant_id_fkey NOT DEFERRABLE;
SELECT is(bootstrap.prepare_keep(), 'changed', 'prepare_keep makes the foreign key deferrable');
SELECT is(pg_temp.deferrable(), 'provider_tenant_id_fkey t f', 'initially immediate: the application sees no difference');
SELECT is(bootstrap.prepare_keep(), 'unchanged', 'and is idempotent');
ALTER TABLE public.provider ALTER CONSTRAINT provider_tenant_id_fkey DEFERRABLE INITIALLY DEFERRED;
SELECT is(bootstrap.prepare_keep(), 'changed', 'initially deferred is put right');
ALTER TABLE public.provider DROP CONSTRAINT provider_tenant_id_fkey;
SELECT is(bootstrap.prepare_keep(), 'absent', 'no foreign key is no error');
ALTER TABLE public.provider ADD CONSTRAINT "Keep's new name" FOREIGN KEY (tenant_id) REFERENCES public.tenant (id) ON DELETE CASCADE;
SELECT is(bootstrap.prepare_keep(), 'changed', 'the foreign key is found by its columns, not by its name');
SELECT is(pg_temp.deferrable(), 'Keep''s new name t f', 'whatever its name is');
SELECT bootstrap.prepare_keep(false) AS said \gset
SELECT is(pg_temp.deferrable(), 'Keep''s new name f f', 'the way back makes it not deferrable again');

-- install, with each state of the foreign key.
SELECT lives_ok($$SELECT pg_temp.install('immediate', '{"a": {"type": "airflow"}}')$$, 'install works with a foreign key that is not deferrable');
SELECT bootstrap.prepare_keep() AS said \gset
CREATE TABLE public.provider_old (tenant_id varchar, CONSTRAINT "Keep's new name" FOREIGN KEY (tenant_id) REFERENCES public.tenant (id));
SELECT lives_ok($$SELECT pg_temp.install('namesake', '{"a": {"type": "airflow"}}')$$, 'and beside another table with a constraint of the same name');
DROP TABLE public.provider_old;

SELECT * FROM finish();
ROLLBACK;
