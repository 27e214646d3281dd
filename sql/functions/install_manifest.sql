-- bootstrap.install(tenant_id, manifest [, options]): installs a JSON manifest of all kinds for a tenant.
--
-- Like install_staged, with the manifest as an argument. A literal in a statement can be logged by the server
-- (log_statement, pg_stat_activity): with real secrets, use \copy and install_staged (docs/psql.md).
CREATE PROCEDURE bootstrap.install(p_tenant_id text, p_manifest json, p_options jsonb DEFAULT '{}')
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
BEGIN
    IF pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'cannot write: the server is a standby, or the transaction is read-only'
            USING ERRCODE = 'KB030', HINT = 'Connect to the primary server.';
    END IF;
    DELETE FROM bootstrap.staging AS s WHERE s.transaction_id = pg_current_xact_id();
    DELETE FROM bootstrap.manifest_staging AS s WHERE s.transaction_id = pg_current_xact_id();
    INSERT INTO bootstrap.manifest_staging (line) VALUES (coalesce(p_manifest, 'null')::text);
    CALL bootstrap.install_staged(p_tenant_id, p_options);
END
$$;
COMMENT ON PROCEDURE bootstrap.install(text, json, jsonb) IS
'Installs a JSON manifest of all kinds for a tenant. Safe to repeat.';
