-- bootstrap._judge(tenant_id, options): what refuses the work of this transaction, and its digest.
--
-- plan_digest: equal digests mean the same changes, from the same manifest, to rows in the same state. What Keep
-- writes by itself (times, scopes) is left out, and so are files and folders. refusal, message, detail, hint:
-- of one guard and one kind; detail shows the first 50 objects, hint the option that lets the run through. Also KB023,
-- KB026. Reads only.
CREATE FUNCTION bootstrap._judge(p_tenant_id text, p_options jsonb) RETURNS bootstrap.run_report
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_report bootstrap.run_report;
    v_kind   text;
    v_count  bigint;
BEGIN
    IF p_options ? 'plan_digest' THEN
        SELECT encode(bootstrap._digest(
                   g.digest_key, concat(p_tenant_id, string_agg(w.digest, ' ' ORDER BY w.sequence))), 'hex')
        INTO v_report.plan_digest
        FROM bootstrap.setting AS g
        LEFT JOIN (
            SELECT w.sequence, encode(bootstrap._digest(g.digest_key, jsonb_build_array(
                       w.kind, w.action, w.name, w.object_id, w.fields, w.drift, w.wanted, w.live, w.extra,
                       w.wanted_guard, w.wanted_webhook)::text), 'hex') AS digest
            FROM bootstrap.work AS w
            CROSS JOIN bootstrap.setting AS g
            WHERE w.transaction_id = pg_current_xact_id_if_assigned() AND (w.action <> 'unchanged' OR w.state_only)
        ) AS w ON true
        GROUP BY g.digest_key;
    END IF;

    SELECT w.refusal, replace(w.kind, '_', ' '), count(*),
           array_to_string((array_agg(format('%s %s (%s)%s', w.action, to_json(left(w.name, 100)), w.reason,
               CASE w.refusal WHEN 'KB025' THEN ': ' || array_to_string(w.drift, ', ')
                              WHEN 'KB031' THEN ': ' || CASE
                                  WHEN w.kind = 'provider' AND w.new_object_id IS NOT NULL
                                      THEN concat_ws('_', p_tenant_id, w.type, w.new_object_id)
                                  ELSE coalesce(w.secret_key, p_tenant_id || '-' || w.name) END
                              ELSE '' END)
               ORDER BY w.sequence))[1:50], E'\n')
    INTO v_report.refusal, v_kind, v_count, v_report.detail
    FROM bootstrap.work AS w
    WHERE w.transaction_id = pg_current_xact_id_if_assigned() AND w.refusal IS NOT NULL
    GROUP BY w.refusal, w.kind
    ORDER BY array_position(ARRAY['KB020', 'KB022', 'KB024', 'KB032', 'KB031', 'KB028', 'KB029', 'KB025', 'KB021'],
                            w.refusal),
             min(w.sequence)
    LIMIT 1;

    -- If secrets are stored elsewhere, Keep ignores those written here, and a provider without a secret vanishes from
    -- its lists.
    IF lower(p_options ->> 'assume_secret_manager') IS DISTINCT FROM 'db'
       AND current_setting('bootstrap.kinds')::text[] && ARRAY['provider', 'api_key']
    THEN
        IF lower(p_options ->> 'secret_manager') <> 'db' THEN
            v_report.refusal := 'KB023';
            v_report.detail := 'SECRET_MANAGER_TYPE is ' || to_json(left(p_options ->> 'secret_manager', 50));
        ELSIF EXISTS (SELECT FROM bootstrap.work AS w
                      WHERE w.transaction_id = pg_current_xact_id_if_assigned() AND w.action <> 'unchanged') THEN
            SELECT CASE WHEN count(*) > 0 THEN 'KB023' ELSE v_report.refusal END,
                   coalesce(array_to_string((array_agg(format('provider %s has no row in table secret',
                                                              to_json(left(p.name, 100)))
                                                       ORDER BY p.name))[1:50], E'\n'), v_report.detail)
            INTO v_report.refusal, v_report.detail
            FROM public.provider AS p
            LEFT JOIN bootstrap.object AS o ON o.tenant_id = p_tenant_id AND o.kind = 'provider' AND o.object_id = p.id
            LEFT JOIN LATERAL (SELECT c.key FROM public.secret AS c WHERE c.key = p.configuration_key LIMIT 1) AS c
              ON true
            WHERE p.tenant_id = p_tenant_id AND o.object_id IS NULL AND c.key IS NULL;
        END IF;
    END IF;
    IF v_report.refusal IS NULL AND p_options ->> 'plan_digest' <> v_report.plan_digest THEN
        v_report.refusal := 'KB026';
    END IF;

    SELECT replace(replace(r.message, '{n}', coalesce(v_count, 0)::text), '{kind}', coalesce(v_kind, '')),
           replace(replace(r.hint, '{n}', coalesce(v_count, 0)::text), '{kind}', coalesce(v_kind, ''))
    INTO v_report.message, v_report.hint
    FROM (VALUES
        ('KB020', 'the manifest holds no {kind}, and {n} {kind}(s) would be pruned',
         'Check the source of the manifest. If this is intended, set the option allow_empty (--allow-empty).'),
        ('KB021', '{n} {kind}(s) would be pruned or replaced, more than the limit',
         'If this is intended, set the option max_prune (--max-prune {n}). The default is half of those provisioned, '
         'and at least 3.'),
        ('KB022', '{n} {kind}(s) with prevent_delete would be pruned or replaced',
         'Deleting the entry is not enough: set prevent_delete: false, run up, then delete it.'),
        ('KB023', 'Keep stores its secrets elsewhere, not in table secret of this database',
         'Run Keep with SECRET_MANAGER_TYPE=DB (its default is FILE, that of its Helm chart k8s) and copy its secrets '
         'first, or set the option assume_secret_manager to db (--assume-secret-manager=db).'),
        ('KB024', '{n} {kind}(s) of the manifest have the name of a {kind} created by a user',
         'Rename the {kind} in the manifest, or adopt the existing one (option adopt, --adopt). A provider of '
         'another type is never adopted.'),
        ('KB025', '{n} {kind}(s) were changed outside of keep-bootstrap since the last run',
         'Look at the plan, then overwrite the change (--on-drift=overwrite) or keep it (--on-drift=keep).'),
        ('KB026', 'stale plan: the manifest or the database has changed since the plan was made',
         'Nothing was written. Make a new plan, look at it, and apply that.'),
        ('KB028', '{n} API key(s) of the manifest have the secret of another key',
         'Keep tells API keys apart by their secrets. Give this key another secret, or delete the other key.'),
        ('KB029', 'no user has the name of the default user, and there is more than one user',
         'Name the user in KEEP_DEFAULT_USERNAME, or do not reset the password.'),
        ('KB031', 'the secret of {n} {kind}(s) would overwrite a row of table secret that belongs to something else',
         'Rename the {kind}, or remove the other owner of the row. The row was not changed.'),
        ('KB032', '{n} {kind}(s) exist with an id other than the one in the manifest, or that id is taken',
         'Remove id from the manifest, or delete the row first: the id of an existing row never changes.')
    ) AS r (code, message, hint)
    WHERE r.code = v_report.refusal;
    RETURN v_report;
END
$$;
