-- Looks at catalogs alone, before anything of schema bootstrap is read or called, and works as the role that owns it.
--
-- Refused (KB013) is a schema, or an object in it, whose owner is neither the caller, the owner of Keep's tables nor a superuser:
-- its code would run with our rights. A role that may become the owner works as the owner until the end of the transaction, so
-- that nothing is created by, or runs with the rights of, a superuser.
DO $guard$
DECLARE
    v_keep    oid := (SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.oid = pg_catalog.to_regclass('public.provider'));
    v_schema  oid := (SELECT n.nspowner FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'bootstrap');
    v_owner   oid := coalesce(v_schema, v_keep);
    v_foreign text;
BEGIN
    SELECT pg_catalog.string_agg(pg_catalog.format('%s belongs to role %s', o.label, o.owner::regrole), E'\n' ORDER BY o.label)
    INTO v_foreign
    FROM (
        SELECT 'schema bootstrap' AS label, v_schema AS owner
        UNION ALL
        SELECT pg_catalog.format('relation bootstrap.%I', c.relname), c.relowner
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'bootstrap'
        UNION ALL
        SELECT pg_catalog.format('routine bootstrap.%I', p.proname), p.proowner
        FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = 'bootstrap'
        UNION ALL
        SELECT pg_catalog.format('type bootstrap.%I', t.typname), t.typowner
        FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace WHERE n.nspname = 'bootstrap'
        UNION ALL
        SELECT pg_catalog.format('the function of trigger %I on bootstrap.%I', g.tgname, c.relname), p.proowner
        FROM pg_catalog.pg_trigger AS g
        JOIN pg_catalog.pg_class AS c ON c.oid = g.tgrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
        WHERE n.nspname = 'bootstrap' AND NOT g.tgisinternal
    ) AS o
    JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner
    WHERE o.owner <> coalesce(v_keep, 0) AND r.rolname <> current_user AND NOT r.rolsuper;
    IF v_foreign IS NOT NULL THEN
        RAISE EXCEPTION 'untrusted: %', pg_catalog.split_part(v_foreign, E'\n', 1)
            USING ERRCODE = 'KB013', DETAIL = v_foreign,
                  HINT = 'Nothing was read or called. Drop the schema, or give it to the owner of Keep''s tables with ALTER ... OWNER TO.';
    END IF;
    IF v_owner IS NOT NULL AND v_owner <> (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user)
       AND pg_catalog.pg_has_role(current_user, v_owner, 'MEMBER') THEN
        PERFORM pg_catalog.set_config('role', (SELECT r.rolname FROM pg_catalog.pg_roles AS r WHERE r.oid = v_owner), true);
    END IF;
END
$guard$;
