-- bootstrap.export_resources([tenant_id]): what is installed beside providers, as a manifest would declare it.
--
-- API keys, workflows, dashboards and mapping rules that are provisioned or that this software installed. SHOWS SECRETS:
-- the content of an API key holds clear text; secret_keys names it. A user is exported by name alone, because of a
-- password only the hash exists. Kinds whose tables this Keep lacks are left out. Reads only; works on a standby.
CREATE OR REPLACE FUNCTION bootstrap.export_resources(p_tenant_id text DEFAULT 'keep') RETURNS SETOF bootstrap.exported_resource
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
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
    v_kinds      text[];
BEGIN
    PERFORM bootstrap.require_keep('provider');
    v_kinds := bootstrap._available_kinds();
    IF 'user' = ANY (v_kinds) THEN
        RETURN QUERY
        SELECT 'user', u.username::text, json_build_object('username', u.username)::text, '{}'::text[]
        FROM public."user" AS u
        JOIN bootstrap.resource_state AS t ON t.tenant_id = p_tenant_id AND t.kind = 'user' AND t.object_id = u.id::text
        ORDER BY 2;
    END IF;
    IF 'api_key' = ANY (v_kinds) THEN
        RETURN QUERY
        SELECT 'api_key', k.reference_id::text, json_build_object('name', k.reference_id, 'role', k.role, 'secret', s.value)::text, ARRAY['secret']
        FROM public.tenantapikey AS k
        JOIN bootstrap.resource_state AS t ON t.tenant_id = p_tenant_id AND t.kind = 'api_key' AND t.object_id = k.reference_id
        LEFT JOIN public.secret AS s ON s.key = p_tenant_id || '-' || k.reference_id
        WHERE k.tenant_id = p_tenant_id AND NOT k.is_deleted
        ORDER BY 2;
    END IF;
    IF 'workflow' = ANY (v_kinds) THEN
        RETURN QUERY
        SELECT 'workflow', f.name, json_build_object('raw', f.workflow_raw)::text, '{}'::text[]
        FROM public.workflow AS f
        WHERE f.tenant_id = p_tenant_id AND f.provisioned AND NOT f.is_deleted AND NOT f.is_test
        ORDER BY 2, f.id;
    END IF;
    IF 'dashboard' = ANY (v_kinds) THEN
        RETURN QUERY
        SELECT 'dashboard', d.dashboard_name::text, json_build_object('dashboard_name', d.dashboard_name, 'dashboard_config', d.dashboard_config)::text, '{}'::text[]
        FROM public.dashboard AS d
        LEFT JOIN bootstrap.resource_state AS t ON t.tenant_id = p_tenant_id AND t.kind = 'dashboard' AND t.object_id = d.id
        WHERE d.tenant_id = p_tenant_id AND (t.object_id IS NOT NULL OR d.created_by = 'system')
        ORDER BY 2;
    END IF;
    IF 'mapping_rule' = ANY (v_kinds) THEN
        RETURN QUERY
        SELECT 'mapping_rule', m.name::text,
               '{' || concat_ws(', ',
                   '"name": ' || to_json(m.name)::text, '"description": ' || to_json(m.description)::text, '"file_name": ' || to_json(m.file_name)::text,
                   '"priority": ' || m.priority, '"type": ' || to_json(m.type)::text, '"matchers": ' || m.matchers::text,
                   CASE WHEN m.is_multi_level THEN '"is_multi_level": true' END, '"new_property_name": ' || to_json(m.new_property_name)::text,
                   '"prefix_to_remove": ' || to_json(m.prefix_to_remove)::text,
                   CASE WHEN json_typeof(m.rows) <> 'null' THEN '"rows": ' || m.rows::text END) || '}',
               '{}'::text[]
        FROM public.mappingrule AS m
        WHERE m.tenant_id = p_tenant_id AND m.is_provisioned
        ORDER BY 2, m.id;
    END IF;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
        v_hint = PG_EXCEPTION_HINT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME, v_constraint = CONSTRAINT_NAME;
    PERFORM bootstrap._reraise(v_state, v_message, v_detail, v_hint, v_schema, v_table, v_constraint);
END
$$;

COMMENT ON FUNCTION bootstrap.export_resources(text) IS
'What is installed beside providers, as a manifest would declare it. SHOWS SECRETS of API keys; secret_keys names them.';

REVOKE ALL ON FUNCTION bootstrap.export_resources(text) FROM PUBLIC;
