-- bootstrap._match_objects(tenant_id, kinds, detect, every): the pairs of _pairs, with those that have no equal name.
--
-- Deduplication rules pass through: _match pairs them. What found no partner by name is paired if, in this order,
--   declared    the live name stands in renamed_from (the first of several that are free);
--   remembered  the last run gave the live row the wanted name, and someone renamed it since;
--   detected    exactly one leaving and one arriving provider have the same type and (not empty) authentication;
--   deleted     the last run installed an object of the name, and its row is missing.
-- No row has the wanted name then: it would be the partner by name. Reads only.
CREATE FUNCTION bootstrap._match_objects(p_tenant_id text, p_kinds text[], p_detect boolean, p_every boolean)
RETURNS SETOF bootstrap.pair
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH pair AS MATERIALIZED (
        SELECT p.* FROM bootstrap._pairs(p_tenant_id, p_kinds, p_every) AS p
    ),
    arriving AS MATERIALIZED (
        SELECT a.kind, a.position, a.name, a.type, a.wanted -> 'authentication' AS authentication, a.renamed_from
        FROM pair AS a
        WHERE a.object_id IS NULL AND a.kind <> 'deduplication_rule'
          AND EXISTS (SELECT FROM pair AS l WHERE l.position IS NULL)
    ),
    leaving AS MATERIALIZED (
        SELECT l.kind, l.object_id, l.live_name, l.live_type, l.live -> 'authentication' AS authentication, l.last_name,
               l.is_prunable
        FROM pair AS l WHERE l.position IS NULL
    ),
    claim AS (
        SELECT a.kind, a.position, l.object_id, 'declared' AS how, f.ordinality AS rank
        FROM arriving AS a CROSS JOIN LATERAL unnest(a.renamed_from) WITH ORDINALITY AS f (name, ordinality)
        JOIN leaving AS l ON l.kind = a.kind AND l.live_name = f.name
        UNION ALL
        SELECT a.kind, a.position, l.object_id, 'remembered', 10000 -- after every declared name
        FROM arriving AS a JOIN leaving AS l ON l.kind = a.kind AND l.last_name = a.name
        WHERE l.live_name IS NOT NULL
    ),
    told AS MATERIALIZED (
        SELECT DISTINCT ON (c.kind, c.object_id) c.kind, c.position, c.object_id, c.how
        FROM (SELECT DISTINCT ON (c.kind, c.position) c.* FROM claim AS c
              ORDER BY c.kind, c.position, c.rank, c.object_id) AS c
        ORDER BY c.kind, c.object_id, c.rank, c.position
    ),
    rest AS MATERIALIZED (
        SELECT a.* FROM arriving AS a
        WHERE NOT EXISTS (SELECT FROM told AS t WHERE t.kind = a.kind AND t.position = a.position)
    ),
    detected AS MATERIALIZED (
        SELECT 'provider' AS kind, a.position, l.object_id, 'detected' AS how
        FROM (SELECT a.type, a.authentication, min(a.position) AS position FROM rest AS a
              WHERE p_detect AND a.kind = 'provider' AND a.authentication <> '{}'
              GROUP BY 1, 2 HAVING count(*) = 1) AS a
        JOIN (SELECT l.live_type AS type, l.authentication, min(l.object_id) AS object_id FROM leaving AS l
              WHERE l.kind = 'provider' AND l.is_prunable
                AND NOT EXISTS (SELECT FROM told AS t WHERE t.kind = l.kind AND t.object_id = l.object_id)
              GROUP BY 1, 2 HAVING count(*) = 1) AS l USING (type, authentication)
    ),
    match AS MATERIALIZED (
        SELECT t.* FROM told AS t
        UNION ALL SELECT d.* FROM detected AS d
        UNION ALL SELECT DISTINCT ON (a.kind, a.position) a.kind, a.position, l.object_id, 'deleted'
        FROM rest AS a
        JOIN leaving AS l ON l.kind = a.kind AND l.last_name = a.name AND l.live_name IS NULL
        WHERE NOT EXISTS (SELECT FROM detected AS d WHERE d.kind = a.kind AND d.position = a.position)
    )
    SELECT x.kind, x.position, x.name, x.type, x.wanted, x.digest, x.keys, x.wanted_id, x.wanted_guard,
           x.wanted_webhook, x.renamed_from, (y.l).object_id, (y.l).live_name, (y.l).live_type, (y.l).live, (y.l).extra,
           (y.l).row_version, (y.l).secret_key, (y.l).secret_version, (y.l).is_provisioned, (y.l).is_prunable,
           (y.l).is_hidden, (y.l).last_name, (y.l).is_drifted, m.how IS NULL AND x.is_remembered,
           (y.l).prevent_delete, (y.l).install_webhook, (y.l).run_id, coalesce(m.how, x.match), NULL::text[],
           x.refusal, x.notes
    FROM pair AS x
    LEFT JOIN match AS m ON m.kind = x.kind AND m.position = x.position
    LEFT JOIN pair AS l ON l.position IS NULL AND l.kind = m.kind AND l.object_id = m.object_id
    CROSS JOIN LATERAL (SELECT CASE WHEN m.how IS NULL THEN ROW(x.*)::bootstrap.pair
                                    ELSE ROW(l.*)::bootstrap.pair END AS l OFFSET 0) AS y -- its live half
    WHERE x.position IS NOT NULL
      OR NOT EXISTS (SELECT FROM match AS m WHERE m.kind = x.kind AND m.object_id = x.object_id);
END
$$;
