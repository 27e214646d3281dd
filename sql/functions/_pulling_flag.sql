-- bootstrap._pulling_flag(authentication): pulling_enabled inside authentication as true or false, or NULL without it.
--
-- At every later start Keep takes the key out of authentication and sets the provider's flag from it (keep/formats.md,
-- "Update at every later start"): a text is true when it says true, in any case. Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._pulling_flag(p_authentication text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN p_authentication LIKE E'%"pulling\\_enabled"%'
                THEN CASE WHEN jsonb_typeof(bootstrap._try_jsonb(p_authentication)) = 'object'
                           AND bootstrap._try_jsonb(p_authentication) ? 'pulling_enabled'
                          THEN coalesce(lower(bootstrap._try_jsonb(p_authentication) ->> 'pulling_enabled') IN ('true', '1'), false)::text
                     END
           END;
END
$$;

COMMENT ON FUNCTION bootstrap._pulling_flag(text) IS
'pulling_enabled inside authentication as true or false, or NULL without it.';

REVOKE ALL ON FUNCTION bootstrap._pulling_flag(text) FROM PUBLIC;
