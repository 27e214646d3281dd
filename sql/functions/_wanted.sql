-- bootstrap._wanted(tenant_id, kinds): the staged objects of all kinds except providers, with the fields to compare.
--
-- tracked is what state remembers, if that is less than fields. Secrets are there as the hash that Keep stores. Reads
-- only.
--   user      as in Keep: only where there is no user at all, or with reset_password. KB029: nobody has the name, and
--             it is not clear who is meant
--   api_key   KB028: another key, of any tenant, has the secret, and Keep's table is keyed by its hash (_diff lets it
--             pass if that key leaves or gets another secret). KB031: the row of table secret, <tenant>-<name>, belongs
--             to another key or to the application
--   workflow  a note names each provider that a step, an action or on-failure names, and that will not be there: it is
--             neither in the manifest nor a live row that stays. Types that require nothing need none
CREATE FUNCTION bootstrap._wanted(p_tenant_id text, p_kinds text[]) RETURNS SETOF bootstrap.wanted_object
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF 'user' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'user', s.position, s.name, NULL::text,
               jsonb_build_object('username', s.name, 'password',
                   encode(sha256(convert_to(c.content ->> 'password', 'UTF8')), 'hex')),
               CASE WHEN NOT c.is_reset THEN '{}'::jsonb END,
               CASE WHEN EXISTS (SELECT FROM public."user") AND NOT EXISTS (
                   SELECT FROM bootstrap._live(p_tenant_id, '{user}', false) AS l WHERE l.id IS NOT NULL)
                    THEN 'KB029' END, NULL::text[]
        FROM bootstrap._staged('user') AS s
        CROSS JOIN LATERAL (
            SELECT s.content::jsonb AS content,
                   coalesce((s.content::jsonb ->> 'reset_password')::boolean, false) AS is_reset
        ) AS c
        WHERE c.is_reset OR NOT EXISTS (SELECT FROM public."user");
    END IF;
    IF 'api_key' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'api_key', w.position, w.name, NULL::text,
               jsonb_build_object('role', w.content ->> 'role', 'deleted', false, 'secret', w.hash), NULL::jsonb,
               CASE WHEN c.key IS NOT NULL
                     AND (EXISTS (SELECT FROM public.tenantapikey AS k
                                  WHERE k.tenant_id || '-' || k.reference_id = c.key AND k.tenant_id <> p_tenant_id
                                    AND NOT k.is_deleted)
                          OR w.name NOT IN (SELECT coalesce(l.object_id, l.name)
                                            FROM bootstrap._live(p_tenant_id, '{api_key}', false) AS l)) THEN 'KB031'
                    WHEN EXISTS (SELECT FROM public.tenantapikey AS k
                                 WHERE k.key_hash = w.hash AND (k.tenant_id <> p_tenant_id OR k.reference_id <> w.name))
                        THEN 'KB028' END,
               NULL::text[]
        FROM (
            SELECT s.position, s.name, s.content::jsonb AS content,
                   encode(sha256(convert_to(s.content::jsonb ->> 'secret', 'UTF8')), 'hex') AS hash
            FROM bootstrap._staged('api_key') AS s
            OFFSET 0
        ) AS w
        LEFT JOIN LATERAL (SELECT c.key FROM public.secret AS c WHERE c.key = p_tenant_id || '-' || w.name LIMIT 1) AS c
          ON true;
    END IF;
    IF 'deduplication_rule' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'deduplication_rule', s.position, s.name, s.type,
               jsonb_build_object('name', s.name, 'description', coalesce(c.content ->> 'description', ''),
                   'fingerprint_fields', coalesce(nullif(c.content -> 'fingerprint_fields', 'null'), '[]'),
                   'ignore_fields', coalesce(nullif(c.content -> 'ignore_fields', 'null'), '[]'),
                   'full_deduplication', coalesce((c.content ->> 'full_deduplication')::boolean, false),
                   'priority', coalesce((c.content ->> 'priority')::integer, 0), 'enabled', true,
                   'provider', p.id, 'provider_type', m.type),
               NULL::jsonb, NULL::text, NULL::text[]
        FROM bootstrap._staged('deduplication_rule') AS s
        CROSS JOIN LATERAL (SELECT s.content::jsonb AS content OFFSET 0) AS c
        LEFT JOIN bootstrap._staged('provider') AS m ON m.name = s.type
        LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.name = s.type AND p.type = m.type;
    END IF;
    IF 'workflow' = ANY (p_kinds) THEN
        RETURN QUERY
        WITH note AS (
            SELECT n.position,
                   array_agg(format('uses the provider %s, which will not be installed', to_json(left(n.name, 100)))
                             ORDER BY n.name) AS notes
            FROM (
                SELECT DISTINCT s.position, p.provider ->> 'type' AS type,
                       substring(p.provider ->> 'config',
                                 E'^\\s*\\{\\s*\\{\\s*providers\\.(.*?)\\s*\\}\\s*\\}\\s*$') AS name
                FROM bootstrap._staged('workflow') AS s
                CROSS JOIN LATERAL jsonb_path_query(s.content::jsonb, '$.definition.keyvalue() ? (@.key == "steps"
                    || @.key == "actions" || @.key == "on-failure").value[*].provider') AS p (provider)
                WHERE jsonb_typeof(p.provider) = 'object'
            ) AS n
            LEFT JOIN bootstrap.provider_type AS y ON y.type = n.type
            LEFT JOIN bootstrap._staged('provider') AS m ON m.name = n.name
            LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND (p.id = n.name OR (p.name = n.name AND NOT (
                          p.provisioned AND 'provider' = ANY (current_setting('bootstrap.kinds')::text[]))))
            WHERE n.name IS NOT NULL AND m.name IS NULL AND p.id IS NULL
              AND coalesce(y.required <> '{}' OR y.one_of <> '[]', true)
            GROUP BY n.position
        )
        SELECT 'workflow', s.position, s.name, NULL::text,
               jsonb_build_object('name', s.name, 'description', c.content #>> '{definition,description}',
                   'interval', i.seconds,
                   'disabled', coalesce(lower(c.content #>> '{definition,disabled}') = 'true', false),
                   'raw', c.content ->> 'raw', 'provisioned', true, 'deleted', false),
               NULL::jsonb, NULL::text, n.notes
        FROM bootstrap._staged('workflow') AS s
        CROSS JOIN LATERAL (SELECT s.content::jsonb AS content OFFSET 0) AS c
        JOIN bootstrap.workflow_interval AS i ON i.position = s.position
        LEFT JOIN note AS n ON n.position = s.position;
    END IF;
    IF 'dashboard' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'dashboard', s.position, s.name, NULL::text,
               jsonb_build_object('name', s.name, 'config', s.content::jsonb), NULL::jsonb, NULL::text, NULL::text[]
        FROM bootstrap._staged('dashboard') AS s;
    END IF;
    IF 'mapping_rule' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'mapping_rule', s.position, s.name, NULL::text,
               jsonb_build_object('name', s.name, 'description', d.field ->> 'description',
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
                   'disabled', false, 'override', true, 'condition', NULL, 'provisioned', true),
               NULL::jsonb, NULL::text, NULL::text[]
        FROM bootstrap._staged('mapping_rule') AS s
        CROSS JOIN LATERAL (SELECT s.content::jsonb -> 'definition' AS field OFFSET 0) AS d;
    END IF;
END
$$;
