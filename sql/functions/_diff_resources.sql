-- bootstrap._diff_resources(tenant_id, manifest, options): what differs between the manifest and Keep's rows, for every
-- kind beside providers and their deduplication rules.
--
-- The one diff of users, API keys, workflows, dashboards and mapping rules: what a kind is made of is said by
-- _wanted_resources and _live_resources, what is done about a difference is said here, as _diff_providers does it:
--   add     no live row, or only one that was deleted before: that one comes back with its id;
--   update  a row of ours differs;
--   adopt   a row that Keep provisioned and this software has not seen before, or with the option adopt a user's row. A
--           user's mapping rule is taken over without it, as Keep does (keep/behaviours.md, 20);
--   prune   not wanted: workflows and mapping rules that are provisioned, dashboards and API keys that this software
--           made or took over. Never a user.
-- Matched is by name; a row of ours that someone renamed is found by its id. Names of workflows and mapping rules are not
-- unique in Keep: of several rows ours is taken, then Keep's, then the one that was written last.
-- The default user is made only where there is no user at all, and its password is compared only with reset_password.
-- What someone else changed since the last run, and the run would change back or lose, stands in the column drift, with
-- on_drift as in _diff_providers.
-- Guards as for providers, each kind by itself: KB020, KB021, KB024, KB025; KB028 when the secret of an API key is that of
-- another key; KB029 when it is not clear whose password is to be reset. Reads only. No row holds a value.
CREATE OR REPLACE FUNCTION bootstrap._diff_resources(p_tenant_id text, p_manifest json, p_options jsonb)
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_kinds       text[]  := array_remove(bootstrap._given_kinds(p_manifest), 'provider');
    v_adopt       boolean := coalesce((p_options ->> 'adopt')::boolean, false);
    v_allow_empty boolean := coalesce((p_options ->> 'allow_empty')::boolean, false);
    v_on_drift    text    := coalesce(p_options ->> 'on_drift', 'overwrite');
