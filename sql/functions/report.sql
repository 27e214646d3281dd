-- bootstrap.report(): the report of the last install CALL of this transaction, or no row.
CREATE FUNCTION bootstrap.report() RETURNS SETOF bootstrap.run_report
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.* FROM json_populate_record(NULL::bootstrap.run_report,
                                         nullif(current_setting('bootstrap.report', true), '')::json) AS r
    WHERE r.tenant_id IS NOT NULL;
END
$$;
COMMENT ON FUNCTION bootstrap.report() IS 'The report of the last install CALL of this transaction.';
