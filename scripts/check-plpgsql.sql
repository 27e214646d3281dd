-- One line a finding of plpgsql_check in schema bootstrap.
SET client_min_messages = warning;
-- Keep's own table of migrations, which create_keep_tables leaves out.
CREATE TABLE IF NOT EXISTS public.alembic_version (version_num character varying(32) NOT NULL);
CREATE EXTENSION IF NOT EXISTS plpgsql_check SCHEMA public;
SELECT pg_catalog.concat_ws(': ', p.oid::regprocedure, 'line ' || coalesce(c.lineno, 0), c.level, c.message, c.detail, c.hint)
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
CROSS JOIN LATERAL public.plpgsql_check_function_tb(p.oid, all_warnings => true) AS c
WHERE p.pronamespace = 'bootstrap'::regnamespace
  -- A count that is assigned to an integer of the report is cast once a run.
  AND c.message NOT LIKE 'target type is different type than source type%'
  -- Whether a routine sees what was committed since its caller began is a decision, not an oversight.
  AND c.message NOT LIKE 'routine is marked as %'
UNION ALL
-- A routine that cannot be looked into: in another language, or a trigger, which needs its table.
SELECT p.oid::regprocedure || ' was not checked'
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'bootstrap'::regnamespace AND (l.lanname <> 'plpgsql' OR p.prorettype = 'trigger'::regtype)
ORDER BY 1;
