-- Roles of keep-bootstrap for people and programs that must not read secrets. For psql, after schema bootstrap is installed.
--
-- Run:     psql -X -1 -v ON_ERROR_STOP=1 -v runner=NAME -v auditor=NAME -f FILE
-- as:      the owner of schema bootstrap, who owns Keep's tables too. A role that is missing is created, which needs
--          CREATEROLE or a superuser; when both exist, the owner needs no attribute. A superuser may run it all.
-- Effect:  the public routines of schema bootstrap run with the rights of their owner (SECURITY DEFINER).
--            runner   (default keep_bootstrap_runner)   may install and plan: EXECUTE, and INSERT into the staging columns.
--            auditor  (default keep_bootstrap_auditor)  may look: verify, status, history.
--          Neither reads or writes a table of Keep, the journal or a secret other than through these routines. Stored, and
--          applied again by every migration; verify checks it.
-- Repeat:  yes; other names take the place of the ones before.
-- Undo:    SELECT bootstrap.set_security('invoker');   then DROP ROLE.
-- The roles cannot log in as they are created here. Either GRANT keep_bootstrap_runner TO the role that the program
-- connects as, or ALTER ROLE keep_bootstrap_runner LOGIN and set its password with \password, which shows it to no log.

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

-- PostgreSQL 14 lets everybody create objects in schema public; only its owner can change that.
SELECT 'REVOKE CREATE ON SCHEMA public FROM PUBLIC'
FROM pg_catalog.pg_namespace AS n
CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS a
WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE' AND pg_catalog.pg_has_role(n.nspowner, 'USAGE') \gexec

SELECT bootstrap.set_security('definer', :'runner', :'auditor');
SELECT name, ok, detail FROM bootstrap.verify() WHERE name = 'security';
