-- bootstrap._diff_providers(tenant_id, manifest, options): what differs between the manifest and the live providers.
--
-- One row a provider that is not as wanted (action unchanged only where a row of schema bootstrap alone is to be
-- written). This is the one diff routine: plan shows its rows, install writes them.
--   add      no live row;                  update   the live row differs;
--   rename   matched under another name;   replace  the type changed, so the id must, because Keep builds the secret's
--   prune    provisioned and not wanted;            key from the type (keep/formats.md);
--   adopt    a row that Keep provisioned and this software has not seen before, or with the option adopt a user's row.
-- Compared are: type, name, the name in the secret, the authentication keys of the manifest (exact text first, parsed
-- only where that differs; the order of keys is no difference), consumer, description and pulling_enabled where given.
-- Never validatedScopes, provider_metadata, installed_by or times: those are Keep's.
-- A key of the live secret that the manifest lacks goes when an earlier manifest had it, or, on a row without state,
-- when the catalogue knows it; any other is Keep's own and stays.
-- What someone else changed since the last run (_drift), and the run would change back or lose, stands in the column
-- drift: of a provider that is pruned all of it, of one that is replaced what its successor has otherwise. The option
-- on_drift says what becomes of it: overwrite (the default) changes it back, keep leaves it (but for providers that are
-- pruned or replaced), fail refuses the run. A provider of ours that someone deleted comes back with its id.
-- A row with the action unchanged writes state (state_only), or, where drift is all that it has, nothing at all.
-- Guards are checked here: refusal holds the SQLSTATE with which install refuses (docs/design.md).
-- Reads only. Values of secrets stay inside the statement; no variable ever holds one.
CREATE OR REPLACE FUNCTION bootstrap._diff_providers(p_tenant_id text, p_manifest json, p_options jsonb)
RETURNS SETOF bootstrap.planned_change
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_custom_plan
SET work_mem = '64MB'
AS $$
DECLARE
    v_adopt       boolean := coalesce((p_options ->> 'adopt')::boolean, false);
    v_allow_empty boolean := coalesce((p_options ->> 'allow_empty')::boolean, false);
    v_on_drift    text    := coalesce(p_options ->> 'on_drift', 'overwrite');
    v_keys        text[];
    v_ids         text[];
    v_provisioned bigint;
    v_is_given    boolean;
    v_are_json    boolean;
