-- bootstrap._live_providers(tenant_id): the providers of a tenant with their secrets, and what is remembered of them.
--
-- Managed providers whose row is missing are included, with id NULL. A text body, because it becomes part of the
-- calling statement that way, and because Keep's tables need not exist when it is created. SHOWS SECRETS. Reads only.
CREATE FUNCTION bootstrap._live_providers(p_tenant_id text) RETURNS SETOF bootstrap.live_provider
LANGUAGE sql STABLE
AS $$
    SELECT p.*, o.object_id, o.name, o.type, o.keys, o.digest, o.prevent_delete, o.install_webhook, o.run_id,
           (SELECT c.value::text FROM public.secret AS c WHERE c.key = p_tenant_id || '-webhook')
    FROM (
        SELECT p.id::text AS id, p.name::text, p.type::text, p.provisioned, p.consumer, p.description::text,
               p.pulling_enabled, p.configuration_key::text, p.xmin, c.value, c.xmin
        FROM public.provider AS p
        LEFT JOIN LATERAL ( -- by index, however many other secrets there are
            SELECT c.value::text AS value, c.xmin FROM public.secret AS c WHERE c.key = p.configuration_key LIMIT 1
        ) AS c ON true
        WHERE p.tenant_id = p_tenant_id
    ) AS p
    FULL JOIN bootstrap._objects(p_tenant_id, 'provider') AS o ON o.object_id = p.id
$$;
