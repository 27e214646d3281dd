-- bootstrap._write_plan(tenant_id, options, kept_names): writes into bootstrap.planned_change what is to change, rows locked.
--
-- The first list comes without row locks. The rows that it names are locked. When nobody has written them since the list was begun, it stands;
-- otherwise it is made again, until it names no row that is not locked: what follows then writes exactly what was
-- compared. Adds need no lock. The guards look at each list, the last one included.
-- kept_names returns the providers of ours that someone deleted and that stay deleted (on_drift keep).
-- Errors: those of _refuse; KB023; KB040 when the application keeps changing the rows under it.
CREATE OR REPLACE PROCEDURE bootstrap._write_plan(p_tenant_id text, p_options jsonb, INOUT p_kept_names text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET work_mem = '64MB'
AS $$
DECLARE
    v_locked       text[] := '{}'::text[];
    v_before       xid;
    v_is_as_before boolean;
BEGIN
    FOR v_attempt IN 1..5 LOOP
        v_before := pg_snapshot_xmin(pg_current_snapshot())::xid; -- what is older has been seen
        CALL bootstrap._list_changes(p_tenant_id, p_options, true);
        -- A refused run takes no row lock either.
        PERFORM bootstrap._refuse();

        -- Drift that is kept is not written: the deleted providers that stay deleted go to the caller.
        WITH kept AS (
            DELETE FROM bootstrap.planned_change AS c
            WHERE c.transaction_id = pg_current_xact_id() AND c.action = 'unchanged' AND NOT c.state_only
            RETURNING c.kind, c.name, c.drift
        )
        SELECT coalesce(array_agg(k.name) FILTER (WHERE k.kind = 'provider' AND k.drift @> ARRAY['row']), '{}') INTO p_kept_names FROM kept AS k;

        IF NOT EXISTS (
            SELECT c.kind || ' ' || c.object_id FROM bootstrap.planned_change AS c
            WHERE c.transaction_id = pg_current_xact_id() AND c.kind <> 'deduplication_rule' AND c.object_id IS NOT NULL
            EXCEPT
            SELECT unnest(v_locked)
        ) THEN
            RETURN;
        END IF;

        CALL bootstrap._lock_providers(p_tenant_id, v_before, v_is_as_before);
        CALL bootstrap._lock_resources(p_tenant_id);
        IF v_is_as_before AND NOT EXISTS (SELECT FROM bootstrap.planned_change AS c
                                          WHERE c.transaction_id = pg_current_xact_id() AND c.kind NOT IN ('provider', 'deduplication_rule'))
        THEN
            RETURN;
        END IF;
        SELECT v_locked || array_agg(c.kind || ' ' || c.object_id) INTO v_locked
        FROM bootstrap.planned_change AS c
        WHERE c.transaction_id = pg_current_xact_id() AND c.kind <> 'deduplication_rule' AND c.object_id IS NOT NULL;
    END LOOP;

    RAISE EXCEPTION 'the application keeps changing the rows of tenant %', p_tenant_id
        USING ERRCODE = 'KB040', HINT = 'Nothing was written. Repeat the run.';
END
$$;

COMMENT ON PROCEDURE bootstrap._write_plan(text, jsonb, text[]) IS
'Writes into planned_change what is to change, with the rows that it names locked.';

REVOKE ALL ON PROCEDURE bootstrap._write_plan(text, jsonb, text[]) FROM PUBLIC;
