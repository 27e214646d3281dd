-- bootstrap._routine_security(): how each routine of the schema is to be set, given the mode in bootstrap.setting.
--
-- In mode invoker everything is SECURITY INVOKER and belongs to the owner. In mode definer the routines that a role may
-- execute are SECURITY DEFINER. Which ones follows from name and kind, so that a new routine needs no entry here:
--   nobody but the owner   private routines (_name), what shows secrets (export_...), what makes or unmakes Keep's tables and
--                          constraint, and set_security itself;
--   the runner             every other public routine;
--   the auditor            of those, the functions declared STABLE: they read. Not plan_...: a plan tells whether a guessed
--                          value is that of a secret.
-- Reads catalogs and bootstrap.setting only.
CREATE OR REPLACE FUNCTION bootstrap._routine_security()
RETURNS TABLE (routine regprocedure, is_definer boolean, for_runner boolean, for_auditor boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.oid::regprocedure,
           r.is_open,
           r.is_open,
           r.is_open AND r.prokind = 'f' AND r.provolatile <> 'v' AND r.proname NOT LIKE E'plan\\_%'
    FROM (
        SELECT p.oid, p.proname, p.prokind, p.provolatile,
               g.security = 'definer'
               AND p.proname NOT LIKE E'\\_%' AND p.proname NOT LIKE E'export\\_%'
               AND p.proname NOT IN ('create_keep_tables', 'unprepare_keep', 'set_security') AS is_open
        FROM pg_proc AS p
        CROSS JOIN bootstrap.setting AS g
        WHERE p.pronamespace = 'bootstrap'::regnamespace
    ) AS r;
END
$$;

COMMENT ON FUNCTION bootstrap._routine_security() IS
'How each routine of the schema is to be set: SECURITY DEFINER or not, and which role may execute it.';

REVOKE ALL ON FUNCTION bootstrap._routine_security() FROM PUBLIC;
