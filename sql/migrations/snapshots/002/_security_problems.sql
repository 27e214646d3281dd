-- bootstrap._security_problems(): what of schema bootstrap is not as the mode in bootstrap.setting wants it, one text each.
--
-- In both modes: a privilege of PUBLIC, a routine whose mode was reset (CREATE OR REPLACE does that silently). In mode
-- definer also: a role that does not exist, that lacks a privilege, that has more than its own, or that is a member of the
-- owner; any other role with a privilege; objects of different owners; tables of Keep of another owner. Reads catalogs
-- and bootstrap.setting only.
CREATE OR REPLACE FUNCTION bootstrap._security_problems() RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH setting AS (
        SELECT g.security, o.relowner AS owner, g.runner_role, g.auditor_role,
               (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = g.runner_role) AS runner,
               (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = g.auditor_role) AS auditor
        FROM bootstrap.setting AS g
        JOIN pg_class AS o ON o.oid = 'bootstrap.setting'::regclass
    ),
    routine AS MATERIALIZED ( -- once: it reads all of pg_proc
        SELECT x.routine, x.is_definer, x.for_runner, x.for_auditor, p.prosecdef, p.proowner, p.proacl
        FROM bootstrap._routine_security() AS x
        JOIN pg_proc AS p ON p.oid = x.routine
    ),
    object AS (
        SELECT format('routine %s', x.routine) AS label, x.proowner AS owner,
               coalesce(x.proacl, acldefault('f', x.proowner)) AS acl, x.for_runner, x.for_auditor
        FROM routine AS x
        UNION ALL
        SELECT format('relation %s', c.oid::regclass), c.relowner, coalesce(c.relacl, acldefault('r', c.relowner)),
               c.relname IN ('schema_version', 'migration'), c.relname IN ('schema_version', 'migration')
        FROM pg_class AS c
        WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind IN ('r', 'v', 'S')
        UNION ALL
        SELECT format('column %s.%I', c.oid::regclass, a.attname), c.relowner, a.attacl, c.relname LIKE E'%\\_staging' AND a.attname <> 'transaction_id', false
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'bootstrap'::regnamespace AND a.attacl IS NOT NULL
        UNION ALL
        SELECT format('schema %I', n.nspname), n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)), true, true
        FROM pg_namespace AS n
        WHERE n.nspname = 'bootstrap'
    ),
    granted AS (
        SELECT o.label, o.for_runner, o.for_auditor, a.grantee, a.privilege_type, s.security, s.runner, s.auditor
        FROM object AS o
        CROSS JOIN LATERAL aclexplode(o.acl) AS a
        CROSS JOIN setting AS s
        WHERE a.grantee <> o.owner
    )
    SELECT p.problem
    FROM (
        SELECT 1, format('routine %s is SECURITY %s', x.routine, CASE WHEN x.prosecdef THEN 'DEFINER' ELSE 'INVOKER' END)
        FROM routine AS x
        WHERE x.prosecdef <> x.is_definer
        UNION ALL
        SELECT 2, format('%s has %s on %s', CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE 'role ' || g.grantee::regrole END, g.privilege_type, g.label)
        FROM granted AS g
        WHERE g.grantee = 0
           OR (g.security = 'definer'
               AND NOT (coalesce(g.grantee = g.runner, false) AND g.for_runner AND g.privilege_type IN ('EXECUTE', 'USAGE', 'INSERT', 'SELECT')
                        OR coalesce(g.grantee = g.auditor, false) AND g.for_auditor AND g.privilege_type IN ('EXECUTE', 'USAGE', 'SELECT')))
        UNION ALL
        SELECT 3, format('role %I does not exist', r.name)
        FROM setting AS s CROSS JOIN LATERAL (VALUES (s.runner_role, s.runner), (s.auditor_role, s.auditor)) AS r (name, oid)
        WHERE r.name IS NOT NULL AND r.oid IS NULL
        UNION ALL
        SELECT 4, format('role %s may not execute routine %s', r.oid::regrole, x.routine)
        FROM setting AS s
        CROSS JOIN routine AS x
        CROSS JOIN LATERAL (VALUES (s.runner, x.for_runner), (s.auditor, x.for_auditor)) AS r (oid, is_meant)
        WHERE r.oid IS NOT NULL AND r.is_meant AND NOT has_function_privilege(r.oid, x.routine, 'EXECUTE')
        UNION ALL
        SELECT 5, format('role %s has the rights of the owner, role %s', r.oid::regrole, s.owner::regrole)
        FROM setting AS s CROSS JOIN LATERAL (VALUES (s.runner), (s.auditor)) AS r (oid)
        WHERE pg_has_role(r.oid, s.owner, 'MEMBER')
        UNION ALL
        SELECT 6, format('%s belongs to role %s, not to %s', o.label, o.owner::regrole, s.owner::regrole)
        FROM object AS o
        CROSS JOIN setting AS s
        WHERE s.security = 'definer' AND o.owner <> s.owner
        UNION ALL
        SELECT 7, u.untrusted
        FROM setting AS s
        CROSS JOIN LATERAL bootstrap._untrusted_tables() AS u (untrusted)
        WHERE s.security = 'definer'
    ) AS p (rank, problem)
    ORDER BY p.rank, p.problem;
END
$$;

COMMENT ON FUNCTION bootstrap._security_problems() IS
'What of schema bootstrap is not as the mode of its routines and the privileges of its roles should be, one text each.';

REVOKE ALL ON FUNCTION bootstrap._security_problems() FROM PUBLIC;
