-- Reads catalogs only, before anything in schema bootstrap is read or called, and switches to the role that owns the schema.
--
-- Refuses (KB013) a schema, or an object in it, whose owner is neither the caller, the owner of Keep's tables nor a superuser: its
-- code would run with the caller's rights. A caller who may become the owner works as the owner until the end of the transaction,
-- so that nothing is created by, or runs with the rights of, a superuser where Keep's tables exist already.
DO $guard$
DECLARE
    v_keep    oid := (SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.oid = pg_catalog.to_regclass('public.provider'));
    v_schema  oid := (SELECT n.nspowner FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'bootstrap');
    v_owner   oid := coalesce(v_schema, v_keep);
    v_foreign text;
BEGIN
    SELECT pg_catalog.string_agg(pg_catalog.format('%s %s belongs to role %s', i.type, i.identity, o.owner::regrole), E'\n'
                                 ORDER BY i.identity)
    INTO v_foreign
    FROM (
        SELECT 'pg_catalog.pg_namespace'::regclass AS class, pg_catalog.to_regnamespace('bootstrap')::oid AS id, v_schema AS owner
        UNION ALL
        SELECT s.classid, s.objid, s.refobjid -- whatever is in the schema, and its owner
        FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_shdepend AS s ON s.classid = d.classid AND s.objid = d.objid AND s.deptype = 'o'
        JOIN pg_catalog.pg_database AS b ON b.oid = s.dbid AND b.datname = pg_catalog.current_database()
        WHERE d.refclassid = 'pg_catalog.pg_namespace'::regclass AND d.refobjid = pg_catalog.to_regnamespace('bootstrap')
        UNION ALL
        SELECT 'pg_catalog.pg_trigger'::regclass, g.oid, p.proowner -- of its function
        FROM pg_catalog.pg_trigger AS g
        JOIN pg_catalog.pg_class AS c ON c.oid = g.tgrelid AND c.relnamespace = pg_catalog.to_regnamespace('bootstrap')
        JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
        WHERE NOT g.tgisinternal
    ) AS o
    JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner
    CROSS JOIN LATERAL pg_catalog.pg_identify_object(o.class, o.id, 0) AS i
    WHERE o.owner <> coalesce(v_keep, 0) AND r.rolname <> current_user AND NOT r.rolsuper;
    IF v_foreign IS NOT NULL THEN
        RAISE EXCEPTION 'untrusted: %', pg_catalog.split_part(v_foreign, E'\n', 1)
            USING ERRCODE = 'KB013', DETAIL = v_foreign,
                  HINT = 'Nothing was read or called. Drop the schema, or give it to the owner of Keep''s tables with ALTER ... OWNER TO.';
    END IF;
    IF v_owner IS NOT NULL AND v_owner <> (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user)
       AND pg_catalog.pg_has_role(current_user, v_owner,
               CASE WHEN pg_catalog.current_setting('server_version_num')::integer < 160000 THEN 'MEMBER' ELSE 'SET' END)
    THEN
        PERFORM pg_catalog.set_config('role', (SELECT r.rolname FROM pg_catalog.pg_roles AS r WHERE r.oid = v_owner), true);
    END IF;
END
$guard$;
