-- bootstrap._pairs_dashboard(tenant_id, every): the dashboards that do not already match the manifest.
--
-- As _pairs_provider. Keep does not mark provisioned dashboards: only managed ones are ever pruned, and those that
-- system created are adopted without the option adopt. Configurations are parsed only where they matter. Reads only.
CREATE FUNCTION bootstrap._pairs_dashboard(p_tenant_id text, p_every boolean) RETURNS SETOF bootstrap.pair
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH wanted AS (
        SELECT f.position, f.name, f.fields,
               bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), f.fields::text) AS digest
        FROM (
            SELECT s.position, s.name, jsonb_build_object('name', s.name, 'config', s.content::jsonb) AS fields
            FROM bootstrap._staged('dashboard') AS s
            OFFSET 0
        ) AS f
    ),
    live AS (
        SELECT d.*, o.object_id, o.name AS last_name, o.digest, o.run_id
        FROM (
            SELECT d.id::text AS id, d.dashboard_name::text AS name, d.xmin AS row_version,
                   d.dashboard_config::text AS config, coalesce(d.created_by = 'system', false) AS provisioned
            FROM public.dashboard AS d
            WHERE d.tenant_id = p_tenant_id
        ) AS d
        FULL JOIN (
            SELECT o.* FROM bootstrap.object AS o WHERE o.tenant_id = p_tenant_id AND o.kind = 'dashboard'
        ) AS o ON o.object_id = d.id
    )
    SELECT 'dashboard', w.position, coalesce(w.name, l.name, l.last_name), NULL::text, w.fields, w.digest,
           ARRAY(SELECT jsonb_object_keys(w.fields)),
           NULL::text, NULL::boolean, NULL::boolean, NULL::text[], coalesce(l.id, l.object_id), l.name, NULL::text,
           f.fields, NULL::jsonb, l.row_version, NULL::text, NULL::xid, l.provisioned, l.object_id IS NOT NULL,
           l.name IS NULL AND EXISTS (SELECT FROM public.dashboard AS o WHERE o.id = l.object_id), l.last_name,
           l.digest <> bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), f.fields::text),
           l.digest = w.digest, NULL::boolean, NULL::boolean, l.run_id, CASE WHEN w.name = l.name THEN 'name' END,
           NULL::text[], NULL::text, NULL::text[]
    FROM wanted AS w
    FULL JOIN live AS l ON l.name = w.name
    CROSS JOIN LATERAL (
        SELECT CASE WHEN l.name IS NOT NULL AND (w.position IS NOT NULL OR l.object_id IS NOT NULL)
               THEN jsonb_build_object('name', l.name,
                                       'config', coalesce(bootstrap._try_jsonb(l.config), to_jsonb(l.config)))
               END AS fields
        OFFSET 0
    ) AS f
    WHERE CASE WHEN w.position IS NULL THEN p_every OR l.object_id IS NOT NULL
               ELSE NOT coalesce(f.fields = w.fields AND l.digest = w.digest, false) END;
END
$$;
