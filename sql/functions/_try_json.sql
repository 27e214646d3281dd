-- bootstrap._try_json(text): the text as json (key order and spelling of numbers kept), or NULL where _try_jsonb says NULL.
--
-- Guarantees: never raises for bad text, so that no error message, DETAIL or CONTEXT can quote a secret. Reads and
-- writes nothing, takes no lock. What json takes and jsonb does not (\u0000, lone surrogates) is NULL here too: json's
-- own functions would raise at it, and quote what is around it.
CREATE OR REPLACE FUNCTION bootstrap._try_json(p_text text) RETURNS json
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN bootstrap._try_jsonb(p_text) IS NOT NULL THEN p_text::json END;
END
$$;

COMMENT ON FUNCTION bootstrap._try_json(text) IS
'The text as json, or NULL when it is not JSON. Never raises, so that no error can quote a secret.';

REVOKE ALL ON FUNCTION bootstrap._try_json(text) FROM PUBLIC;
