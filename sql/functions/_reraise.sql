-- bootstrap._reraise(...): raises a caught error again, without anything that can quote data.
--
-- PostgreSQL puts values into MESSAGE, DETAIL and CONTEXT of many errors ("Failing row contains ..."), and those would
-- reach the client and the server's log. Kept are SQLSTATE, table and constraint. Our own errors (class KB) and those
-- whose message never holds data (locks, rollbacks, privileges, resources, cancellation) keep their text.
-- A unique violation means that the application wrote the same row meanwhile: KB040.
CREATE OR REPLACE FUNCTION bootstrap._reraise(p_state text, p_message text, p_detail text, p_hint text, p_schema text, p_table text, p_constraint text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_state LIKE 'KB%' AND coalesce(p_detail, '') = '' THEN
        RAISE EXCEPTION '%', p_message USING ERRCODE = p_state, HINT = p_hint;
    ELSIF p_state LIKE 'KB%' THEN
        RAISE EXCEPTION '%', p_message USING ERRCODE = p_state, DETAIL = p_detail, HINT = p_hint;
    ELSIF p_state = '55P03' THEN
        RAISE EXCEPTION '%', p_message
            USING ERRCODE = p_state, HINT = 'Another run or the application holds a lock. Nothing was written. Repeat the run.';
    ELSIF p_state = '23505' THEN
        RAISE EXCEPTION 'a row of %.% with the same % exists meanwhile', p_schema, p_table, p_constraint
            USING ERRCODE = 'KB040', SCHEMA = p_schema, TABLE = p_table, CONSTRAINT = p_constraint,
                  HINT = 'Nothing was written. The application wrote it, so repeat the run. If that fails again, this unique key forbids two rows of the manifest.';
    ELSIF p_state LIKE '40%' OR p_state LIKE '53%' OR p_state LIKE '57%' OR p_state IN ('42501', '25006', '42P01', '42883', '42703') THEN
        RAISE EXCEPTION '%', p_message USING ERRCODE = p_state, HINT = coalesce(nullif(p_hint, ''), 'Nothing was written.');
    ELSIF p_constraint <> '' THEN
        RAISE EXCEPTION 'constraint % of %.% is violated', p_constraint, p_schema, p_table
            USING ERRCODE = p_state, SCHEMA = p_schema, TABLE = p_table, CONSTRAINT = p_constraint,
                  HINT = 'Nothing was written. The row is not shown because it may hold a secret.';
    ELSE
        RAISE EXCEPTION 'the run failed with SQLSTATE %', p_state
            USING ERRCODE = p_state, HINT = 'Nothing was written. The message of PostgreSQL is not shown because it may hold a secret.';
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._reraise(text, text, text, text, text, text, text) IS
'Raises a caught error again, without anything that can quote data.';

REVOKE ALL ON FUNCTION bootstrap._reraise(text, text, text, text, text, text, text) FROM PUBLIC;
