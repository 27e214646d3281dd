-- bootstrap._write_resource_state(tenant_id, run_id): remembers what this run wrote beside providers.
--
-- Of each object that is planned: the digests of its fields as they are now. A field that someone else changed and that
-- is kept (on_drift keep) keeps its old digest, so that it is still known as changed. What was pruned or is gone is
-- forgotten. Runs after the rows are written; writes no table of Keep.
CREATE OR REPLACE PROCEDURE bootstrap._write_resource_state(p_tenant_id text, p_run_id bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_kinds text[];
BEGIN
    v_kinds := ARRAY(SELECT DISTINCT c.kind FROM bootstrap.planned_change AS c
                     WHERE c.transaction_id = pg_current_xact_id() AND c.kind NOT IN ('provider', 'deduplication_rule'));
    IF v_kinds = '{}' THEN
        RETURN;
    END IF;

    DELETE FROM bootstrap.resource_state AS t
    USING bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = ANY (v_kinds)
      AND t.tenant_id = p_tenant_id AND t.kind = c.kind
      AND ((c.position IS NULL AND t.object_id = c.object_id)
           OR (c.action = 'add' AND t.name = c.name)); -- someone else deleted it: a new row takes its place

    INSERT INTO bootstrap.resource_state AS t (tenant_id, kind, object_id, name, written, changed_run)
    SELECT p_tenant_id, l.kind, l.object_id, c.name,
           (SELECT jsonb_object_agg(f.key, CASE WHEN f.value IS DISTINCT FROM l.fields ->> f.key AND o.written ? f.key THEN o.written ->> f.key
                                                ELSE bootstrap._field_digest(l.fields ->> f.key, g.digest_key) END)
            FROM jsonb_each_text(CASE WHEN w.fields = '{}' THEN l.fields ELSE w.fields END) AS f (key, value)),
           p_run_id
    FROM bootstrap.planned_change AS c
    JOIN bootstrap._wanted_resources(NULL) AS w ON w.kind = c.kind AND w.position = c.position
    JOIN bootstrap._live_resources(p_tenant_id, v_kinds) AS l ON l.kind = c.kind AND l.object_id = coalesce(c.new_object_id, c.object_id)
    LEFT JOIN bootstrap.resource_state AS o ON o.tenant_id = p_tenant_id AND o.kind = l.kind AND o.object_id = l.object_id
    CROSS JOIN bootstrap.setting AS g
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = ANY (v_kinds) AND c.position IS NOT NULL
    ON CONFLICT ON CONSTRAINT resource_state_pkey DO UPDATE
    SET name = excluded.name, written = excluded.written, changed_run = excluded.changed_run;
END
$$;

COMMENT ON PROCEDURE bootstrap._write_resource_state(text, bigint) IS
'Remembers what this run wrote beside providers.';

REVOKE ALL ON PROCEDURE bootstrap._write_resource_state(text, bigint) FROM PUBLIC;
