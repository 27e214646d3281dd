-- bootstrap._write_api_keys(tenant_id): writes the API keys that work says, with their secrets.
--
-- Keep's table is keyed by the hash of the secret, so a key that leaves, and one whose secret changes, first get a hash
-- that nobody has: two keys may swap their secrets. A key that leaves is marked deleted and its secret removed, as Keep
-- does. The clear text is stored under <tenant>-<name>; a row that another key shares is not removed.
CREATE PROCEDURE bootstrap._write_api_keys(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamp := clock_timestamp() AT TIME ZONE 'UTC';
BEGIN
    UPDATE public.tenantapikey AS k
    SET is_deleted = w.action = 'prune',
        role       = coalesce(w.wanted ->> 'role', k.role),
        key_hash   = CASE WHEN w.action = 'prune' OR 'secret' = ANY (w.fields)
                          THEN encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex')
                          ELSE k.key_hash END
    FROM bootstrap._to_write('api_key') AS w
    WHERE w.live_name IS NOT NULL AND k.tenant_id = p_tenant_id AND k.reference_id = w.object_id
      AND k.xmin = w.row_version;

    UPDATE public.tenantapikey AS k
    SET key_hash = w.wanted ->> 'secret'
    FROM bootstrap.work AS w
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'api_key' AND w.action <> 'prune'
      AND 'secret' = ANY (w.fields) AND k.tenant_id = p_tenant_id AND k.reference_id = w.object_id
      AND k.xmin = w.xmin; -- written by this run, above

    INSERT INTO public.tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role,
                                     created_at)
    SELECT p_tenant_id, w.name, w.wanted ->> 'secret', true, false, 'system', w.wanted ->> 'role', v_now
    FROM bootstrap._to_write('api_key') AS w
    WHERE w.action = 'add' AND w.live_name IS NULL;

    DELETE FROM public.secret AS c
    USING bootstrap._to_write('api_key') AS w
    WHERE w.action = 'prune' AND c.key = w.secret_key AND c.xmin = w.secret_version;

    -- Secrets of managed keys whose rows are missing.
    DELETE FROM public.secret AS c
    USING bootstrap.work AS w
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'api_key' AND w.live_name IS NULL
      AND w.object_id IS NOT NULL
      AND (w.action = 'add' OR w.state_only) AND c.key = p_tenant_id || '-' || w.object_id
      AND NOT EXISTS (SELECT FROM public.tenantapikey AS k
                      WHERE k.tenant_id || '-' || k.reference_id = c.key AND k.tenant_id <> p_tenant_id
                        AND NOT k.is_deleted);

    WITH target AS (
        SELECT p_tenant_id || '-' || w.name AS key, w.secret_version, s.content::json ->> 'secret' AS value
        FROM bootstrap._to_write('api_key') AS w
        JOIN bootstrap._staged('api_key') AS s ON s.position = w.position
        WHERE w.action = 'add' OR 'secret' = ANY (w.fields)
    ),
    updated AS (
        UPDATE public.secret AS c
        SET value = t.value, last_updated = v_now
        FROM target AS t
        WHERE c.key = t.key AND c.xmin = t.secret_version
    )
    INSERT INTO public.secret (key, value, last_updated)
    SELECT t.key, t.value, v_now FROM target AS t WHERE t.secret_version IS NULL;
END
$$;
