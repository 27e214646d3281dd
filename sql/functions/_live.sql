-- bootstrap._live(tenant_id, kinds, every): the live objects of all kinds except providers.
--
-- Managed objects (with id NULL when the row is missing), provisioned ones, and those with a name of the manifest; with
-- every, all. slot is the name under which the manifest finds it. Of namesakes the managed one is taken, then the
-- visible one, then the one that Keep provisioned, then the newest. is_hidden of a missing row says that someone else
-- has its id. Reads only.
--   user                found by its name, else as the managed one, else as the only one there is; never pruned
--   api_key             found also when it is marked deleted; only managed ones are pruned. secret is NULL when it is
--                       missing or does not fit its hash, secret_version when another tenant's key shares the row
--   deduplication_rule  users' rules (is_provisioned = false) are never touched
--   workflow            rows of tests, and rows that users deleted, never count
--   dashboard           Keep does not mark provisioned ones: only managed ones are pruned, and those that system
--                       created are adopted without the option adopt
--   mapping_rule        a user's rule of the name is adopted without an option, as Keep does
CREATE FUNCTION bootstrap._live(p_tenant_id text, p_kinds text[], p_every boolean) RETURNS SETOF bootstrap.live_object
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_user text;
BEGIN
    IF 'user' = ANY (p_kinds) THEN
        v_user := (SELECT s.name FROM bootstrap._staged('user') AS s LIMIT 1);
        RETURN QUERY
        SELECT 'user', l.id, l.username, CASE WHEN l.rank = 1 AND l.is_meant THEN v_user ELSE l.username END,
               NULL::text, jsonb_build_object('username', l.username, 'password', l.password_hash), NULL::jsonb,
               l.row_version, NULL::text, NULL::xid, false, false, false, NULL::timestamp, l.object_id, l.last_name,
               NULL::text, l.keys, l.digest, l.run_id
        FROM (
            SELECT u.*, o.object_id, o.name AS last_name, o.keys, o.digest, o.run_id,
                   u.username = v_user OR (u.id IS NOT NULL AND o.object_id IS NOT NULL) OR u.users = 1 AS is_meant,
                   row_number() OVER (ORDER BY u.id IS NULL, u.username IS DISTINCT FROM v_user, o.object_id IS NULL,
                                      u.id) AS rank
            FROM (SELECT u.id::text AS id, u.username::text AS username, u.password_hash, u.xmin AS row_version,
                         count(*) OVER () AS users
                  FROM public."user" AS u WHERE u.tenant_id = p_tenant_id) AS u
            FULL JOIN bootstrap._objects(p_tenant_id, 'user') AS o ON o.object_id = u.id
        ) AS l
        WHERE p_every OR l.id IS NULL OR (l.rank = 1 AND l.is_meant);
    END IF;
    IF 'api_key' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'api_key', k.id, k.id, k.id, NULL::text,
               jsonb_build_object('role', k.role, 'deleted', k.is_deleted, 'secret',
                   CASE WHEN encode(sha256(convert_to(c.value, 'UTF8')), 'hex') = k.key_hash THEN k.key_hash END),
               jsonb_build_object('hash', k.key_hash), k.row_version, p_tenant_id || '-' || k.id,
               CASE WHEN NOT EXISTS (SELECT FROM public.tenantapikey AS s
                                     WHERE s.tenant_id || '-' || s.reference_id = c.key AND NOT s.is_deleted
                                       AND s.tenant_id <> p_tenant_id) THEN c.xmin END,
               k.is_system AND k.created_by = 'system', o.object_id IS NOT NULL AND NOT k.is_deleted, k.is_deleted,
               NULL::timestamp, o.object_id, o.name, NULL::text, o.keys, o.digest, o.run_id
        FROM (SELECT k.*, k.reference_id::text AS id, k.xmin AS row_version
              FROM public.tenantapikey AS k WHERE k.tenant_id = p_tenant_id) AS k
        FULL JOIN bootstrap._objects(p_tenant_id, 'api_key') AS o ON o.object_id = k.id
        LEFT JOIN LATERAL (
            SELECT c.key, c.value, c.xmin FROM public.secret AS c WHERE c.key = p_tenant_id || '-' || k.id LIMIT 1
        ) AS c ON true
        WHERE o.object_id IS NOT NULL OR (p_every AND NOT k.is_deleted)
           OR k.id IN (SELECT s.name FROM bootstrap._staged('api_key') AS s);
    END IF;
    IF 'deduplication_rule' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'deduplication_rule', r.id, r.name::text, r.name::text, coalesce(p.name::text, m.name),
               jsonb_build_object('name', r.name, 'description', r.description,
                   'fingerprint_fields',
                   coalesce(bootstrap._try_jsonb(r.fingerprint_fields), to_jsonb(r.fingerprint_fields)),
                   'ignore_fields', coalesce(bootstrap._try_jsonb(r.ignore_fields), to_jsonb(r.ignore_fields)),
                   'full_deduplication', r.full_deduplication, 'priority', r.priority, 'enabled', r.enabled,
                   'provider', r.provider_id, 'provider_type', r.provider_type),
               NULL::jsonb, r.row_version, NULL::text, NULL::xid, r.is_provisioned, r.is_provisioned, false,
               NULL::timestamp, o.object_id, o.name, o.type, o.keys, o.digest, o.run_id
        FROM (
            SELECT r.id::text AS id, r.name, r.description, r.fingerprint_fields::text AS fingerprint_fields,
                   r.ignore_fields::text AS ignore_fields, r.full_deduplication, r.priority, r.enabled, r.provider_id,
                   r.provider_type, r.is_provisioned, r.xmin AS row_version
            FROM public.alertdeduplicationrule AS r WHERE r.tenant_id = p_tenant_id
        ) AS r
        FULL JOIN bootstrap._objects(p_tenant_id, 'deduplication_rule') AS o ON o.object_id = r.id
        LEFT JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = r.provider_id
        LEFT JOIN bootstrap._objects(p_tenant_id, 'provider') AS m ON m.object_id = r.provider_id
        WHERE o.object_id IS NOT NULL OR r.is_provisioned OR p_every;
    END IF;
    IF 'workflow' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'workflow', f.id::text, f.shown_name, f.shown_name, NULL::text,
               jsonb_build_object('name', f.name, 'description', f.description, 'interval', f.interval,
                   'disabled', f.is_disabled, 'raw', f.workflow_raw, 'provisioned', f.provisioned,
                   'deleted', f.is_deleted),
               NULL::jsonb, f.row_version, NULL::text, NULL::xid, f.provisioned, f.provisioned AND NOT f.is_deleted,
               CASE WHEN f.id IS NULL THEN EXISTS (SELECT FROM public.workflow AS w WHERE w.id = o.object_id)
                    ELSE f.is_deleted END,
               f.last_updated, o.object_id, o.name, NULL::text, o.keys, o.digest, o.run_id
        FROM (SELECT f.*, f.xmin AS row_version, coalesce(f.name, '') AS shown_name FROM public.workflow AS f
              WHERE f.tenant_id = p_tenant_id AND NOT f.is_test) AS f
        FULL JOIN bootstrap._objects(p_tenant_id, 'workflow') AS o ON o.object_id = f.id
        WHERE o.object_id IS NOT NULL OR f.provisioned OR (NOT f.is_deleted AND (
              p_every OR f.name IN (SELECT s.name FROM bootstrap._staged('workflow') AS s)));
    END IF;
    IF 'dashboard' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'dashboard', d.id::text, d.dashboard_name::text, d.dashboard_name::text, NULL::text,
               jsonb_build_object('name', d.dashboard_name, 'config',
                   coalesce(bootstrap._try_jsonb(d.dashboard_config::text), to_jsonb(d.dashboard_config::text))),
               NULL::jsonb, d.row_version, NULL::text, NULL::xid, coalesce(d.created_by = 'system', false),
               o.object_id IS NOT NULL,
               d.id IS NULL AND EXISTS (SELECT FROM public.dashboard AS b WHERE b.id = o.object_id),
               NULL::timestamp, o.object_id, o.name, NULL::text, o.keys, o.digest, o.run_id
        FROM (SELECT d.*, d.xmin AS row_version FROM public.dashboard AS d WHERE d.tenant_id = p_tenant_id) AS d
        FULL JOIN bootstrap._objects(p_tenant_id, 'dashboard') AS o ON o.object_id = d.id
        WHERE o.object_id IS NOT NULL OR p_every
           OR d.dashboard_name IN (SELECT s.name FROM bootstrap._staged('dashboard') AS s);
    END IF;
    IF 'mapping_rule' = ANY (p_kinds) THEN
        RETURN QUERY
        SELECT 'mapping_rule', m.live_id, m.name::text, m.name::text, NULL::text,
               jsonb_build_object('name', m.name, 'description', m.description, 'file_name', m.file_name,
                   'priority', m.priority, 'type', m.type,
                   'matchers', coalesce(bootstrap._try_jsonb(m.matchers::text), to_jsonb(m.matchers::text)),
                   'rows', coalesce(bootstrap._try_jsonb(m.rows::text), to_jsonb(m.rows::text), 'null'),
                   'is_multi_level', m.is_multi_level, 'new_property_name', m.new_property_name,
                   'prefix_to_remove', m.prefix_to_remove, 'disabled', m.disabled, 'override', m.override,
                   'condition', m.condition, 'provisioned', m.is_provisioned),
               NULL::jsonb, m.row_version, NULL::text, NULL::xid, m.is_provisioned, m.is_provisioned, false,
               m.last_updated_at, o.object_id, o.name, NULL::text, o.keys, o.digest, o.run_id
        FROM (SELECT m.*, m.id::text AS live_id, m.xmin AS row_version
              FROM public.mappingrule AS m WHERE m.tenant_id = p_tenant_id) AS m
        FULL JOIN bootstrap._objects(p_tenant_id, 'mapping_rule') AS o ON o.object_id = m.live_id
        WHERE o.object_id IS NOT NULL OR m.is_provisioned OR p_every
           OR m.name IN (SELECT s.name FROM bootstrap._staged('mapping_rule') AS s);
    END IF;
END
$$;
