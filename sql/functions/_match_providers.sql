-- bootstrap._match_providers(tenant_id, manifest, options): which live row each provider of the manifest is.
--
-- One row a matched provider: its place in the manifest, the id of the live row, and how they were matched:
--   name  the live row has the name;
--   declared  the live row has a name of renamed_from (also in chains and swaps);
--   remembered  the last run gave the live row the name, and someone renamed it since (also two rows for each other);
--   detected  exactly one leaving and one arriving provider have the same type and the same, not empty authentication.
-- A provider without a row here is new; a live row without one leaves. What was set aside as unchanged is not here.
--
-- Declared renames form a graph in which nobody claims twice (checked in _manifest_problems), so it consists of paths
-- and cycles, each walked once:
--   a path is renamed when its first provider has no row of its own and its last former name is not a provider of the
--     manifest; otherwise every provider keeps the row of its name;
--   a cycle (a swap) is renamed once: not again while the declarations stay in the file (provider_state.renamed_from).
-- Reads only. Secrets are read for leaving rows alone, and stay inside the statement.
CREATE OR REPLACE FUNCTION bootstrap._match_providers(p_tenant_id text, p_manifest json, p_options jsonb)
RETURNS TABLE ("position" integer, provider_id text, how text)
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    v_detect       boolean := coalesce((p_options ->> 'detect_renames')::boolean, true);
    v_leaving_keys text[];
    v_ids          text[] := bootstrap._considered_providers(p_tenant_id, p_manifest);
