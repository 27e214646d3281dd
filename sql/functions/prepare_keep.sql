-- bootstrap.prepare_keep(): the foreign key from provider to tenant is DEFERRABLE INITIALLY IMMEDIATE afterwards.
--
-- Returns changed, unchanged, or absent (Keep's tables or the foreign key do not exist). The application sees no
-- difference: the constraint is still checked at the end of each statement unless a transaction defers it.
-- Safe to repeat; looks first and takes no lock when there is nothing to do.
-- Locks: ACCESS EXCLUSIVE on public.provider, ACCESS SHARE and more on public.tenant, waited for at most 200 ms, so
-- that the application never queues behind it for longer. Error 55P03 when that is not enough: roll back and repeat.
-- Undone by: bootstrap migrate --to 0.
CREATE OR REPLACE FUNCTION bootstrap.prepare_keep() RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms'
AS $$
DECLARE
    v_constraint text;
    v_is_ready   boolean;
    v_result     text := 'absent';
BEGIN
    FOR v_constraint, v_is_ready IN
        SELECT f.constraint_name, f.is_deferrable AND NOT f.initially_deferred FROM bootstrap._tenant_foreign_keys() AS f
    LOOP
        IF v_is_ready THEN
            v_result := CASE v_result WHEN 'changed' THEN v_result ELSE 'unchanged' END;
            CONTINUE;
        END IF;
        IF current_setting('transaction_read_only')::boolean THEN
            RAISE EXCEPTION 'the foreign key of public.provider cannot be made deferrable in a read-only transaction'
                USING ERRCODE = 'KB030', HINT = 'Connect to the primary server.';
        END IF;
        EXECUTE format('ALTER TABLE public.provider ALTER CONSTRAINT %I DEFERRABLE INITIALLY IMMEDIATE', v_constraint);
        v_result := 'changed';
    END LOOP;

    RETURN v_result;
END
$$;

COMMENT ON FUNCTION bootstrap.prepare_keep() IS
'Makes the foreign key from public.provider(tenant_id) to public.tenant(id) DEFERRABLE INITIALLY IMMEDIATE. Returns changed, unchanged or absent. Safe to repeat. Waits at most 200 ms for its lock, then 55P03.';

REVOKE ALL ON FUNCTION bootstrap.prepare_keep() FROM PUBLIC;
