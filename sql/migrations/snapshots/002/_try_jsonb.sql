-- bootstrap._try_jsonb(text): the text as jsonb, or NULL when it is not JSON.
--
-- Guarantees: never raises for bad text, so that no error message, DETAIL or CONTEXT can quote a secret. NULL also for
-- what jsonb cannot hold (\u0000). Reads and writes nothing, takes no lock.
CREATE OR REPLACE FUNCTION bootstrap._try_jsonb(p_text text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN p_text::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION bootstrap._try_jsonb(text) IS
'The text as jsonb, or NULL when it is not JSON. Never raises, so that no error can quote a secret.';

REVOKE ALL ON FUNCTION bootstrap._try_jsonb(text) FROM PUBLIC;
