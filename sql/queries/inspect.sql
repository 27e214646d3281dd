-- name: Verify :many
-- Verify returns one row per check. Reads only; works on a standby.
SELECT * FROM bootstrap.verify(@tenant_id);

-- name: Status :many
-- Status returns the providers of the tenant and where each came from. Reads only; works on a standby.
SELECT * FROM bootstrap.status(@tenant_id);

-- name: History :many
-- History returns the runs of the tenant in the journal, newest first. Reads only; works on a standby.
SELECT * FROM bootstrap.history(@tenant_id);

-- name: HistoryChanges :many
-- HistoryChanges returns what one run changed, in order. Reads only; works on a standby.
SELECT * FROM bootstrap.history_changes(@run_id);

-- name: RecordFailure :exec
-- RecordFailure writes a failed run into the journal, in a transaction of its own after the run was rolled back.
-- The message must hold no secret: pass the message of a KB error, or none.
CALL bootstrap.record_failure(@tenant_id, @error_code, @error_message, @tool_version);

-- name: Dependents :many
-- Dependents returns what refers to the providers of a JSON list of ids: alerts, execution logs, rules of users, workflows.
-- These tables are large: call it in a transaction of its own with a short statement_timeout. Reads only.
SELECT * FROM bootstrap.dependents(@tenant_id, @provider_ids);

-- name: Export :many
-- Export returns what is provisioned, or everything, as rows of staging. SHOWS SECRETS in Content. Reads only.
SELECT * FROM bootstrap.export(@tenant_id, @every);
