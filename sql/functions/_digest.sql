-- bootstrap._digest(text, key): keyed digest (32 hexadecimal characters) of a text.
--
-- SHA-256 over the key and the text, cut to 16 bytes: equal digests mean equal texts, and without
-- bootstrap.setting.digest_key a digest says nothing about its text. One expression, so that no statement with the text
-- as a parameter ever runs. Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._digest(p_text text, p_key bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN left(encode(sha256(p_key || convert_to(p_text, 'UTF8')), 'hex'), 32);
END
$$;

COMMENT ON FUNCTION bootstrap._digest(text, bytea) IS
'Keyed digest of a text: says nothing about it without the key.';

REVOKE ALL ON FUNCTION bootstrap._digest(text, bytea) FROM PUBLIC;
