-- What schema bootstrap consists of, and the rules that hold for all of it.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(34);

SELECT has_schema('bootstrap');

-- Tables.
SELECT has_column('bootstrap', 'manifest_staging', 'line', 'a manifest is loaded line by line');
SELECT is_empty($$
    SELECT c.relname, a.attname FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relname LIKE '%staging' AND a.atttypid IN ('json'::regtype, 'jsonb'::regtype)
    $$, 'what COPY loads is text: COPY into json would quote a secret in its error');
SELECT is_empty($$
    SELECT c.relname FROM pg_class AS c
    WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind = 'r' AND c.relname LIKE '%staging' AND c.relpersistence <> 'u'
    $$, 'staging never reaches the write-ahead log');
SELECT is_empty($$
    SELECT c.relname FROM pg_class AS c
    WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL
    $$, 'every table and view has a comment');

-- Public routines with their arguments.
SELECT has_function('bootstrap', r.name, r.arguments, format('%s(%s) exists', r.name, array_to_string(r.arguments, ', ')))
FROM (VALUES ('ensure_tenant', ARRAY['text', 'text']),
             ('install_providers', ARRAY['text', 'json', 'jsonb']),
             ('install_staged', ARRAY['text', 'jsonb']),
             ('plan_providers', ARRAY['text', 'json', 'jsonb']),
             ('plan_staged', ARRAY['text', 'jsonb']),
             ('report', ARRAY[]::text[]),
             ('verify', ARRAY['text']),
             ('status', ARRAY['text']),
             ('history', ARRAY['text']),
             ('history_changes', ARRAY['bigint']),
             ('install', ARRAY['text', 'json', 'jsonb']),
             ('plan', ARRAY['text', 'json', 'jsonb']),
             ('problems', ARRAY['jsonb']),
             ('record_failure', ARRAY['text', 'text', 'text', 'text']),
             ('prepare_keep', ARRAY['boolean']),
             ('require_keep', ARRAY['text[]']),
             ('export', ARRAY['text', 'boolean']),
             ('dependents', ARRAY['text', 'jsonb'])) AS r (name, arguments);

-- Rules for all routines.
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc AS p
    JOIN pg_language AS l ON l.oid = p.prolang
    WHERE p.pronamespace = 'bootstrap'::regnamespace AND p.prosqlbody IS NULL AND NOT (l.lanname = 'sql' AND p.proname LIKE '\_%')
      AND NOT 'search_path=pg_catalog, pg_temp' = ANY (coalesce(p.proconfig, '{}'))
    $$, 'every routine whose body is read when it runs sets search_path to pg_catalog, pg_temp; private ones in SQL become part of their callers');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc AS p
    CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
    WHERE p.pronamespace = 'bootstrap'::regnamespace AND a.grantee = 0
    $$, 'PUBLIC may execute no routine');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc AS p
    WHERE p.pronamespace = 'bootstrap'::regnamespace AND p.proname NOT LIKE '\_%' AND obj_description(p.oid, 'pg_proc') IS NULL
    $$, 'every public routine has a comment');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc AS p
    WHERE p.pronamespace = 'bootstrap'::regnamespace AND p.prosecdef <> (p.proname NOT LIKE '\_%' AND p.proname <> 'report')
    $$, 'public routines run with the rights of their owner, private ones with those of their caller; report reads no table');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc AS p
    WHERE p.pronamespace = 'bootstrap'::regnamespace AND p.prosrc ~* '(?n)^\s*(commit|rollback)\s*(and chain\s*)?;'
    $$, 'no routine commits or rolls back');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc AS p
    CROSS JOIN LATERAL unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) AS a (name, type)
    WHERE p.pronamespace = 'bootstrap'::regnamespace AND a.name = 'p_manifest' AND a.type <> 'json'::regtype
    $$, 'a manifest is json, never jsonb: the order of its keys and its numbers stay');

-- Privileges on the tables.
SELECT is_empty($$
    SELECT c.relname FROM pg_class AS c
    CROSS JOIN LATERAL aclexplode(c.relacl) AS a
    WHERE c.relnamespace = 'bootstrap'::regnamespace AND a.grantee = 0
    $$, 'PUBLIC has no privilege on a table, view or sequence');
SELECT is_empty($$
    SELECT n.nspname FROM pg_namespace AS n
    CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
    WHERE n.nspname = 'bootstrap' AND a.grantee = 0
    $$, 'PUBLIC has no privilege on the schema');

-- Keep's own migrations must be able to drop and rebuild their tables.
SELECT is_empty($$
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend AS d
    JOIN pg_class AS k ON d.refclassid = 'pg_class'::regclass AND k.oid = d.refobjid
    CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS o
    WHERE k.relnamespace = 'public'::regnamespace AND o.schema = 'bootstrap'
    $$, 'nothing in schema bootstrap depends on a table of Keep');
SELECT is_empty($$
    SELECT t.tgname FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
    WHERE p.pronamespace = 'bootstrap'::regnamespace
    $$, 'no trigger calls a routine of schema bootstrap');
SELECT is((SELECT count(*)::int FROM bootstrap.provider_type), 126, 'the catalogue has all provider types of Keep');

SELECT * FROM finish();
ROLLBACK;
