-- bootstrap._write_dashboards(tenant_id): writes the dashboards of table work.
--
-- Only name and configuration of an existing dashboard change. The order of keys in a configuration is kept.
CREATE PROCEDURE bootstrap._write_dashboards(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamp := clock_timestamp() AT TIME ZONE 'UTC';
BEGIN
    DELETE FROM public.dashboard AS d
    USING bootstrap._to_write('dashboard') AS w
    WHERE w.action = 'prune' AND d.tenant_id = p_tenant_id AND d.id = w.object_id AND d.xmin = w.row_version;

    UPDATE public.dashboard AS d
    SET dashboard_name = w.name, dashboard_config = s.content::json, updated_by = 'system', updated_at = v_now
    FROM bootstrap._to_write('dashboard') AS w
    JOIN bootstrap._staged('dashboard') AS s ON s.position = w.position
    WHERE w.action IN ('update', 'rename', 'adopt') AND d.tenant_id = p_tenant_id AND d.id = w.object_id
      AND d.xmin = w.row_version;

    INSERT INTO public.dashboard (id, tenant_id, dashboard_name, dashboard_config, created_by, created_at, updated_at,
                                  is_active, is_private)
    SELECT w.new_object_id, p_tenant_id, w.name, s.content::json, 'system', v_now, v_now, true, false
    FROM bootstrap._to_write('dashboard') AS w
    JOIN bootstrap._staged('dashboard') AS s ON s.position = w.position
    WHERE w.action = 'add';
END
$$;
