-- What keep-bootstrap activate reads and writes, as the owner of schema bootstrap. Keep itself installs the webhooks; these
-- queries find the providers, prepare the API key that Keep gives to outside systems, and remember what became of each call.

-- name: Webhooks :many
-- Webhooks returns the managed providers of the tenant with install_webhook, or only the one with the given id. Reads only.
SELECT w.object_id, w.name, w.type, w.answer, w.answered_at, w.url, w.is_recorded
FROM bootstrap.webhook AS w
WHERE w.tenant_id = @tenant_id AND (sqlc.narg(object_id)::text IS NULL OR w.object_id = sqlc.narg(object_id))
ORDER BY w.name;

-- name: RecordWebhook :execrows
-- RecordWebhook notes the last call for the webhook of a provider. Until SealWebhook, the provider waits for its webhook.
UPDATE bootstrap.object AS o
SET webhook_answer = @answer::text, webhook_url = @url::text, webhook_at = pg_catalog.clock_timestamp(), webhook_digest = NULL
WHERE o.tenant_id = @tenant_id AND o.kind = 'provider' AND o.object_id = @object_id;

-- name: SealWebhook :execrows
-- SealWebhook notes that the call just recorded has sent what the database holds now.
UPDATE bootstrap.object AS o
SET webhook_digest = w.digest
FROM bootstrap.webhook AS w
WHERE w.tenant_id = @tenant_id AND w.object_id = @object_id
  AND o.tenant_id = w.tenant_id AND o.kind = 'provider' AND o.object_id = w.object_id;

-- name: WebhookKey :one
-- WebhookKey returns the state of the API key that Keep gives to outside systems: fits, missing (SeedWebhookKey creates it), or
-- what is wrong with it: deleted, role, unread (its secret is missing), differs, or taken (its secret belongs to another tenant's key).
-- key_hash is empty if there is no key. Reads only.
SELECT coalesce(k.key_hash, '')::text AS key_hash,
       (CASE WHEN EXISTS (SELECT FROM public.tenantapikey AS o WHERE o.tenant_id || '-' || o.reference_id = n.key
                          AND o.tenant_id <> n.tenant_id AND NOT o.is_deleted) THEN 'taken'
             WHEN k.key_hash IS NULL THEN 'missing'
             WHEN k.is_deleted THEN 'deleted'
             WHEN k.role NOT IN ('webhook', 'admin') THEN 'role'
             WHEN s.value IS NULL THEN 'unread'
             WHEN k.key_hash <> pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(s.value, 'UTF8')), 'hex') THEN 'differs'
             ELSE 'fits' END)::text AS state
FROM (SELECT @tenant_id::text AS tenant_id, @tenant_id::text || '-webhook' AS key) AS n
LEFT JOIN public.tenantapikey AS k ON k.tenant_id = n.tenant_id AND k.reference_id = 'webhook'
LEFT JOIN public.secret AS s ON s.key = n.key;

-- name: MayReadKeys :one
-- MayReadKeys says whether the tables that WebhookKey reads exist, and the role may read them. Reads only.
SELECT coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass('public.tenantapikey')::oid, 'SELECT')
            AND pg_catalog.has_table_privilege(pg_catalog.to_regclass('public.secret')::oid, 'SELECT'), false)::boolean AS may;

-- name: SeedWebhookKey :execrows
-- SeedWebhookKey creates that key and its secret as Keep would, in one statement: two first calls of Keep at once would leave a
-- key that its own secret does not open. The server makes the value. Replaces a secret that a deleted key has left behind.
-- Error 23505 if Keep creates the key at the same time.
WITH made AS MATERIALIZED (
    SELECT pg_catalog.gen_random_uuid()::text AS value, pg_catalog.timezone('UTC', pg_catalog.clock_timestamp()) AS now
),
written AS (
    INSERT INTO public.secret AS s (key, value, last_updated)
    SELECT @tenant_id::text || '-webhook', m.value, m.now FROM made AS m
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, last_updated = excluded.last_updated
    RETURNING s.value, s.last_updated
)
INSERT INTO public.tenantapikey (tenant_id, reference_id, key_hash, is_system, is_deleted, system_description, created_by, role, created_at)
SELECT @tenant_id::text, 'webhook', pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(w.value, 'UTF8')), 'hex'), true, false,
       'Webhooks API key', 'system', 'webhook', w.last_updated
FROM written AS w;

-- name: AdminKeys :many
-- AdminKeys returns the managed API keys of role admin that work. SHOWS SECRETS. Reads only.
SELECT k.reference_id AS name, s.value
FROM bootstrap.object AS o
JOIN public.tenantapikey AS k ON k.tenant_id = o.tenant_id AND k.reference_id = o.object_id AND k.role = 'admin' AND NOT k.is_deleted
JOIN public.secret AS s ON s.key = k.tenant_id || '-' || k.reference_id
WHERE o.tenant_id = @tenant_id AND o.kind = 'api_key'
  AND k.key_hash = pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(s.value, 'UTF8')), 'hex')
ORDER BY k.reference_id;

-- name: SecretOf :many
-- SecretOf returns the secret of a provider, so that its values can be kept out of texts. SHOWS SECRETS. Reads only.
SELECT s.value FROM public.secret AS s WHERE s.key = @tenant_id::text || '_' || @provider_type::text || '_' || @object_id::text;

-- name: ManagedProviders :many
-- ManagedProviders returns the managed providers of the tenant that have a row. Reads only.
SELECT o.object_id, p.name, p.type
FROM bootstrap.object AS o
JOIN public.provider AS p ON p.tenant_id = o.tenant_id AND p.id = o.object_id
WHERE o.tenant_id = @tenant_id AND o.kind = 'provider'
ORDER BY p.name;

-- name: Consumers :many
-- Consumers returns the providers of the tenant that Keep consumes from a queue, whoever created them. Reads only.
SELECT p.id, p.name, p.type FROM public.provider AS p WHERE p.tenant_id = @tenant_id AND p.consumer ORDER BY p.name;

-- name: RequireTables :exec
-- RequireTables raises unless Keep's tables of providers and API keys exist, fit, and run no code of another role.
-- Errors: KB010 to KB014, KB027.
SELECT bootstrap.require_keep('{tenant,provider,api_key}');
