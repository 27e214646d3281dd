-- bootstrap._doubtful_providers(): the places of the staged providers that may have a problem.
--
-- One cheap look at all of them, so that _manifest_problems need not take a large manifest apart: what is not listed here
-- has none. Each type of the catalogue becomes two JSON paths, one that finds missing keys and one that finds values
-- that are not plainly of their kind; the rest are comparisons. In doubt a provider is listed. Reads staging and the catalogue.
CREATE OR REPLACE FUNCTION bootstrap._doubtful_providers() RETURNS integer[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
SET work_mem = '64MB'
AS $$
BEGIN
    RETURN ARRAY(
        WITH used AS MATERIALIZED (
            SELECT t.type, t.authentication, t.one_of
            FROM bootstrap.provider_type AS t
            WHERE t.installable AND t.type IN (SELECT m.type FROM bootstrap.provider_staging AS m WHERE m.transaction_id = pg_current_xact_id_if_assigned())
        ),
        field AS (
            SELECT t.type, f.key, '$.' || to_json(f.key)::text AS path, coalesce((f.value ->> 'required')::boolean, false) AS is_required,
                   CASE f.value ->> 'kind'
                       WHEN 'string' THEN '@.type() == "string"'
                       WHEN 'file' THEN '@.type() == "string"'
                       WHEN 'boolean' THEN '@.type() == "boolean"'
                       WHEN 'integer' THEN '@.type() == "number"'
                       WHEN 'port' THEN '@.type() == "number" && @ >= 1 && @ < 65536'
                       WHEN 'list' THEN '@.type() == "array"'
                       WHEN 'object' THEN '@.type() == "object"'
                       WHEN 'any_http_url' THEN '@.type() == "string" && @ like_regex "^https?://[A-Za-z0-9]"'
                       WHEN 'https_url' THEN '@.type() == "string" && @ like_regex "^https://[A-Za-z0-9]"'
                       WHEN 'multihost_url' THEN '@.type() == "string" && @ like_regex "^[a-z]+://[A-Za-z0-9]"'
                       WHEN 'no_scheme_url' THEN '@.type() == "string" && @ like_regex "^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?$"'
                       WHEN 'no_scheme_multihost_url' THEN '@.type() == "string" && @ like_regex "^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?$"'
                       WHEN 'enum' THEN '@.type() == "string" && ('
                           || (SELECT string_agg('@ == ' || v.value::text, ' || ') FROM json_array_elements(f.value -> 'values') AS v (value)) || ')'
                       ELSE '1 == 0'
                   END AS fits
            FROM used AS t
            CROSS JOIN LATERAL json_each(t.authentication) AS f (key, value)
        ),
        declared AS MATERIALIZED (
            SELECT t.type, coalesce(f.keys, '{}') AS keys,
                   -- lax: a key that is not there does not exist; strict: no value is looked into.
                   ('lax $ ? (1 == 0' || coalesce(f.lacks, '')
                    || coalesce((SELECT ' || !(' || string_agg((SELECT string_agg('exists($.' || to_json(k.value)::text || ')', ' && ')
                                                                FROM json_array_elements_text(s.value) AS k (value)), ' || ') || ')'
                                 FROM json_array_elements(t.one_of) AS s (value)), '')
                    || ')')::jsonpath AS lacks,
                   ('strict $ ? (1 == 0' || coalesce(f.misfits, '') || ')')::jsonpath AS misfits
            FROM used AS t
            LEFT JOIN (
                SELECT f.type, array_agg(f.key) AS keys,
                       string_agg(' || !exists(' || f.path || ')', '') FILTER (WHERE f.is_required) AS lacks,
                       string_agg(' || exists(' || f.path || ' ? (!(' || f.fits || ')))', '') AS misfits
                FROM field AS f
                GROUP BY f.type
            ) AS f ON f.type = t.type
        )
        SELECT m.position
        FROM (SELECT m.*, CASE WHEN t.type IS NOT NULL THEN m.authentication::jsonb END AS document, t.keys, t.lacks, t.misfits
              FROM bootstrap.provider_staging AS m
              LEFT JOIN declared AS t ON t.type = m.type
              WHERE m.transaction_id = pg_current_xact_id_if_assigned()
              OFFSET 0) AS m
        WHERE NOT coalesce(m.name <> '' AND octet_length(m.name) <= 1000
                           AND m.deduplication_rules IS NULL AND m.renamed_from IS NULL
                           AND coalesce(m.pulling_enabled, 'true') IN ('true', 'false')
                           AND coalesce(m.prevent_delete, 'true') IN ('true', 'false')
                           AND coalesce(m.install_webhook, 'true') IN ('true', 'false')
                           AND jsonb_typeof(m.document) = 'object'
                           AND m.document - m.keys = '{}'
                           AND NOT jsonb_path_exists(m.document, m.lacks)
                           AND NOT jsonb_path_exists(m.document, m.misfits), false)
        UNION
        SELECT unnest(d.positions)
        FROM (SELECT array_agg(m.position) AS positions FROM bootstrap.provider_staging AS m
              WHERE m.transaction_id = pg_current_xact_id_if_assigned()
              GROUP BY m.name HAVING count(*) > 1) AS d
    );
EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
    RETURN ARRAY(SELECT m.position FROM bootstrap.provider_staging AS m WHERE m.transaction_id = pg_current_xact_id_if_assigned());
END
$$;

COMMENT ON FUNCTION bootstrap._doubtful_providers() IS
'The places of the staged providers that may have a problem; what is not listed has none.';

REVOKE ALL ON FUNCTION bootstrap._doubtful_providers() FROM PUBLIC;
