-- bootstrap._plan(tenant_id, manifest, options): everything that install would write, in the order in which it is shown.
--
-- In the order of _kinds(), of the kinds that the manifest gives (_given_kinds). The one list that plan_* returns and
-- install works from. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._plan(p_tenant_id text, p_manifest json, p_options jsonb)
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET work_mem = '64MB'
AS $$
DECLARE
    v_kinds text[] := bootstrap._given_kinds(p_manifest);
BEGIN
    RETURN QUERY
    WITH provider AS MATERIALIZED (
        SELECT p.* FROM bootstrap._diff_providers(p_tenant_id, p_manifest, p_options) AS p WHERE 'provider' = ANY (v_kinds)
    ),
    name AS (
        SELECT coalesce(array_agg(p.name) FILTER (WHERE p.action <> 'prune'), '{}') AS arriving,
               coalesce(array_agg(coalesce(p.previous_name, p.name)) FILTER (WHERE p.action = 'prune' OR p.previous_name IS NOT NULL), '{}') AS leaving
        FROM provider AS p
    ),
    note AS (
        SELECT w.position, w.notes
        FROM name AS n
        CROSS JOIN LATERAL bootstrap._workflow_notes(p_tenant_id, p_manifest, n.arriving, n.leaving) AS w
        WHERE 'workflow' = ANY (v_kinds)
    )
    SELECT c.transaction_id,
           (row_number() OVER (ORDER BY array_position(bootstrap._kinds(), c.kind), c.sequence))::integer,
           c.kind, c.action, c.name, c.previous_name, c.type, c.provider_name, c.provider_id, c.object_id, c.new_object_id,
           c.position, c.fields, c.drift, c.reason, c.refusal, c.state_only, coalesce(w.notes, c.notes)
    FROM (
        SELECT p.* FROM provider AS p
        UNION ALL
        SELECT r.* FROM bootstrap._diff_deduplication_rules(p_tenant_id, p_manifest, p_options) AS r WHERE 'provider' = ANY (v_kinds)
        UNION ALL
        SELECT o.* FROM bootstrap._diff_resources(p_tenant_id, p_manifest, p_options) AS o
    ) AS c
    LEFT JOIN note AS w ON c.kind = 'workflow' AND w.position = c.position;
END
$$;

COMMENT ON FUNCTION bootstrap._plan(text, json, jsonb) IS
'Everything that install would write, in the order in which it is written.';

REVOKE ALL ON FUNCTION bootstrap._plan(text, json, jsonb) FROM PUBLIC;
