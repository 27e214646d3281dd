-- bootstrap._clear_staging(): removes what this transaction loaded and planned, and leftovers of dead transactions.
--
-- Leftovers are rows that someone loaded and committed without a CALL: visible, and not of this transaction. A number that no transaction has yet
-- came with a restored dump. Rows that another transaction is sweeping are
-- left to it. Safe to repeat.
CREATE OR REPLACE PROCEDURE bootstrap._clear_staging()
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    v_own    xid8 := pg_current_xact_id();
    v_future xid8 := pg_snapshot_xmax(pg_current_snapshot());
BEGIN
    DELETE FROM bootstrap.provider_staging AS s WHERE s.transaction_id = v_own;
    DELETE FROM bootstrap.manifest_staging AS s WHERE s.transaction_id = v_own;
    DELETE FROM bootstrap.resource_staging AS s WHERE s.transaction_id = v_own;
    DELETE FROM bootstrap.input_staging AS s WHERE s.transaction_id = v_own;
    DELETE FROM bootstrap.planned_change AS s WHERE s.transaction_id = v_own;
    DELETE FROM bootstrap.considered_provider AS s WHERE s.transaction_id = v_own;

    IF NOT EXISTS (
        SELECT FROM (SELECT o.transaction_id FROM bootstrap.provider_staging AS o
                     UNION ALL SELECT o.transaction_id FROM bootstrap.manifest_staging AS o
                     UNION ALL SELECT o.transaction_id FROM bootstrap.resource_staging AS o
                     UNION ALL SELECT o.transaction_id FROM bootstrap.input_staging AS o) AS o
        WHERE o.transaction_id < v_own OR (o.transaction_id >= v_future AND o.transaction_id <> v_own)
    ) THEN
        RETURN;
    END IF;
    DELETE FROM bootstrap.provider_staging AS s
    WHERE s.ctid = ANY (ARRAY(SELECT o.ctid FROM bootstrap.provider_staging AS o WHERE o.transaction_id < v_own OR (o.transaction_id >= v_future AND o.transaction_id <> v_own) FOR UPDATE SKIP LOCKED));
    DELETE FROM bootstrap.manifest_staging AS s
    WHERE s.ctid = ANY (ARRAY(SELECT o.ctid FROM bootstrap.manifest_staging AS o WHERE o.transaction_id < v_own OR (o.transaction_id >= v_future AND o.transaction_id <> v_own) FOR UPDATE SKIP LOCKED));
    DELETE FROM bootstrap.resource_staging AS s
    WHERE s.ctid = ANY (ARRAY(SELECT o.ctid FROM bootstrap.resource_staging AS o WHERE o.transaction_id < v_own OR (o.transaction_id >= v_future AND o.transaction_id <> v_own) FOR UPDATE SKIP LOCKED));
    DELETE FROM bootstrap.input_staging AS s
    WHERE s.ctid = ANY (ARRAY(SELECT o.ctid FROM bootstrap.input_staging AS o WHERE o.transaction_id < v_own OR (o.transaction_id >= v_future AND o.transaction_id <> v_own) FOR UPDATE SKIP LOCKED));
END
$$;

COMMENT ON PROCEDURE bootstrap._clear_staging() IS
'Removes what this transaction loaded and planned, and leftovers of dead transactions.';

REVOKE ALL ON PROCEDURE bootstrap._clear_staging() FROM PUBLIC;
