-- bootstrap.history([tenant_id]): the runs of a tenant in the journal, applied and failed, newest first. Reads only.
CREATE FUNCTION bootstrap.history(p_tenant_id text DEFAULT 'keep') RETURNS SETOF bootstrap.run
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT r.* FROM bootstrap.run AS r WHERE r.tenant_id = p_tenant_id ORDER BY r.run_id DESC;
END
$$;
COMMENT ON FUNCTION bootstrap.history(text) IS 'The runs of a tenant in the journal, newest first. Works on a standby.';
