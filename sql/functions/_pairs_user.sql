-- bootstrap._pairs_user(tenant_id, every): the default user, unless it already matches the manifest.
--
-- As Keep does: the default user is made only where no tenant has any user, and an existing user is compared only with
-- reset_password. It is found by its name, else as the one that is managed, else as the only one there is; if none of
-- that tells, it is returned as new, and the run is refused (KB029). Users are never pruned. Reads only.
CREATE FUNCTION bootstrap._pairs_user(p_tenant_id text, p_every boolean) RETURNS SETOF bootstrap.pair
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH live AS MATERIALIZED (
        SELECT u.id, u.username, u.row_version, o.object_id, o.name AS last_name, o.keys, o.digest, o.run_id,
               jsonb_build_object('username', u.username, 'password', u.password_hash) AS fields,
               count(u.id) OVER () AS users
        FROM (SELECT u.id::text AS id, u.username::text AS username, u.password_hash, u.xmin AS row_version
              FROM public."user" AS u) AS u
        FULL JOIN (
            SELECT o.* FROM bootstrap.object AS o WHERE o.tenant_id = p_tenant_id AND o.kind = 'user'
        ) AS o ON o.object_id = u.id
    ),
    wanted AS MATERIALIZED (
        SELECT f.position, f.name, f.is_reset, f.fields,
               bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g),
                                 CASE WHEN f.is_reset THEN f.fields ELSE '{}' END::text) AS digest
        FROM (
            SELECT s.position, s.name, coalesce((s.content::jsonb ->> 'reset_password')::boolean, false) AS is_reset,
                   jsonb_build_object('username', s.name, 'password',
                       encode(sha256(convert_to(s.content::jsonb ->> 'password', 'UTF8')), 'hex')) AS fields
            FROM bootstrap._staged('user') AS s
        ) AS f
    ),
    found AS (
        SELECT w.position, l.id
        FROM wanted AS w
        CROSS JOIN live AS l
        WHERE l.id IS NOT NULL AND (l.username = w.name OR l.object_id IS NOT NULL OR l.users = 1)
        ORDER BY l.username = w.name DESC, l.object_id IS NULL, l.id
        LIMIT 1
    )
    SELECT 'user', w.position, coalesce(w.name, l.username, l.last_name), NULL::text,
           CASE WHEN w.is_reset OR l.id IS NULL THEN w.fields ELSE '{}' END, w.digest,
           CASE WHEN w.is_reset THEN ARRAY['password', 'username'] ELSE '{}' END, NULL::text, NULL::boolean,
           NULL::boolean, NULL::text[], coalesce(l.id, l.object_id), l.username, NULL::text, l.fields, NULL::jsonb,
           l.row_version, NULL::text, NULL::xid, false, false, false, l.last_name,
           cardinality(l.keys) > 0
               AND l.digest <> bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), l.fields::text),
           l.digest = w.digest, NULL::boolean, NULL::boolean, l.run_id,
           CASE WHEN l.id IS NOT NULL AND w.position IS NOT NULL THEN 'name' END, NULL::text[],
           CASE WHEN l.id IS NULL AND EXISTS (SELECT FROM live AS o WHERE o.id IS NOT NULL) THEN 'KB029' END,
           NULL::text[]
    FROM (SELECT w.*, f.id AS found_id FROM wanted AS w LEFT JOIN found AS f ON f.position = w.position) AS w
    FULL JOIN live AS l ON l.id = w.found_id
    WHERE CASE WHEN w.position IS NULL THEN p_every OR (l.object_id IS NOT NULL AND l.id IS NULL)
               WHEN l.id IS NULL THEN w.is_reset OR NOT EXISTS (SELECT FROM live AS o WHERE o.id IS NOT NULL)
               ELSE w.is_reset AND NOT coalesce(l.fields = w.fields AND l.digest = w.digest, false) END;
END
$$;
