-- bootstrap.webhook: the managed providers with install_webhook, and whether Keep has installed the webhook.
--
-- Keep does not remember what it has installed, so the program records its last call for each provider. digest is what
-- a call made now would send to the recorded address: type, address, the tenant's webhook key, and the keys of
-- authentication that the manifest gives, except those that Keep renews by itself. is_recorded says that the last
-- successful call has sent exactly that.
CREATE VIEW bootstrap.webhook AS
SELECT w.*, coalesce(w.recorded = w.digest, false) AS is_recorded
FROM (
    SELECT o.tenant_id, o.object_id, p.name, p.type, o.webhook_answer AS answer, o.webhook_at AS answered_at,
           o.webhook_url AS url, o.webhook_digest AS recorded,
           bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g),
                             jsonb_build_array(p.type, o.webhook_url, p.webhook_key, a.sent)::text) AS digest
    FROM bootstrap.tenant AS t
    CROSS JOIN LATERAL bootstrap._live_providers(t.tenant_id) AS p
    JOIN bootstrap.object AS o ON o.tenant_id = t.tenant_id AND o.kind = 'provider' AND o.object_id = p.id
    JOIN bootstrap.provider_type AS y ON y.type = p.type AND y.webhook
    CROSS JOIN LATERAL (SELECT bootstrap._try_jsonb(p.secret) -> 'authentication' AS authentication OFFSET 0) AS s
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(e.key, e.value) AS sent
        FROM jsonb_each(CASE jsonb_typeof(s.authentication) WHEN 'object' THEN s.authentication END) AS e
        WHERE e.key = ANY (o.keys) AND e.key NOT IN ('email', 'oauth_data', 'oauth_token')
    ) AS a
    WHERE o.install_webhook
) AS w;
COMMENT ON VIEW bootstrap.webhook IS 'The managed providers with install_webhook, and whether Keep has installed it.';
