-- bootstrap._diff(tenant_id, options): everything that a run would do, in order, with refusals.
--
-- plan shows these rows, install writes them. refusal is the SQLSTATE with which a guard stops the run because of the
-- row:
--   KB020 everything of a kind would be pruned        KB021 more than max_prune would be pruned or replaced
--   KB022 prevent_delete                              KB024 created by a user, without the option adopt
--   KB025 changed outside, with on_drift fail         KB028 an API key has the secret of another key
--   KB029 no user has the name of the default user     KB031 a row of table secret belongs to something else
--   KB032 the given id is taken, or differs from that of the live row
-- Guards count each kind separately. Reads only.
CREATE FUNCTION bootstrap._diff(p_tenant_id text, p_options jsonb) RETURNS SETOF bootstrap.work
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_kinds       text[]  := current_setting('bootstrap.kinds')::text[];
    v_adopt       boolean := coalesce((p_options ->> 'adopt')::boolean, false);
    v_allow_empty boolean := coalesce((p_options ->> 'allow_empty')::boolean, false);
    v_max_prune   text    := p_options ->> 'max_prune';
BEGIN
    PERFORM bootstrap.require_keep();

    RETURN QUERY
    WITH decided AS MATERIALIZED (SELECT d.* FROM bootstrap._decide(p_tenant_id, v_kinds, p_options) AS d),
    kind AS (
        SELECT d.kind, count(*) FILTER (WHERE d.action IN ('prune', 'replace')) AS going,
               count(*) FILTER (WHERE d.is_prunable AND d.live_name IS NOT NULL) - count(d.position) AS others
        FROM decided AS d GROUP BY d.kind
    ),
    guard AS (
        SELECT k.kind, k.going, s.wanted,
               CASE WHEN right(v_max_prune, 1) = '%'
                        THEN floor((s.wanted + k.others) * rtrim(v_max_prune, '%')::numeric / 100)
                    WHEN v_max_prune IS NOT NULL THEN v_max_prune::numeric
                    WHEN v_allow_empty AND s.wanted = 0 THEN 'Infinity'
                    ELSE greatest(3, floor((s.wanted + k.others) / 2.0)) END AS allowed
        FROM kind AS k
        CROSS JOIN LATERAL (SELECT count(*) AS wanted FROM bootstrap._staged(k.kind)) AS s
        WHERE k.going > 0 AND k.kind <> 'deduplication_rule' -- rules go with their providers
    ),
    shared AS ( -- rows of table secret with more than one owner
        SELECT s.key, bool_or(s.is_foreign) AS is_foreign
        FROM (
            SELECT p.configuration_key::text AS key, false AS is_foreign FROM public.provider AS p
            WHERE p.tenant_id = p_tenant_id AND EXISTS (SELECT FROM kind AS k WHERE k.kind = 'provider')
            GROUP BY 1 HAVING count(*) > 1 UNION ALL
            SELECT d.secret_key, true FROM decided AS d -- not under Keep's key: may be something else
            WHERE d.kind = 'provider' AND d.secret_key <> concat_ws('_', p_tenant_id, d.live_type, d.object_id)
              AND (starts_with(d.secret_key, p_tenant_id || '-') OR d.secret_key ~ '_(smtp|secrets)$'
                   OR EXISTS (SELECT FROM public.provider AS o
                              WHERE o.configuration_key = d.secret_key AND o.tenant_id <> p_tenant_id))
        ) AS s
        GROUP BY s.key
    )
    SELECT d.kind, d.position, d.name, d.type, d.wanted, d.digest, d.keys, d.wanted_id, d.wanted_guard,
           d.wanted_webhook, d.renamed_from, d.object_id, d.live_name, d.live_type, d.live, d.extra, d.row_version,
           d.secret_key, CASE WHEN h.is_foreign IS NOT TRUE THEN d.secret_version END, d.is_provisioned, d.is_prunable,
           d.is_hidden, d.last_name, d.is_drifted, d.is_remembered, d.prevent_delete, d.install_webhook, d.run_id,
           d.match, d.fields,
           CASE WHEN d.action = 'prune' AND g.wanted = 0 AND NOT v_allow_empty THEN 'KB020'
                WHEN d.action IN ('prune', 'replace') AND coalesce(d.wanted_guard, d.prevent_delete) THEN 'KB022'
                WHEN d.last_name IS NULL AND NOT d.is_provisioned AND d.kind NOT IN ('user', 'mapping_rule')
                     AND (NOT v_adopt OR d.action = 'replace') THEN 'KB024'
                WHEN d.wanted_id <> d.object_id AND d.live_name IS NOT NULL THEN 'KB032'
                WHEN d.action = 'add' AND (EXISTS (SELECT FROM public.provider AS o WHERE o.id = d.wanted_id)
                     OR d.wanted_id IN (SELECT o.new_object_id FROM decided AS o -- another provider gets this id
                                        WHERE o.kind = 'provider' AND o.action IN ('add', 'replace')
                                        GROUP BY o.new_object_id HAVING count(*) > 1)) THEN 'KB032'
                WHEN d.action IN ('add', 'replace')
                     AND EXISTS (SELECT FROM public.secret AS c
                                 WHERE d.wanted_id IS NOT NULL
                                   AND c.key = concat_ws('_', p_tenant_id, d.type, d.wanted_id))
                     AND NOT EXISTS (SELECT FROM decided AS o -- what a managed row left behind is removed
                                     WHERE o.object_id = d.wanted_id AND o.live_name IS NULL AND NOT o.is_hidden)
                    THEN 'KB031'
                WHEN h.key IS NOT NULL AND d.action IN ('update', 'rename', 'adopt') AND NOT d.state_only THEN 'KB031'
                WHEN d.action NOT IN ('prune', 'unchanged') AND d.refusal IS NOT NULL AND NOT (
                     d.refusal = 'KB028' AND d.wanted ->> 'secret' IN (
                         SELECT o.extra ->> 'hash' FROM decided AS o -- the other key gives up this secret
                         WHERE o.kind = 'api_key' AND o.extra IS NOT NULL
                           AND (o.action = 'prune' OR (o.action <> 'unchanged' AND 'secret' = ANY (o.fields)))))
                    THEN d.refusal
                WHEN d.drift <> '{}' AND p_options ->> 'on_drift' = 'fail' THEN 'KB025'
                WHEN d.action IN ('prune', 'replace') AND g.going > g.allowed THEN 'KB021' END,
           coalesce(d.notes, '{}') || CASE WHEN d.install_webhook AND d.action IN ('prune', 'replace') THEN ARRAY(
               SELECT 'its webhook stays in the outside system' FROM bootstrap.provider_type AS y
               WHERE y.webhook AND y.type = d.live_type AND d.kind = 'provider') END,
           d.transaction_id, (row_number() OVER (
               ORDER BY array_position(v_kinds, d.kind), d.position IS NULL, d.position, d.name, d.object_id))::integer,
           d.action, d.new_object_id, d.drift, d.reason, d.state_only
    FROM decided AS d LEFT JOIN guard AS g ON g.kind = d.kind
    LEFT JOIN shared AS h ON d.kind = 'provider' AND h.key = d.secret_key;
END
$$;
