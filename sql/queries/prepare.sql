-- name: SchemaVersion :one
-- SchemaVersion returns the number of the newest installed migration of schema bootstrap, and the newest one that a program must
-- know (0 if there is none). Error 42P01 or 3F000 if nothing is installed.
SELECT v.version, g.breaking_version FROM bootstrap.schema_version AS v CROSS JOIN bootstrap.setting AS g;

-- name: PrepareKeep :one
-- PrepareKeep makes the foreign key from provider to tenant deferrable. Safe to repeat; looks before it locks, waits at most 200 ms.
-- Returns changed, unchanged, absent, or locked.
SELECT bootstrap.prepare_keep();

-- name: EnsureTenant :one
-- EnsureTenant creates the tenant if it is missing and never changes one that exists. Returns created or exists.
SELECT bootstrap.ensure_tenant(@tenant_id, @tenant_name);
