-- Roles of keep-bootstrap for pipelines that must not read secrets, and for auditors. For psql, after bootstrap.sql.
--
-- Run:     psql -X -1 -v ON_ERROR_STOP=1 -v runner=NAME -v auditor=NAME -f FILE
-- as:      the owner of schema bootstrap, or a superuser. Creating a missing role needs CREATEROLE.
-- Effect:  grants, and nothing else. Public routines run with the rights of their owner (SECURITY DEFINER), so neither role
--          needs a right on a table of Keep, and neither reads a secret.
--            runner   (default keep_bootstrap_runner)   installs and plans
--            auditor  (default keep_bootstrap_auditor)  reads verify, status and the journal
-- Repeat:  safe, and needed after "keep-bootstrap migrate" has replaced the routines. Rights not listed here are revoked.
-- Undo:    the three REVOKE statements below, then DROP ROLE.
-- The roles are created without login. Either GRANT them to the role that the program connects as, or ALTER ROLE ... LOGIN
-- and set the password with \password, which keeps it out of every log.

\set ON_ERROR_STOP on
\if :{?runner}
\else
    \set runner keep_bootstrap_runner
\endif
\if :{?auditor}
\else
    \set auditor keep_bootstrap_auditor
\endif

SELECT pg_catalog.format('CREATE ROLE %I NOLOGIN', r.name)
FROM (VALUES (:'runner'), (:'auditor')) AS r (name)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS o WHERE o.rolname = r.name) \gexec

REVOKE ALL ON ALL ROUTINES IN SCHEMA bootstrap FROM :"runner", :"auditor";
REVOKE ALL ON ALL TABLES IN SCHEMA bootstrap FROM :"runner", :"auditor";
REVOKE ALL ON SCHEMA bootstrap FROM :"runner", :"auditor";

-- Both roles. The program reads the installed version before anything else.
GRANT USAGE ON SCHEMA bootstrap TO :"runner", :"auditor";
GRANT SELECT ON bootstrap.schema_version TO :"runner", :"auditor";
GRANT SELECT (breaking_version) ON bootstrap.setting TO :"runner", :"auditor";
GRANT EXECUTE ON ROUTINE
    bootstrap.verify,
    bootstrap.status,
    bootstrap.history,
    bootstrap.history_changes
TO :"runner", :"auditor";

-- The runner loads a manifest (it cannot read it back), installs or plans it, and records what failed.
GRANT INSERT (kind, position, name, type, content, options) ON bootstrap.staging TO :"runner";
GRANT INSERT (line) ON bootstrap.manifest_staging TO :"runner";
GRANT EXECUTE ON ROUTINE
    bootstrap.install,
    bootstrap.install_providers,
    bootstrap.install_staged,
    bootstrap.plan,
    bootstrap.plan_providers,
    bootstrap.plan_staged,
    bootstrap.problems,
    bootstrap.report,
    bootstrap.dependents,
    bootstrap.record_failure,
    bootstrap.ensure_tenant, -- up --tenant-only
    bootstrap.prepare_keep -- the last statement of up, if Keep has rebuilt its foreign key
TO :"runner";

-- Nobody else: export shows secrets, and routines with a leading underscore run inside the others.
