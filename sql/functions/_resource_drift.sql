-- bootstrap._resource_drift(tenant_id, kinds): what someone else changed beside providers since our last run.
--
-- One row an object of ours that is not as the last run left it, with the names of the fields that changed; row when it
-- is gone. Reads only. Hashes of secrets stay inside the statement.
CREATE OR REPLACE FUNCTION bootstrap._resource_drift(p_tenant_id text, p_kinds text[])
RETURNS TABLE (kind text, object_id text, fields text[])
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT d.kind, d.object_id, d.fields
    FROM (
        SELECT t.kind, t.object_id,
               CASE WHEN l.object_id IS NULL THEN ARRAY['row'] ELSE bootstrap._drifted_fields(t.written, l.fields, g.digest_key) END AS fields
        FROM bootstrap.resource_state AS t
        LEFT JOIN bootstrap._live_resources(p_tenant_id, p_kinds) AS l ON l.kind = t.kind AND l.object_id = t.object_id
        CROSS JOIN bootstrap.setting AS g
        WHERE t.tenant_id = p_tenant_id AND t.kind = ANY (p_kinds)
    ) AS d
    WHERE d.fields <> '{}';
END
$$;

COMMENT ON FUNCTION bootstrap._resource_drift(text, text[]) IS
'What someone else changed beside providers since our last run, by name of the field.';

REVOKE ALL ON FUNCTION bootstrap._resource_drift(text, text[]) FROM PUBLIC;
