-- bootstrap._write_api_keys(tenant_id): writes the API keys of bootstrap.planned_change, with their secrets.
--
-- The clear text goes into the table secret under <tenant>-<name>, its hash is the primary key of tenantapikey
-- (keep/formats.md). A key that leaves is marked deleted and its secret removed, as the application does it; its hash
-- makes way when another key of the manifest has the same secret. Two keys may swap their secrets in one run.
-- Error KB040 when a row is gone.
CREATE OR REPLACE PROCEDURE bootstrap._write_api_keys(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_now     timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_pruned  bigint;
    v_updated bigint;
    v_added   bigint;
BEGIN
    DELETE FROM public.secret AS s
    USING bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'api_key' AND c.action = 'prune' AND s.key = p_tenant_id || '-' || c.name;

    UPDATE public.tenantapikey AS k
    SET is_deleted = true
    FROM bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'api_key' AND c.action = 'prune'
      AND k.tenant_id = p_tenant_id AND k.reference_id = c.object_id;
    GET DIAGNOSTICS v_pruned = ROW_COUNT;

    -- The key is unique row by row: hashes that another row is to have make way first.
    UPDATE public.tenantapikey AS k
    SET key_hash = encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex')
    FROM bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'api_key' AND (c.action = 'prune' OR 'secret' = ANY (c.fields))
      AND k.tenant_id = p_tenant_id AND k.reference_id = c.object_id
      AND k.key_hash IN (SELECT w.fields ->> 'secret' FROM bootstrap._wanted_resources(NULL) AS w WHERE w.kind = 'api_key' AND w.name <> k.reference_id);

    UPDATE public.tenantapikey AS k
    SET key_hash   = CASE WHEN 'secret' = ANY (c.fields) THEN w.fields ->> 'secret' ELSE k.key_hash END,
        role       = CASE WHEN 'role' = ANY (c.fields) THEN w.fields ->> 'role' ELSE k.role END,
        is_deleted = CASE WHEN 'deleted' = ANY (c.fields) OR c.action = 'add' THEN false ELSE k.is_deleted END
    FROM (SELECT o.* FROM bootstrap.planned_change AS o WHERE o.transaction_id = pg_current_xact_id() AND o.kind = 'api_key' AND o.action IN ('update', 'adopt') AND NOT o.state_only) AS c
    JOIN bootstrap._wanted_resources(NULL) AS w ON w.kind = 'api_key' AND w.position = c.position
    WHERE k.tenant_id = p_tenant_id AND k.reference_id = c.object_id;
    GET DIAGNOSTICS v_updated = ROW_COUNT;

    INSERT INTO public.tenantapikey AS k (tenant_id, reference_id, key_hash, is_system, is_deleted, created_by, role, created_at)
    SELECT p_tenant_id, c.name, w.fields ->> 'secret', true, false, 'system', w.fields ->> 'role', v_now
    FROM bootstrap.planned_change AS c
    JOIN bootstrap._wanted_resources(NULL) AS w ON w.kind = 'api_key' AND w.position = c.position
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'api_key' AND c.action = 'add'
    ON CONFLICT (tenant_id, reference_id) DO UPDATE
    SET key_hash = excluded.key_hash, role = excluded.role, is_deleted = false
    WHERE k.is_deleted;
    GET DIAGNOSTICS v_added = ROW_COUNT;

    INSERT INTO public.secret AS s (key, value, last_updated)
    SELECT p_tenant_id || '-' || c.name, g.content::json ->> 'secret', v_now
    FROM bootstrap.planned_change AS c
    JOIN bootstrap.resource_staging AS g ON g.transaction_id = pg_current_xact_id() AND g.kind = 'api_key' AND g.position = c.position
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'api_key' AND (c.action = 'add' OR 'secret' = ANY (c.fields))
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, last_updated = excluded.last_updated;

    PERFORM bootstrap._require_written('api_key', v_pruned + v_updated + v_added);
END
$$;

COMMENT ON PROCEDURE bootstrap._write_api_keys(text) IS
'Writes the API keys that are planned in this transaction, with their secrets.';

REVOKE ALL ON PROCEDURE bootstrap._write_api_keys(text) FROM PUBLIC;
