-- bootstrap.status([tenant_id]): what the tenant has of all kinds, where each came from, and what became of it.
--
-- Providers first. Also shows what this software installed and whose rows someone else deleted. Shows no value of a secret.
-- Errors: KB010 to KB012. Reads only; works on a standby.
-- Waits at most 5 s for whoever alters a table of Keep's (55P03).
CREATE OR REPLACE FUNCTION bootstrap.status(p_tenant_id text DEFAULT 'keep') RETURNS SETOF bootstrap.provider_status
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '5s'
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
SET row_security = off
AS $$
DECLARE
    v_state      text;
    v_message    text;
    v_detail     text;
    v_hint       text;
    v_schema     text;
    v_table      text;
    v_constraint text;
    v_kinds      text[];
BEGIN
    PERFORM bootstrap._require_trusted_tables();
    PERFORM bootstrap.require_keep('provider');

    RETURN QUERY
    SELECT 'provider', coalesce(p.name::text, t.name), coalesce(p.type::text, t.type), coalesce(p.id::text, t.provider_id),
           CASE WHEN t.provider_id IS NOT NULL THEN 'bootstrap' WHEN p.provisioned THEN 'keep' ELSE 'user' END,
           t.changed_run, r.finished_at, coalesce(t.prevent_delete, false),
           CASE WHEN p.id IS NULL THEN 'row deleted'
                WHEN d.fields IS NOT NULL THEN 'changed by someone else: ' || array_to_string(d.fields, ', ')
                ELSE 'installed' END
    FROM (SELECT o.* FROM public.provider AS o WHERE o.tenant_id = p_tenant_id) AS p
    FULL JOIN (SELECT o.* FROM bootstrap.provider_state AS o WHERE o.tenant_id = p_tenant_id) AS t ON t.provider_id = p.id
    LEFT JOIN bootstrap._drift(p_tenant_id, NULL) AS d ON d.provider_id = p.id
    LEFT JOIN bootstrap.run AS r ON r.run_id = t.changed_run
    ORDER BY 2, 4;

    v_kinds := ARRAY(SELECT k.kind FROM unnest(bootstrap._available_kinds()) AS k (kind) WHERE k.kind NOT IN ('provider', 'deduplication_rule'));
    PERFORM bootstrap._require_trusted_tables(); -- once more, now that these tables are known to exist
    RETURN QUERY
    SELECT coalesce(l.kind, t.kind), coalesce(l.name, t.name), NULL::text, coalesce(l.object_id, t.object_id),
           CASE WHEN t.object_id IS NOT NULL THEN 'bootstrap' WHEN l.is_provisioned AND l.kind <> 'user' THEN 'keep' ELSE 'user' END,
           t.changed_run, r.finished_at, false,
           CASE WHEN l.object_id IS NULL THEN 'row deleted'
                WHEN d.fields IS NOT NULL THEN 'changed by someone else: ' || array_to_string(d.fields, ', ')
                ELSE 'installed' END
    FROM (SELECT o.* FROM bootstrap._live_resources(p_tenant_id, v_kinds) AS o) AS l
    FULL JOIN (SELECT o.* FROM bootstrap.resource_state AS o WHERE o.tenant_id = p_tenant_id AND o.kind = ANY (v_kinds)) AS t ON t.kind = l.kind AND t.object_id = l.object_id
    LEFT JOIN bootstrap._resource_drift(p_tenant_id, v_kinds) AS d ON d.kind = t.kind AND d.object_id = t.object_id
    LEFT JOIN bootstrap.run AS r ON r.run_id = t.changed_run
    WHERE t.object_id IS NOT NULL OR NOT l.is_deleted
    ORDER BY array_position(v_kinds, coalesce(l.kind, t.kind)), 2, 4;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
        v_hint = PG_EXCEPTION_HINT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME, v_constraint = CONSTRAINT_NAME;
    PERFORM bootstrap._reraise(v_state, v_message, v_detail, v_hint, v_schema, v_table, v_constraint);
END
$$;

COMMENT ON FUNCTION bootstrap.status(text) IS
'What the tenant has of all kinds, where each came from, and what became of it. Shows no value of a secret.';

REVOKE ALL ON FUNCTION bootstrap.status(text) FROM PUBLIC;
