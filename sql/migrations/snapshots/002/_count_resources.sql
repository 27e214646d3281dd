-- bootstrap._count_resources(kinds, is_stale): for each of these kinds beside providers, what this run did, as JSON.
--
-- {"workflow": {"given": 3, "added": 1, "updated": 0, "adopted": 0, "pruned": 0, "unchanged": 2}}; {} when none is given.
-- With is_stale nothing was done, and nothing is known to be unchanged. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._count_resources(p_kinds text[], p_is_stale boolean) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_kinds  text[] := array_remove(p_kinds, 'provider');
    v_counts json   := json '{}';
BEGIN
    IF v_kinds <> '{}' THEN
        SELECT json_object_agg(n.kind, json_build_object('given', n.given, 'added', n.added, 'updated', n.updated, 'adopted', n.adopted, 'pruned', n.pruned,
                   'unchanged', CASE WHEN p_is_stale THEN 0 ELSE n.given - n.added - n.updated - n.adopted END) ORDER BY n.place)
        INTO v_counts
        FROM (
            SELECT k.kind, k.place,
                   (SELECT count(*) FROM bootstrap.resource_staging AS s
                    WHERE s.transaction_id = pg_current_xact_id_if_assigned() AND s.kind = k.kind AND s.position > 0) AS given,
                   count(c.sequence) FILTER (WHERE c.action = 'add') AS added, count(c.sequence) FILTER (WHERE c.action = 'update') AS updated,
                   count(c.sequence) FILTER (WHERE c.action = 'adopt') AS adopted, count(c.sequence) FILTER (WHERE c.action = 'prune') AS pruned
            FROM unnest(v_kinds) WITH ORDINALITY AS k (kind, place)
            LEFT JOIN bootstrap.planned_change AS c ON c.transaction_id = pg_current_xact_id_if_assigned() AND c.kind = k.kind
            GROUP BY k.kind, k.place
        ) AS n;
    END IF;
    RETURN v_counts;
END
$$;

COMMENT ON FUNCTION bootstrap._count_resources(text[], boolean) IS
'For each kind beside providers that is given, what this run did, as JSON.';

REVOKE ALL ON FUNCTION bootstrap._count_resources(text[], boolean) FROM PUBLIC;