BEGIN
    IF v_kinds = '{}' THEN
        RETURN;
    END IF;

    RETURN QUERY
    WITH live AS MATERIALIZED (
        SELECT l.kind, l.object_id, l.name, l.is_provisioned, l.is_deleted, l.last_written, l.fields,
               t.object_id IS NOT NULL AS has_state, t.name AS state_name, bootstrap._drifted_fields(t.written, l.fields, g.digest_key) AS drift
        FROM bootstrap._live_resources(p_tenant_id, v_kinds) AS l
        CROSS JOIN bootstrap.setting AS g
        LEFT JOIN bootstrap.resource_state AS t ON t.tenant_id = p_tenant_id AND t.kind = l.kind AND t.object_id = l.object_id
    ),
    wanted AS MATERIALIZED (
        SELECT w.kind, w.position, w.name, w.fields
        FROM bootstrap._wanted_resources(p_manifest) AS w
        WHERE NOT (w.kind = 'user' AND w.fields = '{}' AND EXISTS (SELECT FROM live AS l WHERE l.kind = 'user'))
    ),
    keyed AS (
        -- The name under which a row is looked for: of ours, the one that we gave it, while the manifest has it.
        SELECT l.kind, l.object_id, l.is_provisioned, l.is_deleted, l.has_state, l.last_written,
               CASE WHEN l.has_state AND s.name IS NOT NULL THEN l.state_name
                    WHEN l.kind = 'user' AND u.name IS NOT NULL AND (l.has_state OR u.users = 1) THEN u.name
                    ELSE l.name END AS name
        FROM live AS l
        LEFT JOIN wanted AS s ON s.kind = l.kind AND s.name = l.state_name
        LEFT JOIN (
            SELECT w.name, (SELECT count(*) FROM live AS o WHERE o.kind = 'user') AS users
            FROM wanted AS w
            WHERE w.kind = 'user' AND NOT EXISTS (SELECT FROM live AS o WHERE o.kind = 'user' AND o.name = w.name)
        ) AS u ON l.kind = 'user'
    ),
    match AS MATERIALIZED (
        SELECT DISTINCT ON (w.kind, w.position) w.kind, w.position, k.object_id
        FROM wanted AS w
        JOIN keyed AS k ON k.kind = w.kind AND k.name = w.name
        WHERE NOT k.is_deleted OR k.has_state OR k.is_provisioned OR k.kind = 'api_key'
        ORDER BY w.kind, w.position, k.has_state DESC, k.is_deleted, k.is_provisioned DESC, k.last_written DESC NULLS LAST, k.object_id
    ),
    compared AS (
        SELECT w.kind, w.position, w.name, l.object_id, l.name AS live_name, l.is_provisioned, l.is_deleted, l.has_state,
               ARRAY(SELECT f.key FROM jsonb_each_text(w.fields) AS f (key, value)
                     WHERE f.value IS DISTINCT FROM l.fields ->> f.key ORDER BY f.key) AS fields,
               l.drift
        FROM match AS x
        JOIN wanted AS w ON w.kind = x.kind AND w.position = x.position
        JOIN live AS l ON l.kind = x.kind AND l.object_id = x.object_id
    ),
    settled AS (
        SELECT c.kind, c.position, c.name, c.object_id, c.live_name, c.is_provisioned, c.is_deleted, c.has_state,
               NOT c.drift <@ c.fields AS state_differs,
               CASE WHEN v_on_drift = 'keep' THEN ARRAY(SELECT f.field FROM unnest(c.fields) AS f (field) WHERE NOT f.field = ANY (c.drift)) ELSE c.fields END AS fields,
               ARRAY(SELECT f.field FROM unnest(c.fields) AS f (field) WHERE f.field = ANY (c.drift)) AS drift
        FROM compared AS c
    ),
    leaving AS (
        SELECT l.kind, l.object_id, l.name, l.has_state, l.drift
        FROM live AS l
        WHERE NOT l.is_deleted
          AND CASE WHEN l.kind IN ('workflow', 'mapping_rule') THEN l.is_provisioned WHEN l.kind IN ('dashboard', 'api_key') THEN l.has_state ELSE false END
          AND NOT EXISTS (SELECT FROM match AS x WHERE x.kind = l.kind AND x.object_id = l.object_id)
    ),
    gone AS (
        -- Of ours, and no longer there at all.
        SELECT t.kind, t.name, min(t.object_id) AS object_id, min(t.changed_run) AS changed_run
        FROM bootstrap.resource_state AS t
        WHERE t.tenant_id = p_tenant_id AND t.kind = ANY (v_kinds)
          AND NOT EXISTS (SELECT FROM live AS l WHERE l.kind = t.kind AND l.object_id = t.object_id)
        GROUP BY t.kind, t.name
    ),
    change AS MATERIALIZED (
        SELECT CASE
                   WHEN s.has_state OR s.kind = 'user' THEN CASE WHEN s.fields <> '{}' THEN 'update' ELSE 'unchanged' END
                   WHEN s.is_deleted AND s.is_provisioned THEN 'add'
                   ELSE 'adopt'
               END AS action,
               s.kind, s.position, s.name, CASE WHEN s.live_name <> s.name AND s.fields && ARRAY['name', 'username'] THEN s.live_name END AS previous_name,
               CASE WHEN s.has_state OR s.kind = 'user' OR NOT (s.is_deleted AND s.is_provisioned) THEN s.object_id END AS object_id,
               CASE WHEN NOT s.has_state AND s.kind <> 'user' AND s.is_deleted AND s.is_provisioned THEN s.object_id END AS new_object_id,
               s.fields, s.drift,
               CASE
                   WHEN s.has_state AND s.drift <> '{}' AND v_on_drift = 'keep' THEN 'someone else changed it since the last run: that is kept'
                   WHEN s.has_state AND s.fields = '{}' THEN 'what is remembered of the manifest changes, Keep''s rows do not'
                   WHEN s.has_state AND s.drift @> s.fields THEN 'someone else changed it since the last run'
                   WHEN s.has_state THEN 'differs from the manifest'
                   WHEN s.kind = 'user' THEN 'reset_password is given'
                   WHEN s.is_deleted AND s.is_provisioned THEN 'was deleted before; comes back with its id'
                   WHEN s.is_provisioned THEN 'provisioned by Keep itself; keeps its id'
                   ELSE 'made by a user in the application'
               END AS reason,
               NOT s.has_state AND NOT s.is_provisioned AND s.kind <> 'mapping_rule' AS is_users, s.state_differs
        FROM settled AS s
        WHERE s.fields <> '{}' OR s.drift <> '{}' OR (s.has_state AND s.state_differs) OR (NOT s.has_state AND s.kind <> 'user')
        UNION ALL
        SELECT CASE WHEN d.name IS NOT NULL AND v_on_drift = 'keep' THEN 'unchanged' ELSE 'add' END,
               w.kind, w.position, w.name, NULL, NULL, CASE WHEN w.kind IN ('workflow', 'dashboard') THEN d.object_id WHEN w.kind = 'api_key' THEN w.name END,
               '{}', CASE WHEN d.name IS NOT NULL THEN ARRAY['row'] ELSE '{}' END,
               CASE WHEN d.name IS NULL THEN 'not installed yet'
                    WHEN v_on_drift = 'keep' THEN format('someone else deleted it since run %s: that is kept', d.changed_run)
                    ELSE format('someone else deleted it since run %s', d.changed_run) END,
               false, false
        FROM wanted AS w
        LEFT JOIN gone AS d ON d.kind = w.kind AND d.name = w.name
        WHERE NOT EXISTS (SELECT FROM match AS x WHERE x.kind = w.kind AND x.position = w.position)
        UNION ALL
        SELECT 'prune', l.kind, NULL, l.name, NULL, l.object_id, NULL, '{}', l.drift,
               CASE WHEN l.has_state THEN 'installed by this software, and not in the manifest' ELSE 'provisioned, and not in the manifest' END, false, false
        FROM leaving AS l
        UNION ALL
        -- Neither in the manifest nor ours to prune: deleted, or given to a user, by someone else.
        SELECT 'unchanged', t.kind, NULL, t.name, NULL, t.object_id, NULL, '{}', '{}', 'no longer in the manifest, and no longer there: forgotten', false, true
        FROM bootstrap.resource_state AS t
        LEFT JOIN live AS l ON l.kind = t.kind AND l.object_id = t.object_id
        WHERE t.tenant_id = p_tenant_id AND t.kind = ANY (v_kinds) AND t.kind <> 'user'
          AND (l.object_id IS NULL OR l.is_deleted OR (l.kind IN ('workflow', 'mapping_rule') AND NOT l.is_provisioned))
          AND NOT EXISTS (SELECT FROM match AS x WHERE x.kind = t.kind AND x.object_id = t.object_id)
          AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.kind = t.kind AND w.name = t.name AND l.object_id IS NULL)
    ),
    total AS (
        SELECT k.kind,
               (SELECT count(*) FROM wanted AS w WHERE w.kind = k.kind) AS wanted,
               (SELECT count(*) FROM change AS c WHERE c.kind = k.kind AND c.action = 'prune') AS going,
               bootstrap._prune_allowance(p_options, k.installed, EXISTS (SELECT FROM wanted AS w WHERE w.kind = k.kind)) AS allowed
        FROM (SELECT g.kind, (SELECT count(*) FROM live AS l
                              WHERE l.kind = g.kind AND NOT l.is_deleted
                                AND CASE WHEN l.kind IN ('workflow', 'mapping_rule') THEN l.is_provisioned ELSE l.has_state END) AS installed
              FROM unnest(v_kinds) AS g (kind)) AS k
    ),
    taken AS (
        -- The hash of a secret is unique over all keys of all tenants, and one that another key keeps cannot be had.
        SELECT o.position
        FROM bootstrap._api_key_owners(p_manifest) AS o
        LEFT JOIN change AS c ON c.kind = 'api_key' AND o.tenant_id = p_tenant_id AND c.object_id = o.reference_id
        WHERE 'api_key' = ANY (v_kinds)
          AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.kind = 'api_key' AND w.position = o.position AND o.tenant_id = p_tenant_id AND w.name = o.reference_id)
          AND NOT coalesce(c.action = 'prune' OR 'secret' = ANY (c.fields), false)
    )
    SELECT '0'::xid8,
           (row_number() OVER (ORDER BY array_position(v_kinds, c.kind), c.action = 'prune', c.position, c.name, c.object_id))::integer,
           c.kind, c.action, c.name, c.previous_name, NULL::text, NULL::text, NULL::text, c.object_id, c.new_object_id, c.position, c.fields, c.drift, c.reason,
           CASE
               WHEN c.action = 'prune' AND n.wanted = 0 AND NOT v_allow_empty THEN 'KB020'
               WHEN c.is_users AND NOT v_adopt THEN 'KB024'
               WHEN c.drift <> '{}' AND v_on_drift = 'fail' THEN 'KB025'
               WHEN c.kind = 'api_key' AND EXISTS (SELECT FROM taken AS t WHERE t.position = c.position) THEN 'KB028'
               WHEN c.kind = 'user' AND c.action = 'add' AND EXISTS (SELECT FROM live AS l WHERE l.kind = 'user') THEN 'KB029'
               WHEN c.action = 'prune' AND n.going > n.allowed THEN 'KB021'
           END,
           (c.action = 'unchanged' AND c.state_differs) OR (c.action = 'adopt' AND c.fields = '{}'),
           '{}'::text[]
    FROM change AS c
    JOIN total AS n ON n.kind = c.kind;
END
$$;

COMMENT ON FUNCTION bootstrap._diff_resources(text, json, jsonb) IS
'What differs between the manifest and Keep''s rows for every kind beside providers and their rules, with the guards'' refusals.';

REVOKE ALL ON FUNCTION bootstrap._diff_resources(text, json, jsonb) FROM PUBLIC;
