-- bootstrap.export([tenant_id [, all]]): what is provisioned, as a manifest that would change nothing.
--
-- With all, also what users created. content is the authentication of a provider, a rule, or the entry of another kind.
--
-- SHOWS SECRETS in content, for the owner alone. Keys that Keep added to a secret are left out. Of a user only the
-- name is exported, because only a hash of the password exists. Kinds whose tables this Keep lacks are left out. Works
-- on a standby.
CREATE FUNCTION bootstrap.export(p_tenant_id text DEFAULT 'keep', p_all boolean DEFAULT false)
RETURNS SETOF bootstrap.exported_object
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off -- a wrong estimate must not make it quadratic
SET enable_mergejoin = off
SET jit = off
SET lock_timeout = '5s'
SET row_security = off
AS $$
DECLARE
    v_lacking text[];
BEGIN
    PERFORM bootstrap.require_keep();
    v_lacking := ARRAY(SELECT d.kind FROM bootstrap.keep_difference AS d);
    RETURN QUERY
    SELECT 'provider', l.name, l.type,
           coalesce((SELECT '{' || string_agg(to_json(a.key)::text || ': ' || a.value::text, ', ' ORDER BY a.ordinality)
                            || '}'
                     FROM json_each(
                         CASE WHEN jsonb_typeof(bootstrap._try_jsonb(l.secret) -> 'authentication') = 'object'
                              THEN l.secret::json -> 'authentication' END) WITH ORDINALITY AS a (key, value, ordinality)
                     WHERE l.keys IS NULL OR a.key = ANY (l.keys)), '{}'),
           json_strip_nulls(json_build_object('description', l.description,
               'pulling_enabled', CASE WHEN NOT l.pulling OR ':pulling_enabled' = ANY (l.keys) THEN l.pulling END,
               'prevent_delete', coalesce(l.prevent_delete, false),
               'install_webhook', coalesce(l.install_webhook, false)))::text
    FROM bootstrap._live_providers(p_tenant_id) AS l
    WHERE l.provisioned OR (p_all AND l.name IS NOT NULL)
    ORDER BY l.name;
    RETURN QUERY
    SELECT 'deduplication_rule', r.name::text, p.name::text,
           json_build_object('description', r.description, 'fingerprint_fields', r.fingerprint_fields,
               'full_deduplication', r.full_deduplication, 'ignore_fields', r.ignore_fields,
               'priority', r.priority)::text, NULL::text
    FROM public.alertdeduplicationrule AS r
    JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = r.provider_id AND (p.provisioned OR p_all)
    WHERE r.tenant_id = p_tenant_id AND (r.is_provisioned OR p_all)
    ORDER BY p.name, r.name;
    IF 'user' <> ALL (v_lacking) THEN
        RETURN QUERY
        SELECT 'user', u.username::text, NULL::text, json_build_object('username', u.username)::text, NULL::text
        FROM public."user" AS u
        JOIN bootstrap.object AS o ON o.tenant_id = p_tenant_id AND o.kind = 'user' AND o.object_id = u.id::text
        ORDER BY u.username;
    END IF;
    IF 'api_key' <> ALL (v_lacking) THEN
        RETURN QUERY
        SELECT 'api_key', k.reference_id::text, NULL::text,
               json_build_object('name', k.reference_id, 'role', k.role, 'secret', c.value)::text,
               NULL::text
        FROM public.tenantapikey AS k
        LEFT JOIN bootstrap.object AS o
          ON o.tenant_id = p_tenant_id AND o.kind = 'api_key' AND o.object_id = k.reference_id
        LEFT JOIN public.secret AS c ON c.key = p_tenant_id || '-' || k.reference_id
        WHERE k.tenant_id = p_tenant_id AND NOT k.is_deleted AND (p_all OR o.object_id IS NOT NULL)
        ORDER BY k.reference_id;
    END IF;
    IF 'workflow' <> ALL (v_lacking) THEN
        RETURN QUERY
        SELECT 'workflow', f.name, NULL::text, json_build_object('raw', f.workflow_raw)::text, NULL::text
        FROM public.workflow AS f
        WHERE f.tenant_id = p_tenant_id AND NOT f.is_deleted AND NOT f.is_test AND (p_all OR f.provisioned)
        ORDER BY f.name, f.id;
    END IF;
    IF 'dashboard' <> ALL (v_lacking) THEN
        RETURN QUERY
        SELECT 'dashboard', d.dashboard_name::text, NULL::text,
               json_build_object('dashboard_name', d.dashboard_name, 'dashboard_config', d.dashboard_config)::text,
               NULL::text
        FROM public.dashboard AS d
        LEFT JOIN bootstrap.object AS o ON o.tenant_id = p_tenant_id AND o.kind = 'dashboard' AND o.object_id = d.id
        WHERE d.tenant_id = p_tenant_id AND (p_all OR o.object_id IS NOT NULL OR d.created_by = 'system')
        ORDER BY d.dashboard_name;
    END IF;
    IF 'mapping_rule' <> ALL (v_lacking) THEN
        RETURN QUERY
        SELECT 'mapping_rule', m.name::text, NULL::text, json_build_object('name', m.name, 'description', m.description,
                   'file_name', m.file_name, 'priority', m.priority, 'type', m.type, 'matchers', m.matchers,
                   'is_multi_level', nullif(m.is_multi_level, false), 'new_property_name', m.new_property_name,
                   'prefix_to_remove', m.prefix_to_remove,
                   'rows', CASE WHEN json_typeof(m.rows) <> 'null' THEN m.rows END)::text, NULL::text
        FROM public.mappingrule AS m
        WHERE m.tenant_id = p_tenant_id AND (p_all OR m.is_provisioned)
        ORDER BY m.name, m.id;
    END IF;
END
$$;
COMMENT ON FUNCTION bootstrap.export(text, boolean) IS
'What is provisioned, or everything, as rows of staging. SHOWS SECRETS.';
