-- bootstrap._report(tenant_id, run_id, ...): the report of a run, as NOTICEs and for report().
--
-- It is kept in a setting of the transaction, so that a run that changes nothing writes nothing. Each note is about
-- something that this run did or found, and is not repeated without it.
CREATE PROCEDURE bootstrap._report(p_tenant_id text, p_run_id bigint, p_options jsonb, p_tenant_created boolean,
                                   p_is_stale boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_report   bootstrap.run_report;
    v_note     text;
    v_webhooks text[]; -- installed ones
    v_keeps    boolean := coalesce(p_options ->> 'on_drift' = 'keep', false);
    v_kinds    text[] := current_setting('bootstrap.kinds')::text[];
BEGIN
    SELECT p_run_id, p_tenant_id, p_tenant_created, p_run_id IS NOT NULL, count(*), '{}'::json, '{}'::text[]
    INTO v_report.run_id, v_report.tenant_id, v_report.tenant_created, v_report.changed, v_report.providers,
         v_report.resources, v_report.notes
    FROM bootstrap._staged('provider') AS s;
    SELECT count(*) FILTER (WHERE w.action = 'add'), count(*) FILTER (WHERE w.action = 'update'),
           count(*) FILTER (WHERE w.action = 'rename'), count(*) FILTER (WHERE w.action = 'replace'),
           count(*) FILTER (WHERE w.action = 'prune'), count(*) FILTER (WHERE w.action = 'adopt'),
           v_report.providers - count(w.position) FILTER (WHERE w.action <> 'unchanged' OR w.drift <> '{}'),
           (SELECT count(*) FROM bootstrap._to_write('deduplication_rule') AS r)
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
    IF (SELECT bool_or(w.wanted_webhook) FROM bootstrap.work AS w WHERE w.transaction_id = pg_current_xact_id())
       AND EXISTS (SELECT FROM bootstrap._objects(p_tenant_id, 'provider') AS o WHERE o.webhook_digest IS NOT NULL) THEN
        v_webhooks := ARRAY(
            SELECT k.object_id FROM bootstrap.webhook AS k WHERE k.tenant_id = p_tenant_id AND k.is_recorded);
    END IF;
    IF EXISTS (SELECT FROM bootstrap.work AS w WHERE w.transaction_id = pg_current_xact_id()) THEN
        WITH work AS MATERIALIZED (
            SELECT w.kind, w.action, w.name, w.type, w.live_type, w.fields, w.drift, w.state_only, w.wanted_webhook,
                   w.install_webhook, coalesce(w.new_object_id, w.object_id) AS object_id
            FROM bootstrap.work AS w WHERE w.transaction_id = pg_current_xact_id()
        )
        SELECT coalesce(array_agg(n.note ORDER BY n.rank, n.note), '{}') INTO v_report.notes
        FROM (
            SELECT c.rank, format(c.text, count(*), replace(w.kind, '_', ' '), array_to_string((
                       array_agg(to_json(left(w.name, 100))::text ORDER BY w.name))[1:20], ', ')) AS note
            FROM work AS w
            LEFT JOIN bootstrap.provider_type AS y ON y.webhook AND y.type = w.type AND w.kind = 'provider'
            LEFT JOIN bootstrap.provider_type AS l ON l.webhook AND l.type = w.live_type AND w.kind = 'provider'
            LEFT JOIN unnest(v_webhooks) AS h (id) ON h.id = w.object_id
            CROSS JOIN LATERAL (VALUES
                (1, w.kind = 'provider' AND w.action = 'add' AND NOT EXISTS (
                     SELECT FROM bootstrap.run AS r
                     WHERE r.tenant_id = p_tenant_id AND r.outcome = 'applied' AND r.run_id <> p_run_id),
                 'Keep must run with SECRET_MANAGER_TYPE=DB to see these providers, and with '
                 'PROVISION_RESOURCES=false so that it does not delete them when it starts'),
                (3, w.action = 'unchanged' AND NOT w.state_only AND w.drift <> '{}' AND v_keeps,
                 CASE WHEN w.drift = ARRAY['row']
                      THEN '%s %s(s) deleted outside of keep-bootstrap stay deleted (on_drift keep): %s'
                      ELSE '%s %s(s) changed outside of keep-bootstrap are kept as they are (on_drift keep): %s' END),
                (4, w.kind = 'provider' AND w.action = 'unchanged' AND 'type' = ANY (w.fields) AND NOT v_keeps,
                 '%s %s(s) differ in type from the manifest, and stay (additive): %s'),
                (6, y.webhook AND w.wanted_webhook AND h.id IS NULL AND (w.action <> 'unchanged' OR w.state_only),
                 '%s %s(s) wait for a webhook that only a running Keep can install (keep-bootstrap activate): %s'),
                (7, l.webhook AND w.install_webhook AND w.action IN ('prune', 'replace'),
                 'the webhooks of %s %s(s) stay in the outside system; remove them there: %s')) AS c (rank, holds, text)
            WHERE c.holds GROUP BY c.rank, c.text, w.kind
            UNION ALL
            SELECT 5, format('restart Keep to start or stop the consumers of %s',
                             string_agg(DISTINCT y.type, ', ' ORDER BY y.type))
            FROM bootstrap.provider_type AS y
            WHERE y.consumer AND y.type IN (SELECT unnest(ARRAY[w.type, w.live_type]) FROM work AS w
                                            WHERE NOT w.state_only AND w.kind = 'provider' AND w.action <> 'unchanged')
            HAVING count(*) > 0
        ) AS n;
    END IF;
    v_report.notes := v_report.notes || ARRAY(
        SELECT 'PROVISION_RESOURCES is true, so Keep overwrites this run when it starts. Set it to false'
        WHERE (p_options ->> 'provision_resources')::boolean) || ARRAY(
        SELECT 'not covered by the manifest, and left alone: '
               || string_agg(format('%s %s(s)', k.count, replace(k.kind, '_', ' ')), ', ' ORDER BY k.kind)
        FROM (SELECT o.kind, count(*) AS count FROM bootstrap.object AS o
              WHERE o.tenant_id = p_tenant_id AND o.kind <> ALL (v_kinds || ARRAY['deduplication_rule'])
              GROUP BY o.kind) AS k
        HAVING count(*) > 0);
    IF p_is_stale THEN
        v_report.unchanged := 0;
        v_report.notes := ARRAY[format('generation %s is older than the installed one, %s: nothing was done',
                                       p_options ->> 'generation',
            (SELECT t.generation FROM bootstrap.tenant AS t WHERE t.tenant_id = p_tenant_id))];
    END IF;
    PERFORM set_config('bootstrap.report', to_json(v_report)::text, true);
    IF v_report.changed THEN
        RAISE NOTICE 'bootstrap: run % of tenant %: providers: % added, % updated, % renamed, % replaced, % pruned, '
                     '% adopted, % unchanged; % deduplication rules changed',
            p_run_id, p_tenant_id, v_report.added, v_report.updated, v_report.renamed, v_report.replaced,
            v_report.pruned, v_report.adopted, v_report.unchanged, v_report.rules_changed;
    ELSIF NOT p_is_stale THEN
        RAISE NOTICE 'bootstrap: tenant % is up to date, % providers', p_tenant_id, v_report.providers;
    END IF;
    FOR v_note IN
        SELECT format('%ss: %s', replace(k.key, '_', ' '),
                      (SELECT string_agg(c.value || ' ' || c.key, ', ') FROM json_each_text(k.value) AS c))
        FROM json_each(v_report.resources) AS k WHERE v_report.changed
        UNION ALL SELECT unnest(v_report.notes)
    LOOP RAISE NOTICE 'bootstrap: %', v_note; END LOOP;
END
$$;
