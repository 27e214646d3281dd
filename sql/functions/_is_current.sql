-- bootstrap._is_current(tenant_id, options): whether a run would plainly find nothing to do.
--
-- The short way for replicas that restart: true only when every provider of the manifest is plainly unchanged
-- (_unchanged_providers), no other kind is given, nothing else is provisioned, remembered or left over, no deduplication
-- rule is wanted or there, and no option asks for more. False means: look closely. Never raises for tables that are
-- missing. Reads only, takes no lock.
CREATE OR REPLACE FUNCTION bootstrap._is_current(p_tenant_id text, p_options jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    v_wanted bigint;
BEGIN
    IF p_options ? 'plan_digest' OR p_options ? 'generation' OR lower(p_options ->> 'secret_manager') <> 'db' THEN
        RETURN false;
    END IF;

    IF EXISTS (SELECT FROM bootstrap.resource_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned()) THEN
        RETURN false;
    END IF;

    SELECT count(*) INTO v_wanted FROM bootstrap.provider_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned();
    RETURN v_wanted > 0
       AND v_wanted = (SELECT count(*) FROM bootstrap.provider_state AS t WHERE t.tenant_id = p_tenant_id)
       AND v_wanted = (SELECT count(*) FROM public.provider AS p WHERE p.tenant_id = p_tenant_id AND p.provisioned)
       AND EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id)
       AND NOT EXISTS (SELECT FROM bootstrap.provider_staging AS s
                       WHERE s.transaction_id = pg_current_xact_id_if_assigned() AND s.deduplication_rules IS NOT NULL)
       AND NOT EXISTS (SELECT FROM public.alertdeduplicationrule AS r WHERE r.tenant_id = p_tenant_id AND r.is_provisioned)
       AND v_wanted = (SELECT count(DISTINCT u.provider_id) FROM bootstrap._unchanged_providers(p_tenant_id, NULL) AS u);
EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function OR data_exception THEN
    RETURN false;
END
$$;

COMMENT ON FUNCTION bootstrap._is_current(text, jsonb) IS
'Whether a run would plainly find nothing to do. False means: look closely.';

REVOKE ALL ON FUNCTION bootstrap._is_current(text, jsonb) FROM PUBLIC;
