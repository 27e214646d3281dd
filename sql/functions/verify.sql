-- bootstrap.verify([tenant_id]): one row a check of what this software relies on and of what it installed.
--
-- ok is true, false (something is wrong), or NULL (a warning: nothing is broken, but the operator should know).
-- Checks: security, keep_tables, foreign_key, tenant, providers, secrets, deduplication_rules, drift, resources, execution_log_index.
-- Never raises for what it finds. Shows no value of a secret. Reads only; works on a standby.
-- Waits at most 5 s for whoever alters a table of Keep's (55P03).
CREATE OR REPLACE FUNCTION bootstrap.verify(p_tenant_id text DEFAULT 'keep') RETURNS SETOF bootstrap.check_result
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
    v_said       text;
    v_hint       text;
    v_schema     text;
    v_table      text;
    v_constraint text;
    v_detail     text;
    v_count      bigint;
    v_keys       text[];
    v_drifted    bigint;
    v_drift      text;
    v_unreadable text[];
BEGIN
    SELECT count(*), string_agg(p.problem, '; ') INTO v_count, v_detail FROM bootstrap._security_problems() AS p (problem);
    RETURN QUERY SELECT 'security', v_count = 0,
        CASE WHEN v_count > 0 THEN v_detail
             ELSE (SELECT format('the public routines are SECURITY %s%s', upper(g.security),
                                 nullif(concat(', runner ' || quote_ident(g.runner_role), ', auditor ' || quote_ident(g.auditor_role)), ''))
                   FROM bootstrap.setting AS g) END,
        CASE WHEN v_count > 0 THEN 'As the owner: SELECT bootstrap.set_security(mode, runner, auditor) sets modes and privileges again, and names what it cannot mend.' END;

    SELECT count(*), string_agg(d.difference, '; ') INTO v_count, v_detail FROM bootstrap._keep_differences(ARRAY['provider']) AS d;
    RETURN QUERY SELECT 'keep_tables', v_count = 0,
        CASE WHEN v_count = 0 THEN 'the tables of Keep fit' ELSE v_detail END,
        CASE WHEN v_count > 0 THEN 'Run Keep''s own migrations, then bootstrap up.' END;
    IF v_count > 0
       OR (EXISTS (SELECT FROM bootstrap._untrusted_tables()) AND (SELECT g.security FROM bootstrap.setting AS g) = 'definer')
    THEN
        RETURN;
    END IF;

    RETURN QUERY
    SELECT 'foreign_key',
           CASE WHEN count(*) = 0 THEN NULL ELSE bool_and(f.is_deferrable AND NOT f.initially_deferred) END,
           CASE WHEN count(*) = 0 THEN 'public.provider has no foreign key to public.tenant'
                WHEN bool_and(f.is_deferrable AND NOT f.initially_deferred) THEN format('%s is deferrable, initially immediate', string_agg(f.constraint_name, ', '))
                ELSE format('%s is not DEFERRABLE INITIALLY IMMEDIATE', string_agg(f.constraint_name, ', ') FILTER (WHERE NOT f.is_deferrable OR f.initially_deferred)) END,
           CASE WHEN count(*) = 0 THEN 'Keep creates it; its migrations may be incomplete.'
                WHEN NOT bool_and(f.is_deferrable AND NOT f.initially_deferred) THEN 'SELECT bootstrap.prepare_keep(), or bootstrap up.' END
    FROM bootstrap._tenant_foreign_keys() AS f;

    RETURN QUERY
    SELECT 'tenant', EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id),
           format('tenant %s %s', to_json(p_tenant_id), CASE WHEN EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id) THEN 'exists' ELSE 'does not exist' END),
           CASE WHEN NOT EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id) THEN 'bootstrap up --tenant-only, or SELECT bootstrap.ensure_tenant(id, name).' END;

    SELECT count(*), array_to_string((array_agg(to_json(left(t.name, 100))::text ORDER BY t.name))[1:20], ', ') INTO v_count, v_detail
    FROM bootstrap.provider_state AS t
    WHERE t.tenant_id = p_tenant_id
      AND NOT EXISTS (SELECT FROM public.provider AS p WHERE p.tenant_id = p_tenant_id AND p.id = t.provider_id);
    RETURN QUERY SELECT 'providers', v_count = 0,
        CASE WHEN v_count = 0 THEN format('%s provider(s) of ours are installed', (SELECT count(*) FROM bootstrap.provider_state AS t WHERE t.tenant_id = p_tenant_id))
             ELSE format('%s provider(s) that this software installed were deleted by someone else: %s', v_count, v_detail) END,
        CASE WHEN v_count > 0 THEN 'Run Keep with PROVISION_RESOURCES=false: left at its default, Keep deletes every provisioned provider at its start when it has no provider variable of its own. Then bootstrap up installs them again.' END;

    -- A secret that this software knows is unreadable when that is drift; only the others have to be parsed.
    SELECT count(*), array_to_string((array_agg(format('%s (%s)', to_json(left(p.name, 100)), array_to_string(d.fields, ', ')) ORDER BY p.name))[1:20], '; '),
           array_agg(p.id::text) FILTER (WHERE 'secret' = ANY (d.fields))
    INTO v_drifted, v_drift, v_unreadable
    FROM bootstrap._drift(p_tenant_id, NULL) AS d
    JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = d.provider_id;
    SELECT array_agg(p.configuration_key::text) INTO v_keys
    FROM public.provider AS p
    WHERE p.tenant_id = p_tenant_id
      AND NOT EXISTS (SELECT FROM bootstrap.provider_state AS t WHERE t.tenant_id = p_tenant_id AND t.provider_id = p.id);
    SELECT count(*), array_to_string((array_agg(to_json(left(p.name, 100))::text ORDER BY p.name))[1:20], ', ') INTO v_count, v_detail
    FROM public.provider AS p
    LEFT JOIN public.secret AS s ON s.key = p.configuration_key AND s.key = ANY (v_keys)
    WHERE p.tenant_id = p_tenant_id
      AND (p.id = ANY (v_unreadable)
           OR (p.configuration_key = ANY (v_keys) AND jsonb_typeof(bootstrap._try_jsonb(s.value) -> 'authentication') IS DISTINCT FROM 'object'));
    RETURN QUERY SELECT 'secrets', v_count = 0,
        CASE WHEN v_count = 0 THEN 'every provider has a readable secret'
             ELSE format('%s provider(s) have no secret in the database, or one that Keep cannot read, so Keep does not list them: %s', v_count, v_detail) END,
        CASE WHEN v_count > 0 THEN 'Run Keep with SECRET_MANAGER_TYPE=DB; bootstrap up writes missing secrets of its own providers again.' END;

    SELECT count(*), array_to_string((array_agg(to_json(left(r.name, 100))::text ORDER BY r.name))[1:20], ', ') INTO v_count, v_detail
    FROM public.alertdeduplicationrule AS r
    WHERE r.tenant_id = p_tenant_id AND r.is_provisioned AND r.provider_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM public.provider AS p WHERE p.tenant_id = p_tenant_id AND p.id = r.provider_id);
    RETURN QUERY SELECT 'deduplication_rules', CASE WHEN v_count = 0 THEN true END,
        CASE WHEN v_count = 0 THEN 'every provisioned deduplication rule has its provider'
             ELSE format('%s provisioned deduplication rule(s) point at a provider that is gone: %s', v_count, v_detail) END,
        CASE WHEN v_count > 0 THEN 'bootstrap up removes them, or gives them to the provider that declares them.' END;

    RETURN QUERY SELECT 'drift', CASE WHEN v_drifted = 0 THEN true END,
        CASE WHEN v_drifted = 0 THEN 'nobody else changed a provider of ours since the last run'
             ELSE format('someone else changed %s provider(s) of ours since the last run: %s', v_drifted, v_drift) END,
        CASE WHEN v_drifted > 0 THEN 'bootstrap plan shows what the next run changes back; --on-drift=keep leaves it, --on-drift=fail refuses.' END;

    v_keys := ARRAY(SELECT k.kind FROM unnest(bootstrap._available_kinds()) AS k (kind) WHERE k.kind NOT IN ('provider', 'deduplication_rule'));
    IF EXISTS (SELECT FROM bootstrap._untrusted_tables()) AND (SELECT g.security FROM bootstrap.setting AS g) = 'definer' THEN
        RETURN; -- a table that was missing a moment ago, made by somebody
    END IF;
    SELECT count(*), array_to_string((array_agg(format('%s %s (%s)', replace(d.kind, '_', ' '), to_json(left(t.name, 100)), array_to_string(d.fields, ', ')) ORDER BY d.kind, t.name))[1:20], '; ')
    INTO v_count, v_detail
    FROM bootstrap._resource_drift(p_tenant_id, v_keys) AS d
    JOIN bootstrap.resource_state AS t ON t.tenant_id = p_tenant_id AND t.kind = d.kind AND t.object_id = d.object_id;
    RETURN QUERY SELECT 'resources', CASE WHEN v_count = 0 THEN true END,
        CASE WHEN v_count = 0 THEN format('%s object(s) of ours beside providers are as the last run left them', (SELECT count(*) FROM bootstrap.resource_state AS t WHERE t.tenant_id = p_tenant_id))
             ELSE format('someone else changed or deleted %s object(s) of ours since the last run: %s', v_count, v_detail) END,
        CASE WHEN v_count > 0 THEN 'bootstrap plan shows what the next run changes back; --on-drift=keep leaves it, --on-drift=fail refuses. Keep itself deletes provisioned workflows and mapping rules unless it runs with PROVISION_RESOURCES=false.' END;

    IF to_regclass('public.providerexecutionlog') IS NOT NULL THEN
        -- A pruned provider takes its execution log along (ON DELETE CASCADE): without such an index each one scans the
        -- log, which is worth a warning once the log is larger than 8 MB.
        v_count := (SELECT count(*)
                    FROM pg_index AS i
                    JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                    WHERE i.indrelid = to_regclass('public.providerexecutionlog') AND i.indisvalid AND i.indpred IS NULL AND a.attname = 'provider_id');
        RETURN QUERY SELECT 'execution_log_index', CASE WHEN v_count > 0 OR pg_table_size(to_regclass('public.providerexecutionlog')) <= 8 * 1024 * 1024 THEN true END,
            CASE WHEN v_count > 0 THEN 'public.providerexecutionlog has an index led by provider_id'
                 WHEN pg_table_size(to_regclass('public.providerexecutionlog')) <= 8 * 1024 * 1024 THEN 'public.providerexecutionlog is small: pruning needs no index'
                 ELSE 'public.providerexecutionlog has no index led by provider_id: each pruned or replaced provider scans the whole log' END,
            CASE WHEN v_count = 0 AND pg_table_size(to_regclass('public.providerexecutionlog')) > 8 * 1024 * 1024
                 THEN 'CREATE INDEX CONCURRENTLY providerexecutionlog_provider_id ON public.providerexecutionlog (provider_id);' END;
    END IF;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_said = PG_EXCEPTION_DETAIL,
        v_hint = PG_EXCEPTION_HINT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME, v_constraint = CONSTRAINT_NAME;
    PERFORM bootstrap._reraise(v_state, v_message, v_said, v_hint, v_schema, v_table, v_constraint);
END
$$;

COMMENT ON FUNCTION bootstrap.verify(text) IS
'One row a check of what this software relies on and of what it installed. Reads only; works on a standby.';

REVOKE ALL ON FUNCTION bootstrap.verify(text) FROM PUBLIC;
