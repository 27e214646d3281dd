-- bootstrap._resources_from_json(manifest): what a JSON manifest holds beside providers, as staging rows.
--
-- With NULL: the manifest whose lines are in bootstrap.manifest_staging in this transaction. A kind that the manifest
-- names gets its mark (position 0), also providers; a manifest that is not an envelope (_is_envelope) gives no row.
-- A workflow may stand below workflow: or alert:, as in Keep's files, or bare; without its YAML text (raw) the JSON text
-- is stored, which is YAML too. Only takes the document apart: what is wrong is said by _resource_problems.
-- Reads and writes nothing else.
CREATE OR REPLACE FUNCTION bootstrap._resources_from_json(p_manifest json) RETURNS SETOF bootstrap.resource_staging
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the argument as a constant
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH document AS MATERIALIZED (
        SELECT bootstrap._document(p_manifest) AS document
    ),
    part AS MATERIALIZED (
        SELECT k.kind, d.document -> k.key AS list
        FROM document AS d
        CROSS JOIN (VALUES ('provider', 'providers'), ('user', 'default_user'), ('api_key', 'api_keys'), ('workflow', 'workflows'),
                           ('dashboard', 'dashboards'), ('mapping_rule', 'mapping_rules')) AS k (kind, key)
        WHERE bootstrap._is_envelope(d.document) AND d.document -> k.key IS NOT NULL
    ),
    entry AS (
        -- What is not a list becomes one entry, so that _resource_problems names it.
        SELECT p.kind, e.position::integer AS position, e.value
        FROM part AS p
        CROSS JOIN LATERAL json_array_elements(CASE json_typeof(p.list) WHEN 'array' THEN p.list WHEN 'null' THEN '[]' ELSE json_build_array(p.list) END)
            WITH ORDINALITY AS e (value, position)
        WHERE p.kind <> 'provider'
    ),
    body AS (
        SELECT e.kind, e.position, e.value,
               CASE WHEN e.kind <> 'workflow' THEN e.value
                    WHEN json_typeof(e.value -> 'definition') = 'object' THEN e.value -> 'definition'
                    WHEN json_typeof(e.value -> 'workflow') IS NOT NULL THEN e.value -> 'workflow'
                    WHEN json_typeof(e.value -> 'alert') IS NOT NULL THEN e.value -> 'alert'
                    ELSE e.value END AS definition
        FROM (SELECT o.kind, o.position, CASE json_typeof(o.value) WHEN 'object' THEN o.value END AS value FROM entry AS o) AS e
    )
    SELECT '0'::xid8, p.kind, 0, NULL::text, NULL::text FROM part AS p
    UNION ALL
    SELECT '0'::xid8, b.kind, b.position,
           CASE WHEN b.kind = 'workflow' THEN coalesce(nullif(b.definition ->> 'name', ''), nullif(b.definition ->> 'id', ''))
                WHEN b.kind = 'dashboard' THEN b.definition ->> 'dashboard_name'
                WHEN b.kind = 'user' THEN coalesce(b.definition ->> 'username', 'keep')
                ELSE b.definition ->> 'name' END,
           CASE WHEN b.value IS NULL THEN NULL
                WHEN b.kind = 'workflow' THEN json_build_object('definition', b.definition, 'provisioned_file', b.value ->> 'provisioned_file',
                    'raw', CASE WHEN json_typeof(b.value -> 'definition') = 'object' THEN coalesce(b.value ->> 'raw', (b.value -> 'definition')::text) ELSE b.value::text END)
                WHEN b.kind = 'dashboard' THEN json_build_object('config', b.definition -> 'dashboard_config')
                WHEN b.kind = 'mapping_rule' THEN json_build_object('definition', b.definition, 'provisioned_file', NULL)
                WHEN b.kind = 'user' THEN json_build_object('password', coalesce(b.definition -> 'password', '"keep"'), 'reset_password', coalesce(b.definition -> 'reset_password', 'false'))
                ELSE json_build_object('role', b.definition -> 'role', 'secret', b.definition -> 'secret') END::text
    FROM body AS b;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    -- json holds texts that its own functions then refuse, and quote in their error.
    RAISE EXCEPTION 'the manifest has a character that PostgreSQL cannot hold: U+0000, half of a surrogate pair, or one that the server''s encoding lacks'
        USING ERRCODE = 'KB001', HINT = E'Look for \\u0000 and \\ud800 to \\udfff in the manifest.';
END
$$;

COMMENT ON FUNCTION bootstrap._resources_from_json(json) IS
'What a JSON manifest holds beside providers, as staging rows.';

REVOKE ALL ON FUNCTION bootstrap._resources_from_json(json) FROM PUBLIC;
