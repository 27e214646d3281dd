-- bootstrap._require_written(tenant_id, options): raises unless Keep's tables hold what this run has written.
--
-- Compares once more: what the run wrote must need nothing else. That finds each row that was not inserted, updated or
-- deleted, and each compared value that changed on its way; secrets of removed rows, and versions, are looked up.
--   KB041  the row is as the diff saw it, or this run wrote it (it has the version of the rows of work): a trigger or
--          rule dropped or changed it
--   KB040  the application wrote or deleted it meanwhile: a repeated run sees that
CREATE FUNCTION bootstrap._require_written(p_tenant_id text, p_options jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count      bigint;
    v_is_trigger boolean;
    v_shown      text;
BEGIN
    SELECT count(*), bool_or(b.is_trigger), array_to_string((
               array_agg(format('%s %s', replace(b.kind, '_', ' '), to_json(left(b.name, 100)))
                         ORDER BY b.sequence))[1:50], E'\n')
    INTO v_count, v_is_trigger, v_shown
    FROM (
        SELECT w.kind, w.name, w.sequence,
               (w.action = 'prune' OR d.secret_version IS NOT DISTINCT FROM w.secret_version
                OR d.secret_version = w.xmin)
               AND CASE WHEN d.row_version IS NULL THEN w.action IN ('add', 'replace')
                        ELSE coalesce(d.row_version IN (w.row_version, w.xmin), false) END AS is_trigger
        FROM bootstrap._decide(p_tenant_id, current_setting('bootstrap.kinds')::text[], p_options) AS d
        JOIN bootstrap.work AS w
          ON w.transaction_id = pg_current_xact_id() AND w.action <> 'unchanged' AND w.kind = d.kind
         AND coalesce('#' || w.position, w.object_id) = coalesce('#' || d.position, d.object_id)
        WHERE d.action <> 'unchanged' OR (d.state_only AND d.position IS NOT NULL)
        UNION ALL
        SELECT w.kind, w.name, w.sequence, c.xmin IN (w.secret_version, w.xmin)
        FROM bootstrap.work AS w
        JOIN LATERAL (SELECT c.xmin FROM public.secret AS c WHERE c.key = w.secret_key LIMIT 1) AS c ON true
        LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.configuration_key = w.secret_key
        WHERE w.transaction_id = pg_current_xact_id() AND w.action IN ('prune', 'replace')
          AND w.secret_version IS NOT NULL AND p.id IS NULL
    ) AS b;
    IF v_is_trigger THEN
        RAISE EXCEPTION '% object(s) are not as they were written: a trigger or rule changes or drops rows', v_count
            USING ERRCODE = 'KB041', DETAIL = v_shown,
                  HINT = 'Nothing was written. Remove the trigger or rule, or let it pass the rows of keep-bootstrap.';
    ELSIF v_count > 0 THEN
        RAISE EXCEPTION 'conflict with a concurrent transaction: % object(s) changed during the run', v_count
            USING ERRCODE = 'KB040', DETAIL = v_shown,
                  HINT = 'Nothing was written. Repeat the run. If it fails again, look for foreign triggers.';
    END IF;
    -- Each workflow has one current version, which no comparison reads.
    IF EXISTS (SELECT FROM bootstrap._to_write('workflow')) THEN
        SELECT count(*) INTO v_count
        FROM (
            SELECT FROM bootstrap._to_write('workflow') AS w
            JOIN public.workflow AS f ON f.id = coalesce(w.new_object_id, w.object_id)
            LEFT JOIN public.workflowversion AS v ON v.workflow_id = f.id AND v.is_current
            WHERE w.action <> 'prune'
            GROUP BY f.id
            HAVING count(*) <> 1 OR bool_and((v.revision, v.workflow_raw) = (f.revision, f.workflow_raw)) IS NOT TRUE
        ) AS f;
        IF v_count > 0 THEN
            RAISE EXCEPTION '% workflow(s) have no current version: a trigger or rule changes or drops rows', v_count
                USING ERRCODE = 'KB041', HINT = 'Nothing was written. Remove the trigger or rule of workflowversion.';
        END IF;
    END IF;
END
$$;
