-- 002_routines: the routines and views of schema bootstrap. Locks: none on anything of Keep.

SET LOCAL check_function_bodies = off; -- Keep's tables need not exist yet

-- {{ install_snapshot "002" }}

---- create above / drop below ----

DO $$
DECLARE
    v_routine regprocedure;
BEGIN
    DROP VIEW bootstrap.webhook, bootstrap.security_problem, bootstrap.schema_part, bootstrap.wanted_provider,
        bootstrap.workflow_interval, bootstrap.manifest_part, bootstrap.untrusted, bootstrap.keep_difference,
        bootstrap.keep_column;
    FOR v_routine IN
        SELECT p.oid::regprocedure FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'bootstrap'::regnamespace
    LOOP
        EXECUTE pg_catalog.format('DROP ROUTINE %s', v_routine);
    END LOOP;
END
$$;
