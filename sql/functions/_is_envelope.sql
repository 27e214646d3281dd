-- bootstrap._is_envelope(document): whether a JSON manifest holds kinds of resources, and not providers by their names.
--
-- True for an object whose keys are all of providers, workflows, dashboards, mapping_rules, default_user, api_keys (or
-- start with x-), unless one of them is a provider of that name: an object with a type. {} is Keep's own form without a
-- provider. Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._is_envelope(p_document json) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the argument as a constant
AS $$
BEGIN
    RETURN json_typeof(p_document) = 'object'
       AND (SELECT coalesce(bool_or(e.is_kind) AND bool_and(e.is_kind OR e.key LIKE 'x-%'), false)
            FROM (SELECT o.key, o.key IN ('providers', 'workflows', 'dashboards', 'mapping_rules', 'default_user', 'api_keys')
                                AND NOT coalesce(json_typeof(o.value) = 'object' AND json_typeof(o.value -> 'type') = 'string', false) AS is_kind
                  FROM json_each(CASE json_typeof(p_document) WHEN 'object' THEN p_document END) AS o (key, value)) AS e);
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN false; -- what json holds and its functions refuse is told by _manifest_from_json
END
$$;

COMMENT ON FUNCTION bootstrap._is_envelope(json) IS
'Whether a JSON manifest holds kinds of resources by their names (providers, workflows, ...), and not providers by theirs.';

REVOKE ALL ON FUNCTION bootstrap._is_envelope(json) FROM PUBLIC;
