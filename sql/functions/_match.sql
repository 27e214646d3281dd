-- bootstrap._match(tenant_id, kinds, detect, every): the pairs of _match_objects, and of deduplication rules.
--
-- A rule is found by its own name and that of its provider. A rule without a partner is paired if, in this order,
--   provider    its provider is found under another name, and the rule has the wanted name;
--   remembered  the last run gave it the wanted name, and someone renamed it since;
--   deleted     the last run installed a rule of the name, and its row is missing;
--   moved       the last run gave it to this provider, and someone gave it to another one since.
-- Reads only.
CREATE FUNCTION bootstrap._match(p_tenant_id text, p_kinds text[], p_detect boolean, p_every boolean)
RETURNS SETOF bootstrap.pair
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH object AS MATERIALIZED (
        SELECT m.* FROM bootstrap._match_objects(p_tenant_id, p_kinds, p_detect, p_every) AS m
    ),
    pair AS MATERIALIZED (
        SELECT o.* FROM object AS o WHERE o.kind = 'deduplication_rule'
    ),
    arriving AS MATERIALIZED (
        SELECT a.position, a.name, a.type, p.object_id AS provider_id
        FROM pair AS a
        LEFT JOIN object AS p ON p.kind = 'provider' AND p.position IS NOT NULL AND p.name = a.type
        WHERE a.object_id IS NULL
    ),
    leaving AS MATERIALIZED (
        SELECT l.object_id, l.live_name, l.live_type, l.live ->> 'provider' AS provider_id, l.last_name
        FROM pair AS l WHERE l.position IS NULL
    ),
    claim AS (
        SELECT a.position, l.object_id, 'provider' AS how, 1 AS rank
        FROM arriving AS a JOIN leaving AS l ON l.provider_id = a.provider_id AND l.live_name = a.name
        UNION ALL
        SELECT a.position, l.object_id, 'remembered', 2
        FROM arriving AS a JOIN leaving AS l ON l.provider_id = a.provider_id AND l.last_name = a.name
        UNION ALL
        SELECT a.position, l.object_id, CASE WHEN l.live_name IS NULL THEN 'deleted' ELSE 'remembered' END, 3
        FROM arriving AS a JOIN leaving AS l ON l.live_type = a.type AND l.last_name = a.name
        UNION ALL
        SELECT a.position, l.object_id, 'moved', 4
        FROM arriving AS a
        JOIN bootstrap.object AS o ON o.tenant_id = p_tenant_id AND o.kind = 'deduplication_rule' AND o.type = a.type
         AND o.name = a.name
        JOIN leaving AS l ON l.object_id = o.object_id AND l.live_name = a.name
    ),
    match AS MATERIALIZED (
        SELECT DISTINCT ON (c.object_id) c.position, c.object_id, c.how
        FROM (SELECT DISTINCT ON (c.position) c.* FROM claim AS c ORDER BY c.position, c.rank, c.object_id) AS c
        ORDER BY c.object_id, c.rank, c.position
    )
    SELECT o.* FROM object AS o WHERE o.kind <> 'deduplication_rule'
    UNION ALL
    SELECT x.kind, x.position, x.name, x.type, x.wanted, x.digest, x.keys, x.wanted_id, x.wanted_guard,
           x.wanted_webhook, x.renamed_from, (y.l).object_id, (y.l).live_name, (y.l).live_type, (y.l).live, (y.l).extra,
           (y.l).row_version, (y.l).secret_key, (y.l).secret_version, (y.l).is_provisioned, (y.l).is_prunable,
           (y.l).is_hidden, (y.l).last_name, (y.l).is_drifted, m.how IS NULL AND x.is_remembered,
           (y.l).prevent_delete, (y.l).install_webhook, (y.l).run_id, coalesce(m.how, x.match), NULL::text[],
           x.refusal, x.notes
    FROM pair AS x
    LEFT JOIN match AS m ON m.position = x.position
    LEFT JOIN pair AS l ON l.position IS NULL AND l.object_id = m.object_id
    CROSS JOIN LATERAL (SELECT CASE WHEN m.how IS NULL THEN ROW(x.*)::bootstrap.pair
                                    ELSE ROW(l.*)::bootstrap.pair END AS l OFFSET 0) AS y -- its live half
    WHERE x.position IS NOT NULL OR NOT EXISTS (SELECT FROM match AS m WHERE m.object_id = x.object_id);
END
$$;
