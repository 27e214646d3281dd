-- bootstrap.verify([tenant_id]): one row per check of what this software relies on, and of what it installed.
--
-- ok is true, false (something is wrong), or NULL (a warning). Never raises for what it finds. Shows no value of a
-- secret. Works on a standby. Waits at most 5 s for a lock on Keep's tables (55P03).
CREATE FUNCTION bootstrap.verify(p_tenant_id text DEFAULT 'keep') RETURNS SETOF bootstrap.check_result
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off -- a wrong estimate must not make it quadratic
SET enable_mergejoin = off
SET jit = off
SET lock_timeout = '5s'
SET row_security = off
AS $$
DECLARE
    v_shown    text;
    v_missing  text;
    v_drifted  text;
    v_unread   text;
    v_managed  bigint;
    v_is_large boolean;
    v_kinds    text[];
BEGIN
    SELECT string_agg(format('%s %s', coalesce(w.key, p.name),
                             CASE WHEN p.name IS NULL THEN 'is missing' WHEN w.key IS NULL THEN 'is unknown'
                                  ELSE 'was altered' END), '; ' ORDER BY coalesce(w.key, p.name))
    INTO v_shown
    FROM (SELECT j.key, j.value FROM bootstrap.setting AS g CROSS JOIN LATERAL jsonb_each_text(g.parts) AS j) AS w
    FULL JOIN bootstrap.schema_part AS p ON p.name = w.key
    WHERE p.hash IS DISTINCT FROM w.value;
    v_shown := CASE WHEN NOT EXISTS (SELECT FROM bootstrap.setting) THEN 'the row of table setting is missing'
                    WHEN NOT EXISTS (SELECT FROM bootstrap.schema_version)
                        THEN 'the row of table schema_version is missing'
                    ELSE v_shown END;
    RETURN QUERY SELECT 'schema', v_shown IS NULL,
        coalesce(left(v_shown, 2000), 'every object of schema bootstrap is as it was installed'),
        CASE WHEN v_shown IS NOT NULL
             THEN 'Run keep-bootstrap migrate --to 0, then keep-bootstrap up: the schema is installed again, and '
                  'provisioned objects are adopted.' END;

    SELECT string_agg(s.problem, '; ' ORDER BY s.problem) INTO v_shown FROM bootstrap.security_problem AS s;
    RETURN QUERY SELECT 'security', v_shown IS NULL,
        coalesce(left(v_shown, 2000), 'no other role has more rights than it needs'),
        CASE WHEN v_shown IS NOT NULL THEN 'REVOKE these rights, or give the objects to the owner of the schema.' END;
    IF EXISTS (SELECT FROM bootstrap.untrusted) THEN RETURN; END IF; -- reading their tables would run their code

    SELECT string_agg(d.difference, '; ' ORDER BY d.rank, d.table_name) INTO v_shown
    FROM bootstrap.keep_difference AS d WHERE d.kind IN ('tenant', 'provider');
    RETURN QUERY SELECT 'keep_tables', v_shown IS NULL, coalesce(left(v_shown, 2000), 'the tables of Keep fit'),
        CASE WHEN v_shown IS NOT NULL THEN 'Run Keep''s own migrations, then keep-bootstrap up.' END;
    IF v_shown IS NOT NULL THEN RETURN; END IF;

    RETURN QUERY
    SELECT 'foreign_key', CASE WHEN count(*) > 0 THEN bool_and(c.condeferrable AND NOT c.condeferred) END,
           CASE WHEN count(*) = 0 THEN 'public.provider has no foreign key to public.tenant'
                WHEN bool_and(c.condeferrable AND NOT c.condeferred)
                    THEN 'the foreign key of public.provider is deferrable, initially immediate'
                ELSE 'the foreign key of public.provider is not DEFERRABLE INITIALLY IMMEDIATE' END,
           CASE WHEN NOT bool_and(c.condeferrable AND NOT c.condeferred)
                    THEN 'Run keep-bootstrap up, or SELECT bootstrap.prepare_keep().' END
    FROM pg_constraint AS c
    WHERE c.contype = 'f' AND c.conrelid = 'public.provider'::regclass AND c.confrelid = 'public.tenant'::regclass;

    RETURN QUERY SELECT 'tenant', t.found,
        format('tenant %s %s', to_json(p_tenant_id), CASE WHEN t.found THEN 'exists' ELSE 'does not exist' END),
        CASE WHEN NOT t.found THEN 'Run keep-bootstrap up --tenant-only or SELECT bootstrap.ensure_tenant(...).' END
        FROM (SELECT EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id) AS found) AS t;

    PERFORM set_config('bootstrap.manifest', '[]', true), set_config('bootstrap.kinds', '{}', true); -- nothing wanted
    v_kinds := ARRAY['user', 'api_key', 'provider', 'deduplication_rule', 'workflow', 'dashboard', 'mapping_rule'];
    v_kinds := ARRAY(SELECT k.kind FROM unnest(v_kinds) AS k (kind)
                     WHERE k.kind NOT IN (SELECT d.kind FROM bootstrap.keep_difference AS d));
    SELECT count(*) FILTER (WHERE p.last_name IS NOT NULL),
           array_to_string((array_agg(p.label ORDER BY p.label)
                            FILTER (WHERE p.last_name IS NOT NULL AND p.live_name IS NULL))[1:20], ', '),
           array_to_string((array_agg(p.label ORDER BY p.label) FILTER (WHERE p.is_drifted))[1:20], ', '),
           array_to_string((array_agg(p.label ORDER BY p.label)
                            FILTER (WHERE p.kind = 'provider' AND p.live -> 'authentication' = 'null'))[1:20], ', ')
    INTO v_managed, v_missing, v_drifted, v_unread
    FROM (SELECT p.*, format('%s %s', replace(p.kind, '_', ' '), to_json(left(p.name, 100))) AS label
          FROM bootstrap._match(p_tenant_id, v_kinds, false, true) AS p) AS p;
    PERFORM set_config('bootstrap.manifest', '', true);
    RETURN QUERY
    SELECT 'objects', v_missing IS NULL,
           coalesce('deleted outside of keep-bootstrap: ' || v_missing,
                    format('%s managed object(s) exist', v_managed)),
           CASE WHEN v_missing IS NOT NULL THEN
               'Run keep-bootstrap up to install them again, and Keep with PROVISION_RESOURCES=false: otherwise it '
               'deletes, each time it starts, what its own variables do not name.' END
    UNION ALL
    SELECT 'secrets', v_unread IS NULL,
           coalesce('without a secret that Keep can read, so Keep does not list them: ' || v_unread,
                    'every provider has a readable secret'),
           CASE WHEN v_unread IS NOT NULL THEN
               'Run Keep with SECRET_MANAGER_TYPE=DB. keep-bootstrap up writes secrets of managed providers.' END
    UNION ALL
    SELECT 'drift', CASE WHEN v_drifted IS NULL THEN true END,
           coalesce('changed outside of keep-bootstrap since the last run: ' || v_drifted,
                    'nothing was changed outside of keep-bootstrap'),
           CASE WHEN v_drifted IS NOT NULL THEN
               'Run keep-bootstrap plan to see what the next run changes back; --on-drift=keep leaves it alone.' END;

    SELECT string_agg(to_json(left(r.name, 100))::text, ', ' ORDER BY r.name) INTO v_shown
    FROM public.alertdeduplicationrule AS r
    WHERE r.tenant_id = p_tenant_id AND r.is_provisioned AND r.provider_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM public.provider AS p WHERE p.tenant_id = p_tenant_id AND p.id = r.provider_id);
    RETURN QUERY SELECT 'deduplication_rules', CASE WHEN v_shown IS NULL THEN true END,
        coalesce('their provider is gone: ' || v_shown, 'every provisioned deduplication rule has its provider'),
        CASE WHEN v_shown IS NOT NULL
                 THEN 'Run keep-bootstrap up: it removes them, or assigns them to the provider that declares them.' END;

    -- Pruning a provider deletes its execution log, and scans the whole log if there is no index.
    v_is_large := pg_table_size(to_regclass('public.providerexecutionlog')) > 8 * 1024 * 1024 AND NOT EXISTS (
        SELECT FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = to_regclass('public.providerexecutionlog') AND i.indisvalid AND i.indpred IS NULL
          AND a.attname = 'provider_id');
    RETURN QUERY SELECT 'execution_log_index', CASE WHEN NOT coalesce(v_is_large, false) THEN true END,
        CASE WHEN v_is_large THEN
             'public.providerexecutionlog is large and has no index led by provider_id: each pruned provider scans it'
             ELSE 'pruning a provider does not scan its execution log' END,
        CASE WHEN v_is_large
                 THEN 'CREATE INDEX CONCURRENTLY providerexecutionlog_provider_id ON public.providerexecutionlog '
                      '(provider_id);' END;
END
$$;
COMMENT ON FUNCTION bootstrap.verify(text) IS
'One row per check of what this software relies on and installed. Works on a standby.';
