-- bootstrap._field_digest(value, key): keyed digest of the value of a field beside providers; an absent value has one too.
--
-- What resource_state.written holds. Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._field_digest(p_value text, p_key bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bootstrap._digest(coalesce('=' || p_value, '-'), p_key);
END
$$;

COMMENT ON FUNCTION bootstrap._field_digest(text, bytea) IS
'Keyed digest of the value of a field beside providers; an absent value has one too.';

REVOKE ALL ON FUNCTION bootstrap._field_digest(text, bytea) FROM PUBLIC;
