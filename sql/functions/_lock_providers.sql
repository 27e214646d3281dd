-- bootstrap._lock_providers(tenant_id): locks the live rows that bootstrap.planned_change names, with their secrets.
--
-- Lock order, the same in every run: provider rows by id, then secret rows by key. Afterwards neither Keep nor another
-- run can change what the next diff reads. Rows that go or change their name are locked in full (FOR UPDATE), so that a
-- run that cannot have them fails before it writes; otherwise log entries that point at a row may go on (FOR NO KEY UPDATE). Error 55P03 when a lock is not to be had within lock_timeout.
CREATE OR REPLACE PROCEDURE bootstrap._lock_providers(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_keys text[];
BEGIN
    IF EXISTS (SELECT FROM bootstrap.planned_change AS c
               WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider'
                 AND (c.action IN ('prune', 'replace') OR c.previous_name IS NOT NULL))
    THEN
        SELECT array_agg(l.configuration_key) INTO v_keys
        FROM (SELECT p.configuration_key::text AS configuration_key
              FROM public.provider AS p
              WHERE p.tenant_id = p_tenant_id
                AND p.id IN (SELECT c.object_id FROM bootstrap.planned_change AS c
                             WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider')
              ORDER BY p.id
              FOR UPDATE OF p) AS l;
    ELSE
        SELECT array_agg(l.configuration_key) INTO v_keys
        FROM (SELECT p.configuration_key::text AS configuration_key
              FROM public.provider AS p
              WHERE p.tenant_id = p_tenant_id
                AND p.id IN (SELECT c.object_id FROM bootstrap.planned_change AS c
                             WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'provider')
              ORDER BY p.id
              FOR NO KEY UPDATE OF p) AS l;
    END IF;

    PERFORM FROM public.secret AS s WHERE s.key = ANY (v_keys) ORDER BY s.key FOR NO KEY UPDATE;
END
$$;

COMMENT ON PROCEDURE bootstrap._lock_providers(text) IS
'Locks the live rows that are planned to change: provider rows by id, then secret rows by key.';

REVOKE ALL ON PROCEDURE bootstrap._lock_providers(text) FROM PUBLIC;
