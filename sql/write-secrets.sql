-- Writes the secrets that the query FindSecrets has put into bootstrap.work: part of the transaction of import-secrets.
--
-- Rows that are overwritten were locked before they were compared, so a count that differs is a trigger or a rule
-- (KB041). A row that appears meanwhile is a conflict (KB040), and the program repeats the transaction. A block and not
-- a query, because its handler keeps values out of errors, and so out of the server's log.
DO $write$
DECLARE
    v_now      timestamp := pg_catalog.clock_timestamp() AT TIME ZONE 'UTC';
    v_wanted   bigint;
    v_written  bigint;
    v_new      bigint;
    v_inserted bigint;
    v_error    bootstrap.error;
BEGIN
    WITH target AS MATERIALIZED (
        SELECT DISTINCT ON (w.secret_key) w.secret_key, w.action, s.content AS value -- rows may share a key
        FROM bootstrap.work AS w
        JOIN bootstrap.staging AS s
          ON s.transaction_id = w.transaction_id AND s.kind = 'secret' AND s.position = w.position
        WHERE w.transaction_id = pg_catalog.pg_current_xact_id() AND NOT w.state_only
        ORDER BY w.secret_key
    ),
    updated AS (
        UPDATE public.secret AS c
        SET value = t.value, last_updated = v_now
        FROM target AS t
        WHERE t.action = 'update' AND c.key = t.secret_key
        RETURNING c.value = t.value AS is_written
    ),
    inserted AS (
        INSERT INTO public.secret (key, value, last_updated)
        SELECT t.secret_key, t.value, v_now FROM target AS t WHERE t.action = 'add'
        RETURNING key, value
    )
    SELECT pg_catalog.count(*) FILTER (WHERE t.action = 'update'),
           (SELECT pg_catalog.count(*) FILTER (WHERE u.is_written) FROM updated AS u),
           pg_catalog.count(*) FILTER (WHERE t.action = 'add'),
           pg_catalog.count(*) FILTER (WHERE i.value = t.value)
    INTO v_wanted, v_written, v_new, v_inserted
    FROM target AS t
    LEFT JOIN inserted AS i ON i.key = t.secret_key;
    IF v_written < v_wanted OR v_inserted < v_new THEN
        RAISE EXCEPTION '% of % rows of public.secret are as they were written: a trigger or rule changes or drops rows',
            v_written + v_inserted, v_wanted + v_new
            USING ERRCODE = 'KB041',
                  HINT = 'Nothing was written. Remove the trigger or rule, or let it pass the rows of keep-bootstrap.';
    END IF;
    SET CONSTRAINTS ALL IMMEDIATE; -- errors of deferred triggers come out here, where they are filtered
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_error.state = RETURNED_SQLSTATE, v_error.message = MESSAGE_TEXT,
        v_error.detail = PG_EXCEPTION_DETAIL, v_error.hint = PG_EXCEPTION_HINT, v_error.table_name = TABLE_NAME,
        v_error.constraint_name = CONSTRAINT_NAME, v_error.context = PG_EXCEPTION_CONTEXT;
    PERFORM bootstrap._reraise(v_error);
END
$write$;
