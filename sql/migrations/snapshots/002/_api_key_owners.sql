-- bootstrap._api_key_owners(manifest): the API keys, of any tenant, that have the secret of one in the manifest.
--
-- Keep's table is keyed by the hash of the secret, so two keys cannot share one. Reads only; shows names, no hash.
CREATE OR REPLACE FUNCTION bootstrap._api_key_owners(p_manifest json)
RETURNS TABLE ("position" integer, tenant_id text, reference_id text)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
#variable_conflict use_column
BEGIN
    IF to_regclass('public.tenantapikey') IS NOT NULL THEN
        RETURN QUERY
        SELECT w.position, k.tenant_id::text, k.reference_id::text
        FROM bootstrap._wanted_resources(p_manifest) AS w
        JOIN public.tenantapikey AS k ON k.key_hash = w.fields ->> 'secret'
        WHERE w.kind = 'api_key';
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._api_key_owners(json) IS
'The API keys, of any tenant, that have the secret of one in the manifest.';

REVOKE ALL ON FUNCTION bootstrap._api_key_owners(json) FROM PUBLIC;
