-- bootstrap._write_workflows(tenant_id): writes the workflows of bootstrap.planned_change, with their versions.
--
-- As Keep does it (keep/formats.md): a new workflow has version 1; a change makes a new version, the newest is the
-- current one, and workflow.revision follows; a workflow that leaves is marked deleted and keeps its versions. One that
-- comes back keeps its id and its versions. Error KB040 when a row is gone.
CREATE OR REPLACE PROCEDURE bootstrap._write_workflows(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_ids     text[];
    v_pruned  bigint;
    v_updated bigint;
    v_added   bigint;
BEGIN
    UPDATE public.workflow AS f
    SET is_deleted = true
    FROM bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'workflow' AND c.action = 'prune'
      AND f.tenant_id = p_tenant_id AND f.id = c.object_id;
    GET DIAGNOSTICS v_pruned = ROW_COUNT;

    -- Rows that exist: changed ones, and deleted ones that come back, of which everything is written.
    WITH updated AS (
        UPDATE public.workflow AS f
        SET name             = CASE WHEN c.action = 'add' OR 'name' = ANY (c.fields) THEN w.fields ->> 'name' ELSE f.name END,
            description      = CASE WHEN c.action = 'add' OR 'description' = ANY (c.fields) THEN w.fields ->> 'description' ELSE f.description END,
            interval         = CASE WHEN c.action = 'add' OR 'interval' = ANY (c.fields) THEN (w.fields ->> 'interval')::integer ELSE f.interval END,
            is_disabled      = CASE WHEN c.action = 'add' OR 'disabled' = ANY (c.fields) THEN (w.fields ->> 'disabled')::boolean ELSE f.is_disabled END,
            workflow_raw     = CASE WHEN c.action = 'add' OR 'raw' = ANY (c.fields) THEN w.fields ->> 'raw' ELSE f.workflow_raw END,
            provisioned      = CASE WHEN c.action = 'add' OR 'provisioned' = ANY (c.fields) THEN true ELSE f.provisioned END,
            provisioned_file = CASE WHEN c.action = 'add' OR 'provisioned_file' = ANY (c.fields) THEN w.fields ->> 'provisioned_file' ELSE f.provisioned_file END,
            is_deleted       = CASE WHEN c.action = 'add' OR 'deleted' = ANY (c.fields) THEN false ELSE f.is_deleted END,
            revision         = greatest(f.revision, (SELECT max(v.revision) FROM public.workflowversion AS v WHERE v.workflow_id = f.id)) + 1,
            updated_by       = 'system',
            last_updated     = v_now AT TIME ZONE 'UTC'
        FROM (SELECT o.action, o.position, o.fields, coalesce(o.object_id, o.new_object_id) AS id
              FROM bootstrap.planned_change AS o
              WHERE o.transaction_id = pg_current_xact_id() AND o.kind = 'workflow' AND o.action IN ('update', 'adopt', 'add') AND NOT o.state_only) AS c
        JOIN bootstrap._wanted_resources(NULL) AS w ON w.kind = 'workflow' AND w.position = c.position
        WHERE f.tenant_id = p_tenant_id AND f.id = c.id
        RETURNING f.id::text AS id
    )
    SELECT array_agg(u.id), count(*) INTO v_ids, v_updated FROM updated AS u;

    UPDATE public.workflowversion AS v SET is_current = false WHERE v.workflow_id = ANY (v_ids) AND v.is_current;

    INSERT INTO public.workflow (id, tenant_id, name, description, created_by, updated_by, creation_time, interval, workflow_raw, is_deleted,
                                 is_disabled, revision, last_updated, provisioned, provisioned_file, is_test)
    SELECT c.new_object_id, p_tenant_id, w.name, w.fields ->> 'description', 'system', 'system', v_now AT TIME ZONE 'UTC', (w.fields ->> 'interval')::integer,
           w.fields ->> 'raw', false, (w.fields ->> 'disabled')::boolean, 1, v_now AT TIME ZONE 'UTC', true, w.fields ->> 'provisioned_file', false
    FROM bootstrap.planned_change AS c
    JOIN bootstrap._wanted_resources(NULL) AS w ON w.kind = 'workflow' AND w.position = c.position
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'workflow' AND c.action = 'add' AND c.new_object_id <> ALL (coalesce(v_ids, '{}'));
    GET DIAGNOSTICS v_added = ROW_COUNT;

    INSERT INTO public.workflowversion (workflow_id, revision, workflow_raw, updated_by, updated_at, is_valid, is_current, comment)
    SELECT f.id, f.revision, f.workflow_raw, 'system', v_now, true, true,
           CASE WHEN f.id = ANY (v_ids) THEN 'Updated by system' ELSE 'Created by system' END
    FROM bootstrap.planned_change AS c
    JOIN public.workflow AS f ON f.tenant_id = p_tenant_id AND f.id = coalesce(c.object_id, c.new_object_id)
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'workflow' AND c.action IN ('update', 'adopt', 'add') AND NOT c.state_only;

    PERFORM bootstrap._require_written('workflow', v_pruned + v_updated + v_added);
END
$$;

COMMENT ON PROCEDURE bootstrap._write_workflows(text) IS
'Writes the workflows that are planned in this transaction, with their versions.';

REVOKE ALL ON PROCEDURE bootstrap._write_workflows(text) FROM PUBLIC;
