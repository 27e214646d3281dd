-- bootstrap._drifted_fields(written, fields, key): the fields that are no longer as our last run wrote them, in order.
--
-- written is that of resource_state, fields those of _live_resources. Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._drifted_fields(p_written jsonb, p_fields jsonb, p_key bytea) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the fields as constants
AS $$
BEGIN
    RETURN ARRAY(SELECT w.key FROM jsonb_each_text(p_written) AS w (key, value)
                 WHERE w.value <> bootstrap._field_digest(p_fields ->> w.key, p_key) ORDER BY w.key);
END
$$;

COMMENT ON FUNCTION bootstrap._drifted_fields(jsonb, jsonb, bytea) IS
'The fields of an object beside providers that are no longer as our last run wrote them.';

REVOKE ALL ON FUNCTION bootstrap._drifted_fields(jsonb, jsonb, bytea) FROM PUBLIC;
