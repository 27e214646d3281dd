-- bootstrap._pairs_workflow(tenant_id, every): the workflows that do not already match the manifest.
--
-- As _pairs_provider. Names are not unique in Keep: of namesakes the managed row is taken, then the visible one, then
-- the one that Keep provisioned, then the newest. Rows of tests, and rows that users deleted, never count. A note names
-- each provider that a step, an action or on-failure names (providers.NAME in double braces), and that will not be
-- there: it is neither in the manifest nor a live row that stays. Types that require nothing need none. Reads only.
CREATE FUNCTION bootstrap._pairs_workflow(p_tenant_id text, p_every boolean) RETURNS SETOF bootstrap.pair
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_notes jsonb;
BEGIN
    WITH named AS (
        SELECT DISTINCT s.position, p.provider ->> 'type' AS type,
               (regexp_match(p.provider ->> 'config',
                             E'^\\s*\\{\\s*\\{\\s*providers\\.(.*?)\\s*\\}\\s*\\}\\s*$'))[1] AS name
        FROM bootstrap._staged('workflow') AS s
        CROSS JOIN LATERAL jsonb_path_query(s.content::jsonb -> 'definition',
            '$.keyvalue() ? (@.key == "steps" || @.key == "actions" || @.key == "on-failure").value[*].provider')
            AS p (provider)
        WHERE jsonb_typeof(p.provider) = 'object'
    ),
    note AS (
        SELECT n.position,
               array_agg(format('names the provider %s, which will not be installed', to_json(left(n.name, 100)))
                         ORDER BY n.name) AS notes
        FROM named AS n
        LEFT JOIN bootstrap.provider_type AS y ON y.type = n.type
        LEFT JOIN bootstrap._staged('provider') AS m ON m.name = n.name
        LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND (p.id = n.name OR (p.name = n.name AND NOT (
                      p.provisioned AND 'provider' = ANY (current_setting('bootstrap.kinds')::text[]))))
        WHERE n.name IS NOT NULL AND m.name IS NULL AND p.id IS NULL
          AND coalesce(y.required <> '{}' OR y.one_of <> '[]', true)
        GROUP BY n.position
    )
    SELECT jsonb_object_agg(n.position, n.notes) INTO v_notes FROM note AS n;

    RETURN QUERY
    WITH wanted AS (
        SELECT f.position, f.name, f.fields, 1::bigint AS rank,
               bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), f.fields::text) AS digest
        FROM (
            SELECT s.position, s.name,
                   jsonb_build_object('name', s.name, 'description', d.definition ->> 'description',
                       'interval', i.seconds,
                       'disabled', coalesce(lower(d.definition ->> 'disabled') = 'true', false), 'raw', d.raw,
                       'provisioned', true, 'deleted', false) AS fields
            FROM bootstrap._staged('workflow') AS s
            JOIN bootstrap.workflow_interval AS i ON i.position = s.position
            CROSS JOIN LATERAL (SELECT s.content::jsonb -> 'definition' AS definition, s.content::jsonb ->> 'raw' AS raw
                                OFFSET 0) AS d
            OFFSET 0
        ) AS f
    ),
    live AS (
        SELECT f.*, o.object_id, o.name AS last_name, o.digest, o.run_id,
               row_number() OVER (PARTITION BY f.name ORDER BY o.object_id IS NULL, f.is_deleted, NOT f.provisioned,
                                  f.last_updated DESC NULLS LAST, f.id) AS rank
        FROM (
            SELECT f.id::text AS id, f.name::text AS name, f.xmin AS row_version, f.provisioned, f.is_deleted,
                   f.last_updated, f.description, f.interval, f.is_disabled, f.workflow_raw
            FROM public.workflow AS f
            WHERE f.tenant_id = p_tenant_id AND NOT f.is_test
        ) AS f
        FULL JOIN (
            SELECT o.* FROM bootstrap.object AS o WHERE o.tenant_id = p_tenant_id AND o.kind = 'workflow'
        ) AS o ON o.object_id = f.id
        WHERE o.object_id IS NOT NULL OR f.provisioned OR NOT f.is_deleted
    )
    SELECT 'workflow', w.position, coalesce(w.name, l.name, l.last_name), NULL::text, w.fields, w.digest,
           ARRAY(SELECT jsonb_object_keys(w.fields)),
           NULL::text, NULL::boolean, NULL::boolean, NULL::text[], coalesce(l.id, l.object_id), l.name, NULL::text,
           f.fields, NULL::jsonb, l.row_version, NULL::text, NULL::xid, l.provisioned,
           l.provisioned AND NOT l.is_deleted,
           CASE WHEN l.name IS NULL THEN EXISTS (SELECT FROM public.workflow AS o WHERE o.id = l.object_id)
                ELSE l.is_deleted END,
           l.last_name,
           l.digest <> bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), f.fields::text),
           l.digest = w.digest, NULL::boolean, NULL::boolean, l.run_id, CASE WHEN w.name = l.name THEN 'name' END,
           NULL::text[], NULL::text,
           CASE WHEN v_notes ? w.position::text
                THEN ARRAY(SELECT jsonb_array_elements_text(v_notes -> w.position::text)) END
    FROM wanted AS w
    FULL JOIN live AS l ON l.name = w.name AND l.rank = w.rank
    CROSS JOIN LATERAL (
        SELECT CASE WHEN l.name IS NOT NULL
                         AND (p_every OR w.position IS NOT NULL OR l.provisioned OR l.object_id IS NOT NULL)
               THEN jsonb_build_object('name', l.name, 'description', l.description, 'interval', l.interval,
                   'disabled', l.is_disabled, 'raw', l.workflow_raw, 'provisioned', l.provisioned,
                   'deleted', l.is_deleted)
               END AS fields
        OFFSET 0
    ) AS f
    WHERE CASE WHEN w.position IS NULL
               THEN l.object_id IS NOT NULL OR (NOT l.is_deleted AND (p_every OR l.provisioned))
               ELSE NOT coalesce(f.fields = w.fields AND l.digest = w.digest, false) END;
END
$$;
