-- bootstrap._live_resources(tenant_id, kinds): Keep's rows of these kinds, each with the fields that are compared.
--
-- fields maps the name of a field to the text of its value, as _wanted_resources does for the manifest; JSON in the form
-- of jsonb, so that spaces and the order of keys are no difference. is_provisioned says that Keep's own provisioning (or
-- this software) made the row; last_written tells the newer one of two deleted rows. Users are those of all tenants,
-- because Keep makes its default user only where there is none. Rows of tests are left out.
-- Reads only the tables of the kinds that are asked for. Hashes of secrets stay inside the caller's statement.
CREATE OR REPLACE FUNCTION bootstrap._live_resources(p_tenant_id text, p_kinds text[])
RETURNS TABLE (kind text, object_id text, name text, is_provisioned boolean, is_deleted boolean, last_written timestamp, fields jsonb)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    v_keys text[];
BEGIN
    IF 'user' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'user', u.id::text, u.username::text, true, false, u.created_at,
               jsonb_build_object('username', u.username, 'password', u.password_hash)
        FROM public."user" AS u;
    END IF;
    IF 'api_key' = ANY (p_kinds) THEN
        v_keys := ARRAY(SELECT p_tenant_id || '-' || k.reference_id FROM public.tenantapikey AS k WHERE k.tenant_id = p_tenant_id);
        -- Without its secret, or with another one, a key is not as wanted.
        RETURN QUERY
        SELECT 'api_key', k.reference_id::text, k.reference_id::text, k.is_system AND k.created_by = 'system', k.is_deleted, k.created_at,
               jsonb_build_object('role', k.role, 'deleted', k.is_deleted::text,
                   'secret', CASE WHEN encode(sha256(convert_to(s.value, 'UTF8')), 'hex') = k.key_hash THEN k.key_hash END)
        FROM public.tenantapikey AS k
        LEFT JOIN public.secret AS s ON s.key = p_tenant_id || '-' || k.reference_id AND s.key = ANY (v_keys)
        WHERE k.tenant_id = p_tenant_id;
    END IF;
    IF 'workflow' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'workflow', f.id::text, f.name, f.provisioned, f.is_deleted, f.last_updated,
               jsonb_build_object('name', f.name, 'description', f.description, 'interval', f.interval::text, 'disabled', f.is_disabled::text,
                   'raw', f.workflow_raw, 'provisioned', f.provisioned::text, 'provisioned_file', f.provisioned_file, 'deleted', f.is_deleted::text)
        FROM public.workflow AS f
        WHERE f.tenant_id = p_tenant_id AND NOT f.is_test;
    END IF;
    IF 'dashboard' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'dashboard', d.id::text, d.dashboard_name::text, coalesce(d.created_by = 'system', false), false, d.updated_at,
               jsonb_build_object('name', d.dashboard_name, 'config', coalesce(bootstrap._try_jsonb(d.dashboard_config::text)::text, d.dashboard_config::text))
        FROM public.dashboard AS d
        WHERE d.tenant_id = p_tenant_id;
    END IF;
    IF 'mapping_rule' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'mapping_rule', m.id::text, m.name::text, m.is_provisioned, false, m.last_updated_at,
               jsonb_build_object('name', m.name, 'description', m.description, 'file_name', m.file_name, 'priority', m.priority::text, 'type', m.type,
                   'matchers', coalesce(bootstrap._try_jsonb(m.matchers::text)::text, m.matchers::text), 'rows', coalesce(bootstrap._try_jsonb(m.rows::text)::text, m.rows::text, 'null'),
                   'is_multi_level', m.is_multi_level::text, 'new_property_name', m.new_property_name, 'prefix_to_remove', m.prefix_to_remove,
                   'disabled', m.disabled::text, 'override', m.override::text, 'condition', m.condition,
                   'provisioned', m.is_provisioned::text, 'provisioned_file', m.provisioned_file)
        FROM public.mappingrule AS m
        WHERE m.tenant_id = p_tenant_id;
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._live_resources(text, text[]) IS
'Keep''s rows of these kinds, each with the fields that are compared; secrets as hashes.';

REVOKE ALL ON FUNCTION bootstrap._live_resources(text, text[]) FROM PUBLIC;
