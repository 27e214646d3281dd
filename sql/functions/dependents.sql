-- bootstrap.dependents(tenant_id, provider_ids): what hangs on providers that are about to go or to change their name.
--
-- For each id of the JSON list: alerts, execution logs and deduplication rules of users that point at it, counted up to
-- 1001, and the workflows that name it. Tables that do not exist are left out. These tables are large and not ours: call
-- with a short statement_timeout, in a transaction of its own. Reads only; works on a standby.
CREATE OR REPLACE FUNCTION bootstrap.dependents(p_tenant_id text, p_provider_ids jsonb) RETURNS SETOF bootstrap.dependent
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET row_security = off
SET jit = off
AS $$
DECLARE
    v_state      text;
    v_message    text;
    v_detail     text;
    v_hint       text;
    v_schema     text;
    v_table      text;
    v_constraint text;
    v_has_alerts boolean := to_regclass('public.alert') IS NOT NULL;
    v_has_logs   boolean := to_regclass('public.providerexecutionlog') IS NOT NULL;
    v_has_rules  boolean := to_regclass('public.alertdeduplicationrule') IS NOT NULL;
    v_has_workflows boolean := to_regclass('public.workflow') IS NOT NULL;
    v_ids text[] := ARRAY(SELECT jsonb_array_elements_text(CASE jsonb_typeof(p_provider_ids) WHEN 'array' THEN p_provider_ids ELSE '[]' END));
BEGIN
    PERFORM bootstrap._require_trusted_tables();
    IF v_has_alerts THEN
        RETURN QUERY
        SELECT i.id, 'alerts',
               (SELECT count(*) FROM (SELECT FROM public.alert AS a WHERE a.tenant_id = p_tenant_id AND a.provider_id = i.id LIMIT 1001) AS x)::integer,
               NULL::text[]
        FROM unnest(v_ids) AS i (id);
    END IF;
    IF v_has_logs THEN
        RETURN QUERY
        SELECT i.id, 'execution logs',
               (SELECT count(*) FROM (SELECT FROM public.providerexecutionlog AS a WHERE a.tenant_id = p_tenant_id AND a.provider_id = i.id LIMIT 1001) AS x)::integer,
               NULL::text[]
        FROM unnest(v_ids) AS i (id);
    END IF;
    IF v_has_rules THEN
        RETURN QUERY
        SELECT i.id, 'deduplication rules of users',
               (SELECT count(*) FROM (SELECT FROM public.alertdeduplicationrule AS a
                                      WHERE a.tenant_id = p_tenant_id AND a.provider_id = i.id AND NOT a.is_provisioned LIMIT 1001) AS x)::integer,
               NULL::text[]
        FROM unnest(v_ids) AS i (id);
    END IF;
    IF v_has_workflows THEN
        -- Keep's workflows name a provider as providers.<name>.
        RETURN QUERY
        SELECT w.id, 'workflows', count(*)::integer, (array_agg(w.workflow ORDER BY w.workflow))[1:20]
        FROM (
            SELECT p.id::text AS id, coalesce(f.name::text, f.id::text) AS workflow
            FROM public.provider AS p
            JOIN public.workflow AS f
              ON f.tenant_id = p_tenant_id AND NOT f.is_deleted
             AND strpos(f.workflow_raw, 'providers.' || p.name) > 0
             AND f.workflow_raw ~ (E'providers\\.' || regexp_replace(p.name, '([^A-Za-z0-9_-])', E'\\\\\\1', 'g') || '([^A-Za-z0-9_-]|$)')
            WHERE p.tenant_id = p_tenant_id AND p.id = ANY (v_ids)
        ) AS w
        GROUP BY w.id;
    END IF;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
        v_hint = PG_EXCEPTION_HINT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME, v_constraint = CONSTRAINT_NAME;
    PERFORM bootstrap._reraise(v_state, v_message, v_detail, v_hint, v_schema, v_table, v_constraint);
END
$$;

COMMENT ON FUNCTION bootstrap.dependents(text, jsonb) IS
'What hangs on providers: alerts, execution logs and rules of users that point at them (counted up to 1001), and workflows that name them. Call with a short statement_timeout.';

REVOKE ALL ON FUNCTION bootstrap.dependents(text, jsonb) FROM PUBLIC;
