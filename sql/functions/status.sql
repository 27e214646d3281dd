-- bootstrap.status([tenant_id]): what a tenant has of every kind, where each object comes from, and its condition.
--
-- Managed objects whose row is missing are shown as well; deduplication rules are not. Shows no value of a secret.
-- Errors: KB010 to KB013. Works on a standby. Waits at most 5 s for a lock on Keep's tables (55P03).
CREATE FUNCTION bootstrap.status(p_tenant_id text DEFAULT 'keep') RETURNS SETOF bootstrap.provider_status
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off -- a wrong estimate must not make it quadratic
SET enable_mergejoin = off
SET jit = off
SET lock_timeout = '5s'
SET row_security = off
AS $$
DECLARE
    v_kinds text[];
BEGIN
    PERFORM bootstrap.require_keep(),
            set_config('bootstrap.manifest', '[]', true), set_config('bootstrap.kinds', '{}', true); -- nothing wanted
    v_kinds := ARRAY(SELECT k.kind
                     FROM unnest(ARRAY['provider', 'user', 'api_key', 'workflow', 'dashboard',
                                       'mapping_rule']) AS k (kind)
                     WHERE k.kind NOT IN (SELECT d.kind FROM bootstrap.keep_difference AS d));
    RETURN QUERY
    SELECT p.kind, p.name, CASE p.kind WHEN 'provider' THEN p.type END, p.object_id,
           CASE WHEN p.last_name IS NOT NULL THEN 'bootstrap' WHEN p.is_provisioned THEN 'keep' ELSE 'user' END,
           p.run_id, r.finished_at, coalesce(p.prevent_delete, false),
           CASE WHEN p.live_name IS NULL THEN 'deleted outside of keep-bootstrap'
                WHEN p.is_drifted THEN 'changed outside of keep-bootstrap'
                WHEN k.object_id IS NOT NULL THEN 'installed, waiting for its webhook'
                ELSE 'installed' END
    FROM bootstrap._match(p_tenant_id, v_kinds, false, true) AS p
    LEFT JOIN bootstrap.run AS r ON r.run_id = p.run_id
    LEFT JOIN bootstrap.webhook AS k ON k.tenant_id = p_tenant_id AND NOT k.is_recorded AND k.object_id = p.object_id
                                     AND p.kind = 'provider'
    ORDER BY array_position(v_kinds, p.kind), p.name, p.object_id;
    PERFORM set_config('bootstrap.manifest', '', true);
END
$$;
COMMENT ON FUNCTION bootstrap.status(text) IS
'What a tenant has of every kind, where it comes from, and its condition. Shows no secret.';
