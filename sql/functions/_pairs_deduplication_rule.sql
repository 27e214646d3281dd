-- bootstrap._pairs_deduplication_rule(tenant_id, every): the deduplication rules that differ from the manifest.
--
-- A rule belongs to its provider: two providers may have a rule of one name. Live rules are found by their own name and
-- that of their provider; _match pairs what is left, so that a rule keeps its id when its provider is renamed or
-- replaced. Users' rules (is_provisioned = false) are never touched. Reads only.
CREATE FUNCTION bootstrap._pairs_deduplication_rule(p_tenant_id text, p_every boolean) RETURNS SETOF bootstrap.pair
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH wanted AS (
        SELECT f.position, f.name, f.provider_name, f.fields, 1::bigint AS rank,
               bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), f.fields::text) AS digest
        FROM (
            SELECT s.position, s.name, s.type AS provider_name,
                   jsonb_build_object('name', s.name, 'description', coalesce(s.content::jsonb ->> 'description', ''),
                       'fingerprint_fields', coalesce(nullif(s.content::jsonb -> 'fingerprint_fields', 'null'), '[]'),
                       'ignore_fields', coalesce(nullif(s.content::jsonb -> 'ignore_fields', 'null'), '[]'),
                       'full_deduplication', coalesce((s.content::jsonb ->> 'full_deduplication')::boolean, false),
                       'priority', coalesce((s.content::jsonb ->> 'priority')::integer, 0), 'enabled', true,
                       'provider', p.id, 'provider_type', m.type) AS fields
            FROM bootstrap._staged('deduplication_rule') AS s
            LEFT JOIN bootstrap._staged('provider') AS m ON m.name = s.type
            LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.name = s.type AND p.type = m.type
            OFFSET 0
        ) AS f
    ),
    live AS (
        SELECT r.*, o.object_id, o.name AS last_name, o.type AS last_provider, o.digest, o.run_id,
               row_number() OVER (PARTITION BY r.provider_name, r.name ORDER BY o.object_id IS NULL, r.id) AS rank
        FROM (
            SELECT r.id::text AS id, r.name::text AS name, coalesce(p.name::text, m.name) AS provider_name,
                   r.xmin AS row_version, r.is_provisioned,
                   jsonb_build_object('name', r.name, 'description', r.description,
                       'fingerprint_fields', r.fingerprint_fields, 'ignore_fields', r.ignore_fields,
                       'full_deduplication', r.full_deduplication, 'priority', r.priority, 'enabled', r.enabled,
                       'provider', r.provider_id, 'provider_type', r.provider_type) AS fields
            FROM public.alertdeduplicationrule AS r
            LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = r.provider_id
            LEFT JOIN bootstrap.object AS m
              ON m.tenant_id = p_tenant_id AND m.kind = 'provider' AND m.object_id = r.provider_id
            WHERE r.tenant_id = p_tenant_id
        ) AS r
        FULL JOIN (
            SELECT o.* FROM bootstrap.object AS o WHERE o.tenant_id = p_tenant_id AND o.kind = 'deduplication_rule'
        ) AS o ON o.object_id = r.id
        WHERE o.object_id IS NOT NULL OR r.is_provisioned OR p_every
    )
    SELECT 'deduplication_rule', w.position, coalesce(w.name, l.name, l.last_name),
           coalesce(w.provider_name, l.provider_name), w.fields, w.digest,
           ARRAY(SELECT jsonb_object_keys(w.fields)), NULL::text, NULL::boolean, NULL::boolean, NULL::text[],
           coalesce(l.id, l.object_id), l.name, coalesce(l.provider_name, l.last_provider), l.fields, NULL::jsonb,
           l.row_version, NULL::text, NULL::xid, l.is_provisioned, l.is_provisioned, false, l.last_name,
           l.digest <> bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), l.fields::text),
           l.digest = w.digest, NULL::boolean, NULL::boolean, l.run_id, CASE WHEN w.name = l.name THEN 'name' END,
           NULL::text[], NULL::text, NULL::text[]
    FROM wanted AS w
    FULL JOIN live AS l ON l.provider_name = w.provider_name AND l.name = w.name AND l.rank = w.rank
    WHERE w.position IS NULL OR NOT coalesce(l.fields = w.fields AND l.digest = w.digest, false);
END
$$;
