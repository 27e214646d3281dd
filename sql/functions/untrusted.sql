-- bootstrap.untrusted: objects whose owner could run code with the rights of these routines, one text each.
--
-- Trusted are the owner of schema bootstrap, who owns Keep's tables as well, and superusers. Reported are tables of
-- Keep and whatever is in schema bootstrap if it, or the function of a trigger on it, belongs to another role, tables
-- of other roles that refer to one of Keep, and the privileges with which one makes them. Reads catalogs only.
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
SELECT format('%s %s belongs to role %s', i.type, i.identity, o.owner::regrole) AS problem
FROM (
    SELECT 'pg_class'::regclass AS class, k.oid AS id, k.relowner AS owner FROM keep AS k
    UNION ALL
    SELECT s.classid, s.objid, s.refobjid -- whatever is in schema bootstrap, and its owner
    FROM pg_depend AS d
    JOIN pg_shdepend AS s ON s.classid = d.classid AND s.objid = d.objid AND s.deptype = 'o'
    JOIN pg_database AS b ON b.oid = s.dbid AND b.datname = current_database()
    WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace('bootstrap')
    UNION ALL
    SELECT 'pg_trigger'::regclass, t.oid, p.proowner -- of its function
    FROM pg_trigger AS t
    JOIN pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_proc AS p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal
      AND (t.tgrelid IN (SELECT k.oid FROM keep AS k) OR c.relnamespace = to_regnamespace('bootstrap'))
    UNION ALL
    SELECT 'pg_constraint'::regclass, f.oid, c.relowner -- of a table that refers to one of Keep
    FROM pg_constraint AS f
    JOIN pg_class AS c ON c.oid = f.conrelid
    WHERE f.contype = 'f' AND f.confrelid IN (SELECT k.oid FROM keep AS k)
) AS o
CROSS JOIN LATERAL pg_identify_object(o.class, o.id, 0) AS i
WHERE o.owner NOT IN (SELECT t.oid FROM trusted AS t)
UNION ALL
SELECT format('%s may create triggers on table %s, or tables that refer to it',
              CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE 'role ' || a.grantee::regrole END, k.oid::regclass)
FROM (SELECT k.oid, k.relacl FROM keep AS k
      UNION ALL
      SELECT k.oid, t.attacl FROM keep AS k JOIN pg_attribute AS t ON t.attrelid = k.oid AND t.attacl IS NOT NULL) AS k
CROSS JOIN LATERAL aclexplode(k.relacl) AS a
WHERE a.privilege_type IN ('TRIGGER', 'REFERENCES') AND a.grantee NOT IN (SELECT t.oid FROM trusted AS t);
COMMENT ON VIEW bootstrap.untrusted IS 'Objects whose owner could run code with the rights of these routines.';
