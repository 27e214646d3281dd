-- bootstrap._manifest_problems(manifest, options): what is wrong with the manifest, one row a problem.
--
-- Finds all problems at once, and never quotes a value of authentication. Cheap tests of all rows together come first
-- (_doubtful_providers); rows are looked at one by one only where those fail. Reads the catalogue, writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._manifest_problems(p_manifest json, p_options jsonb)
RETURNS TABLE ("position" integer, name text, problem text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_json_is_good boolean;
    v_positions    integer[]; -- NULL: all
BEGIN
    IF p_manifest IS NULL THEN
        v_positions := bootstrap._doubtful_providers();
        IF v_positions = '{}' THEN
            RETURN;
        END IF;
    END IF;

    -- All JSON at once: one subtransaction instead of one a row.
    BEGIN
        SELECT coalesce(bool_and(
                   jsonb_typeof(m.authentication::jsonb) = 'object'
                   AND coalesce(jsonb_typeof(m.deduplication_rules::jsonb), 'object') = 'object'
                   AND coalesce(jsonb_typeof(m.renamed_from::jsonb), 'array') = 'array'), true)
        INTO v_json_is_good
        FROM bootstrap._manifest(p_manifest) AS m
        WHERE v_positions IS NULL OR m.position = ANY (v_positions);
    EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
        v_json_is_good := false;
    END;

    RETURN QUERY
    WITH entry AS MATERIALIZED (
        SELECT m.* FROM bootstrap._manifest(p_manifest) AS m
        WHERE v_positions IS NULL OR m.position = ANY (v_positions)
    ),
    rule AS (
        SELECT e.position, e.name, r.key AS rule_name, r.value AS rule
        FROM entry AS e
        CROSS JOIN LATERAL json_each(CASE WHEN v_json_is_good OR jsonb_typeof(bootstrap._try_jsonb(e.deduplication_rules)) = 'object'
                                          THEN e.deduplication_rules::json END) AS r (key, value)
        WHERE e.deduplication_rules IS NOT NULL
    ),
    unknown_type AS MATERIALIZED (
        -- The nearest type is looked up for some of them only: it takes milliseconds each.
        SELECT u.type, CASE WHEN row_number() OVER (ORDER BY u.type) <= 20 THEN bootstrap._nearest_type(u.type) ELSE '' END AS nearest
        FROM (SELECT DISTINCT e.type FROM entry AS e
              WHERE e.type <> '' AND NOT EXISTS (SELECT FROM bootstrap.provider_type AS t WHERE t.type = e.type)) AS u
        WHERE NOT coalesce((p_options ->> 'allow_unknown_types')::boolean, false)
    ),
    former AS (
        SELECT e.position, e.name, f.value AS old_name, json_typeof(f.value) = 'string' AS is_text
        FROM entry AS e
        CROSS JOIN LATERAL json_array_elements(CASE WHEN v_json_is_good OR jsonb_typeof(bootstrap._try_jsonb(e.renamed_from)) = 'array'
                                                    THEN e.renamed_from::json END) AS f (value)
        WHERE e.renamed_from IS NOT NULL
    )
    SELECT f.position, f.name, f.problem
    FROM bootstrap._field_problems(p_manifest, v_json_is_good, v_positions) AS f
    UNION ALL
    SELECT e.position, e.name, 'has no name: a text of at least one character is needed'
    FROM entry AS e WHERE coalesce(e.name, '') = ''
    UNION ALL
    SELECT e.position, e.name, format('has a name of %s bytes: 1000 is the most that fits Keep''s unique index', octet_length(e.name))
    FROM entry AS e WHERE octet_length(e.name) > 1000
    UNION ALL
    SELECT d.position, d.name, format('has the name of provider %s: names are unique', d.first_position)
    FROM (SELECT e.position, e.name,
                 min(e.position) OVER (PARTITION BY e.name) AS first_position
          FROM entry AS e WHERE e.name <> '') AS d
    WHERE d.position <> d.first_position
    UNION ALL
    SELECT e.position, e.name, 'has no type: a text of at least one character is needed'
    FROM entry AS e WHERE coalesce(e.type, '') = ''
    UNION ALL
    SELECT e.position, e.name, format('has a type of %s bytes: 200 is the most that fits', octet_length(e.type))
    FROM entry AS e WHERE octet_length(e.type) > 200
    UNION ALL
    SELECT e.position, e.name, format('has the type %s, which Keep does not know%s', to_json(left(e.type, 100)), u.nearest)
    FROM entry AS e
    JOIN unknown_type AS u ON u.type = e.type
    UNION ALL
    SELECT e.position, e.name, format('has the type %s, which Keep cannot install: it only receives webhooks', to_json(e.type))
    FROM entry AS e
    JOIN bootstrap.provider_type AS t ON t.type = e.type
    WHERE NOT t.installable
    UNION ALL
    SELECT e.position, e.name, 'has an authentication that is not a JSON object, or holds what PostgreSQL cannot (U+0000, half of a surrogate pair, a number out of range)'
    FROM entry AS e
    WHERE NOT v_json_is_good AND coalesce(jsonb_typeof(bootstrap._try_jsonb(e.authentication)), '') <> 'object'
    UNION ALL
    SELECT e.position, e.name, 'has deduplication_rules that are not a JSON object of rules'
    FROM entry AS e
    WHERE NOT v_json_is_good AND e.deduplication_rules IS NOT NULL
      AND coalesce(jsonb_typeof(bootstrap._try_jsonb(e.deduplication_rules)), '') <> 'object'
    UNION ALL
    SELECT e.position, e.name, 'has a renamed_from that is not a list of names'
    FROM entry AS e
    WHERE NOT v_json_is_good AND e.renamed_from IS NOT NULL
      AND coalesce(jsonb_typeof(bootstrap._try_jsonb(e.renamed_from)), '') <> 'array'
    UNION ALL
    SELECT f.position, f.name, 'has a renamed_from that is not a list of names'
    FROM former AS f WHERE NOT f.is_text
    UNION ALL
    SELECT f.position, f.name, 'names itself in renamed_from'
    FROM former AS f WHERE f.is_text AND f.old_name #>> '{}' = f.name
    UNION ALL
    SELECT d.position, d.name, format('claims the former name %s, which provider %s claims too', to_json(left(d.old_name, 100)), d.first_position)
    FROM (SELECT f.position, f.name, f.old_name #>> '{}' AS old_name,
                 min(f.position) OVER (PARTITION BY f.old_name #>> '{}') AS first_position
          FROM former AS f WHERE f.is_text) AS d
    WHERE d.position <> d.first_position
    UNION ALL
    SELECT e.position, e.name, format('has a %s that is neither true nor false', b.field)
    FROM entry AS e
    CROSS JOIN LATERAL (VALUES ('pulling_enabled', e.pulling_enabled), ('prevent_delete', e.prevent_delete),
                               ('install_webhook', e.install_webhook)) AS b (field, value)
    WHERE b.value NOT IN ('true', 'false')
    UNION ALL
    SELECT r.position, r.name, format('has a deduplication rule without a name')
    FROM rule AS r WHERE r.rule_name = ''
    UNION ALL
    SELECT r.position, r.name, format('has the deduplication rule %s twice', to_json(left(r.rule_name, 100)))
    FROM rule AS r GROUP BY r.position, r.name, r.rule_name HAVING count(*) > 1
    UNION ALL
    SELECT r.position, r.name, format('has the deduplication rule %s, which is not a JSON object', to_json(left(r.rule_name, 100)))
    FROM rule AS r WHERE json_typeof(r.rule) <> 'object'
    UNION ALL
    SELECT r.position, r.name, format('has the deduplication rule %s, whose %s is not %s', to_json(left(r.rule_name, 100)), k.field, k.kind_text)
    FROM rule AS r
    CROSS JOIN (VALUES ('description', 'string', 'a text'), ('fingerprint_fields', 'array', 'a list of texts'),
                       ('ignore_fields', 'array', 'a list of texts'), ('full_deduplication', 'boolean', 'true or false'),
                       ('priority', 'number', 'a whole number')) AS k (field, kind, kind_text)
    WHERE json_typeof(r.rule) = 'object'
      AND coalesce(json_typeof(r.rule -> k.field), 'null') <> 'null'
      AND (json_typeof(r.rule -> k.field) <> k.kind
           OR (k.kind = 'array' AND EXISTS (SELECT FROM json_array_elements(CASE json_typeof(r.rule -> k.field) WHEN 'array' THEN r.rule -> k.field END) AS x (value)
                                            WHERE json_typeof(x.value) <> 'string'))
           OR (k.kind = 'number' AND NOT coalesce(r.rule ->> k.field ~ '^-?[0-9]{1,9}$', false)));
END
$$;

COMMENT ON FUNCTION bootstrap._manifest_problems(json, jsonb) IS
'What is wrong with the manifest, one row a problem. Never quotes a value of authentication.';

REVOKE ALL ON FUNCTION bootstrap._manifest_problems(json, jsonb) FROM PUBLIC;
