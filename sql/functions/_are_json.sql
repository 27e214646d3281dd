-- bootstrap._are_json(keys): whether the secrets of these keys are all JSON.
--
-- Then they can be parsed in the statement that needs them, at a fifth of the cost of a call of _try_jsonb each. Reads only; no
-- error can quote a secret.
CREATE OR REPLACE FUNCTION bootstrap._are_json(p_keys text[]) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $$
BEGIN
    PERFORM s.value::jsonb FROM public.secret AS s WHERE s.key = ANY (p_keys);
    RETURN true;
EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
    RETURN false;
END
$$;

COMMENT ON FUNCTION bootstrap._are_json(text[]) IS
'Whether the secrets of these keys are all JSON. Never raises for what they hold, so that no error can quote one.';

REVOKE ALL ON FUNCTION bootstrap._are_json(text[]) FROM PUBLIC;
