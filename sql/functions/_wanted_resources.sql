-- bootstrap._wanted_resources(manifest): what is wanted beside providers, each with the fields that are compared.
--
-- fields maps the name of a field to the text of its value, as _live_resources does for Keep's rows: equal texts mean
-- that nothing is to be written. Secrets are in it as the hashes that Keep stores. Defaults are Keep's (keep/formats.md).
-- The manifest must have passed _resource_problems. Reads and writes nothing else.
CREATE OR REPLACE FUNCTION bootstrap._wanted_resources(p_manifest json)
RETURNS TABLE (kind text, "position" integer, name text, fields jsonb)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT w.kind, w.position, w.name,
           CASE w.kind
               WHEN 'user' THEN CASE WHEN (w.content ->> 'reset_password')::boolean
                   THEN jsonb_build_object('username', w.name, 'password', encode(sha256(convert_to(w.content ->> 'password', 'UTF8')), 'hex'))
                   ELSE '{}' END
               WHEN 'api_key' THEN jsonb_build_object('role', w.content ->> 'role', 'deleted', 'false',
                   'secret', encode(sha256(convert_to(w.content ->> 'secret', 'UTF8')), 'hex'))
               WHEN 'workflow' THEN jsonb_build_object('name', w.name, 'description', w.definition ->> 'description',
                   'interval', bootstrap._workflow_interval(w.definition)::text, 'disabled', coalesce(w.definition ->> 'disabled' = 'true', false)::text,
                   'raw', w.content ->> 'raw', 'provisioned', 'true', 'provisioned_file', w.content ->> 'provisioned_file', 'deleted', 'false')
               WHEN 'dashboard' THEN jsonb_build_object('name', w.name, 'config', (w.content -> 'config')::jsonb::text)
               WHEN 'mapping_rule' THEN jsonb_build_object('name', w.name, 'description', w.definition ->> 'description', 'file_name', w.definition ->> 'file_name',
                   'priority', coalesce(trim(w.definition ->> 'priority')::numeric::integer, 0)::text, 'type', coalesce(w.definition ->> 'type', 'csv'),
                   'matchers', (SELECT coalesce(jsonb_agg((SELECT coalesce(jsonb_agg(t.value ORDER BY t.n), '[]') FROM json_array_elements_text(g.value) WITH ORDINALITY AS t (value, n)) ORDER BY g.n), '[]')::text
                                FROM json_array_elements(w.definition -> 'matchers') WITH ORDINALITY AS g (value, n)),
                   'rows', coalesce((w.definition -> 'rows')::jsonb::text, 'null'),
                   'is_multi_level', coalesce((w.definition ->> 'is_multi_level')::boolean, false)::text,
                   'new_property_name', w.definition ->> 'new_property_name', 'prefix_to_remove', w.definition ->> 'prefix_to_remove',
                   'disabled', 'false', 'override', 'true', 'condition', NULL,
                   'provisioned', 'true', 'provisioned_file', w.content ->> 'provisioned_file')
           END
    FROM (
        SELECT r.kind, r.position, r.name, r.content::json AS content, r.content::json -> 'definition' AS definition
        FROM bootstrap._resources(p_manifest) AS r
        WHERE r.position > 0
    ) AS w;
END
$$;

COMMENT ON FUNCTION bootstrap._wanted_resources(json) IS
'What is wanted beside providers, each with the fields that are compared; secrets as the hashes that Keep stores.';

REVOKE ALL ON FUNCTION bootstrap._wanted_resources(json) FROM PUBLIC;
