-- name: RequireKeepSecrets :exec
-- RequireKeepSecrets raises unless the tables that FindSecrets reads exist, fit and are trusted.
-- Errors: KB010 to KB014, KB027.
SELECT bootstrap.require_keep('{tenant,provider,api_key,workflow}');

-- name: LockTenant :exec
-- LockTenant waits for a run of the tenant, and makes the next one wait until the end of the transaction.
SELECT t.tenant_id FROM bootstrap.tenant AS t WHERE t.tenant_id = @tenant_id FOR UPDATE;

-- name: LockSecrets :exec
-- LockSecrets locks the rows of table secret that differ from what is staged, so that FindSecrets judges what will be
-- overwritten.
SELECT c.key
FROM public.secret AS c
JOIN bootstrap.staging AS s ON s.name = c.key
WHERE s.transaction_id = pg_current_xact_id() AND s.kind = 'secret' AND s.content <> c.value
ORDER BY c.key
FOR UPDATE OF c;

-- name: FindSecrets :exec
-- FindSecrets puts every secret that Keep's rows name into bootstrap.work, with what becomes of it. Rows of
-- bootstrap.staging of kind secret are what the old store has: name is the key, content the value, or options the
-- reason why there is none.
--
-- Actions: add; update (only with refresh); keep, for a row that differs and stays; unchanged; missing, when neither
-- side has it; absent, the same of a secret that is optional; refuse, with the reason. What table secret will hold is
-- checked, wherever it comes from: it must be JSON as Keep reads it, and the secret of an API key must fit its hash.
-- A row that another tenant names as well is never written.
WITH named AS MATERIALIZED (
    SELECT 'provider' AS kind, p.name::text AS name, p.configuration_key::text AS key, NULL::text AS hash
    FROM public.provider AS p
    WHERE p.tenant_id = @tenant_id::text
    UNION ALL
    SELECT 'api_key', k.reference_id::text, k.tenant_id || '-' || k.reference_id, k.key_hash::text
    FROM public.tenantapikey AS k
    WHERE k.tenant_id = @tenant_id::text AND NOT k.is_deleted
    UNION ALL
    SELECT 'smtp', 'SMTP settings', @tenant_id::text || '_smtp', NULL::text
    UNION ALL
    SELECT 'workflow', coalesce(w.name, w.id)::text, @tenant_id::text || '_' || w.id || '_secrets', NULL::text
    FROM public.workflow AS w
    WHERE w.tenant_id = @tenant_id::text AND NOT w.is_deleted
),
compared AS MATERIALIZED (
    SELECT n.kind, n.name, n.key, n.hash, s.position, s.options AS unreadable, s.content, c.value::text AS live,
           CASE WHEN s.position IS NULL AND c.key IS NOT NULL THEN 'unchanged'
                WHEN s.position IS NULL AND n.kind IN ('smtp', 'workflow') THEN 'absent'
                WHEN s.position IS NULL THEN 'missing'
                WHEN c.key IS NULL THEN 'add'
                WHEN c.value = s.content THEN 'unchanged'
                WHEN @refresh::boolean THEN 'update'
                ELSE 'keep' END AS action
    FROM named AS n
    LEFT JOIN bootstrap.staging AS s
           ON s.transaction_id = pg_current_xact_id() AND s.kind = 'secret' AND s.name = n.key
    LEFT JOIN public.secret AS c ON c.key = n.key
),
checked AS (
    SELECT c.*,
           CASE WHEN c.action IN ('missing', 'absent') THEN NULL
                WHEN c.action IN ('add', 'update') AND c.unreadable IS NOT NULL THEN c.unreadable
                WHEN c.action IN ('add', 'update') AND c.key IN (
                    SELECT k.tenant_id || '-' || k.reference_id FROM public.tenantapikey AS k
                    WHERE k.tenant_id <> @tenant_id::text AND NOT k.is_deleted
                    UNION ALL
                    SELECT p.configuration_key FROM public.provider AS p WHERE p.tenant_id <> @tenant_id::text
                ) THEN 'another tenant uses the same key'
                WHEN c.kind = 'api_key' AND encode(sha256(convert_to(v.value, 'UTF8')), 'hex') <> c.hash
                THEN format('the value in the %s is not that of the key: its SHA-256 digest is another', v.side)
                WHEN c.kind = 'provider'
                     AND jsonb_typeof(bootstrap._try_jsonb(v.value) -> 'authentication') IS DISTINCT FROM 'object'
                THEN format('the value in the %s is not JSON with an object authentication', v.side)
                WHEN c.kind IN ('smtp', 'workflow')
                     AND jsonb_typeof(bootstrap._try_jsonb(v.value)) IS DISTINCT FROM 'object'
                THEN format('the value in the %s is not a JSON object', v.side)
           END AS problem
    FROM compared AS c
    CROSS JOIN LATERAL (
        SELECT CASE WHEN c.action IN ('add', 'update') THEN c.content ELSE c.live END AS value,
               CASE WHEN c.action IN ('add', 'update') THEN 'store' ELSE 'database' END AS side
    ) AS v
)
INSERT INTO bootstrap.work (transaction_id, kind, name, secret_key, position, action, state_only, reason)
SELECT pg_current_xact_id(), c.kind, c.name, c.key, c.position,
       CASE WHEN c.problem IS NULL THEN c.action ELSE 'refuse' END,
       c.problem IS NOT NULL OR c.action NOT IN ('add', 'update'),
       coalesce(c.problem, CASE c.action
           WHEN 'add' THEN 'not in the database'
           WHEN 'update' THEN 'differs from the store'
           WHEN 'keep' THEN coalesce('the store cannot be compared: ' || c.unreadable, 'differs from the store')
           WHEN 'unchanged' THEN CASE WHEN c.position IS NULL THEN 'not in the store' ELSE 'the same on both sides' END
           ELSE 'neither in the store nor in the database' END)
FROM checked AS c;

-- name: FoundSecrets :many
-- FoundSecrets returns what FindSecrets found in the same transaction. Shows no value.
SELECT w.kind, w.name::text AS name, w.secret_key::text AS key, w.action::text AS action, w.reason::text AS reason
FROM bootstrap.work AS w
WHERE w.transaction_id = pg_current_xact_id()
ORDER BY w.kind, w.name, w.secret_key;

-- name: ClearWork :exec
-- ClearWork empties bootstrap.work of the current transaction.
DELETE FROM bootstrap.work AS w WHERE w.transaction_id = pg_current_xact_id();

-- name: ClearStaging :exec
-- ClearStaging empties bootstrap.staging of the current transaction.
DELETE FROM bootstrap.staging AS s WHERE s.transaction_id = pg_current_xact_id();
