-- bootstrap.manifest_part: the kinds of the JSON manifest that this transaction has staged. SHOWS SECRETS.
CREATE VIEW bootstrap.manifest_part AS
WITH document AS MATERIALIZED (
    SELECT s.content::json AS document FROM bootstrap._staged('document') AS s
),
key AS (
    SELECT o.key, o.value, CASE json_typeof(o.value) WHEN 'object' THEN json_typeof(o.value -> 'type') END
                           IS DISTINCT FROM 'string' AS is_no_provider
    FROM document AS d
    CROSS JOIN LATERAL json_each(CASE json_typeof(d.document) WHEN 'object' THEN d.document END) AS o (key, value)
),
kind (kind, key) AS (
    VALUES ('provider', 'providers'), ('user', 'default_user'), ('api_key', 'api_keys'), ('workflow', 'workflows'),
           ('dashboard', 'dashboards'), ('mapping_rule', 'mapping_rules')
),
form AS (
    SELECT bool_or(n.kind IS NOT NULL AND k.is_no_provider)
           AND bool_and((n.kind IS NOT NULL AND k.is_no_provider) OR k.key LIKE 'x-%') AS names_kinds
    FROM key AS k LEFT JOIN kind AS n ON n.key = k.key
)
SELECT n.kind, k.value AS list
FROM form AS f JOIN key AS k ON f.names_kinds JOIN kind AS n ON n.key = k.key
UNION ALL
SELECT 'provider', d.document
FROM form AS f JOIN document AS d ON f.names_kinds IS NOT TRUE;
COMMENT ON VIEW bootstrap.manifest_part IS
'The kinds of a JSON manifest: its keys, if all of them name kinds and none is a provider of that name; else it is all '
'providers.';
