-- bootstrap._manifest_rows(): the JSON manifest of this transaction as rows of staging.
--
-- The manifest is Keep's form {"name": {"type": ..., "authentication": {...}}}, the list form [{"name": ..., "type":
-- ...}], or an object with the keys providers, workflows, dashboards, mapping_rules, default_user and api_keys. A kind
-- that is named gets a row at position 0. Values of the wrong kind are passed on: problems() reports them. As in Keep,
-- install_webhook defaults to true in Keep's form and to false in the list form, and pulling_enabled may stand in
-- authentication. A workflow may stand below workflow: or alert:, or bare; without its text (raw), its JSON is stored,
-- which is YAML as well.
CREATE FUNCTION bootstrap._manifest_rows() RETURNS SETOF bootstrap.staging
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT '0'::xid8, p.kind, 0, NULL::text, NULL::text, NULL::text, NULL::text FROM bootstrap.manifest_part AS p;

    RETURN QUERY
    SELECT '0'::xid8, b.kind, b.position,
           CASE b.kind WHEN 'workflow' THEN coalesce(nullif(b.body ->> 'name', ''), nullif(b.body ->> 'id', ''))
                       WHEN 'dashboard' THEN b.body ->> 'dashboard_name'
                       WHEN 'user' THEN coalesce(b.body ->> 'username', 'keep')
                       ELSE b.body ->> 'name' END,
           NULL::text,
           CASE b.kind
               WHEN 'workflow' THEN json_build_object(
                   'definition', b.body, 'provisioned_file', b.value ->> 'provisioned_file',
                   'raw', CASE WHEN json_typeof(b.value -> 'definition') = 'object'
                                   THEN coalesce(b.value ->> 'raw', b.body::text)
                               ELSE b.value::text END)
               WHEN 'dashboard' THEN b.body -> 'dashboard_config'
               WHEN 'mapping_rule' THEN json_build_object('definition', b.body)
               WHEN 'user' THEN json_build_object('password', coalesce(b.body -> 'password', '"keep"'),
                                                  'reset_password', coalesce(b.body -> 'reset_password', 'false'))
               ELSE json_build_object('role', b.body -> 'role', 'secret', b.body -> 'secret')
           END::text,
           NULL::text
    FROM (
        SELECT p.kind, e.position::integer AS position, e.value,
               CASE WHEN json_typeof(e.value) <> 'object' THEN NULL
                    WHEN p.kind <> 'workflow' THEN e.value
                    WHEN json_typeof(e.value -> 'definition') = 'object' THEN e.value -> 'definition'
                    ELSE coalesce(e.value -> 'workflow', e.value -> 'alert', e.value) END AS body
        FROM bootstrap.manifest_part AS p
        CROSS JOIN LATERAL json_array_elements(CASE json_typeof(p.list) WHEN 'array' THEN p.list WHEN 'null' THEN '[]'
                                               ELSE json_build_array(p.list) END) WITH ORDINALITY AS e (value, position)
        WHERE p.kind <> 'provider'
    ) AS b;

    RETURN QUERY
    WITH entry AS (
        SELECT e.position::integer AS position, NULL AS key, e.value
        FROM bootstrap.manifest_part AS p
        CROSS JOIN LATERAL json_array_elements(CASE json_typeof(p.list) WHEN 'array' THEN p.list WHEN 'object' THEN '[]'
                                               ELSE json_build_array(p.list) END) WITH ORDINALITY AS e (value, position)
        WHERE p.kind = 'provider'
        UNION ALL
        SELECT e.position::integer, e.key, e.value
        FROM bootstrap.manifest_part AS p
        CROSS JOIN LATERAL json_each(CASE json_typeof(p.list) WHEN 'object' THEN p.list END)
            WITH ORDINALITY AS e (key, value, position)
        WHERE p.kind = 'provider'
    ),
    provider AS MATERIALIZED (
        SELECT e.position,
               coalesce(e.key, CASE json_typeof(r.name) WHEN 'string' THEN r.name #>> '{}' END) AS provider_name,
               e.key IS NOT NULL AS install_webhook_default, r.*
        FROM entry AS e
        CROSS JOIN LATERAL json_to_record(CASE json_typeof(e.value) WHEN 'object' THEN e.value ELSE '{}' END)
            AS r (id json, name json, type json, authentication json, deduplication_rules json, renamed_from json,
                  description json, pulling_enabled json, prevent_delete json, install_webhook json)
    )
    SELECT '0'::xid8, 'provider', p.position, p.provider_name,
           CASE json_typeof(p.type) WHEN 'string' THEN p.type #>> '{}' END,
           CASE coalesce(json_typeof(p.authentication), 'null')
               WHEN 'object' THEN a.content WHEN 'null' THEN '{}' ELSE p.authentication::text END,
           json_strip_nulls(json_build_object(
               'id', p.id, 'description', p.description, 'prevent_delete', p.prevent_delete,
               'pulling_enabled', coalesce(p.pulling_enabled, to_json(a.pulling_enabled)),
               'install_webhook', coalesce(p.install_webhook, to_json(p.install_webhook_default)),
               'renamed_from', CASE json_typeof(p.renamed_from) WHEN 'string' THEN json_build_array(p.renamed_from)
                                                                ELSE p.renamed_from END))::text
    FROM provider AS p
    CROSS JOIN LATERAL (
        SELECT '{' || coalesce(string_agg(to_json(k.key)::text || ': ' || CASE
                           WHEN k.key NOT IN ('kibana_host', 'openObserveHost') THEN k.value::text
                           ELSE regexp_replace(k.value::text, '^"(?!https?://|[{]{2}|")', -- as Keep does itself
                                    CASE WHEN k.value::text ~ 'localhost|127[.]0[.]0[.]1' THEN '"http://'
                                         ELSE '"https://' END) END, ', ' ORDER BY k.position)
                               FILTER (WHERE k.key <> 'pulling_enabled'), '') || '}' AS content,
               bool_or(coalesce(lower(k.value #>> '{}') IN ('true', '1'), false))
                   FILTER (WHERE k.key = 'pulling_enabled') AS pulling_enabled
        FROM json_each(CASE json_typeof(p.authentication) WHEN 'object' THEN p.authentication END)
            WITH ORDINALITY AS k (key, value, position)
    ) AS a
    UNION ALL
    SELECT '0'::xid8, 'deduplication_rule', (row_number() OVER (ORDER BY p.position, r.position))::integer,
           r.name, p.provider_name, r.value::text, NULL
    FROM provider AS p
    CROSS JOIN LATERAL (
        SELECT e.key AS name, e.value, e.position
        FROM json_each(CASE json_typeof(p.deduplication_rules) WHEN 'object' THEN p.deduplication_rules END)
            WITH ORDINALITY AS e (key, value, position)
        UNION ALL
        SELECT e.value ->> 'name', e.value, e.position
        FROM json_array_elements(CASE coalesce(json_typeof(p.deduplication_rules), 'null')
                WHEN 'array' THEN p.deduplication_rules WHEN 'object' THEN '[]' WHEN 'null' THEN '[]'
                ELSE json_build_array(p.deduplication_rules) END) WITH ORDINALITY AS e (value, position)
    ) AS r;
END
$$;
