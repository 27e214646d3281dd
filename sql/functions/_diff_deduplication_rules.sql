-- bootstrap._diff_deduplication_rules(tenant_id, manifest, options): what differs between the deduplication rules of
-- the manifest and the live provisioned ones.
--
-- A rule belongs to its provider: two providers may have a rule of one name. Live rules are matched by provider and
-- name first; what is left is matched by name alone, so that a rule whose provider was replaced, or that Keep left
-- behind pointing at a provider that is gone, keeps its id. Rules of users (is_provisioned = false) are never touched.
-- Reads only.
CREATE OR REPLACE FUNCTION bootstrap._diff_deduplication_rules(p_tenant_id text, p_manifest json, p_options jsonb)
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_keeps_drift boolean := coalesce(p_options ->> 'on_drift' = 'keep', false);
BEGIN
    IF NOT (CASE WHEN p_manifest IS NULL
                THEN EXISTS (SELECT FROM bootstrap.provider_staging AS s
                             WHERE s.transaction_id = pg_current_xact_id_if_assigned() AND s.deduplication_rules IS NOT NULL)
                ELSE EXISTS (SELECT FROM bootstrap._manifest(p_manifest) AS m WHERE m.deduplication_rules IS NOT NULL) END)
       AND NOT EXISTS (SELECT FROM public.alertdeduplicationrule AS r WHERE r.tenant_id = p_tenant_id AND r.is_provisioned)
    THEN
        RETURN;
    END IF;

    RETURN QUERY
    WITH deleted AS (
        -- Providers of ours whose rows someone deleted: they come back with their ids.
        SELECT t.name, t.type, min(t.provider_id) AS id
        FROM bootstrap.provider_state AS t
        WHERE t.tenant_id = p_tenant_id
          AND NOT EXISTS (SELECT FROM public.provider AS p WHERE p.tenant_id = p_tenant_id AND p.id = t.provider_id)
        GROUP BY t.name, t.type
    ),
    target AS (
        -- The row that the provider has now, and will keep: a replaced provider gets a new id. With on_drift keep, a type
        -- that someone else changed stays, and a provider that someone deleted stays away, with its rules.
        SELECT m.position, m.name, coalesce(p.type::text, m.type) AS type, coalesce(p.id::text, d.id) AS provider_id, m.deduplication_rules
        FROM bootstrap._manifest(p_manifest) AS m
        LEFT JOIN bootstrap._match_providers(p_tenant_id, p_manifest, p_options) AS x ON x.position = m.position
        LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = x.provider_id AND (p.type = m.type
               OR (v_keeps_drift AND EXISTS (SELECT FROM bootstrap.provider_state AS t
                                             WHERE t.tenant_id = p_tenant_id AND t.provider_id = p.id AND t.type <> p.type)))
        LEFT JOIN deleted AS d ON d.name = m.name AND d.type = m.type AND x.position IS NULL
        WHERE m.deduplication_rules IS NOT NULL
          AND NOT (v_keeps_drift AND x.position IS NULL
                   AND EXISTS (SELECT FROM deleted AS g WHERE g.name = m.name))
    ),
    wanted AS MATERIALIZED (
        SELECT t.position, t.name AS provider_name, t.type AS provider_type, t.provider_id, (t.rule).name, (t.rule).description,
               (t.rule).fingerprint_fields, (t.rule).ignore_fields, (t.rule).full_deduplication, (t.rule).priority
        FROM (SELECT t.*, bootstrap._read_deduplication_rules(t.deduplication_rules) AS rule FROM target AS t OFFSET 0) AS t
    ),
    live AS MATERIALIZED (
        SELECT r.id::text AS id, r.name::text AS name, r.provider_id::text AS provider_id, r.provider_type::text AS provider_type,
               r.description::text AS description, r.fingerprint_fields, r.ignore_fields, r.full_deduplication, r.priority,
               p.name::text AS provider_name
        FROM public.alertdeduplicationrule AS r
        LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = r.provider_id
        WHERE r.tenant_id = p_tenant_id AND r.is_provisioned
    ),
    same_provider AS MATERIALIZED (
        SELECT DISTINCT ON (w.position, w.name) w.position, w.name, l.id
        FROM wanted AS w
        JOIN live AS l ON l.provider_id = w.provider_id AND l.name = w.name
        ORDER BY w.position, w.name, l.id
    ),
    same_name AS (
        SELECT w.position, w.name, l.id
        FROM (
            SELECT w.position, w.name, row_number() OVER (PARTITION BY w.name ORDER BY w.position) AS number
            FROM wanted AS w
            WHERE NOT EXISTS (SELECT FROM same_provider AS s WHERE s.position = w.position AND s.name = w.name)
        ) AS w
        JOIN (
            SELECT l.id, l.name, row_number() OVER (PARTITION BY l.name ORDER BY l.provider_name IS NOT NULL, l.id) AS number
            FROM live AS l
            WHERE NOT EXISTS (SELECT FROM same_provider AS s WHERE s.id = l.id)
        ) AS l ON l.name = w.name AND l.number = w.number
    ),
    match AS MATERIALIZED (
        SELECT * FROM same_provider UNION ALL SELECT * FROM same_name
    ),
    change AS (
        SELECT 'update' AS action, c.*
        FROM (
            SELECT w.name, w.provider_type AS type, w.provider_name, w.provider_id, l.id, w.position,
                   array_remove(ARRAY[
                       CASE WHEN l.provider_id IS NULL OR l.provider_id IS DISTINCT FROM w.provider_id OR l.provider_type <> w.provider_type THEN 'provider' END,
                       CASE WHEN l.description <> w.description THEN 'description' END,
                       CASE WHEN l.fingerprint_fields::text IS DISTINCT FROM w.fingerprint_fields
                             AND (l.fingerprint_fields::jsonb = w.fingerprint_fields::jsonb) IS NOT TRUE THEN 'fingerprint_fields' END,
                       CASE WHEN l.ignore_fields::text IS DISTINCT FROM w.ignore_fields
                             AND (l.ignore_fields::jsonb = w.ignore_fields::jsonb) IS NOT TRUE THEN 'ignore_fields' END,
                       CASE WHEN l.full_deduplication <> w.full_deduplication THEN 'full_deduplication' END,
                       CASE WHEN l.priority <> w.priority THEN 'priority' END
                   ], NULL) AS fields,
                   'differs from the manifest' AS reason
            FROM match AS x
            JOIN wanted AS w ON w.position = x.position AND w.name = x.name
            JOIN live AS l ON l.id = x.id
        ) AS c
        WHERE c.fields <> '{}'
        UNION ALL
        SELECT 'add', w.name, w.provider_type, w.provider_name, w.provider_id, NULL, w.position, '{}', 'not installed yet'
        FROM wanted AS w
        WHERE NOT EXISTS (SELECT FROM match AS x WHERE x.position = w.position AND x.name = w.name)
        UNION ALL
        SELECT 'prune', l.name, l.provider_type, l.provider_name, l.provider_id, l.id, NULL, '{}',
               CASE WHEN l.provider_name IS NULL THEN 'provisioned, and its provider is gone' ELSE 'provisioned, and not in the manifest' END
        FROM live AS l
        WHERE NOT EXISTS (SELECT FROM match AS x WHERE x.id = l.id)
    )
    SELECT '0'::xid8,
           (row_number() OVER (ORDER BY CASE c.action WHEN 'prune' THEN 2 ELSE 1 END, c.position, c.name, c.id))::integer,
           'deduplication_rule', c.action, c.name, NULL::text, c.type, c.provider_name, c.provider_id, c.id, NULL::text, c.position, c.fields,
           '{}'::text[], c.reason, NULL::text, false, '{}'::text[]
    FROM change AS c;
END
$$;

COMMENT ON FUNCTION bootstrap._diff_deduplication_rules(text, json, jsonb) IS
'What differs between the deduplication rules of the manifest and the live provisioned ones.';

REVOKE ALL ON FUNCTION bootstrap._diff_deduplication_rules(text, json, jsonb) FROM PUBLIC;
