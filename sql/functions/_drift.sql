-- bootstrap._drift(tenant_id, provider_ids): what someone else changed in providers of ours since our last run.
--
-- One row a provider that is not as the last run left it, with the names of what changed: name, type, provisioned,
-- description, pulling_enabled, secret (gone, or not JSON), authentication.<key> for the keys that our manifest gave.
-- What Keep adds or changes by itself is no drift: further keys, validatedScopes, provider_metadata, times.
-- With NULL for the ids: all providers of the tenant. Rows that were deleted are not shown here (see status).
-- Reads only. Values of secrets stay inside the statement.
CREATE OR REPLACE FUNCTION bootstrap._drift(p_tenant_id text, p_provider_ids text[])
RETURNS TABLE (provider_id text, fields text[])
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_custom_plan
SET work_mem = '64MB'
AS $$
#variable_conflict use_column
DECLARE
    v_keys text[];
BEGIN
    -- As in _set_aside_unchanged: by their keys, when that is fewer pages than all secrets.
    IF coalesce(cardinality(p_provider_ids), (SELECT count(*) FROM public.provider AS p WHERE p.tenant_id = p_tenant_id))
       < pg_relation_size('public.secret') / 8192
    THEN
        SELECT array_agg(p.configuration_key::text) INTO v_keys
        FROM public.provider AS p
        WHERE p.tenant_id = p_tenant_id AND (p_provider_ids IS NULL OR p.id = ANY (p_provider_ids));
    END IF;

    RETURN QUERY
    WITH known AS MATERIALIZED (
        SELECT r.id, r.written_keys, r.secret,
               array_remove(r.fields || CASE WHEN r.is_missing OR (r.is_changed AND jsonb_typeof(r.secret -> 'authentication') IS DISTINCT FROM 'object')
                                             THEN 'secret' END, NULL) AS fields
        FROM (
            SELECT c.id, c.written_keys, c.is_missing, c.is_changed, c.fields, CASE WHEN c.is_changed THEN bootstrap._try_jsonb(c.value) END AS secret
            FROM (
                SELECT p.id::text AS id, t.written_keys, s.value, s.value IS NULL AS is_missing,
                       t.secret_digest <> left(encode(sha256((SELECT g.digest_key FROM bootstrap.setting AS g) || convert_to(s.value, 'UTF8')), 'hex'), 32) AS is_changed, -- _digest, written out
                       ARRAY[
                           CASE WHEN p.name <> t.name THEN 'name' END,
                           CASE WHEN p.type <> t.type THEN 'type' END,
                           CASE WHEN NOT p.provisioned THEN 'provisioned' END,
                           CASE WHEN p.description IS DISTINCT FROM t.description THEN 'description' END,
                           CASE WHEN p.pulling_enabled <> t.pulling_enabled THEN 'pulling_enabled' END
                       ] AS fields
                FROM bootstrap.provider_state AS t
                JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = t.provider_id
                LEFT JOIN public.secret AS s ON s.key = p.configuration_key AND (v_keys IS NULL OR s.key = ANY (v_keys))
                WHERE t.tenant_id = p_tenant_id AND (p_provider_ids IS NULL OR t.provider_id = ANY (p_provider_ids))
                OFFSET 0
            ) AS c
            OFFSET 0
        ) AS r
        WHERE r.is_missing OR r.is_changed OR array_remove(r.fields, NULL) <> '{}' -- most rows are as they were left
    ),
    written AS (
        SELECT j.id, (j.pair).key, (j.pair).value
        FROM (SELECT k.id, jsonb_each_text(k.written_keys) AS pair FROM known AS k WHERE jsonb_typeof(k.secret -> 'authentication') = 'object' OFFSET 0) AS j
    ),
    live AS (
        SELECT j.id, (j.pair).key, bootstrap._digest((j.pair).value::text, g.digest_key) AS value
        FROM (SELECT k.id, jsonb_each(CASE jsonb_typeof(k.secret -> 'authentication') WHEN 'object' THEN k.secret -> 'authentication' END) AS pair
              FROM known AS k OFFSET 0) AS j
        CROSS JOIN bootstrap.setting AS g
    ),
    changed AS (
        SELECT w.id, array_agg('authentication.' || w.key ORDER BY w.key) AS fields
        FROM written AS w
        LEFT JOIN live AS l ON l.id = w.id AND l.key = w.key
        WHERE l.value IS DISTINCT FROM w.value
        GROUP BY w.id
    )
    SELECT k.id, k.fields || coalesce(c.fields, '{}')
    FROM known AS k
    LEFT JOIN changed AS c ON c.id = k.id
    WHERE k.fields <> '{}' OR c.id IS NOT NULL;
END
$$;

COMMENT ON FUNCTION bootstrap._drift(text, text[]) IS
'What someone else changed in providers of ours since our last run, by name of the field.';

REVOKE ALL ON FUNCTION bootstrap._drift(text, text[]) FROM PUBLIC;
