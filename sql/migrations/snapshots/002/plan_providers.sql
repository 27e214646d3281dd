-- bootstrap.plan_providers(tenant_id, manifest [, options]): the rows that install_providers would write.
--
-- plan() for a manifest of providers alone. The same diff as install. The column refusal holds the SQLSTATE with which a guard would refuse the run because of
-- the row. No row means: nothing to do. Writes nothing but staging rows, which it removes again; works in a read-only transaction and on a
-- standby. A literal can be logged by the server, as in install_providers.
-- Errors: KB001, KB002, KB010 to KB012.
CREATE OR REPLACE FUNCTION bootstrap.plan_providers(p_tenant_id text, p_manifest json, p_options jsonb DEFAULT '{}')
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
SET row_security = off
AS $$
BEGIN
    PERFORM bootstrap._require_providers_only(p_manifest);
    RETURN QUERY SELECT p.* FROM bootstrap.plan(p_tenant_id, p_manifest, p_options) AS p;
END
$$;

COMMENT ON FUNCTION bootstrap.plan_providers(text, json, jsonb) IS
'The rows that install_providers would write. Writes nothing; works in a read-only transaction and on a standby.';

REVOKE ALL ON FUNCTION bootstrap.plan_providers(text, json, jsonb) FROM PUBLIC;
