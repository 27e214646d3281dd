-- bootstrap.security_problem: privileges that should not exist, one text each.
--
-- Others may have USAGE on the schema, EXECUTE on public routines except export, INSERT into the staging columns, and
-- SELECT on the installed version (roles.sql). A role that may call a routine must have no right on a table of Keep,
-- and no right of the owner. Reads catalogs only.
CREATE VIEW bootstrap.security_problem AS
WITH routine AS (
    SELECT p.oid, p.proname, p.proowner, a.grantee, a.privilege_type
    FROM pg_proc AS p
    CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
    WHERE p.pronamespace = 'bootstrap'::regnamespace AND a.grantee <> p.proowner
),
granted AS (
    SELECT format('routine %s', r.oid::regprocedure) AS label, r.grantee, r.privilege_type FROM routine AS r
    WHERE left(r.proname::text, 1) = '_' OR r.proname = 'export' OR r.grantee = 0
    UNION ALL
    SELECT format('%s', c.oid::regclass), a.grantee, a.privilege_type
    FROM pg_class AS c
    CROSS JOIN LATERAL aclexplode(c.relacl) AS a
    WHERE c.relnamespace = 'bootstrap'::regnamespace AND a.grantee <> c.relowner
      AND NOT (c.relname = 'schema_version' AND a.privilege_type = 'SELECT' AND a.grantee <> 0)
    UNION ALL
    SELECT format('%s, column %I', c.oid::regclass, t.attname), a.grantee, a.privilege_type
    FROM pg_class AS c
    JOIN pg_attribute AS t ON t.attrelid = c.oid
    CROSS JOIN LATERAL aclexplode(t.attacl) AS a
    WHERE c.relnamespace = 'bootstrap'::regnamespace AND a.grantee <> c.relowner
      AND NOT (a.grantee <> 0
               AND (c.relname LIKE '%staging' AND t.attname <> 'transaction_id' AND a.privilege_type = 'INSERT'
                                   OR c.relname = 'setting' AND t.attname = 'breaking_version'
                                       AND a.privilege_type = 'SELECT'))
    UNION ALL
    SELECT 'schema bootstrap', a.grantee, a.privilege_type
    FROM pg_namespace AS n
    CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
    WHERE n.nspname = 'bootstrap' AND a.grantee <> n.nspowner AND (a.grantee = 0 OR a.privilege_type <> 'USAGE')
)
SELECT format('%s has %s on %s', CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE 'role ' || g.grantee::regrole END,
              g.privilege_type, g.label)
       AS problem
FROM granted AS g
UNION
SELECT format('role %s may call these routines, and has rights on table %s', r.grantee::regrole, c.oid::regclass)
FROM routine AS r
CROSS JOIN pg_class AS c
WHERE r.grantee <> 0 AND c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p')
  AND c.relname IN (SELECT k.table_name FROM bootstrap.keep_column AS k)
  AND (has_table_privilege(r.grantee, c.oid, 'DELETE, TRUNCATE, TRIGGER')
       OR has_any_column_privilege(r.grantee, c.oid, 'SELECT, INSERT, UPDATE'))
UNION
SELECT format('routine %s is not SECURITY DEFINER', p.oid::regprocedure)
FROM pg_proc AS p
WHERE p.pronamespace = 'bootstrap'::regnamespace AND left(p.proname::text, 1) <> '_' AND p.proname <> 'report'
  AND NOT p.prosecdef
UNION
SELECT u.problem FROM bootstrap.untrusted AS u;
COMMENT ON VIEW bootstrap.security_problem IS 'Privileges that should not exist.';
