-- name: SchemaVersion :one
-- SchemaVersion returns the number of the newest installed migration of schema bootstrap, and the newest one that an
-- older program must not work with (0 when there is none). Error 42P01 or 3F000 when nothing is installed.
SELECT v.version, coalesce((SELECT max(m.version) FROM bootstrap.migration AS m WHERE m.breaking), 0)::integer AS newest_breaking
FROM bootstrap.schema_version AS v;

-- name: RequireKeep :exec
-- RequireKeep raises KB010, KB011 or KB012 unless Keep's tables exist and fit. Reads catalogs only.
SELECT bootstrap.require_keep();

-- name: CreateKeepTables :one
-- CreateKeepTables creates the tables of Keep that provisioning needs, when none of them exists. Safe to repeat.
-- Returns created or exists.
SELECT bootstrap.create_keep_tables();

-- name: PrepareKeep :one
-- PrepareKeep makes the foreign key from provider to tenant deferrable. Safe to repeat; looks before it locks.
-- Returns changed, unchanged or absent. Error 55P03 when the lock is not to be had within 200 ms: roll back and retry.
SELECT bootstrap.prepare_keep();

-- name: EnsureTenant :one
-- EnsureTenant creates the tenant when it is missing and never changes one that exists. Returns created or exists.
SELECT bootstrap.ensure_tenant(@tenant_id, @tenant_name);
