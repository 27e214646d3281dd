-- bootstrap._resource_problems(manifest): what is wrong with what the manifest holds beside providers, one row a problem.
--
-- Refused is what Keep itself skips, fails at or cannot store. A secret is never shown. Reads and writes nothing else.
CREATE OR REPLACE FUNCTION bootstrap._resource_problems(p_manifest json)
RETURNS TABLE (kind text, "position" integer, name text, problem text)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH entry AS MATERIALIZED (
        SELECT r.kind, r.position, r.name, bootstrap._try_jsonb(r.content) AS content,
               CASE WHEN bootstrap._try_jsonb(r.content) IS NOT NULL THEN r.content::json END AS document
        FROM bootstrap._resources(p_manifest) AS r
        WHERE r.position > 0
    ),
    body AS MATERIALIZED (
        SELECT e.kind, e.position, e.name, e.content,
               CASE jsonb_typeof(e.content -> 'definition') WHEN 'object' THEN e.content -> 'definition' END AS definition,
               CASE json_typeof(e.document -> 'definition') WHEN 'object' THEN e.document -> 'definition' END AS document
        FROM entry AS e
    )
    SELECT b.kind, b.position, b.name, p.problem
    FROM body AS b
    CROSS JOIN LATERAL (
        SELECT 'it is not a JSON object, or holds what PostgreSQL cannot store (U+0000, half of a surrogate pair)'
        WHERE jsonb_typeof(b.content) IS DISTINCT FROM 'object'
        UNION ALL
        SELECT CASE b.kind WHEN 'workflow' THEN 'neither name nor id is given' WHEN 'dashboard' THEN 'dashboard_name is missing' WHEN 'user' THEN 'username is empty' ELSE 'name is missing' END
        WHERE coalesce(b.name, '') = ''
        UNION ALL
        SELECT format('the name has %s %s, %s is the most', CASE b.kind WHEN 'mapping_rule' THEN length(b.name) ELSE octet_length(b.name) END,
                      CASE b.kind WHEN 'mapping_rule' THEN 'characters' ELSE 'bytes' END, CASE b.kind WHEN 'mapping_rule' THEN 255 ELSE 1000 END)
        WHERE CASE b.kind WHEN 'mapping_rule' THEN length(b.name) > 255 ELSE octet_length(b.name) > 1000 END
        UNION ALL
        SELECT format('%s %s has this name too', replace(b.kind, '_', ' '), o.position)
        FROM (SELECT min(x.position) AS position FROM body AS x WHERE x.kind = b.kind AND x.name = b.name) AS o
        WHERE o.position < b.position
        UNION ALL
        -- workflow
        SELECT 'it is not an object'
        WHERE b.kind = 'workflow' AND b.content IS NOT NULL AND b.definition IS NULL
        UNION ALL
        SELECT 'its text is missing'
        WHERE b.kind = 'workflow' AND b.content IS NOT NULL AND coalesce(b.content ->> 'raw', '') = ''
        UNION ALL
        SELECT 'triggers is not a list of objects'
        WHERE b.kind = 'workflow' AND CASE WHEN jsonb_typeof(b.definition -> 'triggers') = 'array'
                                           THEN EXISTS (SELECT FROM jsonb_array_elements(b.definition -> 'triggers') AS t (value) WHERE jsonb_typeof(t.value) <> 'object')
                                           ELSE b.definition ? 'triggers' END
        UNION ALL
        SELECT 'its interval is not a whole number of seconds, nor one with m, h or d'
        WHERE b.kind = 'workflow' AND b.document IS NOT NULL AND bootstrap._workflow_interval(b.document) IS NULL
        UNION ALL
        SELECT 'description is neither text nor number'
        WHERE b.kind IN ('workflow', 'mapping_rule') AND jsonb_typeof(b.definition -> 'description') IN ('object', 'array')
        UNION ALL
        -- dashboard
        SELECT 'dashboard_config is not an object'
        WHERE b.kind = 'dashboard' AND jsonb_typeof(b.content -> 'config') IS DISTINCT FROM 'object'
        UNION ALL
        -- mapping rule
        SELECT 'type is neither csv nor topology'
        WHERE b.kind = 'mapping_rule' AND b.definition ? 'type' AND b.definition -> 'type' NOT IN ('"csv"', '"topology"')
        UNION ALL
        SELECT 'a mapping of type csv needs rows'
        WHERE b.kind = 'mapping_rule' AND b.definition IS NOT NULL AND coalesce(b.definition ->> 'type', 'csv') = 'csv'
          AND coalesce(b.definition -> 'rows', 'null') IN ('null', '[]', 'false', '0', '""', '{}')
        UNION ALL
        SELECT 'rows is not a list of objects'
        WHERE b.kind = 'mapping_rule' AND CASE WHEN jsonb_typeof(b.definition -> 'rows') = 'array'
                                               THEN EXISTS (SELECT FROM jsonb_array_elements(b.definition -> 'rows') AS r (value) WHERE jsonb_typeof(r.value) <> 'object')
                                               ELSE jsonb_typeof(b.definition -> 'rows') <> 'null' END
        UNION ALL
        SELECT 'matchers is not a list of lists of texts'
        WHERE b.kind = 'mapping_rule' AND b.definition IS NOT NULL
          AND CASE WHEN jsonb_typeof(b.definition -> 'matchers') = 'array'
                   THEN EXISTS (SELECT FROM jsonb_array_elements(b.definition -> 'matchers') AS g (value)
                                WHERE CASE WHEN jsonb_typeof(g.value) = 'array'
                                           THEN EXISTS (SELECT FROM jsonb_array_elements(g.value) AS t (value) WHERE jsonb_typeof(t.value) NOT IN ('string', 'number', 'boolean'))
                                           ELSE true END)
                   ELSE true END
        UNION ALL
        SELECT 'with is_multi_level there can be one group of matchers only'
        WHERE b.kind = 'mapping_rule' AND lower(b.definition ->> 'is_multi_level') IN ('true', '1', 'yes', 'on', 't', 'y')
          AND CASE WHEN jsonb_typeof(b.definition -> 'matchers') = 'array' THEN jsonb_array_length(b.definition -> 'matchers') > 1 END
        UNION ALL
        SELECT 'with is_multi_level a new_property_name is needed'
        WHERE b.kind = 'mapping_rule' AND lower(b.definition ->> 'is_multi_level') IN ('true', '1', 'yes', 'on', 't', 'y')
          AND coalesce(b.definition ->> 'new_property_name', '') = ''
        UNION ALL
        SELECT 'is_multi_level is neither true nor false'
        WHERE b.kind = 'mapping_rule' AND b.definition ? 'is_multi_level'
          AND coalesce(lower(b.definition ->> 'is_multi_level') NOT IN ('true', '1', 'yes', 'on', 't', 'y', 'false', '0', 'no', 'off', 'f', 'n'), true)
        UNION ALL
        SELECT 'priority is not a whole number'
        WHERE b.kind = 'mapping_rule' AND b.definition ? 'priority'
          AND NOT coalesce(CASE WHEN b.definition ->> 'priority' ~ E'^\\s*[+-]?[0-9]{1,10}(\\.0*)?\\s*$' THEN (b.definition ->> 'priority')::numeric BETWEEN -2147483648 AND 2147483647 END, false)
        UNION ALL
        SELECT format('%s has %s characters, %s is the most', f.field, length(b.definition ->> f.field), f.most)
        FROM (VALUES ('description', 2048), ('file_name', 255), ('new_property_name', 255), ('prefix_to_remove', 255)) AS f (field, most)
        WHERE b.kind = 'mapping_rule' AND length(b.definition ->> f.field) > f.most
        UNION ALL
        -- user
        SELECT 'the password is not a text, or empty'
        WHERE b.kind = 'user' AND b.content IS NOT NULL AND (jsonb_typeof(b.content -> 'password') IS DISTINCT FROM 'string' OR b.content ->> 'password' = '')
        UNION ALL
        SELECT 'reset_password is neither true nor false'
        WHERE b.kind = 'user' AND b.content ? 'reset_password' AND jsonb_typeof(b.content -> 'reset_password') <> 'boolean'
        UNION ALL
        SELECT 'there is one default user only'
        WHERE b.kind = 'user' AND b.position > 1
        UNION ALL
        -- API key
        SELECT format('role %s is not one of admin, noc, webhook, workflowrunner', coalesce(to_json(left(b.content ->> 'role', 100))::text, 'null'))
        WHERE b.kind = 'api_key' AND coalesce(b.content ->> 'role' NOT IN ('admin', 'noc', 'webhook', 'workflowrunner'), true)
        UNION ALL
        SELECT 'the secret is not a text, or empty'
        WHERE b.kind = 'api_key' AND b.content IS NOT NULL AND (jsonb_typeof(b.content -> 'secret') IS DISTINCT FROM 'string' OR b.content ->> 'secret' = '')
        UNION ALL
        SELECT format('API key %s has the same secret', o.position)
        FROM (SELECT min(x.position) AS position FROM body AS x WHERE x.kind = 'api_key' AND x.content ->> 'secret' = b.content ->> 'secret') AS o
        WHERE b.kind = 'api_key' AND o.position < b.position
    ) AS p (problem);
END
$$;

COMMENT ON FUNCTION bootstrap._resource_problems(json) IS
'What is wrong with what the manifest holds beside providers, one row a problem; never a secret.';

REVOKE ALL ON FUNCTION bootstrap._resource_problems(json) FROM PUBLIC;
