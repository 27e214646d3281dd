-- bootstrap._pairs(tenant_id, kinds, every): the objects that do not already match the manifest, with their live rows.
--
-- Pairs of equal names (of the provider as well, for deduplication rules), and what has no partner: wanted objects that
-- are new, and live ones that the manifest lacks. Of these, only managed and provisioned ones; with every, all. Equal
-- is what has equal fields, and is remembered as it is wanted. Kinds that are not asked for are not looked at: their
-- tables need not exist. Reads only.
CREATE FUNCTION bootstrap._pairs(p_tenant_id text, p_kinds text[], p_every boolean) RETURNS SETOF bootstrap.pair
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF 'provider' = ANY (p_kinds) THEN
        RETURN QUERY SELECT p.* FROM bootstrap._pairs_provider(p_tenant_id, p_every) AS p;
    END IF;
    RETURN QUERY
    WITH wanted AS (
        SELECT w.*, 1::bigint AS rank, ARRAY(SELECT jsonb_object_keys(coalesce(w.tracked, w.fields))) AS keys,
               bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g),
                                 coalesce(w.tracked, w.fields)::text) AS digest
        FROM bootstrap._wanted(p_tenant_id, p_kinds) AS w
    ),
    live AS (
        SELECT l.*, row_number() OVER (PARTITION BY l.kind, l.type, l.slot
                                       ORDER BY l.object_id IS NULL, l.is_hidden, NOT l.is_provisioned,
                                                l.updated_at DESC NULLS LAST, l.id) AS rank
        FROM bootstrap._live(p_tenant_id, p_kinds, p_every) AS l
    )
    SELECT coalesce(w.kind, l.kind), w.position, coalesce(w.name, l.name, l.last_name), coalesce(w.type, l.type),
           w.fields, w.digest, w.keys, NULL::text, NULL::boolean, NULL::boolean, NULL::text[],
           coalesce(l.id, l.object_id), l.name, coalesce(l.type, l.last_type),
           CASE WHEN l.name IS NOT NULL THEN l.fields END, l.extra, l.row_version, l.secret_key, l.secret_version,
           l.is_provisioned, l.is_prunable, l.is_hidden, l.last_name,
           l.name IS NOT NULL AND l.digest <> bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g),
               CASE WHEN l.keys = '{}' THEN '{}' ELSE l.fields END::text),
           l.digest = w.digest, NULL::boolean, NULL::boolean, l.run_id,
           CASE WHEN w.kind = l.kind THEN 'name' END, NULL::text[], w.refusal, w.notes
    FROM wanted AS w
    FULL JOIN live AS l ON l.kind = w.kind AND l.slot = w.name AND coalesce(l.type, '') = coalesce(w.type, '')
                       AND l.rank = w.rank
    WHERE CASE WHEN w.kind IS NOT NULL THEN NOT coalesce(l.fields = w.fields AND l.digest = w.digest, false)
               WHEN l.object_id IS NULL OR (l.kind = 'user' AND l.id IS NOT NULL)
                   THEN (p_every OR l.is_prunable) AND NOT l.is_hidden
               ELSE true END;
END
$$;
