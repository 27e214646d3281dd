-- bootstrap.plan_staged(tenant_id [, options]): the rows that install_staged would write.
--
-- As plan_providers, over what COPY loaded into bootstrap.provider_staging in this transaction; staging is empty
-- afterwards. Writes nothing else. plan_digest() in the same transaction binds a later install_staged to this plan,
-- plan_refusal() says whether a guard would refuse it. Needs a transaction that may write, because COPY does (KB030).
CREATE OR REPLACE FUNCTION bootstrap.plan_staged(p_tenant_id text, p_options jsonb DEFAULT '{}')
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
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
    PERFORM bootstrap._require_writable();
    PERFORM bootstrap.require_keep('provider');
    PERFORM bootstrap._require_tenant(p_tenant_id, p_options);
    PERFORM bootstrap._require_staged();
    CALL bootstrap._settle_staging();
    PERFORM bootstrap._require_kinds(NULL);
    CALL bootstrap._set_aside_unchanged(p_tenant_id);
    PERFORM bootstrap._check_manifest(NULL, p_options);
    IF bootstrap._is_stale(p_tenant_id, p_options) THEN
        RAISE WARNING 'generation % is older than the one that is installed: nothing would be done', p_options ->> 'generation';
        CALL bootstrap._clear_staging();
        RETURN;
    END IF;

    CALL bootstrap._list_changes(p_tenant_id, p_options, false);
    PERFORM set_config('bootstrap.plan_digest', bootstrap._plan_digest(p_tenant_id), true),
            set_config('bootstrap.plan_refusal', coalesce((SELECT row_to_json(r)::text FROM bootstrap._refusal() AS r), ''), true);
    RETURN QUERY SELECT c.* FROM bootstrap.planned_change AS c WHERE c.transaction_id = pg_current_xact_id() ORDER BY c.sequence;
    CALL bootstrap._clear_staging();
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
        v_hint = PG_EXCEPTION_HINT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME, v_constraint = CONSTRAINT_NAME;
    PERFORM bootstrap._reraise(v_state, v_message, v_detail, v_hint, v_schema, v_table, v_constraint);
END
$$;

COMMENT ON FUNCTION bootstrap.plan_staged(text, jsonb) IS
'The rows that install_staged would write over what COPY loaded in this transaction.';

REVOKE ALL ON FUNCTION bootstrap.plan_staged(text, jsonb) FROM PUBLIC;
