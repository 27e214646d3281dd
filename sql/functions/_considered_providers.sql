-- bootstrap._considered_providers(tenant_id, manifest): ids of the live rows and rows of state that a run has to look at.
--
-- With a manifest in staging (NULL): those that _set_aside_unchanged noted. With a JSON manifest nothing was set aside: all
-- of the tenant. Never NULL. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._considered_providers(p_tenant_id text, p_manifest json) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
BEGIN
    IF p_manifest IS NULL THEN
        RETURN ARRAY(SELECT c.provider_id FROM bootstrap.considered_provider AS c WHERE c.transaction_id = pg_current_xact_id_if_assigned());
    END IF;
    RETURN ARRAY(SELECT p.id::text FROM public.provider AS p WHERE p.tenant_id = p_tenant_id
                 UNION
                 SELECT t.provider_id FROM bootstrap.provider_state AS t WHERE t.tenant_id = p_tenant_id);
END
$$;

COMMENT ON FUNCTION bootstrap._considered_providers(text, json) IS
'Ids of the live rows and rows of state that a run has to look at: all, or those that were not set aside.';

REVOKE ALL ON FUNCTION bootstrap._considered_providers(text, json) FROM PUBLIC;
