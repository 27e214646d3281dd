-- bootstrap._workflow_notes(tenant_id, manifest, arriving, leaving): workflows of the manifest that name a provider which
-- is not there after the run.
--
-- arriving are the names of the providers that the run installs or gives, leaving those that it prunes or renames away.
-- Steps, actions and on-failure name a provider by its name or id, as providers.<name> in double braces (keep/formats.md); a type
-- without a required field needs no installed provider. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._workflow_notes(p_tenant_id text, p_manifest json, p_arriving text[], p_leaving text[])
RETURNS TABLE ("position" integer, notes text[])
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH definition AS (
        SELECT r.position, r.content::json -> 'definition' AS value
        FROM bootstrap._resources(p_manifest) AS r
        WHERE r.kind = 'workflow' AND r.position > 0
    ),
    step AS (
        SELECT d.position, s.value -> 'provider' AS provider
        FROM definition AS d
        CROSS JOIN (VALUES ('steps'), ('actions')) AS k (key)
        CROSS JOIN LATERAL json_array_elements(CASE json_typeof(d.value -> k.key) WHEN 'array' THEN d.value -> k.key END) AS s (value)
        WHERE json_typeof(s.value) = 'object'
        UNION ALL
        SELECT d.position, d.value -> 'on-failure' -> 'provider' FROM definition AS d WHERE json_typeof(d.value -> 'on-failure') = 'object'
    ),
    named AS (
        SELECT DISTINCT s.position, s.provider ->> 'type' AS type,
               (regexp_match(s.provider ->> 'config', E'^\\s*\\{\\s*\\{\\s*providers\\.(.*?)\\s*\\}\\s*\\}\\s*$'))[1] AS name
        FROM step AS s
        WHERE json_typeof(s.provider) = 'object' AND json_typeof(s.provider -> 'config') = 'string'
    )
    SELECT n.position,
           array_agg(format(CASE WHEN n.name = ANY (p_leaving) THEN 'names the provider %s, which this run takes away' ELSE 'names the provider %s, which is not installed' END,
                            to_json(left(n.name, 100))) ORDER BY n.name)
    FROM named AS n
    LEFT JOIN bootstrap.provider_type AS y ON y.type = n.type
    WHERE n.name IS NOT NULL AND n.name <> ALL (p_arriving)
      AND (n.name = ANY (p_leaving)
           OR NOT EXISTS (SELECT FROM public.provider AS p WHERE p.tenant_id = p_tenant_id AND (p.name = n.name OR p.id = n.name)))
      AND (y.type IS NULL OR y.one_of IS NOT NULL
           OR EXISTS (SELECT FROM json_each(y.authentication) AS a (key, value) WHERE (a.value ->> 'required')::boolean))
    GROUP BY n.position;
END
$$;

COMMENT ON FUNCTION bootstrap._workflow_notes(text, json, text[], text[]) IS
'Workflows of the manifest that name a provider which is not there after the run.';

REVOKE ALL ON FUNCTION bootstrap._workflow_notes(text, json, text[], text[]) FROM PUBLIC;
