-- bootstrap._set_aside_unchanged(tenant_id): takes out of staging the providers that are plainly as the manifest wants them.
--
-- Plainly unchanged is a provider whose live row has its name, whose columns and secret are text for text what would be
-- written, and that is as our last run left it. That is found in one statement without parsing anything, and such a
-- provider needs no check either: it was checked when it was installed. What stays in staging is what a run has to look at, and
-- considered_provider afterwards holds the live rows and the rows of state that it has to look at. So the rest of a run
-- costs what has changed, not what there is.
-- Always looked at are providers with deduplication rules, those that a declared rename (renamed_from) names or belongs
-- to, and names that stand twice in the manifest.
-- To be called under the lock of the tenant, or in a block that is rolled back before the run waits for it. Writes
-- staging tables only. Values stay inside the statement.
CREATE OR REPLACE PROCEDURE bootstrap._set_aside_unchanged(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_custom_plan
SET work_mem = '64MB'
AS $$
DECLARE
    v_live      bigint;
    v_state     bigint;
    v_keys      text[];
    v_names     text[];
    v_consumers text[];
    v_others    text[];
    v_unchanged text[];
BEGIN
    DELETE FROM bootstrap.considered_provider AS c WHERE c.transaction_id = pg_current_xact_id();

    IF NOT 'provider' = ANY (bootstrap._given_kinds(NULL)) THEN
        RETURN;
    END IF;

    SELECT (SELECT count(*) FROM public.provider AS p WHERE p.tenant_id = p_tenant_id),
           (SELECT count(*) FROM bootstrap.provider_state AS t WHERE t.tenant_id = p_tenant_id)
    INTO v_live, v_state;
    IF v_live = 0 AND v_state = 0 THEN
        RETURN; -- a first install
    END IF;

    -- The secrets of this tenant by their keys, when that is fewer pages than all secrets: the cost is not to grow with other tenants.
    IF v_live < pg_relation_size('public.secret') / 8192 THEN
        SELECT array_agg(p.configuration_key::text) INTO v_keys FROM public.provider AS p WHERE p.tenant_id = p_tenant_id;
    END IF;

    SELECT array_agg(n.name) INTO v_names
    FROM (
        SELECT m.name FROM bootstrap.provider_staging AS m
        WHERE m.transaction_id = pg_current_xact_id()
        GROUP BY m.name
        HAVING count(*) > 1
        UNION ALL
        SELECT jsonb_array_elements_text(f.renamed_from)
        FROM (SELECT CASE jsonb_typeof(bootstrap._try_jsonb(m.renamed_from)) WHEN 'array' THEN bootstrap._try_jsonb(m.renamed_from) END AS renamed_from
              FROM bootstrap.provider_staging AS m
              WHERE m.transaction_id = pg_current_xact_id() AND m.renamed_from IS NOT NULL OFFSET 0) AS f
    ) AS n;

    SELECT coalesce(array_agg(y.type) FILTER (WHERE y.consumer), '{}'), coalesce(array_agg(y.type) FILTER (WHERE NOT y.consumer), '{}')
    INTO v_consumers, v_others
    FROM bootstrap.provider_type AS y;

    WITH unchanged AS (
        DELETE FROM bootstrap.provider_staging AS m
        USING public.provider AS p
        JOIN public.secret AS s ON s.key = p.configuration_key
        JOIN bootstrap.provider_state AS t ON t.provider_id = p.id
        WHERE m.transaction_id = pg_current_xact_id() AND m.name = p.name
          AND m.deduplication_rules IS NULL AND m.renamed_from IS NULL AND (v_names IS NULL OR NOT m.name = ANY (v_names))
          AND p.tenant_id = p_tenant_id AND t.tenant_id = p_tenant_id AND (v_keys IS NULL OR s.key = ANY (v_keys))
          -- What is compared is no condition to join by, or hashing it would cost more than comparing it.
          AND CASE WHEN p.type = m.type
                    AND s.value = '{"authentication": ' || m.authentication || ', "name": ' || to_json(m.name)::text || '}'
                    AND p.provisioned AND NOT p.type = ANY (CASE WHEN p.consumer THEN v_others ELSE v_consumers END)
                    AND (m.description IS NULL OR p.description IS NOT DISTINCT FROM m.description)
                    AND (m.pulling_enabled IS NULL OR p.pulling_enabled::text = m.pulling_enabled)
                    AND (m.prevent_delete IS NULL OR t.prevent_delete::text = m.prevent_delete)
                    AND t.install_webhook::text = coalesce(m.install_webhook, 'false')
                    -- As our last run left it.
                    AND coalesce(t.renamed_from, '{}') = '{}'
                    AND t.name = p.name AND t.type = p.type AND t.description IS NOT DISTINCT FROM p.description AND t.pulling_enabled = p.pulling_enabled
                    AND t.secret_digest = left(encode(sha256((SELECT g.digest_key FROM bootstrap.setting AS g) || convert_to(s.value, 'UTF8')), 'hex'), 32) -- _digest, written out
                   THEN true ELSE false END
        RETURNING p.id::text AS id
    )
    SELECT coalesce(array_agg(u.id), '{}') INTO v_unchanged FROM unchanged AS u;

    IF v_unchanged <> '{}' THEN
        -- Providers stay a kind that is given, also when no row of them is left.
        INSERT INTO bootstrap.resource_staging (kind, position) VALUES ('provider', 0) ON CONFLICT ON CONSTRAINT resource_staging_pkey DO NOTHING;
    END IF;
    IF cardinality(v_unchanged) < greatest(v_live, v_state) THEN
        INSERT INTO bootstrap.considered_provider (provider_id)
        SELECT coalesce(p.id, t.id)
        FROM (SELECT p.id::text AS id FROM public.provider AS p WHERE p.tenant_id = p_tenant_id AND NOT p.id = ANY (v_unchanged)) AS p
        FULL JOIN (SELECT t.provider_id AS id FROM bootstrap.provider_state AS t
                   WHERE t.tenant_id = p_tenant_id AND NOT t.provider_id = ANY (v_unchanged)) AS t ON t.id = p.id;
    END IF;
END
$$;

COMMENT ON PROCEDURE bootstrap._set_aside_unchanged(text) IS
'Takes out of staging the providers that are plainly as the manifest wants them, and notes which live rows a run has to look at.';

REVOKE ALL ON PROCEDURE bootstrap._set_aside_unchanged(text) FROM PUBLIC;
