-- bootstrap._plan(tenant_id, manifest, options): everything that install would write, in the order in which it is shown.
--
-- Providers first, then deduplication rules. The one list that plan_* returns and install works from. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._plan(p_tenant_id text, p_manifest json, p_options jsonb)
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET work_mem = '64MB'
AS $$
DECLARE
    v_count integer;
BEGIN
    RETURN QUERY
    SELECT p.* FROM bootstrap._diff_providers(p_tenant_id, p_manifest, p_options) AS p;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN QUERY
    SELECT r.transaction_id, v_count + r.sequence,
           r.kind, r.action, r.name, r.previous_name, r.type, r.provider_name, r.provider_id, r.object_id, r.new_object_id,
           r.position, r.fields, r.drift, r.reason, r.refusal, r.state_only
    FROM bootstrap._diff_deduplication_rules(p_tenant_id, p_manifest, p_options) AS r;
END
$$;

COMMENT ON FUNCTION bootstrap._plan(text, json, jsonb) IS
'Everything that install would write: providers first, then deduplication rules.';

REVOKE ALL ON FUNCTION bootstrap._plan(text, json, jsonb) FROM PUBLIC;
