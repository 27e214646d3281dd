-- bootstrap._lock_resources(tenant_id): locks the live rows beside providers that bootstrap.planned_change names.
--
-- Lock order, the same in every run, after the providers and their secrets (_lock_providers): users by id, API keys by
-- name, workflows, dashboards and mapping rules by id. Error 55P03 when a lock is not to be had within lock_timeout.
CREATE OR REPLACE PROCEDURE bootstrap._lock_resources(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    v_kind text;
    v_ids  text[];
BEGIN
    FOREACH v_kind IN ARRAY bootstrap._kinds() LOOP
        CONTINUE WHEN v_kind IN ('provider', 'deduplication_rule');
        v_ids := ARRAY(SELECT coalesce(c.object_id, c.new_object_id) FROM bootstrap.planned_change AS c
                       WHERE c.transaction_id = pg_current_xact_id() AND c.kind = v_kind AND coalesce(c.object_id, c.new_object_id) IS NOT NULL);
        CONTINUE WHEN v_ids = '{}';
        CASE v_kind
            WHEN 'user' THEN
                PERFORM FROM public."user" AS u WHERE u.id::text = ANY (v_ids) ORDER BY u.id FOR UPDATE;
            WHEN 'api_key' THEN
                PERFORM FROM public.tenantapikey AS k WHERE k.tenant_id = p_tenant_id AND k.reference_id = ANY (v_ids) ORDER BY k.reference_id FOR UPDATE;
            WHEN 'workflow' THEN
                -- Executions that point at a workflow may go on.
                PERFORM FROM public.workflow AS f WHERE f.tenant_id = p_tenant_id AND f.id = ANY (v_ids) ORDER BY f.id FOR NO KEY UPDATE;
            WHEN 'dashboard' THEN
                PERFORM FROM public.dashboard AS d WHERE d.tenant_id = p_tenant_id AND d.id = ANY (v_ids) ORDER BY d.id FOR UPDATE;
            WHEN 'mapping_rule' THEN
                PERFORM FROM public.mappingrule AS m WHERE m.tenant_id = p_tenant_id AND m.id::text = ANY (v_ids) ORDER BY m.id FOR UPDATE;
        END CASE;
    END LOOP;
END
$$;

COMMENT ON PROCEDURE bootstrap._lock_resources(text) IS
'Locks the live rows beside providers that are planned to change: by kind, then by id.';

REVOKE ALL ON PROCEDURE bootstrap._lock_resources(text) FROM PUBLIC;
