-- bootstrap.plan_providers(tenant_id, manifest [, options]): the rows that install_providers would write.
--
-- Like plan(), for a manifest of providers only.
CREATE FUNCTION bootstrap.plan_providers(p_tenant_id text, p_manifest json, p_options jsonb DEFAULT '{}')
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT bootstrap._try_jsonb(p_manifest::text) AS document OFFSET 0) AS m
               CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(m.document) WHEN 'object' THEN m.document END) AS k
               WHERE k.key IN ('workflows', 'dashboards', 'mapping_rules', 'default_user', 'api_keys')
                 AND CASE jsonb_typeof(k.value) WHEN 'object' THEN NOT k.value ? 'type' ELSE true END)
    THEN
        RAISE EXCEPTION 'the manifest has more than providers'
            USING ERRCODE = 'KB001', HINT = 'Use bootstrap.install or bootstrap.plan for a manifest of all kinds.';
    END IF;
    RETURN QUERY SELECT p.* FROM bootstrap.plan(p_tenant_id, p_manifest, p_options) AS p;
END
$$;
COMMENT ON FUNCTION bootstrap.plan_providers(text, json, jsonb) IS
'The rows that install_providers would write. Writes nothing.';
