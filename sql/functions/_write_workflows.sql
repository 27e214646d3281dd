-- bootstrap._write_workflows(tenant_id): writes the workflows that work says, with their versions, as Keep does.
--
-- A new workflow has version 1. A change adds a version above all others, which becomes the current one. A workflow
-- that leaves is marked deleted and keeps its versions; one that comes back keeps its id. Errors: KB040, KB041.
CREATE PROCEDURE bootstrap._write_workflows(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_wanted  bigint;
    v_written bigint;
BEGIN
    WITH target AS MATERIALIZED (
        SELECT w.object_id, w.row_version, w.action = 'prune' AS leaves, w.name, w.wanted,
               s.content::jsonb ->> 'provisioned_file' AS provisioned_file
        FROM bootstrap.work AS w
        LEFT JOIN bootstrap.staging AS s
          ON s.transaction_id = pg_current_xact_id() AND s.kind = 'workflow' AND s.position = w.position
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'workflow' AND w.live_name IS NOT NULL
          AND w.action <> 'unchanged' AND NOT w.state_only
    ),
    updated AS (
        UPDATE public.workflow AS f
        SET is_deleted       = t.leaves,
            name             = CASE WHEN t.leaves THEN f.name ELSE t.name END,
            description      = CASE WHEN t.leaves THEN f.description ELSE t.wanted ->> 'description' END,
            interval         = CASE WHEN t.leaves THEN f.interval ELSE (t.wanted ->> 'interval')::integer END,
            is_disabled      = CASE WHEN t.leaves THEN f.is_disabled ELSE (t.wanted ->> 'disabled')::boolean END,
            workflow_raw     = CASE WHEN t.leaves THEN f.workflow_raw ELSE t.wanted ->> 'raw' END,
            provisioned_file = CASE WHEN t.leaves THEN f.provisioned_file ELSE t.provisioned_file END,
            provisioned      = true,
            revision         = CASE WHEN t.leaves THEN f.revision ELSE 1 + greatest(f.revision,
                                   (SELECT max(v.revision) FROM public.workflowversion AS v
                                    WHERE v.workflow_id = f.id)) END,
            updated_by       = CASE WHEN t.leaves THEN f.updated_by ELSE 'system' END,
            last_updated     = CASE WHEN t.leaves THEN f.last_updated ELSE v_now AT TIME ZONE 'UTC' END
        FROM target AS t
        WHERE f.tenant_id = p_tenant_id AND f.id = t.object_id AND f.xmin = t.row_version
        RETURNING f.is_deleted = t.leaves AND (t.leaves OR (f.workflow_raw = t.wanted ->> 'raw' AND f.name = t.name
                  AND f.is_disabled = (t.wanted ->> 'disabled')::boolean)) AS is_written
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FILTER (WHERE u.is_written) FROM updated AS u)
    INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('workflow', v_wanted, v_written, 'id');

    UPDATE public.workflowversion AS v
    SET is_current = false
    FROM bootstrap.work AS w
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'workflow' AND w.live_name IS NOT NULL
      AND w.action NOT IN ('unchanged', 'prune') AND NOT w.state_only AND v.workflow_id = w.object_id AND v.is_current;

    WITH target AS MATERIALIZED (
        SELECT w.new_object_id AS id, w.name, w.wanted, s.content::jsonb ->> 'provisioned_file' AS provisioned_file
        FROM bootstrap.work AS w
        JOIN bootstrap.staging AS s
          ON s.transaction_id = pg_current_xact_id() AND s.kind = 'workflow' AND s.position = w.position
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'workflow' AND w.action = 'add'
          AND w.live_name IS NULL
    ),
    inserted AS (
        INSERT INTO public.workflow (id, tenant_id, name, description, created_by, updated_by, creation_time, interval,
                                     workflow_raw, is_deleted, is_disabled, revision, last_updated, provisioned,
                                     provisioned_file, is_test)
        SELECT t.id, p_tenant_id, t.name, t.wanted ->> 'description', 'system', 'system', v_now AT TIME ZONE 'UTC',
               (t.wanted ->> 'interval')::integer, t.wanted ->> 'raw', false, (t.wanted ->> 'disabled')::boolean, 1,
               v_now AT TIME ZONE 'UTC', true, t.provisioned_file, false
        FROM target AS t
        RETURNING provisioned AND NOT is_deleted AS is_written
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FILTER (WHERE i.is_written) FROM inserted AS i)
    INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('workflow', v_wanted, v_written);

    WITH target AS MATERIALIZED (
        SELECT f.id, f.revision, f.workflow_raw, w.live_name IS NULL AS is_new
        FROM bootstrap.work AS w
        JOIN public.workflow AS f ON f.tenant_id = p_tenant_id AND f.id = coalesce(w.new_object_id, w.object_id)
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'workflow' AND w.action NOT IN ('unchanged', 'prune')
          AND NOT w.state_only
    ),
    inserted AS (
        INSERT INTO public.workflowversion (workflow_id, revision, workflow_raw, updated_by, updated_at, is_valid,
                                            is_current, comment)
        SELECT t.id, t.revision, t.workflow_raw, 'system', v_now, true, true,
               CASE WHEN t.is_new THEN 'Created by system' ELSE 'Updated by system' END
        FROM target AS t
        RETURNING is_current
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM inserted) INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('workflowversion', v_wanted, v_written);
END
$$;
