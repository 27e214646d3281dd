-- bootstrap._manifest_from_json(manifest): the providers of a JSON manifest as staging rows.
--
-- With NULL: the manifest whose lines are in bootstrap.manifest_staging in this transaction; its text is then in no
-- variable that the server could log. Accepts Keep's own form {"name": {"type": ..., "authentication": {...}}}, the list form [{"name": ..., "type": ...}],
-- and either of them below a key "providers" (_is_envelope). Only takes the document apart; what is wrong with it is said by
-- _manifest_problems over the rows. A value of the wrong kind is passed on as its JSON text, so that it is found there.
-- pulling_enabled inside authentication becomes the provider's flag (see _pulling_flag).
-- install_webhook defaults to true in Keep's own form and to false in the list form (keep/formats.md).
-- Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._manifest_from_json(p_manifest json) RETURNS SETOF bootstrap.provider_staging
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the argument as a constant
SET jit = off
AS $$
DECLARE
    v_kind text;
BEGIN
    v_kind := coalesce(json_typeof(bootstrap._document(p_manifest)), 'nothing');
    IF v_kind NOT IN ('object', 'array') THEN
        RAISE EXCEPTION 'the manifest is %: an object or a list of providers is needed', CASE v_kind WHEN 'nothing' THEN 'not JSON, or holds what PostgreSQL cannot (U+0000, half of a surrogate pair, a number out of range, a character that the server''s encoding lacks)' ELSE 'a JSON ' || v_kind END
            USING ERRCODE = 'KB001',
                  HINT = 'Give {"name": {"type": "grafana", "authentication": {...}}} or [{"name": ..., "type": ...}]; {} means no provider.';
    END IF;

    RETURN QUERY
    WITH document AS MATERIALIZED (
        SELECT bootstrap._document(p_manifest) AS document
    ),
    list AS MATERIALIZED (
        -- What stands below providers and is neither list nor object becomes one entry, so that _manifest_problems names it.
        SELECT CASE WHEN NOT bootstrap._is_envelope(d.document) THEN d.document
                    WHEN d.document -> 'providers' IS NULL THEN '[]'
                    WHEN json_typeof(d.document -> 'providers') IN ('array', 'object') THEN d.document -> 'providers'
                    ELSE json_build_array(d.document -> 'providers') END AS document
        FROM document AS d
    ),
    entry AS (
        SELECT e.position, e.name, e.value, 'true' AS install_webhook
        FROM list AS d
        CROSS JOIN LATERAL json_each(CASE json_typeof(d.document) WHEN 'object' THEN d.document END)
            WITH ORDINALITY AS e (name, value, position)
        UNION ALL
        SELECT e.position,
               CASE WHEN json_typeof(e.value) = 'object' AND json_typeof(e.value -> 'name') = 'string' THEN e.value ->> 'name' END,
               e.value, 'false'
        FROM list AS d
        CROSS JOIN LATERAL json_array_elements(CASE json_typeof(d.document) WHEN 'array' THEN d.document END)
            WITH ORDINALITY AS e (value, position)
    ),
    provider AS (
        SELECT e.position, e.name, e.install_webhook,
               CASE json_typeof(e.value) WHEN 'object' THEN e.value ELSE '{}' END AS value
        FROM entry AS e
    )
    SELECT '0'::xid8,
           p.position::integer,
           p.name,
           CASE json_typeof(p.value -> 'type') WHEN 'string' THEN p.value ->> 'type' END,
           CASE json_typeof(p.value -> 'authentication')
               WHEN 'object' THEN
                   (SELECT '{' || coalesce(string_agg(to_json(a.key)::text || ': ' || a.value::text, ', ' ORDER BY a.ordinality), '') || '}'
                    FROM json_each(p.value -> 'authentication') WITH ORDINALITY AS a (key, value, ordinality)
                    WHERE a.key <> 'pulling_enabled')
               ELSE coalesce(p.value ->> 'authentication', '{}')
           END,
           CASE json_typeof(p.value -> 'deduplication_rules')
               WHEN 'null' THEN NULL
               WHEN 'array' THEN
                   (SELECT '{' || coalesce(string_agg(to_json(coalesce(r.value ->> 'name', ''))::text || ': ' || r.value::text, ', ' ORDER BY r.ordinality), '') || '}'
                    FROM json_array_elements(p.value -> 'deduplication_rules') WITH ORDINALITY AS r (value, ordinality))
               ELSE (p.value -> 'deduplication_rules')::text
           END,
           CASE json_typeof(p.value -> 'renamed_from')
               WHEN 'null' THEN NULL
               WHEN 'string' THEN json_build_array(p.value ->> 'renamed_from')::text
               ELSE (p.value -> 'renamed_from')::text
           END,
           p.value ->> 'description',
           coalesce(p.value ->> 'pulling_enabled', bootstrap._pulling_flag(p.value ->> 'authentication')),
           p.value ->> 'prevent_delete',
           coalesce(p.value ->> 'install_webhook', p.install_webhook)
    FROM provider AS p;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    -- json holds texts that its own functions then refuse, and quote in their error.
    RAISE EXCEPTION 'the manifest has a character that PostgreSQL cannot hold: U+0000, half of a surrogate pair, or one that the server''s encoding lacks'
        USING ERRCODE = 'KB001', HINT = E'Look for \\u0000 and \\ud800 to \\udfff in the manifest.';
END
$$;

COMMENT ON FUNCTION bootstrap._manifest_from_json(json) IS
'The providers of a JSON manifest (Keep''s own form or the list form) as staging rows.';

REVOKE ALL ON FUNCTION bootstrap._manifest_from_json(json) FROM PUBLIC;
