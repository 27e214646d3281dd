-- bootstrap.install(tenant_id, manifest [, options]): makes what the tenant has that of the JSON manifest, all kinds at once.
--
-- The manifest: {"providers": ..., "workflows": [...], "dashboards": [...], "mapping_rules": [...], "default_user": {...},
-- "api_keys": [...]}, each part optional (docs/psql.md); a part that is absent is not touched. Keep's own form of
-- providers alone is taken too. In one transaction and in this order: tenant, user, API keys, providers, deduplication
-- rules, workflows, dashboards, mapping rules. A literal in a statement can be logged by the server: with real secrets,
-- use \copy and install_staged.
-- Guarantees, options and errors: as install_staged; KB027 when this Keep lacks the tables of a kind.
-- (The file is not called install.sql because that is the list of all routines, a name that tern gives.)
CREATE OR REPLACE PROCEDURE bootstrap.install(p_tenant_id text, p_manifest json, p_options jsonb DEFAULT '{}')
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
    PERFORM bootstrap._require_writable();
    PERFORM bootstrap._require_trusted_tables();
    DELETE FROM bootstrap.manifest_staging AS s WHERE s.transaction_id = pg_current_xact_id();
    INSERT INTO bootstrap.manifest_staging (line) VALUES (p_manifest::text);
    CALL bootstrap._settle_staging();
    CALL bootstrap._install(p_tenant_id, p_options);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
        v_hint = PG_EXCEPTION_HINT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME, v_constraint = CONSTRAINT_NAME;
    PERFORM bootstrap._reraise(v_state, v_message, v_detail, v_hint, v_schema, v_table, v_constraint);
END
$$;

COMMENT ON PROCEDURE bootstrap.install(text, json, jsonb) IS
'Makes what the tenant has that of the JSON manifest, all kinds at once, atomically. Safe to repeat. A literal can be logged by the server: with real secrets use COPY and install_staged. Options: see _check_options.';

REVOKE ALL ON PROCEDURE bootstrap.install(text, json, jsonb) FROM PUBLIC;
