-- bootstrap._field_problems(manifest, json_is_good, positions): what is wrong with the authentication fields, one row a problem.
--
-- Against the catalogue, for types that it knows: required fields that are missing, none of the sets of which one is
-- needed, values of the wrong kind (_fits_kind), and unknown fields that look like a mistyped one which is missing. Any
-- other unknown field is Keep's to ignore. Never quotes a value. json_is_good says that every authentication is known to
-- be a JSON object; otherwise the others are passed over. positions limits it to these places; NULL: all. Reads the catalogue, writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._field_problems(p_manifest json, p_json_is_good boolean, p_positions integer[])
RETURNS TABLE ("position" integer, name text, problem text)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH entry AS MATERIALIZED (
        SELECT m.position, m.name, m.type, t.one_of,
               CASE WHEN p_json_is_good OR jsonb_typeof(bootstrap._try_jsonb(m.authentication)) = 'object' THEN m.authentication::json END AS authentication
        FROM bootstrap._manifest(p_manifest) AS m
        JOIN bootstrap.provider_type AS t ON t.type = m.type AND t.installable
        WHERE p_positions IS NULL OR m.position = ANY (p_positions)
    ),
    declared AS MATERIALIZED (
        SELECT d.type, (d.field).key, (d.field).value, coalesce(((d.field).value ->> 'required')::boolean, false) AS is_required
        FROM (SELECT t.type, json_each(t.authentication) AS field FROM bootstrap.provider_type AS t
              WHERE t.type IN (SELECT e.type FROM entry AS e) OFFSET 0) AS d
    ),
    given AS MATERIALIZED (
        SELECT g.position, g.name, g.type, (g.field).key, (g.field).value
        FROM (SELECT e.position, e.name, e.type, json_each(e.authentication) AS field FROM entry AS e WHERE e.authentication IS NOT NULL OFFSET 0) AS g
    ),
    missing AS MATERIALIZED (
        SELECT e.position, e.name, e.type, d.key
        FROM entry AS e
        JOIN declared AS d ON d.type = e.type AND d.is_required
        WHERE e.authentication IS NOT NULL
          AND NOT EXISTS (SELECT FROM given AS g WHERE g.position = e.position AND g.key = d.key)
    ),
    unknown AS MATERIALIZED (
        SELECT g.position, g.name, g.type, g.key
        FROM given AS g
        WHERE NOT EXISTS (SELECT FROM declared AS d WHERE d.type = g.type AND d.key = g.key)
    ),
    mistyped AS (
        -- The nearest declared field that is not given: equal but for case and separators, or one or two characters off.
        SELECT DISTINCT ON (u.position, u.key) u.position, u.name, u.key, d.key AS meant
        FROM unknown AS u
        JOIN declared AS d ON d.type = u.type
        WHERE NOT EXISTS (SELECT FROM given AS g WHERE g.position = u.position AND g.key = d.key)
          AND (regexp_replace(lower(u.key COLLATE "C"), '[^a-z0-9]', '', 'g') = regexp_replace(lower(d.key COLLATE "C"), '[^a-z0-9]', '', 'g')
               OR CASE WHEN abs(length(u.key) - length(d.key)) <= 2 -- otherwise it is further: no call
                       THEN bootstrap._edit_distance(lower(u.key COLLATE "C"), lower(d.key COLLATE "C")) <= CASE WHEN length(d.key) <= 4 THEN 1 ELSE 2 END
                       ELSE false END)
        ORDER BY u.position, u.key, bootstrap._edit_distance(lower(u.key COLLATE "C"), lower(d.key COLLATE "C")), d.key COLLATE "C"
    )
    SELECT m.position, m.name, format('lacks the authentication field %s, which %s needs', to_json(m.key), m.type)
    FROM missing AS m
    WHERE NOT EXISTS (SELECT FROM mistyped AS t WHERE t.position = m.position AND t.meant = m.key)
    UNION ALL
    SELECT t.position, t.name, format('has the authentication field %s, which Keep ignores: did you mean %s?', to_json(left(t.key, 100)), to_json(t.meant))
    FROM mistyped AS t
    UNION ALL
    SELECT g.position, g.name, format('has the authentication field %s, which must be %s', to_json(g.key), CASE d.value ->> 'kind'
               WHEN 'string' THEN 'a text' WHEN 'file' THEN 'a text' WHEN 'boolean' THEN 'true or false' WHEN 'integer' THEN 'a whole number'
               WHEN 'port' THEN 'a port number from 1 to 65535' WHEN 'any_http_url' THEN 'a URL that begins with http:// or https://'
               WHEN 'https_url' THEN 'a URL that begins with https://' WHEN 'no_scheme_url' THEN 'a host, with or without a port'
               WHEN 'no_scheme_multihost_url' THEN 'one or more hosts' WHEN 'multihost_url' THEN 'a URL with a scheme, as in mongodb://host'
               WHEN 'object' THEN 'an object' WHEN 'list' THEN 'a list'
               WHEN 'enum' THEN 'one of ' || (SELECT string_agg(v.value::text, ', ') FROM json_array_elements(d.value -> 'values') AS v (value))
               ELSE d.value ->> 'kind' END)
    FROM given AS g
    JOIN declared AS d ON d.type = g.type AND d.key = g.key
    WHERE NOT (json_typeof(g.value) = 'string' AND d.value ->> 'kind' IN ('string', 'file')) -- most of them: no call
      AND NOT bootstrap._fits_kind(d.value, g.value)
    UNION ALL
    SELECT e.position, e.name, format('needs one of these sets of authentication fields: %s',
               (SELECT string_agg((SELECT string_agg(f.value, ' and ') FROM json_array_elements_text(s.value) AS f (value)), '; ')
                FROM json_array_elements(e.one_of) AS s (value)))
    FROM entry AS e
    WHERE e.one_of IS NOT NULL AND e.authentication IS NOT NULL
      AND NOT EXISTS (SELECT FROM mistyped AS t WHERE t.position = e.position)
      AND NOT EXISTS (SELECT FROM json_array_elements(e.one_of) AS s (value)
                      WHERE e.authentication::jsonb ?& ARRAY(SELECT json_array_elements_text(s.value)));
END
$$;

COMMENT ON FUNCTION bootstrap._field_problems(json, boolean, integer[]) IS
'What is wrong with the authentication fields of the manifest against the catalogue, one row a problem. Never quotes a value.';

REVOKE ALL ON FUNCTION bootstrap._field_problems(json, boolean, integer[]) FROM PUBLIC;
