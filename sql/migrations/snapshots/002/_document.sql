-- bootstrap._document(manifest): the JSON manifest as one document, NULL when it is not JSON.
--
-- With NULL: the lines of bootstrap.manifest_staging in this transaction; the text is then in no variable that the server
-- could log. Reads and writes nothing else.
CREATE OR REPLACE FUNCTION bootstrap._document(p_manifest json) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the argument as a constant
SET jit = off
AS $$
BEGIN
    RETURN CASE WHEN p_manifest IS NULL
                THEN (SELECT bootstrap._try_json(string_agg(l.line, E'\n' ORDER BY l.line_number))
                      FROM bootstrap.manifest_staging AS l WHERE l.transaction_id = pg_current_xact_id_if_assigned())
                ELSE p_manifest END;
END
$$;

COMMENT ON FUNCTION bootstrap._document(json) IS
'The JSON manifest as one document: with NULL the lines in staging. NULL when it is not JSON.';

REVOKE ALL ON FUNCTION bootstrap._document(json) FROM PUBLIC;