BEGIN
    -- Only rows that were not set aside are looked at, and their secrets by their keys: a scan of the whole secret table would grow
    -- with other tenants.
    v_ids := bootstrap._considered_providers(p_tenant_id, p_manifest);
    SELECT array_agg(p.configuration_key::text) FILTER (WHERE p.id = ANY (v_ids)),
           count(*) FILTER (WHERE p.provisioned), coalesce(bool_or(NOT p.id = ANY (v_ids)), false)
    INTO v_keys, v_provisioned, v_is_given -- given is also what was set aside
    FROM public.provider AS p
    WHERE p.tenant_id = p_tenant_id;

    IF v_ids = '{}' THEN
        -- Nothing to compare with: what is in the manifest is new.
        RETURN QUERY
        SELECT '0'::xid8, (row_number() OVER (ORDER BY m.position))::integer, 'provider', 'add', m.name, NULL::text, m.type, m.name,
               NULL::text, NULL::text, NULL::text, m.position, '{}'::text[], '{}'::text[], 'not installed yet', NULL::text, false, '{}'::text[]
        FROM bootstrap._manifest(p_manifest) AS m;
        RETURN;
    END IF;

    v_are_json := bootstrap._are_json(v_keys);
    RETURN QUERY
    WITH entry AS MATERIALIZED (
        SELECT m.position, m.name, m.type, m.authentication, m.description,
               m.pulling_enabled::boolean AS pulling_enabled,
               m.prevent_delete::boolean AS prevent_delete,
               coalesce(m.install_webhook::boolean, false) AS install_webhook,
               CASE WHEN m.renamed_from IS NULL THEN '{}' ELSE ARRAY(SELECT json_array_elements_text(m.renamed_from::json)) END AS renamed_from,
               t.consumer, t.authentication AS known_keys,
               '{"authentication": ' || m.authentication || ', "name": ' || to_json(m.name)::text || '}' AS secret
        FROM bootstrap._manifest(p_manifest) AS m
        LEFT JOIN bootstrap.provider_type AS t ON t.type = m.type
    ),
    live AS MATERIALIZED (
        SELECT p.id::text AS id, p.name::text AS name, p.type::text AS type, p.provisioned, p.consumer,
               p.description::text AS description, p.pulling_enabled,
               s.value AS secret,
               t.provider_id IS NOT NULL AS has_state, t.written_keys, t.secret_digest, t.prevent_delete, t.install_webhook, t.renamed_from
        FROM public.provider AS p
        LEFT JOIN public.secret AS s ON s.key = p.configuration_key AND s.key = ANY (v_keys)
        LEFT JOIN bootstrap.provider_state AS t ON t.tenant_id = p_tenant_id AND t.provider_id = p.id
        WHERE p.tenant_id = p_tenant_id AND p.id = ANY (v_ids)
    ),
    match AS MATERIALIZED (
        SELECT x.position, x.provider_id, x.how FROM bootstrap._match_providers(p_tenant_id, p_manifest, p_options) AS x
    ),
    -- Pairs that are not plainly equal, with all that the comparison needs: joined once.
    pair AS MATERIALIZED (
        SELECT e.position, e.name, e.type, e.authentication, e.description, e.pulling_enabled, e.prevent_delete, e.install_webhook,
               e.renamed_from, e.consumer, e.known_keys, x.how,
               l.id, l.name AS live_name, l.type AS live_type, l.provisioned, l.consumer AS live_consumer,
               l.description AS live_description, l.pulling_enabled AS live_pulling_enabled, l.has_state, l.written_keys,
               l.prevent_delete AS live_prevent_delete, l.install_webhook AS live_install_webhook,
               coalesce(l.renamed_from, '{}') AS live_renamed_from,
               l.secret IS NOT NULL AS has_secret,
               coalesce(l.secret = e.secret AND l.secret_digest <> bootstrap._digest(l.secret, (SELECT g.digest_key FROM bootstrap.setting AS g)), false) AS is_settled_drift,
               l.secret <> e.secret AND (l.type = e.type OR l.has_state) AS is_parsed,
               CASE WHEN l.secret <> e.secret AND (l.type = e.type OR l.has_state)
                    THEN CASE WHEN v_are_json THEN l.secret::jsonb ELSE bootstrap._try_jsonb(l.secret) END END AS live_secret,
               CASE WHEN l.secret <> e.secret AND (l.type = e.type OR l.has_state) THEN e.authentication::jsonb END AS wanted_keys
        FROM match AS x
        JOIN entry AS e ON e.position = x.position
        JOIN live AS l ON l.id = x.provider_id
        LIMIT cardinality(v_ids) -- never more; it tells the planner, whose guesses would otherwise multiply
    ),
    key_change AS MATERIALIZED (
        SELECT coalesce(m.position, v.position) AS position,
               array_agg('authentication.' || coalesce(m.key, v.key) ORDER BY coalesce(m.key, v.key)) AS fields
        FROM (
            SELECT j.position, (j.pair).key, (j.pair).value
            FROM (SELECT x.position, jsonb_each(x.wanted_keys) AS pair FROM pair AS x
                  WHERE x.is_parsed AND jsonb_typeof(x.live_secret -> 'authentication') = 'object' OFFSET 0) AS j
        ) AS m
        FULL JOIN (
            SELECT j.position, (j.pair).key, (j.pair).value,
                   CASE WHEN j.has_state THEN j.written_keys ? (j.pair).key
                        ELSE j.known_keys -> (j.pair).key IS NOT NULL END AS is_managed
            FROM (SELECT x.position, x.has_state, x.written_keys, x.known_keys,
                         jsonb_each(CASE jsonb_typeof(x.live_secret -> 'authentication') WHEN 'object' THEN x.live_secret -> 'authentication' END) AS pair
                  FROM pair AS x WHERE x.is_parsed OFFSET 0) AS j
        ) AS v ON v.position = m.position AND v.key = m.key
        WHERE (m.key IS NULL AND v.is_managed) OR v.key IS NULL OR m.value::text <> v.value::text
        GROUP BY 1
    ),
    leaving AS MATERIALIZED (
        SELECT l.id, l.name, l.type, l.has_state, coalesce(l.prevent_delete, false) AS guarded
        FROM live AS l
        WHERE l.provisioned AND NOT EXISTS (SELECT FROM match AS x WHERE x.provider_id = l.id)
    ),
    drift AS MATERIALIZED (
        SELECT d.provider_id, d.fields
        FROM bootstrap._drift(p_tenant_id, ARRAY(SELECT x.id FROM pair AS x WHERE x.has_state UNION ALL SELECT l.id FROM leaving AS l WHERE l.has_state)) AS d
        WHERE EXISTS (SELECT FROM pair AS x WHERE x.has_state) OR EXISTS (SELECT FROM leaving AS l WHERE l.has_state)
    ),
    deleted AS (
        -- Providers of ours whose rows someone deleted.
        SELECT t.name, min(t.provider_id) AS id, min(t.changed_run) AS changed_run, min(t.type) AS type
        FROM bootstrap.provider_state AS t
        WHERE t.tenant_id = p_tenant_id AND t.provider_id = ANY (v_ids) AND NOT EXISTS (SELECT FROM live AS l WHERE l.id = t.provider_id)
        GROUP BY t.name
    ),
    taken AS (
        -- Their ids, where a row of another tenant has them now.
        SELECT p.id::text AS id FROM public.provider AS p WHERE p.id = ANY (ARRAY(SELECT d.id FROM deleted AS d))
    ),
    compared AS (
        SELECT x.position, x.name, x.type, x.id, x.how, x.live_name, x.live_type, x.provisioned, x.has_state,
               coalesce(x.prevent_delete, x.live_prevent_delete, false) AS guarded, coalesce(d.fields, '{}') AS known_drift,
               array_remove(ARRAY[
                   CASE WHEN x.live_type <> x.type THEN 'type' END,
                   CASE WHEN x.live_name <> x.name THEN 'name' END,
                   CASE WHEN NOT x.provisioned THEN 'provisioned' END,
                   CASE WHEN NOT x.has_secret OR (x.is_parsed AND jsonb_typeof(x.live_secret -> 'authentication') IS DISTINCT FROM 'object') THEN 'secret'
                        WHEN x.live_name = x.name AND x.live_type = x.type AND x.is_parsed AND x.live_secret ->> 'name' IS DISTINCT FROM x.name THEN 'secret.name' END,
                   CASE WHEN x.live_consumer <> x.consumer THEN 'consumer' END,
                   -- A new row has what the manifest gives, or the default.
                   CASE WHEN (x.description IS NOT NULL OR x.live_type <> x.type) AND x.live_description IS DISTINCT FROM x.description THEN 'description' END,
                   CASE WHEN x.live_pulling_enabled <> coalesce(x.pulling_enabled, CASE WHEN x.live_type <> x.type THEN true END) THEN 'pulling_enabled' END,
                   CASE WHEN x.prevent_delete IS NOT NULL AND coalesce(x.live_prevent_delete, false) <> x.prevent_delete THEN 'prevent_delete' END,
                   CASE WHEN x.has_state AND x.live_install_webhook <> x.install_webhook THEN 'install_webhook' END
               ], NULL)
               -- All keys of a replaced provider are new: named are those that someone else changed, and that would be lost.
               || CASE WHEN x.live_type = x.type THEN coalesce(k.fields, '{}')
                       ELSE ARRAY(SELECT f.field FROM unnest(k.fields) WITH ORDINALITY AS f (field, n) WHERE f.field = ANY (d.fields) ORDER BY f.n) END AS changed,
               x.has_state AND (x.live_renamed_from <> x.renamed_from OR x.is_settled_drift) AS state_differs,
               CASE WHEN x.has_state THEN x.wanted_keys END AS wanted_keys, x.written_keys
        FROM pair AS x
        LEFT JOIN key_change AS k ON k.position = x.position
        LEFT JOIN drift AS d ON d.provider_id = x.id
    ),
    settled AS (
        -- What is changed, and what of it someone else had changed; kept drift is not changed. A kept type keeps all else;
        -- of a provider that is replaced nothing can be kept.
        SELECT s.position, s.name, s.type, s.id, s.how, s.live_name, s.live_type, s.provisioned, s.has_state, s.guarded, s.fields, s.drift,
               -- Drift that became what the manifest wants is no longer drift: to be remembered. What is kept stays
               -- remembered as it was written, so its keys do too.
               NOT s.keeps_type
               AND (s.state_differs OR s.is_settled
                    OR (s.wanted_keys IS NOT NULL AND NOT 'secret' = ANY (s.kept)
                        AND CASE WHEN s.kept = '{}' THEN ARRAY(SELECT jsonb_object_keys(s.wanted_keys)) <> ARRAY(SELECT jsonb_object_keys(s.written_keys))
                                 ELSE ARRAY(SELECT jsonb_object_keys(s.wanted_keys)
                                            UNION
                                            SELECT k.key FROM jsonb_object_keys(s.written_keys) AS k (key) WHERE 'authentication.' || k.key = ANY (s.kept)
                                            ORDER BY 1) <> ARRAY(SELECT jsonb_object_keys(s.written_keys) ORDER BY 1) END)) AS state_differs
        FROM (
            SELECT c.*, k.keeps_type, k.kept, NOT c.known_drift <@ c.changed AS is_settled,
                   CASE WHEN k.keeps_type THEN '{}'
                        WHEN k.kept = '{}' THEN c.changed
                        ELSE ARRAY(SELECT f.field FROM unnest(c.changed) WITH ORDINALITY AS f (field, n) WHERE NOT f.field = ANY (k.kept) ORDER BY f.n) END AS fields,
                   CASE WHEN c.known_drift = '{}' THEN '{}'
                        ELSE ARRAY(SELECT f.field FROM unnest(c.changed) WITH ORDINALITY AS f (field, n) WHERE f.field = ANY (c.known_drift) ORDER BY f.n) END AS drift
            FROM compared AS c
            CROSS JOIN LATERAL (
                SELECT v_on_drift = 'keep' AND 'type' = ANY (c.changed) AND 'type' = ANY (c.known_drift) AS keeps_type,
                       CASE WHEN v_on_drift = 'keep' AND ('type' = ANY (c.known_drift) OR NOT 'type' = ANY (c.changed)) THEN c.known_drift ELSE '{}' END AS kept
            ) AS k
        ) AS s
        LIMIT cardinality(v_ids)
    ),
    kept_name AS (
        -- Names of providers of ours that stay, because someone else changed the name or the type: nobody can take them.
        SELECT s.live_name AS name FROM settled AS s WHERE s.live_name <> s.name AND NOT 'name' = ANY (s.fields)
    ),
    change AS MATERIALIZED (
        SELECT CASE
                   WHEN 'type' = ANY (c.fields) THEN 'replace'
                   WHEN NOT c.provisioned AND NOT c.has_state THEN 'adopt'
                   WHEN 'name' = ANY (c.fields) THEN 'rename'
                   WHEN NOT c.has_state THEN 'adopt'
                   WHEN c.fields <> '{}' THEN 'update'
                   ELSE 'unchanged'
               END AS action,
               c.name, CASE WHEN 'name' = ANY (c.fields) THEN c.live_name END AS previous_name, c.type, c.id, NULL::text AS new_id,
               c.position, c.fields, c.drift,
               CASE
                   WHEN 'type' = ANY (c.fields) THEN format(CASE WHEN c.provisioned OR c.has_state THEN 'the type changes from %s' ELSE 'made by a user in the application, with type %s' END, c.live_type)
                   WHEN NOT c.provisioned AND NOT c.has_state THEN 'made by a user in the application'
                   WHEN c.drift <> '{}' AND v_on_drift = 'keep' THEN 'someone else changed it since the last run: that is kept'
                   WHEN c.how = 'declared' THEN format('renamed_from names %s', to_json(c.live_name))
                   WHEN c.how = 'remembered' AND 'name' = ANY (c.fields) THEN format('someone else renamed it to %s since the last run', to_json(c.live_name))
                   WHEN c.how = 'detected' THEN format('%s leaves and has the same type and authentication', to_json(c.live_name))
                   WHEN NOT c.has_state THEN 'provisioned by Keep itself; keeps its id'
                   WHEN c.drift @> c.fields AND c.fields <> '{}' THEN 'someone else changed it since the last run'
                   WHEN c.fields <> '{}' THEN 'differs from the manifest'
                   ELSE 'what is remembered of the manifest changes, Keep''s rows do not'
               END AS reason,
               c.guarded, NOT c.provisioned AND NOT c.has_state AS is_users, c.state_differs
        FROM settled AS c
        WHERE NOT c.has_state OR c.fields <> '{}' OR c.drift <> '{}' OR c.state_differs
        UNION ALL
        SELECT CASE WHEN d.name IS NOT NULL AND v_on_drift = 'keep' THEN 'unchanged' ELSE 'add' END,
               e.name, NULL, e.type, NULL, CASE WHEN d.type = e.type AND NOT EXISTS (SELECT FROM taken AS t WHERE t.id = d.id) THEN d.id END, e.position, '{}',
               CASE WHEN d.name IS NOT NULL THEN ARRAY['row'] ELSE '{}' END,
               CASE WHEN d.name IS NULL THEN 'not installed yet'
                    WHEN v_on_drift = 'keep' THEN format('someone else deleted it since run %s: that is kept', d.changed_run)
                    ELSE format('someone else deleted it since run %s', d.changed_run) END,
               false, false, false
        FROM entry AS e
        LEFT JOIN deleted AS d ON d.name = e.name
        WHERE NOT EXISTS (SELECT FROM match AS x WHERE x.position = e.position)
        UNION ALL
        SELECT 'prune', l.name, NULL, l.type, l.id, NULL, NULL, '{}', coalesce(d.fields, '{}'), 'provisioned, and not in the manifest', l.guarded, false, false
        FROM leaving AS l
        LEFT JOIN drift AS d ON d.provider_id = l.id
        UNION ALL
        -- Neither in the manifest nor ours to prune: deleted, or given to a user, by someone else.
        SELECT 'unchanged', t.name, NULL, t.type, t.provider_id, NULL, NULL, '{}', '{}', 'no longer in the manifest, and no longer there: forgotten', false, false, true
        FROM bootstrap.provider_state AS t
        WHERE t.tenant_id = p_tenant_id AND t.provider_id = ANY (v_ids)
          AND NOT EXISTS (SELECT FROM live AS l WHERE l.id = t.provider_id AND l.provisioned)
          AND NOT EXISTS (SELECT FROM match AS x WHERE x.provider_id = t.provider_id)
          AND NOT EXISTS (SELECT FROM entry AS e WHERE e.name = t.name)
    ),
    total AS (
        SELECT v_is_given OR EXISTS (SELECT FROM entry) AS is_given,
               (SELECT count(*) FROM change AS c WHERE c.action IN ('prune', 'replace')) AS going,
               bootstrap._prune_allowance(p_options, v_provisioned, v_is_given OR EXISTS (SELECT FROM entry)) AS allowed
    )
    SELECT '0'::xid8,
           (row_number() OVER (ORDER BY CASE c.action WHEN 'prune' THEN 2 ELSE 1 END, c.position, c.name))::integer,
           'provider', c.action, c.name, c.previous_name, c.type, c.name, c.id, c.id, c.new_id, c.position, c.fields, c.drift, c.reason,
           CASE
               WHEN c.action = 'prune' AND NOT n.is_given AND NOT v_allow_empty THEN 'KB020'
               WHEN c.action IN ('prune', 'replace') AND c.guarded THEN 'KB022'
               WHEN c.is_users AND (NOT v_adopt OR c.action = 'replace') THEN 'KB024'
               WHEN c.drift <> '{}' AND v_on_drift = 'fail' THEN 'KB025'
               WHEN c.action IN ('add', 'rename', 'replace') AND k.name IS NOT NULL THEN 'KB025'
               WHEN c.action IN ('prune', 'replace') AND n.going > n.allowed THEN 'KB021'
           END,
           (c.action = 'unchanged' AND c.state_differs) OR (c.action IN ('adopt', 'update') AND c.fields <@ ARRAY['prevent_delete', 'install_webhook']),
           '{}'::text[]
    FROM change AS c
    CROSS JOIN total AS n
    LEFT JOIN kept_name AS k ON k.name = c.name;
END
$$;

COMMENT ON FUNCTION bootstrap._diff_providers(text, json, jsonb) IS
'What differs between the manifest and the live providers, with the guards'' refusals. plan shows these rows, install writes them.';

REVOKE ALL ON FUNCTION bootstrap._diff_providers(text, json, jsonb) FROM PUBLIC;
