-- One line per finding of plpgsql_check in schema bootstrap.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS plpgsql_check SCHEMA public;
-- A run sets these before it calls what reads them.
SET bootstrap.kinds = '{}';
SET bootstrap.manifest = '';

-- SQL routines with a text body: PostgreSQL checks them when they are created again, now that Keep's tables exist.
SET search_path = pg_catalog, pg_temp;
SET check_function_bodies = on;
SELECT pg_catalog.pg_get_functiondef(p.oid)
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname = 'sql'
WHERE p.pronamespace = 'bootstrap'::regnamespace AND p.prosqlbody IS NULL \gexec

SELECT concat_ws(': ', p.oid::regprocedure, 'line ' || coalesce(c.lineno, 0), c.level, c.message, c.detail, c.hint)
FROM pg_proc AS p
JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
CROSS JOIN LATERAL public.plpgsql_check_function_tb(p.oid, all_warnings => true) AS c
WHERE p.pronamespace = 'bootstrap'::regnamespace
  -- A count that is assigned to an integer of the report is cast once per run.
  AND c.message NOT LIKE 'target type is different type than source type%'
  -- Whether a routine sees what was committed since its caller began is a decision, not an oversight.
  AND c.message NOT LIKE 'routine is marked as %'
UNION ALL
-- Other languages, and triggers, which need their table.
SELECT p.oid::regprocedure || ' was not checked'
FROM pg_proc AS p
JOIN pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'bootstrap'::regnamespace
  AND (l.lanname NOT IN ('plpgsql', 'sql') OR p.prorettype = 'trigger'::regtype)
ORDER BY 1;
