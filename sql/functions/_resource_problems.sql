-- bootstrap._resource_problems(): what is wrong with staged objects other than providers. Shows no secret.
--
-- Refuses what cannot be written, and what Keep itself skips or fails at. Limits are those of Keep's columns.
-- Reads only.
CREATE FUNCTION bootstrap._resource_problems() RETURNS SETOF bootstrap.problem
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH provider AS (
        SELECT DISTINCT s.name FROM bootstrap._staged('provider') AS s
    ),
    entry AS MATERIALIZED (
        SELECT s.kind, s.position, s.name, p.name AS provider_name, i.seconds, c.content,
               CASE jsonb_typeof(c.content) WHEN 'object' THEN c.content END AS field,
               min(s.position) OVER (PARTITION BY s.kind, s.name, s.type) AS first,
               min(s.position) OVER (PARTITION BY s.kind, c.content ->> 'secret') AS first_secret
        FROM unnest(ARRAY['user', 'api_key', 'deduplication_rule', 'workflow', 'dashboard']) AS k (kind)
        CROSS JOIN LATERAL bootstrap._staged(k.kind) AS s
        LEFT JOIN provider AS p ON s.kind = 'deduplication_rule' AND p.name = s.type
        LEFT JOIN bootstrap.workflow_interval AS i ON s.kind = 'workflow' AND i.position = s.position
        CROSS JOIN LATERAL (SELECT bootstrap._try_jsonb(s.content) AS content OFFSET 0) AS c
    )
    SELECT e.kind, e.position, e.name, c.problem
    FROM entry AS e
    CROSS JOIN LATERAL (VALUES
        (NULL, e.field IS NULL, 'it is not a JSON object that PostgreSQL can store'),
        (NULL, coalesce(e.name, '') = '', 'it has no name'),
        (NULL, octet_length(e.name) > 1000, 'the name has more than 1000 bytes'),
        (NULL, e.name <> '' AND e.first < e.position,
         format('%s %s has the same name', replace(e.kind, '_', ' '), e.first)),
        ('user', e.position > 1, 'more than one default user'),
        ('user', coalesce(jsonb_typeof(e.field -> 'password') <> 'string' OR e.field ->> 'password' = '', true),
         'the password is not a string, or empty'),
        ('user', jsonb_typeof(e.field -> 'reset_password') <> 'boolean', 'reset_password is neither true nor false'),
        ('api_key', coalesce(e.field ->> 'role' NOT IN ('admin', 'noc', 'webhook', 'workflowrunner'), true),
         'the role is not admin, noc, webhook or workflowrunner'),
        ('api_key', coalesce(jsonb_typeof(e.field -> 'secret') <> 'string' OR e.field ->> 'secret' = '', true),
         'the secret is not a string, or empty'),
        ('api_key', e.field ->> 'secret' <> '' AND e.first_secret < e.position,
         format('API key %s has the same secret', e.first_secret)),
        ('workflow', jsonb_typeof(e.field -> 'definition') IS DISTINCT FROM 'object', 'the workflow is not an object'),
        ('workflow', coalesce(e.field ->> 'raw', '') = '', 'its text is missing'),
        ('workflow', jsonb_typeof(nullif(e.field #> '{definition,triggers}', 'null')) <> 'array',
         'triggers is not a list'),
        ('workflow', jsonb_typeof(e.field -> 'definition') = 'object' AND e.seconds IS NULL,
         'its interval is neither a number of seconds nor a number with m, h or d'),
        ('workflow', jsonb_typeof(e.field #> '{definition,description}') IN ('object', 'array'),
         'description is neither a string nor a number'),
        ('deduplication_rule', e.provider_name IS NULL, 'its provider is not in the manifest'),
        ('deduplication_rule', jsonb_typeof(nullif(e.field -> 'description', 'null')) <> 'string',
         'description is not a string'),
        ('deduplication_rule', jsonb_typeof(nullif(e.field -> 'full_deduplication', 'null')) <> 'boolean',
         'full_deduplication is neither true nor false'),
        ('deduplication_rule', nullif(e.field -> 'priority', 'null')::text !~ '^-?[0-9]{1,9}$',
         'priority is not a whole number'),
        ('deduplication_rule', jsonb_typeof(nullif(e.field -> 'fingerprint_fields', 'null')) <> 'array'
         OR jsonb_path_exists(e.field, '$.fingerprint_fields[*] ? (@.type() != "string" && @.type() != "null")'),
         'fingerprint_fields is not a list of strings'),
        ('deduplication_rule', jsonb_typeof(nullif(e.field -> 'ignore_fields', 'null')) <> 'array'
         OR jsonb_path_exists(e.field, '$.ignore_fields[*] ? (@.type() != "string" && @.type() != "null")'),
         'ignore_fields is not a list of strings')
    ) AS c (kind, is_so, problem)
    WHERE c.is_so AND coalesce(c.kind = e.kind, true)
    ORDER BY e.kind, e.position, c.problem;

    RETURN QUERY
    WITH entry AS MATERIALIZED (
        SELECT s.position, s.name, d.field, nullif(d.field -> 'rows', 'null') AS rows,
               d.field -> 'matchers' AS matchers, min(s.position) OVER (PARTITION BY s.name) AS first
        FROM bootstrap._staged('mapping_rule') AS s
        CROSS JOIN LATERAL (SELECT bootstrap._try_jsonb(s.content) -> 'definition' AS field OFFSET 0) AS d
    )
    SELECT 'mapping_rule', e.position, e.name, c.problem
    FROM entry AS e
    CROSS JOIN LATERAL (VALUES
        (jsonb_typeof(e.field) IS DISTINCT FROM 'object', 'it is not a JSON object that PostgreSQL can store'),
        (coalesce(e.name, '') = '', 'it has no name'),
        (e.name <> '' AND e.first < e.position, format('mapping rule %s has the same name', e.first)),
        (length(e.name) > 255, 'the name has more than 255 characters'),
        (e.field -> 'type' NOT IN ('"csv"', '"topology"'), 'type is neither csv nor topology'),
        (coalesce(e.field ->> 'type', 'csv') = 'csv' AND coalesce(e.rows, '[]') IN ('[]', 'false', '0', '""', '{}'),
         'a mapping rule of type csv needs rows'),
        (jsonb_typeof(e.rows) <> 'array' OR jsonb_path_exists(e.rows, 'strict $[*] ? (@.type() != "object")'),
         'rows is not a list of objects'),
        (coalesce(jsonb_typeof(e.matchers) <> 'array', true)
         OR jsonb_path_exists(e.matchers, 'strict $[*] ? (@.type() != "array")')
         OR jsonb_path_exists(e.matchers, 'strict $[*] ? (@.type() == "array")[*] '
                                          '? (@.type() == "object" || @.type() == "null" || @.type() == "array")'),
         'matchers is not a list of lists of strings'),
        (coalesce(lower(e.field ->> 'is_multi_level') NOT IN
                  ('true', '1', 'yes', 'on', 't', 'y', 'false', '0', 'no', 'off', 'f', 'n'),
                  e.field ? 'is_multi_level'),
         'is_multi_level is neither true nor false'),
        (e.field ? 'priority' AND NOT coalesce(CASE WHEN e.field ->> 'priority' ~ E'^\\s*[+-]?[0-9]{1,10}(\\.0*)?\\s*$'
             THEN (e.field ->> 'priority')::numeric BETWEEN -2147483648 AND 2147483647 END, false),
             'priority is not a whole number'),
        (jsonb_typeof(e.field -> 'description') IN ('object', 'array'), 'description is neither a string nor a number'),
        (length(e.field ->> 'description') > 2048, 'description has more than 2048 characters'),
        (length(e.field ->> 'file_name') > 255, 'file_name has more than 255 characters'),
        (length(e.field ->> 'new_property_name') > 255, 'new_property_name has more than 255 characters'),
        (length(e.field ->> 'prefix_to_remove') > 255, 'prefix_to_remove has more than 255 characters')
    ) AS c (is_so, problem)
    WHERE c.is_so
    ORDER BY e.position, c.problem;
END
$$;
