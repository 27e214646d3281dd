-- bootstrap._unchanged_providers(tenant_id, manifest): the providers that are plainly as the manifest wants them.
--
-- One row a provider whose live row has its name, whose columns and secret are text for text what would be written, and
-- that is as our last run left it. Found without parsing anything, so that a run that has nothing to do is cheap; what is
-- equal only after parsing is left to _diff_providers. Reads only; values stay inside the statement.
CREATE OR REPLACE FUNCTION bootstrap._unchanged_providers(p_tenant_id text, p_manifest json)
RETURNS TABLE ("position" integer, provider_id text)
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    v_keys text[];
BEGIN
    -- The secrets of this tenant, by their keys: a scan of the whole secret table would grow with other tenants.
    SELECT array_agg(p.configuration_key::text) INTO v_keys FROM public.provider AS p WHERE p.tenant_id = p_tenant_id;

    RETURN QUERY
    SELECT m.position, p.id::text
    FROM bootstrap._manifest(p_manifest) AS m
    JOIN public.provider AS p ON p.name = m.name
    JOIN public.secret AS s ON s.key = p.configuration_key
    JOIN bootstrap.provider_state AS t ON t.provider_id = p.id
    LEFT JOIN bootstrap.provider_type AS y ON y.type = m.type
    CROSS JOIN bootstrap.setting AS g
    WHERE p.tenant_id = p_tenant_id AND t.tenant_id = p_tenant_id AND s.key = ANY (v_keys)
      AND p.provisioned AND p.type = m.type
      AND (y.consumer IS NULL OR p.consumer = y.consumer)
      AND (m.description IS NULL OR p.description IS NOT DISTINCT FROM m.description)
      AND (m.pulling_enabled IS NULL OR p.pulling_enabled::text = m.pulling_enabled)
      AND (m.prevent_delete IS NULL OR t.prevent_delete::text = m.prevent_delete)
      AND t.install_webhook::text = coalesce(m.install_webhook, 'false')
      AND CASE WHEN m.renamed_from IS NULL THEN coalesce(t.renamed_from, '{}') = '{}'
               ELSE t.renamed_from = ARRAY(SELECT json_array_elements_text(m.renamed_from::json)) END
      -- As our last run left it.
      AND t.name = p.name AND t.type = p.type AND t.description IS NOT DISTINCT FROM p.description AND t.pulling_enabled = p.pulling_enabled
      AND s.value = '{"authentication": ' || m.authentication || ', "name": ' || to_json(m.name)::text || '}'
      AND t.secret_digest = left(encode(sha256(g.digest_key || convert_to(s.value, 'UTF8')), 'hex'), 32); -- _digest, written out
END
$$;

COMMENT ON FUNCTION bootstrap._unchanged_providers(text, json) IS
'The providers that are plainly as the manifest wants them, and as our last run left them. Found without parsing anything.';

REVOKE ALL ON FUNCTION bootstrap._unchanged_providers(text, json) FROM PUBLIC;
