-- bootstrap._write_dashboards(tenant_id): writes the dashboards of bootstrap.planned_change.
--
-- Values are those that Keep writes (keep/formats.md); of an existing dashboard only name and configuration change.
-- Error KB040 when a row is gone.
CREATE OR REPLACE PROCEDURE bootstrap._write_dashboards(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_now     timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_pruned  bigint;
    v_updated bigint;
    v_added   bigint;
BEGIN
    DELETE FROM public.dashboard AS d
    USING bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'dashboard' AND c.action = 'prune' AND d.tenant_id = p_tenant_id AND d.id = c.object_id;
    GET DIAGNOSTICS v_pruned = ROW_COUNT;

    UPDATE public.dashboard AS d
    SET dashboard_name   = CASE WHEN 'name' = ANY (c.fields) THEN c.name ELSE d.dashboard_name END,
        dashboard_config = CASE WHEN 'config' = ANY (c.fields) THEN s.content::json -> 'config' ELSE d.dashboard_config END,
        updated_by = 'system', updated_at = v_now
    FROM bootstrap.planned_change AS c
    JOIN bootstrap.resource_staging AS s ON s.transaction_id = pg_current_xact_id() AND s.kind = c.kind AND s.position = c.position
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'dashboard' AND c.action IN ('update', 'adopt') AND NOT c.state_only
      AND d.tenant_id = p_tenant_id AND d.id = c.object_id;
    GET DIAGNOSTICS v_updated = ROW_COUNT;

    INSERT INTO public.dashboard (id, tenant_id, dashboard_name, dashboard_config, created_by, created_at, updated_at, is_active, is_private)
    SELECT c.new_object_id, p_tenant_id, c.name, s.content::json -> 'config', 'system', v_now, v_now, true, false
    FROM bootstrap.planned_change AS c
    JOIN bootstrap.resource_staging AS s ON s.transaction_id = pg_current_xact_id() AND s.kind = c.kind AND s.position = c.position
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'dashboard' AND c.action = 'add';
    GET DIAGNOSTICS v_added = ROW_COUNT;

    PERFORM bootstrap._require_written('dashboard', v_pruned + v_updated + v_added);
END
$$;

COMMENT ON PROCEDURE bootstrap._write_dashboards(text) IS
'Writes the dashboards that are planned in this transaction.';

REVOKE ALL ON PROCEDURE bootstrap._write_dashboards(text) FROM PUBLIC;
