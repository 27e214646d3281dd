-- bootstrap.plan(tenant_id, manifest [, options]): the rows that install() would write, with refusals.
--
-- Works on a standby, in a read-only transaction and at every isolation level: nothing is staged there, and report()
-- returns no row. A literal can be logged by the server, as in install(). Errors: as plan_staged.
CREATE FUNCTION bootstrap.plan(p_tenant_id text, p_manifest json, p_options jsonb DEFAULT '{}')
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off -- a wrong estimate must not make it quadratic
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
SET row_security = off
AS $$
DECLARE
    v_error bootstrap.error;
BEGIN
    IF NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::boolean
       AND current_setting('transaction_isolation') IN ('read committed', 'read uncommitted')
    THEN
        DELETE FROM bootstrap.staging AS s WHERE s.transaction_id = pg_current_xact_id();
        DELETE FROM bootstrap.manifest_staging AS s WHERE s.transaction_id = pg_current_xact_id();
        INSERT INTO bootstrap.manifest_staging (line) VALUES (p_manifest::text);
        RETURN QUERY SELECT p.* FROM bootstrap.plan_staged(p_tenant_id, p_options) AS p;
        RETURN;
    END IF;

    PERFORM bootstrap._begin(p_tenant_id, p_options, coalesce(p_manifest, 'null'));
    RETURN QUERY
    SELECT d.sequence, d.kind, d.action, d.name,
           CASE WHEN d.live_name <> d.name AND d.action <> 'unchanged' THEN d.live_name END,
           CASE d.kind WHEN 'provider' THEN d.type END,
           CASE WHEN d.kind IN ('provider', 'deduplication_rule') THEN d.type END,
           CASE WHEN d.action <> 'add' THEN d.object_id END,
           CASE WHEN d.new_object_id IN (d.object_id, d.wanted_id, d.name) THEN d.new_object_id END,
           d.position, d.fields, d.drift, d.reason, d.refusal, d.state_only, d.notes
    FROM bootstrap._diff(p_tenant_id, p_options) AS d
    ORDER BY d.sequence;
    PERFORM set_config('bootstrap.manifest', '', true);
EXCEPTION WHEN OTHERS OR assert_failure OR query_canceled THEN
    GET STACKED DIAGNOSTICS v_error.state = RETURNED_SQLSTATE, v_error.message = MESSAGE_TEXT,
        v_error.detail = PG_EXCEPTION_DETAIL, v_error.hint = PG_EXCEPTION_HINT, v_error.table_name = TABLE_NAME,
        v_error.constraint_name = CONSTRAINT_NAME, v_error.context = PG_EXCEPTION_CONTEXT;
    PERFORM bootstrap._reraise(v_error);
END
$$;
COMMENT ON FUNCTION bootstrap.plan(text, json, jsonb) IS
'The rows that install would write, of all kinds. Writes nothing.';
