-- bootstrap.export_providers([tenant_id]): the provisioned providers of the tenant as a manifest would declare them.
--
-- SHOWS SECRETS: authentication holds clear text. secret_keys names the keys whose values are not to be shown: those that
-- the catalogue marks, those that it does not know, and those whose name or value looks like a credential.
-- Keys that Keep added by itself are left out where our state tells which they are. A manifest made of these rows changes
-- nothing. Reads only; works on a standby. Errors: KB010 to KB012.
-- Waits at most 5 s for whoever alters a table of Keep's (55P03).
CREATE OR REPLACE FUNCTION bootstrap.export_providers(p_tenant_id text DEFAULT 'keep') RETURNS SETOF bootstrap.exported_provider
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '5s'
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
SET row_security = off
AS $$
DECLARE
    v_state      text;
    v_message    text;
    v_detail     text;
    v_hint       text;
    v_schema     text;
    v_table      text;
    v_constraint text;
    v_keys text[];
BEGIN
    PERFORM bootstrap.require_keep('provider');
    SELECT array_agg(p.configuration_key::text) INTO v_keys FROM public.provider AS p WHERE p.tenant_id = p_tenant_id AND p.provisioned;

    RETURN QUERY
    SELECT e.name, e.type, e.authentication,
           ARRAY(SELECT a.key
                 FROM json_each_text(e.authentication::json) AS a (key, value)
                 WHERE coalesce((y.authentication -> a.key ->> 'secret')::boolean, true)
                    OR coalesce(y.authentication -> a.key ->> 'kind', 'string') IN ('string', 'file', 'object', 'list')
                       AND a.key ~* '(pass|secret|token|key|credential|auth|pwd|private|cert|dsn|webhook)'
                    OR a.value ~ '://[^/]*@'),
           e.description, e.pulling_enabled, e.prevent_delete, e.install_webhook, r.rules
    FROM (
        SELECT p.id::text AS id, p.name::text AS name, p.type::text AS type,
               coalesce((SELECT '{' || string_agg(to_json(a.key)::text || ': ' || a.value::text, ', ' ORDER BY a.ordinality) || '}'
                         FROM json_each(CASE json_typeof(bootstrap._try_json(s.value) -> 'authentication')
                                            WHEN 'object' THEN bootstrap._try_json(s.value) -> 'authentication' END)
                              WITH ORDINALITY AS a (key, value, ordinality)
                         WHERE t.written_keys IS NULL OR t.written_keys ? a.key), '{}') AS authentication,
               p.description::text AS description, p.pulling_enabled,
               coalesce(t.prevent_delete, false) AS prevent_delete, coalesce(t.install_webhook, false) AS install_webhook
        FROM public.provider AS p
        LEFT JOIN public.secret AS s ON s.key = p.configuration_key AND s.key = ANY (v_keys)
        LEFT JOIN bootstrap.provider_state AS t ON t.tenant_id = p_tenant_id AND t.provider_id = p.id
        WHERE p.tenant_id = p_tenant_id AND p.provisioned
    ) AS e
    LEFT JOIN bootstrap.provider_type AS y ON y.type = e.type
    LEFT JOIN (
        SELECT d.provider_id::text AS provider_id,
               '{' || string_agg(to_json(d.name)::text || ': ' || json_build_object(
                   'description', d.description, 'fingerprint_fields', d.fingerprint_fields,
                   'full_deduplication', d.full_deduplication, 'ignore_fields', d.ignore_fields, 'priority', d.priority)::text, ', ' ORDER BY d.name) || '}' AS rules
        FROM public.alertdeduplicationrule AS d
        WHERE d.tenant_id = p_tenant_id AND d.is_provisioned
        GROUP BY d.provider_id
    ) AS r ON r.provider_id = e.id
    ORDER BY e.name;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
        v_hint = PG_EXCEPTION_HINT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME, v_constraint = CONSTRAINT_NAME;
    PERFORM bootstrap._reraise(v_state, v_message, v_detail, v_hint, v_schema, v_table, v_constraint);
END
$$;

COMMENT ON FUNCTION bootstrap.export_providers(text) IS
'The provisioned providers of the tenant as a manifest would declare them. SHOWS SECRETS in authentication; secret_keys names them.';

REVOKE ALL ON FUNCTION bootstrap.export_providers(text) FROM PUBLIC;
