-- bootstrap._plan(tenant_id, manifest, options): everything that install would write, in the order in which it is shown.
--
-- Providers first, then deduplication rules. The one list that plan_* returns and install works from. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._plan(p_tenant_id text, p_manifest json, p_options jsonb)
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    SELECT c.transaction_id,
           (row_number() OVER (ORDER BY c.kind DESC, c.sequence))::integer,
           c.kind, c.action, c.name, c.previous_name, c.type, c.provider_name, c.provider_id, c.object_id, c.new_object_id,
           c.position, c.fields, c.drift, c.reason, c.refusal, c.state_only
    FROM (
        SELECT p.* FROM bootstrap._diff_providers(p_tenant_id, p_manifest, p_options) AS p
        UNION ALL
        SELECT r.* FROM bootstrap._diff_deduplication_rules(p_tenant_id, p_manifest, p_options) AS r
    ) AS c;
END
$$;

COMMENT ON FUNCTION bootstrap._plan(text, json, jsonb) IS
'Everything that install would write: providers first, then deduplication rules.';

REVOKE ALL ON FUNCTION bootstrap._plan(text, json, jsonb) FROM PUBLIC;
