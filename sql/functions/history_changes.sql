-- bootstrap.history_changes(run_id): what one run changed, in order. Reads only.
CREATE FUNCTION bootstrap.history_changes(p_run_id bigint) RETURNS SETOF bootstrap.change
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT c.* FROM bootstrap.change AS c WHERE c.run_id = p_run_id ORDER BY c.sequence;
END
$$;
COMMENT ON FUNCTION bootstrap.history_changes(bigint) IS 'What one run changed, in order. Works on a standby.';
