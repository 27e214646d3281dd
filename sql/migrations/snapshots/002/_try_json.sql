-- bootstrap._try_json(text): the text as json (key order and spelling of numbers kept), or NULL when it is not JSON.
--
-- Guarantees: never raises for bad text, so that no error message, DETAIL or CONTEXT can quote a secret. Reads and
-- writes nothing, takes no lock.
CREATE OR REPLACE FUNCTION bootstrap._try_json(p_text text) RETURNS json
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN p_text::json;
EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION bootstrap._try_json(text) IS
'The text as json, or NULL when it is not JSON. Never raises, so that no error can quote a secret.';

REVOKE ALL ON FUNCTION bootstrap._try_json(text) FROM PUBLIC;
