-- bootstrap._pairs_mapping_rule(tenant_id, every): the mapping rules that do not already match the manifest.
--
-- As _pairs_workflow. A user's rule of the name is adopted without an option, as Keep does. Reads only.
CREATE FUNCTION bootstrap._pairs_mapping_rule(p_tenant_id text, p_every boolean) RETURNS SETOF bootstrap.pair
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH wanted AS (
        SELECT f.position, f.name, f.fields, 1::bigint AS rank,
               bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), f.fields::text) AS digest
        FROM (
            SELECT s.position, s.name, jsonb_build_object('name', s.name, 'description', d.field ->> 'description',
                       'file_name', d.field ->> 'file_name', 'type', coalesce(d.field ->> 'type', 'csv'),
                       'priority', coalesce(trim(d.field ->> 'priority')::numeric::integer, 0),
                       'matchers', (SELECT coalesce(jsonb_agg(ARRAY(SELECT jsonb_array_elements_text(g.value))
                                                              ORDER BY g.position), '[]')
                                    FROM jsonb_array_elements(d.field -> 'matchers')
                                        WITH ORDINALITY AS g (value, position)),
                       'rows', coalesce(d.field -> 'rows', 'null'),
                       'is_multi_level', coalesce((d.field ->> 'is_multi_level')::boolean, false),
                       'new_property_name', d.field ->> 'new_property_name',
                       'prefix_to_remove', d.field ->> 'prefix_to_remove',
                       'disabled', false, 'override', true, 'condition', NULL, 'provisioned', true) AS fields
            FROM bootstrap._staged('mapping_rule') AS s
            CROSS JOIN LATERAL (SELECT s.content::jsonb -> 'definition' AS field OFFSET 0) AS d
            OFFSET 0
        ) AS f
    ),
    live AS (
        SELECT m.*, o.object_id, o.name AS last_name, o.digest, o.run_id,
               row_number() OVER (PARTITION BY m.live_name ORDER BY o.object_id IS NULL, NOT m.is_provisioned,
                                  m.last_updated_at DESC NULLS LAST, m.id) AS rank
        FROM (
            SELECT m.*, m.id::text AS live_id, m.name::text AS live_name, m.xmin AS row_version
            FROM public.mappingrule AS m
            WHERE m.tenant_id = p_tenant_id
        ) AS m
        FULL JOIN (
            SELECT o.* FROM bootstrap.object AS o WHERE o.tenant_id = p_tenant_id AND o.kind = 'mapping_rule'
        ) AS o ON o.object_id = m.live_id
    )
    SELECT 'mapping_rule', w.position, coalesce(w.name, l.live_name, l.last_name), NULL::text, w.fields, w.digest,
           ARRAY(SELECT jsonb_object_keys(w.fields)),
           NULL::text, NULL::boolean, NULL::boolean, NULL::text[], coalesce(l.live_id, l.object_id), l.live_name,
           NULL::text, f.fields, NULL::jsonb, l.row_version, NULL::text, NULL::xid, l.is_provisioned, l.is_provisioned,
           false, l.last_name,
           l.digest <> bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), f.fields::text),
           l.digest = w.digest, NULL::boolean, NULL::boolean, l.run_id, CASE WHEN w.name = l.live_name THEN 'name' END,
           NULL::text[], NULL::text, NULL::text[]
    FROM wanted AS w
    FULL JOIN live AS l ON l.live_name = w.name AND l.rank = w.rank
    CROSS JOIN LATERAL (
        SELECT CASE WHEN l.live_name IS NOT NULL
                         AND (w.position IS NOT NULL OR l.is_provisioned OR l.object_id IS NOT NULL)
               THEN jsonb_build_object('name', l.live_name, 'description', l.description, 'file_name', l.file_name,
                   'priority', l.priority, 'type', l.type,
                   'matchers', coalesce(bootstrap._try_jsonb(l.matchers::text), to_jsonb(l.matchers::text)),
                   'rows', coalesce(bootstrap._try_jsonb(l.rows::text), to_jsonb(l.rows::text), 'null'),
                   'is_multi_level', l.is_multi_level, 'new_property_name', l.new_property_name,
                   'prefix_to_remove', l.prefix_to_remove, 'disabled', l.disabled, 'override', l.override,
                   'condition', l.condition, 'provisioned', l.is_provisioned) END AS fields
        OFFSET 0
    ) AS f
    WHERE CASE WHEN w.position IS NULL THEN p_every OR l.is_provisioned OR l.object_id IS NOT NULL
               ELSE NOT coalesce(f.fields = w.fields AND l.digest = w.digest, false) END;
END
$$;
