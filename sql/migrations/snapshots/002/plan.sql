-- bootstrap.plan(tenant_id, manifest [, options]): the rows that install would write, of all kinds.
--
-- The manifest is that of install, and so is the diff. The column refusal holds the SQLSTATE with which a guard would
-- refuse the run because of the row. No row means: nothing to do. Writes nothing but staging rows, which it removes
-- again; works in a read-only transaction and on a standby. A literal can be logged by the server, as in install.
-- Errors: KB001, KB002, KB010 to KB012, KB027.
CREATE OR REPLACE FUNCTION bootstrap.plan(p_tenant_id text, p_manifest json, p_options jsonb DEFAULT '{}')
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
SET row_security = off
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
    PERFORM bootstrap._check_options(p_options);
    PERFORM bootstrap._require_trusted_tables();
    PERFORM bootstrap.require_keep('provider');
    PERFORM bootstrap._require_tenant(p_tenant_id, p_options);
    IF NOT pg_is_in_recovery()
       AND NOT current_setting('transaction_read_only')::boolean
       AND current_setting('transaction_isolation') IN ('read committed', 'read uncommitted')
       AND NOT EXISTS (SELECT FROM bootstrap.provider_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned())
       AND NOT EXISTS (SELECT FROM bootstrap.manifest_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned())
       AND NOT EXISTS (SELECT FROM bootstrap.resource_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned())
    THEN
        -- From staging, the manifest is in no variable that auto_explain could show.
        INSERT INTO bootstrap.manifest_staging (line) VALUES (p_manifest::text);
        RETURN QUERY SELECT p.* FROM bootstrap.plan_staged(p_tenant_id, p_options) AS p;
        RETURN;
    END IF;

    PERFORM bootstrap._check_manifest(coalesce(p_manifest, 'null'), p_options);
    PERFORM bootstrap._require_kinds(p_manifest);
    IF bootstrap._is_stale(p_tenant_id, p_options) THEN
        RAISE WARNING 'generation % is older than the one that is installed: nothing would be done', p_options ->> 'generation';
        RETURN;
    END IF;
    IF bootstrap._given_kinds(p_manifest) && ARRAY['provider', 'api_key'] THEN
        PERFORM bootstrap._require_database_secrets(p_tenant_id, p_options, EXISTS (
            SELECT FROM bootstrap._plan(p_tenant_id, p_manifest, p_options) AS c WHERE NOT (c.action = 'unchanged' AND NOT c.state_only)));
    END IF;
    RETURN QUERY SELECT p.* FROM bootstrap._plan(p_tenant_id, p_manifest, p_options) AS p ORDER BY p.sequence;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
        v_hint = PG_EXCEPTION_HINT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME, v_constraint = CONSTRAINT_NAME;
    PERFORM bootstrap._reraise(v_state, v_message, v_detail, v_hint, v_schema, v_table, v_constraint);
END
$$;

COMMENT ON FUNCTION bootstrap.plan(text, json, jsonb) IS
'The rows that install would write, of all kinds. Writes nothing; works in a read-only transaction and on a standby.';

REVOKE ALL ON FUNCTION bootstrap.plan(text, json, jsonb) FROM PUBLIC;
