-- bootstrap._fits_kind(field, value): whether Keep accepts the value for a field that the catalogue declares.
--
-- The field is its JSON object of the catalogue (kind, nullable, values). What each kind accepts was measured on the real
-- application (keep/field-kinds.json, a test goes through all of it); where nothing was measured the answer is yes,
-- because refusing a configuration that works is worse than missing a mistake. A value that is one template as a whole
-- (two braces around env.NAME) is filled in by Keep later and always fits. Texts are compared in collation C, so that the
-- answer does not depend on the locale of the server. One expression, so that no statement with the value as a
-- parameter ever runs. Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._fits_kind(p_field json, p_value json) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN json_typeof(p_value) = 'null' THEN coalesce((p_field ->> 'nullable')::boolean, false)
        WHEN json_typeof(p_value) = 'string' AND (p_value #>> '{}') COLLATE "C" ~ E'^[ \\t\\n\\r\\f\\v]*\\{\\{.*\\}\\}[ \\t\\n\\r\\f\\v]*$' THEN true
        ELSE CASE p_field ->> 'kind'
            WHEN 'string' THEN json_typeof(p_value) IN ('string', 'number', 'boolean')
            WHEN 'file' THEN json_typeof(p_value) IN ('string', 'number', 'boolean')
            WHEN 'enum' THEN json_typeof(p_value) = 'string' AND (p_field -> 'values')::jsonb @> p_value::jsonb
            WHEN 'list' THEN json_typeof(p_value) = 'array'
            WHEN 'object' THEN json_typeof(p_value) = 'object'
                OR (json_typeof(p_value) = 'array' AND NOT jsonb_path_exists(p_value::jsonb, 'strict $[*] ? (@.type() != "array" || @.size() != 2)'))
                OR (json_typeof(p_value) = 'string' AND p_value #>> '{}' = '')
            WHEN 'boolean' THEN json_typeof(p_value) = 'boolean'
                OR (json_typeof(p_value) = 'number' AND (p_value #>> '{}')::numeric IN (0, 1))
                OR (json_typeof(p_value) = 'string' AND lower((p_value #>> '{}') COLLATE "C") IN ('0', 'off', 'f', 'false', 'n', 'no', '1', 'on', 't', 'true', 'y', 'yes'))
            WHEN 'integer' THEN json_typeof(p_value) IN ('number', 'boolean')
                OR (json_typeof(p_value) = 'string' AND (p_value #>> '{}') COLLATE "C" ~ E'^[ \\t\\n\\r\\f\\v]*[+-]?[0-9]+(_[0-9]+)*(\\.0*)?[ \\t\\n\\r\\f\\v]*$')
            WHEN 'port' THEN CASE json_typeof(p_value)
                WHEN 'boolean' THEN (p_value #>> '{}')::boolean
                WHEN 'number' THEN trunc((p_value #>> '{}')::numeric) BETWEEN 1 AND 65535
                WHEN 'string' THEN CASE WHEN (p_value #>> '{}') COLLATE "C" ~ E'^[ \\t\\n\\r\\f\\v]*\\+?[0-9]+(_[0-9]+)*(\\.0*)?[ \\t\\n\\r\\f\\v]*$'
                                        THEN translate(p_value #>> '{}', '_ ' || E'\t\n\r\f\x0b', '') COLLATE "C" -- no cast: the digits may be too many
                                             ~ E'^\\+?0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])(\\.0*)?$'
                                        ELSE false END
                ELSE false END
            WHEN 'any_http_url' THEN json_typeof(p_value) = 'string' AND (p_value #>> '{}') COLLATE "C" ~* E'^[ \\t\\n\\r\\f\\v]*https?://[^/?# \\t\\n\\r\\f\\v]'
            WHEN 'https_url' THEN json_typeof(p_value) = 'string'
                AND CASE WHEN (p_value #>> '{}') COLLATE "C" ~ '://' THEN (p_value #>> '{}') COLLATE "C" ~* E'^[ \\t\\n\\r\\f\\v]*https://[^/?# \\t\\n\\r\\f\\v]'
                         ELSE (p_value #>> '{}') COLLATE "C" ~ E'^[ \\t\\n\\r\\f\\v]*[^/?#, \\t\\n\\r\\f\\v]*[^/?#,. \\t\\n\\r\\f\\v]\\.[^/?#,. \\t\\n\\r\\f\\v]' END
            WHEN 'multihost_url' THEN json_typeof(p_value) = 'string' AND (p_value #>> '{}') COLLATE "C" ~* E'^[ \\t\\n\\r\\f\\v]*[a-z][a-z0-9+.-]*://[^/?# \\t\\n\\r\\f\\v]'
            WHEN 'no_scheme_url' THEN json_typeof(p_value) IN ('string', 'number', 'boolean')
                AND regexp_replace((p_value #>> '{}') COLLATE "C", E'^[ \\t\\n\\r\\f\\v]*[a-z][a-z0-9+.-]*://', '', 'i') ~ E'^[ \\t\\n\\r\\f\\v]*[^/?# \\t\\n\\r\\f\\v,:-][^/?#,]*([/?#].*)?$'
            WHEN 'no_scheme_multihost_url' THEN json_typeof(p_value) IN ('string', 'number', 'boolean')
                AND regexp_replace((p_value #>> '{}') COLLATE "C", E'^[ \\t\\n\\r\\f\\v]*[a-z][a-z0-9+.-]*://', '', 'i') ~ E'^[ \\t\\n\\r\\f\\v]*[^/?# \\t\\n\\r\\f\\v:-]'
            ELSE true
        END
    END;
END
$$;

COMMENT ON FUNCTION bootstrap._fits_kind(json, json) IS
'Whether Keep accepts the value for a field that the catalogue declares. Measured on the application; in doubt yes.';

REVOKE ALL ON FUNCTION bootstrap._fits_kind(json, json) FROM PUBLIC;
