-- bootstrap.history([tenant_id]): the runs of the tenant in the journal, newest first.
--
-- Runs that changed something, and runs that failed. Reads only; works on a standby.
CREATE OR REPLACE FUNCTION bootstrap.history(p_tenant_id text DEFAULT 'keep') RETURNS SETOF bootstrap.run
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT r.* FROM bootstrap.run AS r WHERE r.tenant_id = p_tenant_id ORDER BY r.run_id DESC;
END
$$;

COMMENT ON FUNCTION bootstrap.history(text) IS
'The runs of the tenant in the journal, newest first. Reads only; works on a standby.';

REVOKE ALL ON FUNCTION bootstrap.history(text) FROM PUBLIC;
