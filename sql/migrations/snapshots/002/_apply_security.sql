-- bootstrap._apply_security(): brings routines and privileges to what bootstrap.setting says.
--
-- CREATE OR REPLACE sets a routine back to SECURITY INVOKER, and a new routine is granted to nobody, so the last line of
-- install.sql calls this: every migration that installs routines applies the mode again. Works on all objects of the
-- schema, whichever there are. A role that does not exist is passed over (verify names it). Safe to repeat.
-- Takes no lock on a table of Keep.
CREATE OR REPLACE PROCEDURE bootstrap._apply_security()
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_routine    regprocedure;
    v_table      regclass;
    v_is_definer boolean;
    v_role       name;
    v_is_auditor boolean;
    v_columns    name[];
BEGIN
    FOR v_routine, v_is_definer IN
        SELECT x.routine, x.is_definer
        FROM bootstrap._routine_security() AS x
        JOIN pg_proc AS p ON p.oid = x.routine
        WHERE p.prosecdef <> x.is_definer
    LOOP
        EXECUTE format('ALTER ROUTINE %s SECURITY %s', v_routine, CASE WHEN v_is_definer THEN 'DEFINER' ELSE 'INVOKER' END);
    END LOOP;

    FOR v_routine IN
        SELECT p.oid
        FROM pg_proc AS p
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
        WHERE p.pronamespace = 'bootstrap'::regnamespace AND a.grantee = 0
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', v_routine);
    END LOOP;

    FOR v_role, v_is_auditor IN
        SELECT r.rolname, r.rolname = g.auditor_role
        FROM bootstrap.setting AS g
        JOIN pg_roles AS r ON r.rolname IN (g.runner_role, g.auditor_role)
    LOOP
        CALL bootstrap._revoke_all(v_role);
        EXECUTE format('GRANT USAGE ON SCHEMA bootstrap TO %I', v_role);
        -- The program reads which version is installed before it calls anything.
        EXECUTE format('GRANT SELECT ON bootstrap.migration, bootstrap.schema_version TO %I', v_role);
        FOR v_routine IN
            SELECT x.routine FROM bootstrap._routine_security() AS x WHERE CASE WHEN v_is_auditor THEN x.for_auditor ELSE x.for_runner END
        LOOP
            EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', v_routine, v_role);
        END LOOP;
        -- transaction_id has its default, so that nobody stages rows for somebody else's transaction.
        FOR v_table, v_columns IN
            SELECT c.oid, array_agg(a.attname)
            FROM pg_class AS c
            JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' AND a.attname <> 'transaction_id'
            WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind = 'r' AND c.relname LIKE E'%\\_staging' AND NOT v_is_auditor
            GROUP BY c.oid
        LOOP
            EXECUTE format('GRANT INSERT (%s) ON %s TO %I', (SELECT string_agg(quote_ident(n.name), ', ') FROM unnest(v_columns) AS n (name)), v_table, v_role);
        END LOOP;
    END LOOP;
END
$$;

COMMENT ON PROCEDURE bootstrap._apply_security() IS
'Brings the mode of the routines and the privileges of the roles to what bootstrap.setting says. Every migration that installs routines calls it.';

REVOKE ALL ON PROCEDURE bootstrap._apply_security() FROM PUBLIC;
