-- bootstrap._lock_providers(tenant_id, before, as_before): locks the live rows that bootstrap.planned_change names, with
-- their secrets.
--
-- Lock order, the same in every run: provider rows by id, then secret rows by key. Afterwards neither Keep nor another
-- run can change what the next diff reads. Rows that go or change their name are locked in full (FOR UPDATE), so that a
-- run that cannot have them fails before it writes; otherwise log entries that point at a row may go on (FOR NO KEY UPDATE). Error 55P03 when a lock is not to be had within lock_timeout.
-- as_before returns whether all rows are there and were written by transactions older than before: then a diff that was
-- begun with a snapshot of that horizon has seen them as they are now.
CREATE OR REPLACE PROCEDURE bootstrap._lock_providers(p_tenant_id text, p_before xid, INOUT p_is_as_before boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
SET work_mem = '64MB'
AS $$
DECLARE
    v_ids       text[];
    v_keys      text[];
    v_is_in_full boolean;
    v_providers boolean;
    v_secrets   boolean;
BEGIN
    SELECT array_agg(c.object_id), bool_or(c.action IN ('prune', 'replace') OR c.previous_name IS NOT NULL)
    INTO v_ids, v_is_in_full
    FROM bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider' AND c.object_id IS NOT NULL;

    IF v_is_in_full THEN
        SELECT array_agg(l.key), count(*) = cardinality(v_ids) AND bool_and(age(l.version) > age(p_before)) INTO v_keys, v_providers
        FROM (SELECT p.configuration_key::text AS key, p.xmin AS version
              FROM public.provider AS p
              WHERE p.tenant_id = p_tenant_id AND p.id = ANY (v_ids)
              ORDER BY p.id
              FOR UPDATE OF p) AS l;
    ELSE
        SELECT array_agg(l.key), count(*) = cardinality(v_ids) AND bool_and(age(l.version) > age(p_before)) INTO v_keys, v_providers
        FROM (SELECT p.configuration_key::text AS key, p.xmin AS version
              FROM public.provider AS p
              WHERE p.tenant_id = p_tenant_id AND p.id = ANY (v_ids)
              ORDER BY p.id
              FOR NO KEY UPDATE OF p) AS l;
    END IF;

    SELECT count(*) = cardinality(v_keys) AND bool_and(age(l.version) > age(p_before)) INTO v_secrets
    FROM (SELECT s.xmin AS version FROM public.secret AS s WHERE s.key = ANY (v_keys) ORDER BY s.key FOR NO KEY UPDATE) AS l;

    p_is_as_before := coalesce(v_providers AND v_secrets, false);
END
$$;

COMMENT ON PROCEDURE bootstrap._lock_providers(text, xid, boolean) IS
'Locks the live rows that are planned to change: provider rows by id, then secret rows by key. Tells whether they are as a diff of that horizon has seen them.';

REVOKE ALL ON PROCEDURE bootstrap._lock_providers(text, xid, boolean) FROM PUBLIC;
