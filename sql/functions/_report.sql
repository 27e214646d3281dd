-- bootstrap._report(tenant_id, run_id, ...): the report of a run, as NOTICEs and for report().
--
-- It is kept in a setting of the transaction, so that a run that changes nothing writes nothing. Each note is about
-- something that this run did or found, and goes away with its reason.
CREATE PROCEDURE bootstrap._report(p_tenant_id text, p_run_id bigint, p_options jsonb, p_tenant_created boolean,
                                   p_is_stale boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_report bootstrap.run_report;
    v_note   text;
    v_kinds  text[] := current_setting('bootstrap.kinds')::text[];
BEGIN
    v_report.run_id := p_run_id;
    v_report.tenant_id := p_tenant_id;
    v_report.tenant_created := p_tenant_created;
    v_report.changed := p_run_id IS NOT NULL;
    v_report.providers := (SELECT count(*) FROM bootstrap._staged('provider'));
    v_report.resources := '{}';
    SELECT count(*) FILTER (WHERE w.action = 'add'), count(*) FILTER (WHERE w.action = 'update'),
           count(*) FILTER (WHERE w.action = 'rename'), count(*) FILTER (WHERE w.action = 'replace'),
           count(*) FILTER (WHERE w.action = 'prune'), count(*) FILTER (WHERE w.action = 'adopt'),
           CASE WHEN NOT p_is_stale THEN v_report.providers ELSE 0 END
           - count(w.position) FILTER (WHERE w.action <> 'unchanged' OR w.drift <> '{}'),
           (SELECT count(*) FROM bootstrap.work AS r WHERE r.transaction_id = pg_current_xact_id()
            AND r.kind = 'deduplication_rule' AND r.action <> 'unchanged' AND NOT r.state_only)
    INTO v_report.added, v_report.updated, v_report.renamed, v_report.replaced, v_report.pruned, v_report.adopted,
         v_report.unchanged, v_report.rules_changed
    FROM bootstrap.work AS w
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'provider';
    IF NOT v_kinds <@ ARRAY['provider', 'deduplication_rule'] THEN
        SELECT json_object_agg(k.kind, json_build_object(
                   'given', k.given, 'added', k.added, 'updated', k.updated, 'adopted', k.adopted, 'pruned', k.pruned,
                   'unchanged', CASE WHEN p_is_stale THEN 0 ELSE k.given - k.touched END) ORDER BY k.number)
        INTO v_report.resources
        FROM (
            SELECT g.kind, g.number, (SELECT count(*) FROM bootstrap._staged(g.kind)) AS given,
                   count(*) FILTER (WHERE w.action = 'add') AS added,
                   count(*) FILTER (WHERE w.action IN ('update', 'rename')) AS updated,
                   count(*) FILTER (WHERE w.action = 'adopt') AS adopted,
                   count(*) FILTER (WHERE w.action = 'prune') AS pruned,
                   count(w.position) FILTER (WHERE w.action <> 'unchanged' OR w.drift <> '{}') AS touched
            FROM unnest(v_kinds) WITH ORDINALITY AS g (kind, number)
            LEFT JOIN bootstrap.work AS w ON w.transaction_id = pg_current_xact_id() AND w.kind = g.kind
            WHERE g.kind NOT IN ('provider', 'deduplication_rule') GROUP BY g.kind, g.number
        ) AS k;
    END IF;

    IF EXISTS (SELECT FROM bootstrap.work AS w WHERE w.transaction_id = pg_current_xact_id()) THEN
        WITH work AS MATERIALIZED (
            SELECT w.kind, w.action, w.name, w.type, w.live_type, w.fields, w.drift, w.state_only, w.wanted_webhook
            FROM bootstrap.work AS w WHERE w.transaction_id = pg_current_xact_id()
        )
        SELECT coalesce(array_agg(n.note ORDER BY n.rank, n.note), '{}') INTO v_report.notes
        FROM (
            SELECT 1 AS rank,
                   'Keep must run with SECRET_MANAGER_TYPE=DB to see these providers, and with '
                   'PROVISION_RESOURCES=false so that it does not delete them when it starts' AS note
            FROM work AS w WHERE w.kind = 'provider' AND w.action = 'add'
            HAVING count(*) > 0 AND NOT EXISTS (
                SELECT FROM bootstrap.run AS r
                WHERE r.tenant_id = p_tenant_id AND r.outcome = 'applied' AND r.transaction_id <> pg_current_xact_id())
            UNION ALL
            SELECT 3, format('%s %s(s) %s (on_drift keep): %s', count(*), replace(w.kind, '_', ' '),
                             CASE WHEN w.drift = ARRAY['row'] THEN 'deleted outside of keep-bootstrap stay deleted'
                                  ELSE 'changed outside of keep-bootstrap are kept as they are' END,
                             array_to_string((array_agg(to_json(left(w.name, 100))::text ORDER BY w.name))[1:20], ', '))
            FROM work AS w
            WHERE w.action = 'unchanged' AND NOT w.state_only AND w.drift <> '{}' AND p_options ->> 'on_drift' = 'keep'
            GROUP BY w.kind, w.drift = ARRAY['row']
            UNION ALL
            SELECT 4, format('%s provider(s) have another type and stay as they are (additive): %s', count(*),
                             array_to_string((array_agg(to_json(left(w.name, 100))::text ORDER BY w.name))[1:20], ', '))
            FROM work AS w
            WHERE w.kind = 'provider' AND w.action = 'unchanged' AND 'type' = ANY (w.fields)
              AND p_options ->> 'on_drift' IS DISTINCT FROM 'keep'
            HAVING count(*) > 0
            UNION ALL
            SELECT 5, format('restart Keep: it starts and stops consumers of %s only then',
                             string_agg(DISTINCT y.type, ', ' ORDER BY y.type))
            FROM work AS w
            JOIN bootstrap.provider_type AS y ON y.consumer AND y.type IN (w.type, w.live_type)
            WHERE w.kind = 'provider' AND w.action <> 'unchanged' AND NOT w.state_only
            HAVING count(*) > 0
            UNION ALL
            SELECT 6, format('%s provider(s) wait for a webhook that only a running Keep can install: %s', count(*),
                             array_to_string((array_agg(to_json(left(w.name, 100))::text ORDER BY w.name))[1:20], ', '))
            FROM work AS w
            JOIN bootstrap.provider_type AS y ON y.webhook AND y.type = w.type
            WHERE w.kind = 'provider' AND w.wanted_webhook
              AND (w.action IN ('add', 'replace') OR 'install_webhook' = ANY (w.fields))
            HAVING count(*) > 0
        ) AS n;
    END IF;
    SELECT coalesce(v_report.notes || array_agg(n.note), '{}') INTO v_report.notes
    FROM (
        SELECT 'PROVISION_RESOURCES is true: Keep provisions over this run when it starts. Set it to false' AS note
        WHERE (p_options ->> 'provision_resources')::boolean
        UNION ALL
        SELECT 'what the manifest does not cover stays as it is: '
               || string_agg(format('%s %s(s)', k.count, replace(k.kind, '_', ' ')), ', ' ORDER BY k.kind)
        FROM (SELECT o.kind, count(*) AS count FROM bootstrap.object AS o WHERE o.tenant_id = p_tenant_id
              AND o.kind <> ALL (v_kinds || ARRAY['deduplication_rule']) GROUP BY o.kind) AS k
        HAVING count(*) > 0
    ) AS n;
    IF p_is_stale THEN
        v_report.notes := ARRAY(
            SELECT format('generation %s is older than %s, which is installed: nothing was done',
                p_options ->> 'generation', t.generation) FROM bootstrap.tenant AS t WHERE t.tenant_id = p_tenant_id);
    END IF;
    PERFORM set_config('bootstrap.report', to_json(v_report)::text, true);

    IF v_report.changed THEN
        RAISE NOTICE 'bootstrap: run % of tenant %: providers: % added, % updated, % renamed, % replaced, % pruned, '
                     '% adopted, % unchanged; % deduplication rules changed; %',
            p_run_id, p_tenant_id, v_report.added, v_report.updated, v_report.renamed, v_report.replaced,
            v_report.pruned, v_report.adopted, v_report.unchanged, v_report.rules_changed, v_report.resources;
    ELSIF NOT p_is_stale THEN
        RAISE NOTICE 'bootstrap: tenant % is up to date, % providers', p_tenant_id, v_report.providers;
    END IF;
    FOREACH v_note IN ARRAY v_report.notes LOOP RAISE NOTICE 'bootstrap: %', v_note; END LOOP;
END
$$;
