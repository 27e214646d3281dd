-- bootstrap._require_written(kind, written): raises unless every planned row of the kind was written.
--
-- A row that is gone since it was locked, or one more than planned, means that the application works on the same rows.
-- Error KB040. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._require_written(p_kind text, p_written bigint) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_expected bigint;
BEGIN
    SELECT count(*) INTO v_expected
    FROM bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id_if_assigned() AND c.kind = p_kind AND NOT c.state_only;
    IF p_written <> v_expected THEN
        RAISE EXCEPTION '% of % %s could be written', p_written, v_expected, replace(p_kind, '_', ' ')
            USING ERRCODE = 'KB040', HINT = 'Nothing was written. Repeat the run.';
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._require_written(text, bigint) IS
'Raises KB040 unless every planned row of the kind was written.';

REVOKE ALL ON FUNCTION bootstrap._require_written(text, bigint) FROM PUBLIC;
