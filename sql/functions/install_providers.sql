-- bootstrap.install_providers(tenant_id, manifest [, options]): makes the tenant's providers those of the JSON manifest.
--
-- install() for a manifest of providers alone: Keep's own form {"name": {"type": ..., "authentication": ...}} or
-- the list form [{"name": ..., "type": ...}]. A literal in a statement can be logged by the server (log_statement,
-- pg_stat_activity): with real secrets, use \copy and install_staged (docs/psql.md).
-- Guarantees, options and errors: as install_staged.
CREATE OR REPLACE PROCEDURE bootstrap.install_providers(p_tenant_id text, p_manifest json, p_options jsonb DEFAULT '{}')
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
BEGIN
    PERFORM bootstrap._require_providers_only(p_manifest);
    CALL bootstrap.install(p_tenant_id, p_manifest, p_options);
END
$$;

COMMENT ON PROCEDURE bootstrap.install_providers(text, json, jsonb) IS
'Makes the tenant''s providers those of the JSON manifest, atomically. Safe to repeat. A literal can be logged by the server: with real secrets use COPY and install_staged. Options: see _check_options.';

REVOKE ALL ON PROCEDURE bootstrap.install_providers(text, json, jsonb) FROM PUBLIC;
