-- bootstrap._write_dashboards(tenant_id): writes the dashboards that work says.
--
-- Of an existing dashboard only name and configuration change. The order of keys in a configuration is kept.
-- Errors: KB040, KB041.
CREATE PROCEDURE bootstrap._write_dashboards(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now     timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_wanted  bigint;
    v_written bigint;
BEGIN
    WITH target AS MATERIALIZED (
        SELECT w.object_id, w.row_version FROM bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'dashboard' AND w.action = 'prune'
    ),
    gone AS (
        DELETE FROM public.dashboard AS d USING target AS t
        WHERE d.tenant_id = p_tenant_id AND d.id = t.object_id AND d.xmin = t.row_version
        RETURNING d.id
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM gone) INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('dashboard', v_wanted, v_written, 'id', p_targets => 'w.action = ''prune''');

    WITH target AS MATERIALIZED (
        SELECT w.object_id, w.row_version, w.name, s.content::json AS config
        FROM bootstrap.work AS w
        JOIN bootstrap.staging AS s
          ON s.transaction_id = pg_current_xact_id() AND s.kind = 'dashboard' AND s.position = w.position
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'dashboard'
          AND w.action IN ('update', 'rename', 'adopt')
          AND NOT w.state_only
    ),
    updated AS (
        UPDATE public.dashboard AS d
        SET dashboard_name = t.name, dashboard_config = t.config, updated_by = 'system', updated_at = v_now
        FROM target AS t
        WHERE d.tenant_id = p_tenant_id AND d.id = t.object_id AND d.xmin = t.row_version
        RETURNING d.dashboard_config::text = t.config::text AND d.dashboard_name = t.name AS is_written
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FILTER (WHERE u.is_written) FROM updated AS u)
    INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('dashboard', v_wanted, v_written, 'id');

    WITH target AS MATERIALIZED (
        SELECT w.new_object_id, w.name, s.content::json AS config
        FROM bootstrap.work AS w
        JOIN bootstrap.staging AS s
          ON s.transaction_id = pg_current_xact_id() AND s.kind = 'dashboard' AND s.position = w.position
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'dashboard' AND w.action = 'add'
    ),
    inserted AS (
        INSERT INTO public.dashboard (id, tenant_id, dashboard_name, dashboard_config, created_by, created_at,
                                      updated_at, is_active, is_private)
        SELECT t.new_object_id, p_tenant_id, t.name, t.config, 'system', v_now, v_now, true, false FROM target AS t
        RETURNING id
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM inserted) INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('dashboard', v_wanted, v_written);
END
$$;
