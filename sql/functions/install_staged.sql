-- bootstrap.install_staged(tenant_id [, options]): installs what this transaction has staged. The run itself.
--
-- Load bootstrap.manifest_staging with \copy, and CALL in the same transaction: then no secret passes through a
-- statement that a server could log. All or nothing; safe to repeat, and from any number of sessions at once.
--   1. Check (_begin).
--   2. Compare a small manifest. If nothing differs, the run is done and has written nothing, not even a lock.
--   3. Take the lock of the tenant if it is free, and decide what to do. If there is nothing, the run is done.
--   4. Without the lock, wait for it (60 s) and decide again.
--   5. Refuse what the guards do not allow.
--   6. Write, kind by kind, each row by the version that the comparison saw.
--   7. Record state and journal, check deferred constraints, compare once more, report, and empty staging.
-- Lock order: row of the tenant in schema bootstrap, then Keep's rows in the order of the writes, waited for 500 ms
-- each (55P03). The report is a NOTICE, and a row of report(). Errors: class KB (docs/errors.md), 55P03. None quotes a
-- value. docs/psql.md says what each option means.
CREATE PROCEDURE bootstrap.install_staged(p_tenant_id text, p_options jsonb DEFAULT '{}')
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off -- a wrong estimate must not make it quadratic
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_generic_plan -- each statement is planned once, if the manifest is small
SET row_security = off
SET lock_timeout = '500ms'
AS $$
DECLARE
    v_generation bigint;
    v_stored     bigint;
    v_is_new     boolean := false;
    v_is_locked  boolean := false;
    v_is_done    boolean;
    v_is_small   boolean;
    v_is_stale   boolean := false;
    v_is_changed boolean := false;
    v_is_created boolean := false;
    v_touched    text[];
    v_judged     bootstrap.run_report;
    v_run_id     bigint;
    v_error      bootstrap.error;
