-- bootstrap._decide(tenant_id, kinds, options): what becomes of each pair that differs.
--
--   add        no live row; a row that was deleted comes back with its id
--   update     the live row differs                rename  the live row has another name
--   replace    a provider changes its type, and its id: Keep builds the key of its secret from type and id
--   prune      not in the manifest                 adopt   not managed yet: made by Keep or by a user
--   unchanged  only what is remembered changes (state_only), or a change made outside is kept (on_drift keep)
-- A change made outside counts for the whole object. With additive, nothing is pruned or replaced. Reads only.
CREATE FUNCTION bootstrap._decide(p_tenant_id text, p_kinds text[], p_options jsonb) RETURNS SETOF bootstrap.work
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_keep     boolean := coalesce(p_options ->> 'on_drift' = 'keep', false);
    v_additive boolean := coalesce((p_options ->> 'additive')::boolean, false);
BEGIN
    RETURN QUERY
    WITH pair AS (
        SELECT p, p.fields, p.kind, p.position IS NULL AS leaves, p.object_id IS NULL AS is_new,
               p.last_name IS NOT NULL AS managed, p.object_id IS NOT NULL AND p.live_name IS NULL AS missing,
               p.fields <@ ARRAY['prevent_delete', 'install_webhook'] AS is_same,
               coalesce(p.is_drifted, false) AND NOT p.fields <@ ARRAY['prevent_delete', 'install_webhook'] AS drifted,
               p.kind = 'provider' AND 'type' = ANY (p.fields) AS replaces, p.kind <> 'user' AS is_adoptable,
               CASE WHEN p.live_name IS NOT NULL OR NOT p.is_hidden THEN p.object_id END AS free_id
        FROM bootstrap._compare(p_tenant_id, p_kinds, p_options) AS p
    ),
    decided AS (
        SELECT d.*, CASE
                   WHEN d.leaves AND d.missing THEN 'unchanged'
                   WHEN d.leaves AND (d.p).is_prunable THEN CASE WHEN NOT v_additive THEN 'prune' END
                   WHEN d.leaves THEN CASE WHEN d.managed AND d.is_adoptable THEN 'unchanged' END
                   WHEN d.missing AND v_keep THEN 'unchanged'
                   WHEN d.missing OR d.is_new OR ((d.p).is_hidden AND (d.p).is_provisioned AND NOT d.managed) THEN 'add'
                   WHEN (d.drifted AND v_keep) OR (d.replaces AND v_additive) THEN 'unchanged'
                   WHEN d.replaces THEN 'replace'
                   WHEN NOT d.managed AND NOT (d.p).is_provisioned AND d.is_adoptable THEN 'adopt'
                   WHEN d.fields && ARRAY['name', 'username'] THEN 'rename'
                   WHEN NOT d.managed AND d.is_adoptable AND NOT d.is_same THEN 'adopt'
                   WHEN d.fields <> '{}' THEN 'update'
                   WHEN NOT coalesce((d.p).is_remembered, false) THEN 'unchanged'
               END AS action
        FROM pair AS d
    )
    SELECT (d.p).*, pg_current_xact_id_if_assigned(), NULL::integer, d.action,
           CASE WHEN d.action NOT IN ('add', 'replace') THEN NULL
                WHEN d.kind = 'provider' THEN coalesce(
                    (d.p).wanted_id, CASE WHEN d.action = 'add' AND (d.p).live_type = (d.p).type THEN d.free_id END,
                    replace(gen_random_uuid()::text, '-', ''))
                WHEN d.kind = 'api_key' THEN (d.p).name
                WHEN d.kind NOT IN ('user', 'mapping_rule') THEN coalesce(d.free_id, gen_random_uuid()::text) END,
           CASE WHEN d.action = 'prune' AND (d.p).is_drifted THEN ARRAY['*']
                WHEN d.missing AND NOT d.leaves THEN ARRAY['row']
                WHEN d.drifted THEN d.fields ELSE '{}' END,
           CASE WHEN d.missing AND d.leaves THEN 'deleted outside of keep-bootstrap, and not in the manifest'
                WHEN d.missing THEN format('deleted outside of keep-bootstrap since run %s%s', (d.p).run_id,
                                           CASE WHEN v_keep THEN '; stays deleted' END)
                WHEN d.action = 'prune' AND d.kind = 'deduplication_rule' AND (d.p).type IS NULL
                    THEN 'its provider is gone'
                WHEN d.action = 'prune' THEN 'not in the manifest'
                WHEN d.leaves THEN 'not in the manifest, and no longer provisioned'
                WHEN d.is_new THEN 'new in the manifest'
                WHEN d.action = 'add' THEN 'was deleted; returns with its former id'
                WHEN d.drifted AND v_keep THEN format('changed outside of keep-bootstrap since run %s; kept',
                                                      (d.p).run_id)
                WHEN d.replaces AND v_additive THEN 'the type differs; additive replaces nothing'
                WHEN d.replaces AND NOT d.managed AND NOT (d.p).is_provisioned
                    THEN format('created by a user, with type %s', (d.p).live_type)
                WHEN d.replaces THEN format('the type changes from %s', (d.p).live_type)
                WHEN d.action = 'adopt' AND NOT (d.p).is_provisioned THEN 'created by a user'
                WHEN (d.p).match = 'declared' THEN format('renamed_from names %s', to_json((d.p).live_name))
                WHEN (d.p).match = 'remembered'
                    THEN format('renamed to %s outside of keep-bootstrap since run %s', to_json((d.p).live_name),
                                (d.p).run_id)
                WHEN (d.p).match = 'detected'
                    THEN format('same type and authentication as %s, which the manifest no longer has',
                                to_json((d.p).live_name))
                WHEN NOT d.managed AND d.is_adoptable THEN 'provisioned by Keep; keeps its id'
                WHEN d.drifted THEN format('changed outside of keep-bootstrap since run %s', (d.p).run_id)
                WHEN d.kind = 'user' AND d.fields <> '{}' THEN 'reset_password is set'
                WHEN d.fields <> '{}' THEN 'differs from the manifest'
                ELSE 'only the state of keep-bootstrap changes' END,
           CASE WHEN d.action = 'unchanged'
                    THEN NOT ((d.missing AND NOT d.leaves) OR (d.drifted AND v_keep) OR d.replaces)
                ELSE d.action IN ('adopt', 'update') AND d.is_same END
    FROM decided AS d
    WHERE d.action IS NOT NULL;
END
$$;
