-- name: Stage :copyfrom
-- Stage loads the manifest into bootstrap.staging of the current transaction. COPY, because bound values would reach the server's
-- log, and these hold secrets. No other session sees the rows. InstallStaged and PlanStaged remove them, and so does a rollback.
INSERT INTO bootstrap.staging (kind, position, name, type, content, options) VALUES (@kind, @position, @name, @type, @content, @options);

-- name: InstallStaged :exec
-- InstallStaged installs for the tenant what Stage loaded in this transaction, or raises. Safe to repeat: a second call writes nothing.
-- Errors: class KB (docs/errors.md), 55P03 on a lock timeout.
CALL bootstrap.install_staged(@tenant_id, @options);

-- name: PlanStaged :many
-- PlanStaged returns what InstallStaged would write, and writes nothing outside of staging.
SELECT * FROM bootstrap.plan_staged(@tenant_id, @options);

-- name: Report :one
-- Report returns the report of the InstallStaged before it in the same transaction.
SELECT * FROM bootstrap.report();

-- name: PlanReport :one
-- PlanReport returns the report of the PlanStaged before it in the same transaction: no count is known then.
SELECT r.plan_digest, r.refusal, r.message, r.detail, r.hint FROM bootstrap.report() AS r;

-- name: Problems :many
-- Problems returns what is wrong with the manifest that Stage loaded in this transaction. Shows no secret.
SELECT * FROM bootstrap.problems(@options);
