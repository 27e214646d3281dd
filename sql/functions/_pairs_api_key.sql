-- bootstrap._pairs_api_key(tenant_id, every): the API keys that do not already match the manifest.
--
-- As _pairs_provider. A key is found by its name (reference_id), also when it is marked deleted. Secrets are compared
-- by the hash that Keep stores; a key whose secret is missing or does not fit its hash does not match. Only managed
-- keys are ever pruned, so that keys of Keep and of users stay. Refused are
--   KB028  a secret that another key, of any tenant, has: Keep's table is keyed by the hash (_diff lets it pass if that
--          key leaves, or gets another secret)
--   KB031  a key whose row of table secret, <tenant>-<name>, belongs to another key, or to the application
-- Reads only.
CREATE FUNCTION bootstrap._pairs_api_key(p_tenant_id text, p_every boolean) RETURNS SETOF bootstrap.pair
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT f.position, f.name, f.fields,
               bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), f.fields::text) AS digest
        FROM (
            SELECT s.position, s.name, jsonb_build_object('role', s.content::jsonb ->> 'role', 'deleted', false,
                       'secret', encode(sha256(convert_to(s.content::jsonb ->> 'secret', 'UTF8')), 'hex')) AS fields
            FROM bootstrap._staged('api_key') AS s
            OFFSET 0
        ) AS f
    ),
    live AS MATERIALIZED (
        SELECT k.*, o.object_id, o.name AS last_name, o.digest, o.run_id
        FROM (
            SELECT k.reference_id::text AS name, k.xmin AS row_version, k.is_deleted, k.key_hash::text AS hash,
                   p_tenant_id || '-' || k.reference_id AS secret_key, c.xmin AS secret_version,
                   k.is_system AND k.created_by = 'system' AS provisioned,
                   jsonb_build_object('role', k.role, 'deleted', k.is_deleted, 'secret',
                       CASE WHEN encode(sha256(convert_to(c.value, 'UTF8')), 'hex') = k.key_hash
                                THEN k.key_hash END) AS fields
            FROM public.tenantapikey AS k
            LEFT JOIN LATERAL (
                SELECT c.value, c.xmin FROM public.secret AS c WHERE c.key = p_tenant_id || '-' || k.reference_id
                LIMIT 1
            ) AS c ON true
            WHERE k.tenant_id = p_tenant_id
        ) AS k
        FULL JOIN (
            SELECT o.* FROM bootstrap.object AS o WHERE o.tenant_id = p_tenant_id AND o.kind = 'api_key'
        ) AS o ON o.object_id = k.name
    ),
    other AS MATERIALIZED (
        SELECT k.key_hash::text AS hash, k.tenant_id || '-' || k.reference_id AS secret_key, k.is_deleted,
               CASE WHEN k.tenant_id = p_tenant_id THEN k.reference_id::text END AS own_name
        FROM public.tenantapikey AS k
    ),
    refused AS MATERIALIZED (
        SELECT w.position, 'KB028' AS code
        FROM wanted AS w
        JOIN other AS o ON o.hash = w.fields ->> 'secret' AND o.own_name IS DISTINCT FROM w.name
        UNION
        SELECT w.position, 'KB031'
        FROM wanted AS w
        JOIN LATERAL (SELECT c.key FROM public.secret AS c WHERE c.key = p_tenant_id || '-' || w.name LIMIT 1) AS c
          ON true
        WHERE NOT EXISTS (SELECT FROM live AS l WHERE l.name = w.name OR l.object_id = w.name)
           OR EXISTS (SELECT FROM other AS o
                      WHERE o.secret_key = c.key AND NOT o.is_deleted AND o.own_name IS DISTINCT FROM w.name)
    )
    SELECT 'api_key', w.position, coalesce(w.name, l.name, l.last_name), NULL::text, w.fields, w.digest,
           ARRAY(SELECT jsonb_object_keys(w.fields)), NULL::text,
           NULL::boolean, NULL::boolean, NULL::text[], coalesce(l.name, l.object_id), l.name, NULL::text, l.fields,
           CASE WHEN l.name IS NOT NULL THEN jsonb_build_object('hash', l.hash) END, l.row_version, l.secret_key,
           l.secret_version, l.provisioned,
           l.object_id IS NOT NULL AND NOT l.is_deleted, l.is_deleted, l.last_name,
           l.digest <> bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), l.fields::text),
           l.digest = w.digest, NULL::boolean, NULL::boolean, l.run_id, CASE WHEN w.name = l.name THEN 'name' END,
           NULL::text[],
           (SELECT max(r.code) FROM refused AS r WHERE r.position = w.position), NULL::text[]
    FROM wanted AS w
    FULL JOIN live AS l ON l.name = w.name
    WHERE CASE WHEN w.position IS NULL THEN l.object_id IS NOT NULL OR (p_every AND NOT l.is_deleted)
               ELSE NOT coalesce(l.fields = w.fields AND l.digest = w.digest, false) END;
END
$$;
