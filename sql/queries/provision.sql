-- name: StageProviders :copyfrom
-- StageProviders loads the manifest into bootstrap.provider_staging of the current transaction. COPY, because bound
-- values would reach the server's log and these hold secrets. Not visible to anybody else; InstallStaged and PlanStaged
-- remove the rows, a rollback does too.
INSERT INTO bootstrap.provider_staging (
    position, name, type, authentication, deduplication_rules, renamed_from, description, pulling_enabled, prevent_delete, install_webhook
) VALUES (
    @position, @name, @type, @authentication, @deduplication_rules, @renamed_from, @description, @pulling_enabled, @prevent_delete, @install_webhook
);

-- name: StageInputs :copyfrom
-- StageInputs loads where the manifest came from into bootstrap.input_staging of the current transaction.
INSERT INTO bootstrap.input_staging (position, name, digest) VALUES (@position, @name, @digest);

-- name: InstallStaged :exec
-- InstallStaged makes the providers of the tenant what StageProviders loaded in this transaction, or raises. Safe to
-- repeat: a second call writes nothing. Errors: class KB (docs/errors.md), 55P03 on a lock timeout.
CALL bootstrap.install_staged(@tenant_id, @options);

-- name: PlanStaged :many
-- PlanStaged returns what InstallStaged would write, and writes nothing outside of staging.
SELECT * FROM bootstrap.plan_staged(@tenant_id, @options);

-- name: Report :one
-- Report returns the report of the InstallStaged before it in the same transaction.
SELECT * FROM bootstrap.report();

-- name: PlanDigest :one
-- PlanDigest returns what binds a later InstallStaged to the PlanStaged before it in the same transaction, by the option
-- plan_digest. It is keyed and holds no secret; empty for a plan of an older generation.
SELECT coalesce(bootstrap.plan_digest(), '')::text AS digest;

-- name: PlanRefusal :many
-- PlanRefusal returns the error with which the PlanStaged before it in the same transaction would be refused; no row when it
-- would go through.
SELECT r.code::text AS code, r.message::text AS message, r.detail::text AS detail, r.hint::text AS hint
FROM bootstrap.plan_refusal() AS r;

-- name: StageResources :copyfrom
-- StageResources loads what the manifest holds beside providers into bootstrap.resource_staging of the current
-- transaction; a row at position 0 marks a kind as given. COPY for the same reason as StageProviders.
INSERT INTO bootstrap.resource_staging (kind, position, name, content) VALUES (@kind, @position, @name, @content);
