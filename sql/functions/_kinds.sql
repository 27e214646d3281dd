-- bootstrap._kinds(): the kinds of what this software installs, in the order in which they are written and shown.
--
-- Users and API keys need the tenant alone; deduplication rules need their providers; workflows name providers.
-- Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._kinds() RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY['user', 'api_key', 'provider', 'deduplication_rule', 'workflow', 'dashboard', 'mapping_rule'];
END
$$;

COMMENT ON FUNCTION bootstrap._kinds() IS
'The kinds of what this software installs, in the order in which they are written and shown.';

REVOKE ALL ON FUNCTION bootstrap._kinds() FROM PUBLIC;
