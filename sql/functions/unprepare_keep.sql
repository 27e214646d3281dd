-- bootstrap.unprepare_keep(): undoes prepare_keep(): the foreign key is NOT DEFERRABLE again, as Keep creates it.
--
-- Safe to repeat; takes no lock when there is nothing to do, otherwise as prepare_keep().
CREATE OR REPLACE FUNCTION bootstrap.unprepare_keep() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms'
AS $$
DECLARE
    v_constraint text;
BEGIN
    FOR v_constraint IN
        SELECT f.constraint_name FROM bootstrap._tenant_foreign_keys() AS f WHERE f.is_deferrable
    LOOP
        EXECUTE format('ALTER TABLE public.provider ALTER CONSTRAINT %I NOT DEFERRABLE', v_constraint);
    END LOOP;
END
$$;

COMMENT ON FUNCTION bootstrap.unprepare_keep() IS
'Makes the foreign key from public.provider(tenant_id) to public.tenant(id) NOT DEFERRABLE again, as Keep creates it.';

REVOKE ALL ON FUNCTION bootstrap.unprepare_keep() FROM PUBLIC;
