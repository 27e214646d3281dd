-- bootstrap.untrusted: objects whose owner could run code with the rights of these routines, one text each.
--
-- Trusted are the owner of schema bootstrap, who owns Keep's tables as well, and superusers. Reported are relations and
-- routines of schema bootstrap, tables of Keep and functions of their triggers that belong to another role, and the
-- privilege TRIGGER on a table of Keep. Reads catalogs only.
CREATE VIEW bootstrap.untrusted AS
WITH trusted AS (
    SELECT r.oid FROM pg_roles AS r
    WHERE r.rolsuper OR r.oid = (SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'bootstrap')
),
keep AS (
    SELECT c.oid, c.relowner, c.relacl
    FROM pg_class AS c
    WHERE c.relnamespace = to_regnamespace('public')
      AND c.relname = ANY (ARRAY(SELECT k.table_name FROM bootstrap.keep_column AS k)
                           || ARRAY['alert', 'alembic_version'])
)
SELECT format('%s belongs to role %s', o.label, o.owner::regrole) AS problem
FROM (
    SELECT format('table %s', k.oid::regclass) AS label, k.relowner AS owner FROM keep AS k
    UNION ALL
    SELECT format('relation %s', c.oid::regclass), c.relowner FROM pg_class AS c
    WHERE c.relnamespace = 'bootstrap'::regnamespace
    UNION ALL
    SELECT format('routine %s', p.oid::regprocedure), p.proowner FROM pg_proc AS p
    WHERE p.pronamespace = 'bootstrap'::regnamespace
    UNION ALL
    SELECT format('function %s of trigger %I on %s', t.tgfoid::regprocedure, t.tgname, t.tgrelid::regclass), p.proowner
    FROM pg_trigger AS t
    JOIN pg_proc AS p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal AND (t.tgrelid IN (SELECT k.oid FROM keep AS k)
          OR t.tgrelid IN (SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'bootstrap'::regnamespace))
) AS o
WHERE o.owner NOT IN (SELECT t.oid FROM trusted AS t)
UNION ALL
SELECT format('%s may create triggers on table %s',
              CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE 'role ' || a.grantee::regrole END,
              k.oid::regclass)
FROM keep AS k
CROSS JOIN LATERAL aclexplode(k.relacl) AS a
WHERE a.privilege_type = 'TRIGGER' AND a.grantee NOT IN (SELECT t.oid FROM trusted AS t);
COMMENT ON VIEW bootstrap.untrusted IS 'Objects whose owner could run code with the rights of these routines.';
