-- bootstrap.report(): the report of the install_* CALL before it in this transaction; no row when there was none.
--
-- Kept in a setting of the transaction (bootstrap.report), so that a run that changes nothing writes nothing.
CREATE OR REPLACE FUNCTION bootstrap.report() RETURNS SETOF bootstrap.run_report
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.* FROM json_populate_record(NULL::bootstrap.run_report, nullif(current_setting('bootstrap.report', true), '')::json) AS r
    WHERE nullif(current_setting('bootstrap.report', true), '') IS NOT NULL;
END
$$;

COMMENT ON FUNCTION bootstrap.report() IS
'The report of the install_* CALL before it in this transaction.';

REVOKE ALL ON FUNCTION bootstrap.report() FROM PUBLIC;
