-- bootstrap._pairs_provider(tenant_id, every): the providers that do not already match the manifest.
--
-- One join of manifest and live rows by name. Rows that match are dropped here: the text of the secret, the columns and
-- the remembered digest are equal. Of the others, both sides are parsed, once. Live rows that the manifest lacks are
-- returned if they are provisioned, managed, or named in renamed_from; with every, all of them. Managed providers
-- whose row is missing are returned as well. Reads only. No variable or parameter ever holds a value of a secret.
CREATE FUNCTION bootstrap._pairs_provider(p_tenant_id text, p_every boolean) RETURNS SETOF bootstrap.pair
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_former text[] := ARRAY(SELECT jsonb_array_elements_text(s.options::jsonb -> 'renamed_from')
                             FROM bootstrap._staged('provider') AS s WHERE strpos(s.options, 'renamed_from') > 0);
BEGIN
    RETURN QUERY
    WITH differing AS (
        SELECT w, l, CASE WHEN l.secret IS NOT NULL THEN bootstrap._try_jsonb(l.secret) END AS secret
        FROM bootstrap.wanted_provider AS w
        FULL JOIN bootstrap._live_providers(p_tenant_id) AS l ON l.name = w.name
        WHERE CASE WHEN w.position IS NULL
                   THEN p_every OR l.provisioned OR l.object_id IS NOT NULL OR l.name = ANY (v_former)
                   ELSE NOT coalesce(
                       l.secret = w.secret AND l.type = w.type AND l.provisioned
                       AND coalesce(l.consumer = w.consumer, true)
                       AND l.digest = w.digest AND l.install_webhook = w.install_webhook
                       AND coalesce(l.description = w.description, w.description IS NULL)
                       AND coalesce(l.pulling = w.pulling, true) AND coalesce(l.id = w.id, true)
                       AND coalesce(l.prevent_delete = w.prevent_delete, true), false) END
        OFFSET 0 -- each secret is parsed once
    ),
    parsed AS (
        SELECT d.w, d.l, s.secret, s.authentication || m.marks AS authentication, m.rewritten, k.keys,
               CASE WHEN (d.l).object_id IS NOT NULL THEN s.authentication - (d.l).keys
                    WHEN (d.w).position IS NOT NULL THEN s.authentication - (d.w).known
                    WHEN s.authentication IS NOT NULL THEN '{}' END AS unmanaged
        FROM differing AS d
        CROSS JOIN LATERAL (SELECT CASE jsonb_typeof(d.secret) WHEN 'object' THEN d.secret END AS secret,
                                   CASE jsonb_typeof(d.secret -> 'authentication')
                                        WHEN 'object' THEN d.secret -> 'authentication' END
                                       AS authentication OFFSET 0) AS s
        CROSS JOIN LATERAL (SELECT ARRAY(SELECT jsonb_object_keys((d.w).authentication) UNION ALL
                                         SELECT ':' || m.value || m.key FROM jsonb_each_text((d.w).marks) AS m)
                                   AS keys OFFSET 0) AS k
        CROSS JOIN LATERAL ( -- what Keep may have rewritten: the marks, and the values as they are
            SELECT coalesce(jsonb_object_agg(a.key, substr(r.mark, 2, 64)), '{}') AS marks,
                   coalesce(jsonb_object_agg(a.key, a.value), '{}') AS rewritten
            FROM jsonb_each(s.authentication) AS a
            JOIN unnest(coalesce((d.l).keys, k.keys)) AS r (mark) ON r.mark LIKE ':%' AND substr(r.mark, 66) = a.key
            WHERE (d.l).object_id IS NOT NULL OR substr(r.mark, 2, 64) = encode(bootstrap._digest(
                (SELECT g.digest_key FROM bootstrap.setting AS g), a.value #>> '{}'), 'hex')
               OR ((d.l).provisioned AND a.key IN ('email', 'oauth_data', 'oauth_token')) -- renewed by Keep
        ) AS m
    )
    SELECT 'provider', (p.w).position, coalesce((p.w).name, (p.l).name, (p.l).last_name),
           coalesce((p.w).type, (p.l).type, (p.l).last_type),
           jsonb_strip_nulls(jsonb_build_object('name', (p.w).name, 'type', (p.w).type, 'provisioned', true,
               'consumer', (p.w).consumer, 'description', (p.w).description, 'pulling_enabled', (p.w).pulling,
               'secret.name', (p.w).name)) || jsonb_build_object('authentication', (p.w).authentication),
           (p.w).digest,
           p.keys || ARRAY(SELECT ':description' WHERE (p.w).description IS NOT NULL)
                  || ARRAY(SELECT ':pulling_enabled' WHERE (p.w).pulling IS NOT NULL),
           (p.w).id, (p.w).prevent_delete, (p.w).install_webhook,
           ARRAY(SELECT jsonb_array_elements_text((p.w).renamed_from)),
           coalesce((p.l).id, (p.l).object_id), (p.l).name, coalesce((p.l).type, (p.l).last_type),
           CASE WHEN (p.l).name IS NOT NULL THEN jsonb_build_object('name', (p.l).name, 'type', (p.l).type,
               'provisioned', (p.l).provisioned, 'consumer', (p.l).consumer, 'description', (p.l).description,
               'pulling_enabled', (p.l).pulling, 'secret.name', p.secret -> 'name',
               'authentication', p.authentication - ARRAY(SELECT jsonb_object_keys(p.unmanaged - p.keys))) END,
           nullif(p.secret - ARRAY['name', 'authentication']
                  || jsonb_build_object('authentication', coalesce(p.unmanaged - p.keys, '{}') || p.rewritten),
                  '{"authentication": {}}'),
           (p.l).row_version, (p.l).secret_key, (p.l).secret_version, (p.l).provisioned, (p.l).provisioned,
           (p.l).name IS NULL AND EXISTS (SELECT FROM public.provider AS o WHERE o.id = (p.l).object_id),
           (p.l).last_name,
           (p.l).digest <> bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g),
               jsonb_build_array((p.l).name, (p.l).type, (p.l).provisioned,
                   p.authentication - ARRAY(SELECT jsonb_object_keys(p.unmanaged)),
                   CASE WHEN ':description' = ANY ((p.l).keys) THEN (p.l).description END,
                   CASE WHEN ':pulling_enabled' = ANY ((p.l).keys) THEN (p.l).pulling END)::text),
           (p.l).digest = (p.w).digest, (p.l).prevent_delete, (p.l).install_webhook, (p.l).run_id,
           CASE WHEN (p.l).name = (p.w).name THEN 'name' END, NULL::text[], NULL::text, NULL::text[]
    FROM parsed AS p;
END
$$;
