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
        SELECT CASE WHEN json_typeof(l.providers) IN ('array', 'object') THEN l.providers ELSE json_build_array(l.providers) END AS providers
        FROM (SELECT CASE WHEN bootstrap._is_envelope(d.document) THEN coalesce(d.document -> 'providers', '[]') ELSE d.document END AS providers
              FROM document AS d OFFSET 0) AS l
    ),
    entry AS (
        SELECT e.position, e.name, e.value, 'true' AS install_webhook
        FROM list AS l
        CROSS JOIN LATERAL json_each(CASE json_typeof(l.providers) WHEN 'object' THEN l.providers END)
            WITH ORDINALITY AS e (name, value, position)
        UNION ALL
        SELECT e.position, NULL, e.value, 'false'
        FROM list AS l
        CROSS JOIN LATERAL json_array_elements(CASE json_typeof(l.providers) WHEN 'array' THEN l.providers END)
            WITH ORDINALITY AS e (value, position)
    ),
    provider AS (
        -- Every -> would parse the entry anew. A field that is null is like one that is not there.
        SELECT e.position, e.name AS key, e.install_webhook AS install_webhook_default, r.*
        FROM entry AS e
        CROSS JOIN LATERAL json_to_record(CASE json_typeof(e.value) WHEN 'object' THEN e.value ELSE '{}' END)
            AS r (name json, type json, authentication json, deduplication_rules json, renamed_from json, description json,
                  pulling_enabled json, prevent_delete json, install_webhook json)
    )
    SELECT '0'::xid8,
           p.position::integer,
           CASE WHEN p.key IS NOT NULL THEN p.key WHEN json_typeof(p.name) = 'string' THEN p.name #>> '{}' END,
           CASE json_typeof(p.type) WHEN 'string' THEN p.type #>> '{}' END,
           CASE json_typeof(p.authentication)
               WHEN 'object' THEN
                   (SELECT '{' || coalesce(string_agg(to_json(a.key)::text || ': ' || a.value::text, ', ' ORDER BY a.ordinality), '') || '}'
                    FROM json_each(p.authentication) WITH ORDINALITY AS a (key, value, ordinality)
                    WHERE a.key <> 'pulling_enabled')
               ELSE coalesce(p.authentication #>> '{}', '{}')
           END,
           CASE json_typeof(p.deduplication_rules)
               WHEN 'array' THEN
                   (SELECT '{' || coalesce(string_agg(to_json(coalesce(r.value ->> 'name', ''))::text || ': ' || r.value::text, ', ' ORDER BY r.ordinality), '') || '}'
                    FROM json_array_elements(p.deduplication_rules) WITH ORDINALITY AS r (value, ordinality))
               ELSE p.deduplication_rules::text
           END,
           CASE json_typeof(p.renamed_from)
               WHEN 'string' THEN json_build_array(p.renamed_from #>> '{}')::text
               ELSE p.renamed_from::text
           END,
           p.description #>> '{}',
           coalesce(p.pulling_enabled #>> '{}', bootstrap._pulling_flag(p.authentication #>> '{}')),
           p.prevent_delete #>> '{}',
           coalesce(p.install_webhook #>> '{}', p.install_webhook_default)
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
