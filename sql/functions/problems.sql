-- bootstrap.problems([options]): what is wrong with the manifest that this transaction has staged, one row per problem.
--
-- The structure only: names, types, JSON of the right kind, required keys, uniqueness, former names. Whether a value of
-- authentication fits its field is checked by the program (keep-bootstrap validate), which knows line and column. All
-- providers are tested together first; only those that fail are looked at one by one. Never shows a value of
-- authentication or another secret. A run with a problem is refused (KB001). Writes only staging.
CREATE FUNCTION bootstrap.problems(p_options jsonb DEFAULT '{}') RETURNS SETOF bootstrap.problem
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off -- a wrong estimate must not make it quadratic
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    v_is_json       boolean := true;
    v_allow_unknown boolean := coalesce((p_options ->> 'allow_unknown_types')::boolean, false);
BEGIN
    IF coalesce(current_setting('bootstrap.manifest', true), '') = '' AND NOT pg_is_in_recovery() THEN
        -- A condition of its own: on a standby, a statement that names an unlogged table cannot even be planned.
        IF EXISTS (SELECT FROM bootstrap.manifest_staging AS s
                   WHERE s.transaction_id = pg_current_xact_id_if_assigned()) THEN
            PERFORM bootstrap._begin('keep', p_options, NULL, false);
        END IF;
    END IF;
    BEGIN -- a subtransaction for all, instead of one per row
        PERFORM FROM bootstrap._staged('provider') AS s WHERE s.content::jsonb IS NULL OR s.options::jsonb = '0';
    EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
        v_is_json := false;
    END;

    RETURN QUERY
    WITH provider AS MATERIALIZED (
        SELECT s.position, s.name, s.type, j.content, j.option, y.type IS NOT NULL AS is_known, y.installable,
               y.required, y.one_of, min(s.position) OVER (PARTITION BY s.name) AS first
        FROM bootstrap._staged('provider') AS s
        CROSS JOIN LATERAL (
            SELECT CASE WHEN v_is_json THEN s.content::jsonb ELSE bootstrap._try_jsonb(s.content) END AS content,
                   CASE WHEN v_is_json THEN coalesce(s.options, '{}')::jsonb
                        ELSE bootstrap._try_jsonb(coalesce(s.options, '{}')) END AS option
            OFFSET 0
        ) AS j
        LEFT JOIN bootstrap.provider_type AS y ON y.type = s.type
    ),
    former AS (
        SELECT p.position, p.name, f.value #>> '{}' AS former, jsonb_typeof(f.value) = 'string' AS is_text
        FROM provider AS p
        CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(p.option -> 'renamed_from')
                                                     WHEN 'array' THEN p.option -> 'renamed_from' END) AS f (value)
        WHERE p.option ? 'renamed_from'
    )
    SELECT 'provider', p.position, p.name, c.problem
    FROM provider AS p
    CROSS JOIN LATERAL (VALUES
        (coalesce(p.name, '') = '', 'it has no name'),
        (octet_length(p.name) > 1000, 'the name has more than 1000 bytes'),
        (p.name <> '' AND p.first < p.position, format('provider %s has the same name', p.first)),
        (coalesce(p.type, '') = '', 'it has no type'),
        (octet_length(p.type) > 200, 'the type has more than 200 bytes'),
        (p.type <> '' AND NOT p.is_known AND NOT v_allow_unknown,
         format('unknown type %s', to_json(left(p.type, 100)))),
        (NOT p.installable, format('Keep cannot install type %s: it only receives webhooks', p.type)),
        (jsonb_typeof(p.content) IS DISTINCT FROM 'object',
         'authentication is not a JSON object that PostgreSQL can store'),
        (jsonb_typeof(p.content) = 'object' AND NOT p.content ?& p.required, format('authentication lacks %s',
         (SELECT string_agg(r.key, ', ' ORDER BY r.key) FROM unnest(p.required) AS r (key)
          WHERE NOT p.content ? r.key))),
        (p.one_of <> '[]' AND NOT EXISTS (SELECT FROM jsonb_array_elements(p.one_of) AS o (keys)
            WHERE jsonb_strip_nulls(p.content) ?& ARRAY(SELECT jsonb_array_elements_text(o.keys))),
         format('authentication needs one of %s', p.one_of)),
        (p.option IS NULL, 'an option has a value that PostgreSQL cannot store'),
        (p.option ? 'renamed_from' AND jsonb_typeof(p.option -> 'renamed_from') <> 'array',
         'renamed_from is not a list of names'),
        (p.option ? 'id' AND NOT coalesce(p.option ->> 'id' ~ '^[0-9a-f]{32}$', false),
         'id is not 32 hexadecimal digits in lower case'),
        (jsonb_typeof(p.option -> 'description') IN ('object', 'array'), 'description is not a string'),
        (jsonb_typeof(p.option -> 'pulling_enabled') <> 'boolean', 'pulling_enabled is neither true nor false'),
        (jsonb_typeof(p.option -> 'prevent_delete') <> 'boolean', 'prevent_delete is neither true nor false'),
        (jsonb_typeof(p.option -> 'install_webhook') <> 'boolean', 'install_webhook is neither true nor false')
    ) AS c (is_so, problem)
    WHERE c.is_so
      AND NOT coalesce(p.name <> '' AND p.first = p.position AND octet_length(p.name) <= 1000 AND p.installable
                       AND jsonb_typeof(p.content) = 'object'
                       AND p.content ?& p.required AND p.one_of = '[]' AND p.option - 'install_webhook' = '{}', false)
    UNION ALL
    SELECT 'provider', f.position, f.name,
           CASE WHEN NOT f.is_text THEN 'renamed_from is not a list of names'
                WHEN f.former = f.name THEN 'renamed_from has the provider''s own name'
                WHEN m.name IS NOT NULL
                    THEN format('renamed_from has %s, which is a provider of the manifest: rename in two runs',
                                to_json(left(f.former, 100)))
                ELSE format('renamed_from has %s, which provider %s also claims', to_json(left(f.former, 100)),
                            f.first) END
    FROM (SELECT f.*, min(f.position) OVER (PARTITION BY f.former) AS first FROM former AS f) AS f
    LEFT JOIN provider AS m ON m.name = f.former
    WHERE NOT f.is_text OR m.name IS NOT NULL OR f.first < f.position
    UNION ALL
    SELECT 'provider', p.position, p.name, format('provider %s has the same id', p.first)
    FROM (SELECT p.position, p.name, min(p.position) OVER (PARTITION BY p.option ->> 'id') AS first
          FROM provider AS p WHERE p.option ? 'id') AS p
    WHERE p.first < p.position ORDER BY 2, 4;
    IF EXISTS (
        SELECT FROM unnest(ARRAY['user', 'api_key', 'deduplication_rule', 'workflow', 'dashboard',
                                 'mapping_rule']) AS k (kind)
        CROSS JOIN LATERAL bootstrap._staged(k.kind))
    THEN
        RETURN QUERY SELECT r.* FROM bootstrap._resource_problems() AS r;
    END IF;
END
$$;
COMMENT ON FUNCTION bootstrap.problems(jsonb) IS
'What is wrong with the staged manifest, one row per problem. Shows no secret.';
