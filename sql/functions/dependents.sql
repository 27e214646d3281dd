-- bootstrap.dependents(tenant_id, provider_ids): what refers to providers that are pruned, replaced or renamed.
--
-- For each id of the JSON list: alerts, execution logs (removed with a provider) and deduplication rules of users,
-- counted up to 1001, and the workflows that name it. These tables are large: call with a short statement_timeout, in
-- a transaction of its own. Tables that do not exist are left out. Works on a standby.
CREATE FUNCTION bootstrap.dependents(p_tenant_id text, p_provider_ids jsonb) RETURNS SETOF bootstrap.dependent
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
SET jit = off
AS $$
DECLARE
    v_ids text[] := ARRAY(SELECT jsonb_array_elements_text(CASE jsonb_typeof(p_provider_ids)
                                                                WHEN 'array' THEN p_provider_ids
                                                           ELSE '[]' END));
BEGIN
    PERFORM bootstrap.require_keep();
    IF to_regclass('public.alert') IS NOT NULL THEN
        RETURN QUERY
        SELECT i.id, 'alerts', (SELECT count(*) FROM (SELECT FROM public.alert AS a
                                                      WHERE a.tenant_id = p_tenant_id AND a.provider_id = i.id
                                                      LIMIT 1001) AS x)::integer, NULL::text[]
        FROM unnest(v_ids) AS i (id);
    END IF;
    IF to_regclass('public.providerexecutionlog') IS NOT NULL THEN
        RETURN QUERY
        SELECT i.id, 'execution logs', (SELECT count(*) FROM (SELECT FROM public.providerexecutionlog AS l
                                                              WHERE l.tenant_id = p_tenant_id AND l.provider_id = i.id
                                                              LIMIT 1001) AS x)::integer, NULL::text[]
        FROM unnest(v_ids) AS i (id);
    END IF;
    RETURN QUERY
    SELECT i.id, 'deduplication rules of users', count(r.id)::integer, NULL::text[]
    FROM unnest(v_ids) AS i (id)
    LEFT JOIN public.alertdeduplicationrule AS r
      ON r.tenant_id = p_tenant_id AND r.provider_id = i.id AND NOT r.is_provisioned
    GROUP BY i.id;
    IF to_regclass('public.workflow') IS NOT NULL THEN
        RETURN QUERY
        SELECT w.id, 'workflows', count(*)::integer, (array_agg(w.workflow ORDER BY w.workflow))[1:20]
        FROM (
            SELECT p.id::text AS id, coalesce(f.name::text, f.id::text) AS workflow
            FROM public.provider AS p
            JOIN public.workflow AS f
              ON f.tenant_id = p_tenant_id AND NOT f.is_deleted AND strpos(f.workflow_raw, 'providers.' || p.name) > 0
             AND f.workflow_raw ~ (E'providers\\.' || regexp_replace(p.name, '([^A-Za-z0-9_-])', E'\\\\\\1', 'g')
                                   || '([^A-Za-z0-9_-]|$)')
            WHERE p.tenant_id = p_tenant_id AND p.id = ANY (v_ids)
        ) AS w
        GROUP BY w.id;
    END IF;
END
$$;
COMMENT ON FUNCTION bootstrap.dependents(text, jsonb) IS
'What refers to providers. Call with a short statement_timeout.';
