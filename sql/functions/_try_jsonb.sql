-- bootstrap._try_jsonb(text): the text as jsonb, or NULL if it is not JSON or holds what jsonb cannot (U+0000).
--
-- Its exception handler opens a subtransaction, which a parallel plan does not allow: PARALLEL UNSAFE.
-- After one text that is not JSON, plpgsql runs the expression as a statement, which auto_explain can log. A generic
-- plan holds no value.
CREATE FUNCTION bootstrap._try_jsonb(p_text text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    RETURN p_text::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
    RETURN NULL;
END
$$;
