-- bootstrap._write_workflows(tenant_id): writes the workflows of table work, with their versions, as Keep does.
--
-- A new workflow has version 1. A change adds a version above all others, which becomes the current one. A workflow
-- that leaves is marked deleted and keeps its versions; one that comes back keeps its id.
CREATE PROCEDURE bootstrap._write_workflows(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    UPDATE public.workflow AS f
    SET is_deleted = true
    FROM bootstrap._to_write('workflow') AS w
    WHERE w.action = 'prune' AND f.tenant_id = p_tenant_id AND f.id = w.object_id AND f.xmin = w.row_version;

    UPDATE public.workflow AS f
    SET is_deleted       = false,
        name             = w.name,
        description      = w.wanted ->> 'description',
        interval         = (w.wanted ->> 'interval')::integer,
        is_disabled      = (w.wanted ->> 'disabled')::boolean,
        workflow_raw     = w.wanted ->> 'raw',
        provisioned_file = s.content::jsonb ->> 'provisioned_file',
        provisioned      = true,
        revision         = 1 + greatest(f.revision, (SELECT max(v.revision) FROM public.workflowversion AS v
                                                     WHERE v.workflow_id = f.id)),
        updated_by       = 'system',
        last_updated     = v_now AT TIME ZONE 'UTC'
    FROM bootstrap._to_write('workflow') AS w
    JOIN bootstrap._staged('workflow') AS s ON s.position = w.position
    WHERE w.live_name IS NOT NULL AND f.tenant_id = p_tenant_id AND f.id = w.object_id AND f.xmin = w.row_version;

    UPDATE public.workflowversion AS v
    SET is_current = false
    FROM bootstrap._to_write('workflow') AS w
    WHERE w.live_name IS NOT NULL AND w.action <> 'prune' AND v.workflow_id = w.object_id AND v.is_current;

    INSERT INTO public.workflow (id, tenant_id, name, description, created_by, updated_by, creation_time, interval,
                                 workflow_raw, is_deleted, is_disabled, revision, last_updated, provisioned,
                                 provisioned_file, is_test)
    SELECT w.new_object_id, p_tenant_id, w.name, w.wanted ->> 'description', 'system', 'system',
           v_now AT TIME ZONE 'UTC', (w.wanted ->> 'interval')::integer, w.wanted ->> 'raw', false,
           (w.wanted ->> 'disabled')::boolean, 1, v_now AT TIME ZONE 'UTC', true,
           s.content::jsonb ->> 'provisioned_file', false
    FROM bootstrap._to_write('workflow') AS w
    JOIN bootstrap._staged('workflow') AS s ON s.position = w.position
    WHERE w.action = 'add' AND w.live_name IS NULL;

    INSERT INTO public.workflowversion (workflow_id, revision, workflow_raw, updated_by, updated_at, is_valid,
                                        is_current, comment)
    SELECT f.id, f.revision, f.workflow_raw, 'system', v_now, true, true,
           CASE WHEN w.live_name IS NULL THEN 'Created by system' ELSE 'Updated by system' END
    FROM bootstrap._to_write('workflow') AS w
    JOIN public.workflow AS f ON f.tenant_id = p_tenant_id AND f.id = coalesce(w.new_object_id, w.object_id)
    WHERE w.action <> 'prune'
    ON CONFLICT DO NOTHING; -- a workflow that could not be written: _require_written says so
END
$$;
