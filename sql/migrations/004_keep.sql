-- 004_keep: privileges, the tenant, and the foreign key of Keep's table provider.
--
-- Whatever default privileges the database has, only the owner may use what was created: these tables hold digests and
-- their key. roles.sql grants what a runner and an auditor need.
-- The tenant is created where Keep's tables exist, and never changed (INSERT ... ON CONFLICT DO NOTHING in
-- ensure_tenant).
-- The foreign key becomes DEFERRABLE INITIALLY IMMEDIATE. Runs write the tenant first, so they do not need it; it lets
-- other scripts insert in any order. Its lock, ACCESS EXCLUSIVE on public.provider, is waited for at most 200 ms and
-- held until COMMIT.
-- Where it cannot be acquired, a WARNING says so, and every later keep-bootstrap up tries again.
-- Undone by keep-bootstrap migrate --to 0.

DO $$
DECLARE
    v_statement text;
BEGIN
    FOR v_statement IN
        SELECT DISTINCT pg_catalog.format('REVOKE ALL ON %s FROM %s', o.label,
                                          CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
        FROM (
            SELECT 'SCHEMA bootstrap' AS label, n.nspowner AS owner, n.nspacl AS acl FROM pg_catalog.pg_namespace AS n
            WHERE n.nspname = 'bootstrap'
            UNION ALL
            SELECT pg_catalog.format(CASE c.relkind WHEN 'S' THEN 'SEQUENCE %s' ELSE 'TABLE %s' END, c.oid::regclass),
                   c.relowner, c.relacl
            FROM pg_catalog.pg_class AS c
            WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind IN ('r', 'v', 'S')
            UNION ALL
            SELECT pg_catalog.format('ROUTINE %s', p.oid::regprocedure), p.proowner,
                   coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
            FROM pg_catalog.pg_proc AS p
            WHERE p.pronamespace = 'bootstrap'::regnamespace
        ) AS o
        CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
        WHERE a.grantee <> o.owner
    LOOP
        EXECUTE v_statement;
    END LOOP;
    UPDATE bootstrap.setting AS g
    SET parts = (SELECT pg_catalog.jsonb_object_agg(p.name, p.hash) FROM bootstrap.schema_part AS p);
    IF pg_catalog.to_regclass('public.tenant') IS NOT NULL
       AND pg_catalog.current_setting('bootstrap.keep_later', true) IS DISTINCT FROM 'on'
    THEN
        PERFORM bootstrap.ensure_tenant('keep', 'Single Tenant');
        IF bootstrap.prepare_keep() = 'locked' THEN
            RAISE WARNING 'the application holds a lock on table provider: its foreign key is not deferrable yet'
                USING HINT = 'Runs do not need it. To change it later: SELECT bootstrap.prepare_keep();';
        END IF;
    END IF;
END
$$;

---- create above / drop below ----

-- The tenant stays: a row of Keep is never removed. Nothing is removed before the foreign key is as Keep creates it.
DO $$
BEGIN
    IF bootstrap.prepare_keep(false) = 'locked' THEN
        RAISE EXCEPTION 'the application holds a lock on table provider' USING ERRCODE = 'lock_not_available';
    END IF;
END
$$;