BEGIN
    PERFORM bootstrap._begin(p_tenant_id, p_options);
    v_generation := (p_options ->> 'generation')::bigint;
    SELECT t.generation INTO v_stored FROM bootstrap.tenant AS t WHERE t.tenant_id = p_tenant_id;
    v_is_small := (SELECT count(*) FROM bootstrap._staged('provider')) <= 1000; -- planning takes longer than comparing
    IF NOT v_is_small THEN
        PERFORM set_config('plan_cache_mode', 'force_custom_plan', true); -- tables grow during the run
    END IF;
    v_is_done := v_is_small AND NOT p_options ? 'plan_digest'
                 AND coalesce(v_generation = v_stored, v_generation IS NULL)
                 AND NOT EXISTS (SELECT FROM bootstrap._pairs(
                                     p_tenant_id, current_setting('bootstrap.kinds')::text[], false))
                 AND EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id);
    IF NOT v_is_done THEN
        PERFORM set_config('lock_timeout', '60s', true); -- for another first run
        INSERT INTO bootstrap.tenant (tenant_id) VALUES (p_tenant_id) ON CONFLICT DO NOTHING;
        v_is_new := FOUND;
        PERFORM set_config('lock_timeout', '500ms', true);
        PERFORM FROM bootstrap.tenant AS t WHERE t.tenant_id = p_tenant_id FOR UPDATE SKIP LOCKED;
        v_is_locked := FOUND;
    END IF;

    WHILE NOT v_is_done LOOP -- at most twice: without the lock, and with it
        SELECT t.generation INTO v_stored FROM bootstrap.tenant AS t WHERE t.tenant_id = p_tenant_id;
        v_is_stale := coalesce(v_generation < v_stored, false);
        EXIT WHEN v_is_stale;
        INSERT INTO bootstrap.work SELECT d.* FROM bootstrap._diff(p_tenant_id, p_options) AS d;
        v_is_created := NOT EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id);
        v_is_changed := v_is_created OR EXISTS (
            SELECT FROM bootstrap.work AS w
            WHERE w.transaction_id = pg_current_xact_id()
              AND (w.action <> 'unchanged' OR w.state_only OR w.refusal IS NOT NULL));
        EXIT WHEN v_is_locked OR NOT (v_is_changed OR coalesce(v_generation > coalesce(v_stored, -1), false)
                                      OR p_options ? 'plan_digest');
        PERFORM set_config('lock_timeout', '60s', true);
        PERFORM FROM bootstrap.tenant AS t WHERE t.tenant_id = p_tenant_id FOR UPDATE;
        PERFORM set_config('lock_timeout', '500ms', true);
        v_is_locked := true;
        DELETE FROM bootstrap.work AS w WHERE w.transaction_id = pg_current_xact_id();
    END LOOP;

    IF NOT v_is_stale AND (v_is_changed OR p_options ?| ARRAY['plan_digest', 'secret_manager']) THEN
        v_judged := bootstrap._judge(p_tenant_id, p_options);
        IF v_judged.refusal IS NOT NULL THEN
            RAISE EXCEPTION '%', v_judged.message
                USING ERRCODE = v_judged.refusal, DETAIL = coalesce(v_judged.detail, ''), HINT = v_judged.hint;
        END IF;
    END IF;
    IF v_is_changed THEN
        v_run_id := nextval('bootstrap.run_run_id_seq');
        v_is_created := v_is_created AND bootstrap.ensure_tenant(p_tenant_id, coalesce(p_options ->> 'tenant_name',
            CASE p_tenant_id WHEN 'keep' THEN 'Single Tenant' ELSE p_tenant_id END)) = 'created';
        v_touched := ARRAY(SELECT DISTINCT w.kind FROM bootstrap.work AS w
                           WHERE w.transaction_id = pg_current_xact_id());
        IF 'user' = ANY (v_touched) THEN CALL bootstrap._write_users(p_tenant_id); END IF;
        IF 'api_key' = ANY (v_touched) THEN CALL bootstrap._write_api_keys(p_tenant_id); END IF;
        IF 'provider' = ANY (v_touched) THEN CALL bootstrap._write_providers(p_tenant_id); END IF;
        IF 'deduplication_rule' = ANY (v_touched) THEN CALL bootstrap._write_deduplication_rules(p_tenant_id); END IF;
        IF 'workflow' = ANY (v_touched) THEN CALL bootstrap._write_workflows(p_tenant_id); END IF;
        IF 'dashboard' = ANY (v_touched) THEN CALL bootstrap._write_dashboards(p_tenant_id); END IF;
        IF 'mapping_rule' = ANY (v_touched) THEN CALL bootstrap._write_mapping_rules(p_tenant_id); END IF;
        CALL bootstrap._record(p_tenant_id, v_run_id, p_options, v_is_created);
        -- Deferred triggers of Keep's tables fire here, where their errors are filtered. Not ALL: those on tables of
        -- the caller would run with our rights.
        EXECUTE coalesce('SET CONSTRAINTS ' || (
            SELECT string_agg(format('public.%I', t.conname), ', ')
            FROM (SELECT c.conname
                  FROM pg_constraint AS c
                  LEFT JOIN bootstrap.keep_column AS k ON c.conrelid = to_regclass(format('public.%I', k.table_name))
                  WHERE c.connamespace = to_regnamespace('public')
                  GROUP BY c.conname
                  HAVING bool_and(c.contype = 't' AND c.condeferrable AND k.kind IS NOT NULL)) AS t
        ) || ' IMMEDIATE', 'SELECT');
        PERFORM bootstrap._require_written(p_tenant_id, p_options);
        DELETE FROM bootstrap.object AS o -- not before: only what is remembered is known to be pruned
        USING bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.action = 'prune' AND o.tenant_id = p_tenant_id
          AND o.kind = w.kind AND o.object_id = w.object_id;
    ELSIF NOT v_is_stale AND v_generation > coalesce(v_stored, -1) THEN
        UPDATE bootstrap.tenant AS t SET generation = v_generation WHERE t.tenant_id = p_tenant_id;
    ELSIF v_is_new THEN
        DELETE FROM bootstrap.tenant AS t WHERE t.tenant_id = p_tenant_id;
    END IF;
    CALL bootstrap._report(p_tenant_id, v_run_id, p_options, v_is_created, v_is_stale);
    DELETE FROM bootstrap.staging AS s WHERE s.transaction_id = pg_current_xact_id();
    DELETE FROM bootstrap.work AS w WHERE w.transaction_id = pg_current_xact_id();
EXCEPTION WHEN OTHERS OR assert_failure OR query_canceled THEN
    GET STACKED DIAGNOSTICS v_error.state = RETURNED_SQLSTATE, v_error.message = MESSAGE_TEXT,
        v_error.detail = PG_EXCEPTION_DETAIL, v_error.hint = PG_EXCEPTION_HINT, v_error.table_name = TABLE_NAME,
        v_error.constraint_name = CONSTRAINT_NAME, v_error.context = PG_EXCEPTION_CONTEXT;
    PERFORM bootstrap._reraise(v_error);
END
$$;
COMMENT ON PROCEDURE bootstrap.install_staged(text, jsonb) IS
'Installs for a tenant what this transaction has staged. Safe to repeat.';
