-- bootstrap._is_current(tenant_id, options): whether a run finds nothing to do, told by the unchanged providers alone.
--
-- The short way for replicas that restart: true only when every provider of the manifest is plainly unchanged
-- (_set_aside_unchanged, which is called here), no other kind is given, nothing else is provisioned, remembered or left over, no
-- deduplication rule is wanted or there, and no option asks for more. False means: look closely at what was not set aside. NULL means
-- that nothing was set aside, because tables of Keep are missing or do not fit. Takes no lock, writes staging tables only.
CREATE OR REPLACE FUNCTION bootstrap._is_current(p_tenant_id text, p_options jsonb) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    v_is_given boolean := EXISTS (SELECT FROM bootstrap.provider_staging AS s WHERE s.transaction_id = pg_current_xact_id());
BEGIN
    CALL bootstrap._set_aside_unchanged(p_tenant_id);
    IF NOT v_is_given OR p_options ? 'plan_digest' OR p_options ? 'generation' OR coalesce(lower(p_options ->> 'secret_manager') <> 'db', false) THEN
        RETURN false;
    END IF;
    -- Rows that were looked at and are neither provisioned nor ours are a user's.
    IF EXISTS (SELECT FROM bootstrap.considered_provider AS c WHERE c.transaction_id = pg_current_xact_id()) THEN
        IF EXISTS (SELECT FROM bootstrap.considered_provider AS c
                   JOIN public.provider AS p ON p.id = c.provider_id AND p.tenant_id = p_tenant_id
                   WHERE c.transaction_id = pg_current_xact_id() AND p.provisioned)
           OR EXISTS (SELECT FROM bootstrap.considered_provider AS c
                      JOIN bootstrap.provider_state AS t ON t.provider_id = c.provider_id AND t.tenant_id = p_tenant_id
                      WHERE c.transaction_id = pg_current_xact_id())
        THEN
            RETURN false;
        END IF;
    END IF;
    RETURN NOT EXISTS (SELECT FROM bootstrap.provider_staging AS s WHERE s.transaction_id = pg_current_xact_id())
       AND NOT EXISTS (SELECT FROM bootstrap.resource_staging AS s WHERE s.transaction_id = pg_current_xact_id() AND s.kind <> 'provider')
       AND EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id)
       AND NOT EXISTS (SELECT FROM public.alertdeduplicationrule AS r WHERE r.tenant_id = p_tenant_id AND r.is_provisioned);
EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function THEN
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION bootstrap._is_current(text, jsonb) IS
'Whether a run finds nothing to do, told by the unchanged providers alone. False means: look closely; NULL: nothing was set aside.';

REVOKE ALL ON FUNCTION bootstrap._is_current(text, jsonb) FROM PUBLIC;
