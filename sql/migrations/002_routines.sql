-- 002_routines: the routines of schema bootstrap, from the frozen copy of sql/functions in snapshots/002.
-- Compatible with older binaries. Locks: none on anything of Keep.

-- As pg_dump restores: the tests and plpgsql_check have read every body, and reading them again takes a tenth of the time of all migrations.
SET LOCAL check_function_bodies = off;

-- {{ install_snapshot "002" }}

INSERT INTO bootstrap.migration (version, name, breaking) VALUES (2, 'routines', false);

---- create above / drop below ----

DO $$
DECLARE
    v_routine regprocedure;
BEGIN
    FOR v_routine IN
        SELECT p.oid::regprocedure FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'bootstrap'::regnamespace
    LOOP
        EXECUTE pg_catalog.format('DROP ROUTINE %s', v_routine);
    END LOOP;
END
$$;

DELETE FROM bootstrap.migration WHERE version = 2;