BEGIN
    IF v_ids = '{}' THEN
        RETURN; -- a first install
    END IF;

    IF v_detect THEN
        -- The secrets of leaving rows, by their keys: a scan of the whole secret table would grow with other tenants.
        SELECT array_agg(p.configuration_key::text) INTO v_leaving_keys
        FROM public.provider AS p
        WHERE p.tenant_id = p_tenant_id AND p.id = ANY (v_ids) AND p.provisioned
          AND NOT EXISTS (SELECT FROM bootstrap._manifest(p_manifest) AS m WHERE m.name = p.name);
        v_detect := v_leaving_keys IS NOT NULL;
    END IF;

    RETURN QUERY
    WITH RECURSIVE entry AS MATERIALIZED (
        SELECT m.position, m.name, m.type, m.authentication, m.renamed_from FROM bootstrap._manifest(p_manifest) AS m
    ),
    live AS MATERIALIZED (
        SELECT p.id::text AS id, p.name::text AS name, p.type::text AS type, p.provisioned, p.configuration_key::text AS configuration_key
        FROM public.provider AS p
        WHERE p.tenant_id = p_tenant_id AND p.id = ANY (v_ids)
    ),
    own AS (
        SELECT e.position, e.name, l.id FROM entry AS e JOIN live AS l ON l.name = e.name
    ),
    former AS (
        SELECT e.position, e.name,
               json_array_elements_text(e.renamed_from::json) AS old_name,
               generate_series(1, json_array_length(e.renamed_from::json)) AS preference
        FROM entry AS e
        WHERE e.renamed_from IS NOT NULL
    ),
    claim AS MATERIALIZED (
        -- A former name that is no provider of the manifest comes first: its row is free.
        SELECT DISTINCT ON (f.position) f.position, f.name, f.old_name, l.id, (e.name IS NULL) AS is_free
        FROM former AS f
        JOIN live AS l ON l.name = f.old_name
        LEFT JOIN entry AS e ON e.name = f.old_name
        ORDER BY f.position, (e.name IS NULL) DESC, f.preference
    ),
    walk AS (
        SELECT c.position AS head, c.position, c.name, c.old_name, c.id, c.is_free
        FROM claim AS c
        WHERE NOT EXISTS (SELECT FROM claim AS d WHERE d.old_name = c.name)
        UNION ALL
        SELECT w.head, c.position, c.name, c.old_name, c.id, c.is_free
        FROM walk AS w
        JOIN claim AS c ON c.name = w.old_name
    ),
    renamed_path AS (
        SELECT w.head FROM walk AS w WHERE w.is_free
        EXCEPT
        SELECT o.position FROM own AS o
    ),
    settled_cycle AS (
        -- Members of cycles that the last run saw already, and from there all around the cycle.
        SELECT c.position, c.old_name
        FROM claim AS c
        JOIN own AS o ON o.position = c.position
        JOIN bootstrap.provider_state AS s ON s.tenant_id = p_tenant_id AND s.provider_id = o.id
        WHERE c.old_name = ANY (s.renamed_from)
          AND NOT EXISTS (SELECT FROM walk AS w WHERE w.position = c.position)
        UNION
        SELECT c.position, c.old_name
        FROM settled_cycle AS t
        JOIN claim AS c ON c.name = t.old_name
    ),
    declared AS MATERIALIZED (
        SELECT w.position, w.id FROM walk AS w JOIN renamed_path AS r ON r.head = w.head
        UNION ALL
        SELECT c.position, c.id
        FROM claim AS c
        WHERE NOT EXISTS (SELECT FROM walk AS w WHERE w.position = c.position)
          AND NOT EXISTS (SELECT FROM settled_cycle AS t WHERE t.position = c.position)
    ),
    displaced AS MATERIALIZED (
        -- Rows of ours that someone else renamed, whose name of the last run is still wanted.
        SELECT l.id, l.name AS live_name, e.position, e.name
        FROM bootstrap.provider_state AS t
        JOIN live AS l ON l.id = t.provider_id AND l.name <> t.name
        JOIN entry AS e ON e.name = t.name
        WHERE t.tenant_id = p_tenant_id
          AND NOT EXISTS (SELECT FROM declared AS d WHERE d.id = l.id)
          AND NOT EXISTS (SELECT FROM declared AS d WHERE d.position = e.position)
    ),
    swapped AS MATERIALIZED (
        -- The row that has the name now was renamed by someone else too: both go back.
        SELECT d.position, min(d.id) AS id
        FROM displaced AS d
        WHERE EXISTS (SELECT FROM displaced AS o WHERE o.live_name = d.name)
        GROUP BY d.position
    ),
    kept AS MATERIALIZED (
        SELECT o.position, o.id FROM own AS o
        WHERE NOT EXISTS (SELECT FROM declared AS d WHERE d.position = o.position)
          AND NOT EXISTS (SELECT FROM swapped AS s WHERE s.position = o.position)
          AND NOT EXISTS (SELECT FROM swapped AS s WHERE s.id = o.id)
    ),
    remembered AS MATERIALIZED (
        SELECT s.position, s.id FROM swapped AS s
        UNION ALL
        SELECT d.position, min(d.id)
        FROM displaced AS d
        WHERE NOT EXISTS (SELECT FROM kept AS k WHERE k.id = d.id)
          AND NOT EXISTS (SELECT FROM kept AS k WHERE k.position = d.position)
          AND NOT EXISTS (SELECT FROM swapped AS s WHERE s.id = d.id)
          AND NOT EXISTS (SELECT FROM swapped AS s WHERE s.position = d.position)
        GROUP BY d.position
    ),
    leaving AS MATERIALIZED (
        SELECT l.id, l.type,
               (SELECT jsonb_object_agg(k.key, k.value)
                FROM jsonb_each(CASE jsonb_typeof(bootstrap._try_jsonb(s.value) -> 'authentication')
                                    WHEN 'object' THEN bootstrap._try_jsonb(s.value) -> 'authentication' END) AS k (key, value)
                WHERE t.written_keys IS NULL OR t.written_keys ? k.key) AS authentication
        FROM live AS l
        JOIN public.secret AS s ON s.key = l.configuration_key
        LEFT JOIN bootstrap.provider_state AS t ON t.tenant_id = p_tenant_id AND t.provider_id = l.id
        WHERE v_detect AND l.provisioned AND s.key = ANY (v_leaving_keys)
          AND NOT EXISTS (SELECT FROM declared AS d WHERE d.id = l.id)
          AND NOT EXISTS (SELECT FROM kept AS k WHERE k.id = l.id)
          AND NOT EXISTS (SELECT FROM remembered AS r WHERE r.id = l.id)
    ),
    arriving AS (
        SELECT e.position, e.type, e.authentication::jsonb AS authentication
        FROM entry AS e
        WHERE EXISTS (SELECT FROM leaving)
          AND NOT EXISTS (SELECT FROM declared AS d WHERE d.position = e.position)
          AND NOT EXISTS (SELECT FROM kept AS k WHERE k.position = e.position)
          AND NOT EXISTS (SELECT FROM remembered AS r WHERE r.position = e.position)
    ),
    detected AS (
        SELECT a.position, g.id
        FROM (
            SELECT l.type, l.authentication::text AS authentication, min(l.id) AS id
            FROM leaving AS l
            GROUP BY l.type, l.authentication::text
            HAVING count(*) = 1
        ) AS g
        JOIN (
            SELECT r.type, r.authentication::text AS authentication, min(r.position) AS position
            FROM arriving AS r
            WHERE r.authentication <> '{}'
            GROUP BY r.type, r.authentication::text
            HAVING count(*) = 1
        ) AS a ON a.type = g.type AND a.authentication = g.authentication
    )
    SELECT k.position, k.id, 'name' FROM kept AS k
    UNION ALL
    SELECT d.position, d.id, 'declared' FROM declared AS d
    UNION ALL
    SELECT r.position, r.id, 'remembered' FROM remembered AS r
    UNION ALL
    SELECT d.position, d.id, 'detected' FROM detected AS d;
END
$$;

COMMENT ON FUNCTION bootstrap._match_providers(text, json, jsonb) IS
'Which live row each provider of the manifest is, and how that was found: name, declared, remembered or detected.';

REVOKE ALL ON FUNCTION bootstrap._match_providers(text, json, jsonb) FROM PUBLIC;
