-- bootstrap.plan_staged(tenant_id [, options]): the rows that install_staged would write, with refusals.
--
-- Stages like install_staged, writes nothing else, and empties staging. report() in the same transaction then has
-- plan_digest, which binds a later run to this plan, and the error with which a run would be refused. Names and ids
-- only, never a value; the id of a new row only where it is known beforehand. Options and errors: as install_staged.
CREATE FUNCTION bootstrap.plan_staged(p_tenant_id text, p_options jsonb DEFAULT '{}')
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off -- a wrong estimate must not make it quadratic
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_generic_plan -- each statement is planned once
SET row_security = off
AS $$
DECLARE
    v_report bootstrap.run_report;
    v_error  bootstrap.error;
    v_stored bigint;
BEGIN
    PERFORM bootstrap._begin(p_tenant_id, p_options);
    v_stored := (SELECT t.generation FROM bootstrap.tenant AS t WHERE t.tenant_id = p_tenant_id);
    IF (p_options ->> 'generation')::bigint < v_stored THEN
        RAISE WARNING 'generation % is older than the installed one, %: nothing would be done',
            p_options ->> 'generation', v_stored;
    ELSE
        INSERT INTO bootstrap.work SELECT d.* FROM bootstrap._diff(p_tenant_id, p_options) AS d;
        v_report := bootstrap._judge(p_tenant_id, p_options || '{"plan_digest": null}');
    END IF;
    v_report.tenant_id := p_tenant_id;
    PERFORM set_config('bootstrap.report', to_json(v_report)::text, true);
    RETURN QUERY
    SELECT w.sequence, w.kind, w.action, w.name,
           CASE WHEN w.live_name <> w.name AND w.action <> 'unchanged' THEN w.live_name END,
           CASE w.kind WHEN 'provider' THEN w.type END,
           CASE WHEN w.kind IN ('provider', 'deduplication_rule') THEN w.type END,
           CASE WHEN w.action <> 'add' THEN w.object_id END,
           CASE WHEN w.new_object_id IN (w.object_id, w.wanted_id, w.name) THEN w.new_object_id END,
           w.position, w.fields, w.drift, w.reason, w.refusal, w.state_only, w.notes
    FROM bootstrap.work AS w
    WHERE w.transaction_id = pg_current_xact_id()
    ORDER BY w.sequence;
    DELETE FROM bootstrap.staging AS s WHERE s.transaction_id = pg_current_xact_id();
    DELETE FROM bootstrap.work AS w WHERE w.transaction_id = pg_current_xact_id();
EXCEPTION WHEN OTHERS OR assert_failure OR query_canceled THEN
    GET STACKED DIAGNOSTICS v_error.state = RETURNED_SQLSTATE, v_error.message = MESSAGE_TEXT,
        v_error.detail = PG_EXCEPTION_DETAIL, v_error.hint = PG_EXCEPTION_HINT, v_error.table_name = TABLE_NAME,
        v_error.constraint_name = CONSTRAINT_NAME, v_error.context = PG_EXCEPTION_CONTEXT;
    PERFORM bootstrap._reraise(v_error);
END
$$;
COMMENT ON FUNCTION bootstrap.plan_staged(text, jsonb) IS 'The rows that install_staged would write. Writes nothing.';
