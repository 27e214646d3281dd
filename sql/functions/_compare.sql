-- bootstrap._compare(tenant_id, kinds, options): the pairs with the names of the fields in which they differ.
--
-- Names only: type, name, authentication.<key>, ...; secret for a secret that is missing or that Keep cannot read. A
-- rule gets the provider that it will belong to. If the address of a provider changes, the credentials that Keep added
-- to its secret count as differing, and are removed. Values of secrets stay inside the statement. Reads only.
CREATE FUNCTION bootstrap._compare(p_tenant_id text, p_kinds text[], p_options jsonb) RETURNS SETOF bootstrap.pair
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_keep   boolean := coalesce(p_options ->> 'on_drift' = 'keep', false);
    v_detect boolean := coalesce((p_options ->> 'detect_renames')::boolean, true);
    v_add    boolean := coalesce((p_options ->> 'additive')::boolean, false);
BEGIN
    RETURN QUERY
    WITH match AS MATERIALIZED (
        SELECT m.* FROM bootstrap._match(p_tenant_id, p_kinds, v_detect, false) AS m
    )
    SELECT m.kind, m.position, m.name, m.type, r.wanted, m.digest, m.keys, m.wanted_id, m.wanted_guard,
           m.wanted_webhook, m.renamed_from, m.object_id, m.live_name, m.live_type, m.live, m.extra, m.row_version,
           m.secret_key, m.secret_version, m.is_provisioned, m.is_prunable, m.is_hidden, m.last_name, m.is_drifted,
           m.is_remembered OR (m.kind = 'deduplication_rule' AND NOT m.is_drifted AND f.fields IS NULL),
           m.prevent_delete, m.install_webhook, m.run_id, m.match, coalesce(f.fields, '{}'), m.refusal, m.notes
    FROM match AS m
    LEFT JOIN match AS p
      ON p.kind = 'provider' AND p.position IS NOT NULL AND p.name = m.type AND m.kind = 'deduplication_rule'
    CROSS JOIN LATERAL ( -- a provider of another type is not replaced
        SELECT p.live_name IS NOT NULL AND ((v_keep AND p.is_drifted) OR v_add) AS stays OFFSET 0
    ) AS k
    CROSS JOIN LATERAL (
        SELECT CASE WHEN p.kind IS NULL OR m.position IS NULL THEN m.wanted
                    ELSE m.wanted || jsonb_build_object(
                        'provider', CASE WHEN p.live_type = p.type OR k.stays THEN p.object_id END,
                        'provider_type', CASE WHEN k.stays THEN p.live_type ELSE p.type END)
               END AS wanted
        OFFSET 0
    ) AS r
    CROSS JOIN LATERAL (
        SELECT array_agg(DISTINCT d.field ORDER BY d.field) FILTER (
                   WHERE NOT (m.kind = 'provider' AND (d.field LIKE 'authentication.%' OR d.field LIKE 'secret%'))
                      OR (m.live_type = m.type AND (d.field <> 'secret.name' OR (m.live_name = m.name
                          AND m.live -> 'authentication' <> 'null')))) AS fields
        FROM (
            SELECT CASE w.key WHEN 'provider_type' THEN 'provider' ELSE w.key END -- columns
            FROM jsonb_each(r.wanted - 'authentication') AS w WHERE w.value IS DISTINCT FROM m.live -> w.key
            UNION ALL
            SELECT 'authentication.' || w.key -- given, and different
            FROM jsonb_each(r.wanted -> 'authentication') AS w
            WHERE m.live -> 'authentication' <> 'null' AND w.value IS DISTINCT FROM m.live -> 'authentication' -> w.key
            UNION ALL
            SELECT 'authentication.' || w.key -- no longer given: m.keys are those of the manifest
            FROM jsonb_object_keys(nullif(m.live -> 'authentication', 'null') - m.keys) AS w (key)
            UNION ALL
            SELECT 'authentication.' || e.key -- added by Keep, and on its way to another address
            FROM jsonb_object_keys(m.extra -> 'authentication') AS e (key)
            LEFT JOIN bootstrap.provider_type AS y ON y.type = m.type
            WHERE e.key = ANY (coalesce(y.secret, ARRAY[e.key])) AND EXISTS (
                SELECT FROM jsonb_each(r.wanted -> 'authentication') AS w
                WHERE w.value IS DISTINCT FROM m.live -> 'authentication' -> w.key
                  AND w.key <> ALL (coalesce(y.secret, '{}')))
            UNION ALL
            SELECT 'secret' WHERE m.live -> 'authentication' = 'null'
            UNION ALL
            SELECT 'prevent_delete' WHERE coalesce(m.prevent_delete, false) <> m.wanted_guard
            UNION ALL
            SELECT 'install_webhook' WHERE m.install_webhook <> m.wanted_webhook
        ) AS d (field)
        WHERE m.position IS NOT NULL AND m.live IS NOT NULL
    ) AS f
    -- With on_drift keep, a provider deleted outside stays deleted, and so do its rules.
    WHERE NOT (v_keep AND coalesce(p.match = 'deleted', false) AND m.position IS NOT NULL);
END
$$;
