-- bootstrap._notes(tenant_id, first_install, kinds): what the operator should know after a run, one text a point.
--
-- Providers whose webhook Keep has yet to install in the outside system (this software cannot, it needs Keep running),
-- with the API call that does it; after the first install, the setting that Keep needs; and what earlier runs installed
-- of kinds that this manifest does not give. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._notes(p_tenant_id text, p_first_install boolean, p_kinds text[]) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_notes      text[] := '{}'::text[];
    v_considered text[] := bootstrap._considered_providers(p_tenant_id, NULL);
    v_waiting    text[];
    v_ids        text[];
    v_count      bigint;
BEGIN
    IF p_first_install THEN
        v_notes := v_notes || ARRAY['Keep must run with SECRET_MANAGER_TYPE=DB to see these providers, and with PROVISION_RESOURCES=false so that it does not delete them at its start.'];
    END IF;

    -- The state row stands for the provider; only a provider that was looked at can lack its row.
    SELECT max(w.total), array_agg(w.id) INTO v_count, v_ids
    FROM (
        SELECT t.provider_id AS id, count(*) OVER () AS total
        FROM bootstrap.provider_state AS t
        WHERE t.tenant_id = p_tenant_id AND t.install_webhook
          AND t.type = ANY (ARRAY(SELECT y.type FROM bootstrap.provider_type AS y WHERE y.webhook))
          AND (NOT t.provider_id = ANY (v_considered) OR EXISTS (SELECT FROM public.provider AS p WHERE p.tenant_id = p_tenant_id AND p.id = t.provider_id))
        ORDER BY t.name
        LIMIT 20
    ) AS w;
    IF v_count > 0 THEN
        SELECT array_agg(format('provider %s waits for its webhook: with Keep running, POST /providers/install/webhook/%s/%s', to_json(left(p.name, 100)), p.type, p.id) ORDER BY p.name)
        INTO v_waiting
        FROM public.provider AS p
        WHERE p.tenant_id = p_tenant_id AND p.id = ANY (v_ids);
        v_notes := v_notes || v_waiting;
        IF v_count > 20 THEN
            v_notes := v_notes || ARRAY[format('%s more providers wait for their webhooks', v_count - 20)];
        END IF;
    END IF;

    SELECT v_notes || coalesce(array_agg(format('the input says nothing about %ss: %s that this software installed stay(s)', replace(n.kind, '_', ' '), n.count)
                                         ORDER BY array_position(bootstrap._kinds(), n.kind)), '{}')
    INTO v_notes
    FROM (
        SELECT t.kind, count(*) AS count
        FROM bootstrap.resource_state AS t
        WHERE t.tenant_id = p_tenant_id AND t.kind <> ALL (p_kinds)
        GROUP BY t.kind
    ) AS n;

    RETURN v_notes;
END
$$;

COMMENT ON FUNCTION bootstrap._notes(text, boolean, text[]) IS
'What the operator should know after a run, one text a point.';

REVOKE ALL ON FUNCTION bootstrap._notes(text, boolean, text[]) FROM PUBLIC;
