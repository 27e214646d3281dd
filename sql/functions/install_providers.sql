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
DECLARE
    v_state      text;
    v_message    text;
    v_detail     text;
    v_hint       text;
    v_schema     text;
    v_table      text;
    v_constraint text;
BEGIN
    PERFORM bootstrap._require_providers_only(p_manifest);
    CALL bootstrap.install(p_tenant_id, p_manifest, p_options);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
        v_hint = PG_EXCEPTION_HINT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME, v_constraint = CONSTRAINT_NAME;
    PERFORM bootstrap._reraise(v_state, v_message, v_detail, v_hint, v_schema, v_table, v_constraint);
END
$$;

COMMENT ON PROCEDURE bootstrap.install_providers(text, json, jsonb) IS
'Makes the tenant''s providers those of the JSON manifest, atomically. Safe to repeat. A literal can be logged by the server: with real secrets use COPY and install_staged. Options: see _check_options.';

REVOKE ALL ON PROCEDURE bootstrap.install_providers(text, json, jsonb) FROM PUBLIC;
