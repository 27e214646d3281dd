-- bootstrap._write_api_keys(tenant_id): writes the API keys that work says, with their secrets.
--
-- Keep's table is keyed by the hash of the secret, so hashes that another key of the manifest takes make way first:
-- two keys may swap their secrets. A key that leaves is marked deleted and its secret removed, as Keep does. The clear
-- text is stored under <tenant>-<name>; a row that another key shares is not removed. Errors: KB040, KB041.
CREATE PROCEDURE bootstrap._write_api_keys(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now      timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_wanted   bigint;
    v_written  bigint;
    v_new      bigint;
    v_inserted bigint;
BEGIN
    -- One update of each row: a key that leaves, and one whose hash changes, first get a parked hash that nobody has.
    WITH target AS MATERIALIZED (
        SELECT w.object_id, w.row_version, w.action = 'prune' AS leaves, w.wanted ->> 'role' AS role, w.fields
        FROM bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'api_key' AND w.live_name IS NOT NULL
          AND w.action <> 'unchanged' AND NOT w.state_only
    ),
    updated AS (
        UPDATE public.tenantapikey AS k
        SET is_deleted = t.leaves,
            role       = coalesce(t.role, k.role),
            key_hash   = CASE WHEN t.leaves OR 'secret' = ANY (t.fields)
                              THEN encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex')
                              ELSE k.key_hash END
        FROM target AS t
        WHERE k.tenant_id = p_tenant_id AND k.reference_id = t.object_id AND k.xmin = t.row_version
        RETURNING k.is_deleted = t.leaves AND k.role = coalesce(t.role, k.role) AS is_written
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FILTER (WHERE u.is_written) FROM updated AS u)
    INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('tenantapikey', v_wanted, v_written, 'reference_id');

    WITH target AS MATERIALIZED (
        SELECT w.object_id, w.wanted ->> 'secret' AS hash FROM bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'api_key' AND w.live_name IS NOT NULL
          AND w.action NOT IN ('unchanged', 'prune') AND NOT w.state_only AND 'secret' = ANY (w.fields)
    ),
    updated AS (
        UPDATE public.tenantapikey AS k
        SET key_hash = t.hash
        FROM target AS t
        WHERE k.tenant_id = p_tenant_id AND k.reference_id = t.object_id
        RETURNING k.key_hash = t.hash AS is_written
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FILTER (WHERE u.is_written) FROM updated AS u)
    INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('tenantapikey', v_wanted, v_written);

    WITH target AS MATERIALIZED (
        SELECT w.name, w.wanted FROM bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'api_key' AND w.action = 'add'
          AND w.live_name IS NULL
    ),
    inserted AS (
        INSERT INTO public.tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role,
                                         created_at)
        SELECT p_tenant_id, t.name, t.wanted ->> 'secret', true, false, 'system', t.wanted ->> 'role', v_now
        FROM target AS t
        RETURNING is_system
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM inserted) INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('tenantapikey', v_wanted, v_written);

    WITH target AS MATERIALIZED (
        SELECT w.secret_key, w.secret_version FROM bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'api_key' AND w.action = 'prune'
          AND w.secret_version IS NOT NULL
          AND NOT EXISTS (SELECT FROM public.tenantapikey AS k
                          WHERE k.tenant_id || '-' || k.reference_id = w.secret_key AND NOT k.is_deleted)
    ),
    gone AS (
        DELETE FROM public.secret AS c USING target AS t
        WHERE c.key = t.secret_key AND c.xmin = t.secret_version
        RETURNING c.key
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM gone) INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('secret', v_wanted, v_written, 'key', 'secret_version', 'w.action = ''prune''');

    -- Secrets of managed keys whose rows are missing.
    DELETE FROM public.secret AS c
    USING bootstrap.work AS w
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'api_key' AND w.live_name IS NULL
      AND w.object_id IS NOT NULL
      AND (w.action = 'add' OR w.state_only) AND c.key = p_tenant_id || '-' || w.object_id
      AND NOT EXISTS (SELECT FROM public.tenantapikey AS k
                      WHERE k.tenant_id || '-' || k.reference_id = c.key AND k.tenant_id <> p_tenant_id
                        AND NOT k.is_deleted);

    WITH target AS MATERIALIZED (
        SELECT p_tenant_id || '-' || w.name AS key, w.secret_version, s.content::json ->> 'secret' AS value
        FROM bootstrap.work AS w
        JOIN bootstrap.staging AS s
          ON s.transaction_id = pg_current_xact_id() AND s.kind = 'api_key' AND s.position = w.position
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'api_key' AND w.action <> 'unchanged'
          AND (w.action = 'add' OR 'secret' = ANY (w.fields))
    ),
    updated AS (
        UPDATE public.secret AS c
        SET value = t.value, last_updated = v_now
        FROM target AS t
        WHERE c.key = t.key AND c.xmin = t.secret_version
        RETURNING c.value = t.value AS is_written
    ),
    inserted AS (
        INSERT INTO public.secret (key, value, last_updated)
        SELECT t.key, t.value, v_now FROM target AS t WHERE t.secret_version IS NULL
        RETURNING key
    )
    SELECT count(t.secret_version), (SELECT count(*) FILTER (WHERE u.is_written) FROM updated AS u),
           count(*) - count(t.secret_version), (SELECT count(*) FROM inserted)
    INTO v_wanted, v_written, v_new, v_inserted
    FROM target AS t;
    PERFORM bootstrap._require_written('secret', v_wanted, v_written, 'key', 'secret_version',
                                       '''secret'' = ANY (w.fields)'),
            bootstrap._require_written('secret', v_new, v_inserted);
END
$$;
