-- bootstrap._digest(key, text): keyed SHA-256 of a text.
--
-- One expression, so that it becomes part of the calling statement: key and text are never parameters that a server
-- logs.
CREATE FUNCTION bootstrap._digest(p_key bytea, p_text text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(p_key || convert_to(p_text, 'UTF8'));
