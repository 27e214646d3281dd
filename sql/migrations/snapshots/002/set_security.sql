-- bootstrap.set_security(mode [, runner, auditor]): with whose privileges the public routines run.
--
-- Mode invoker, the default: with those of the caller, who owns Keep's tables. Mode definer: with those of the owner of
-- schema bootstrap, who owns Keep's tables too, for two roles that own nothing:
--   runner   installs and plans: EXECUTE on the routines of a run, INSERT into the staging columns but transaction_id, SELECT
--            on the two tables with the installed version. Reads no table of Keep, no secret, no journal but through routines.
--   auditor  reads verify, status, history and the like. Installs nothing, plans nothing, sees no secret.
-- Either may be NULL. The roles must exist: bootstrap sql --roles prints the script for a DBA. The mode is stored, and
-- every migration applies it again. Privileges of roles that were named before are revoked. Safe to repeat.
-- To be called by the owner of schema bootstrap or a superuser. Takes no lock on a table of Keep.
-- Errors: KB002 mode or role is not valid, KB013 something of the schema or a table of Keep has another owner, or another
-- role has privileges in the schema; DETAIL names everything. 42501 when the caller is not the owner.
CREATE OR REPLACE FUNCTION bootstrap.set_security(p_mode text, p_runner text DEFAULT NULL, p_auditor text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '60s'
AS $$
DECLARE
    v_problem  text;
    v_role     name;
BEGIN
    v_problem := CASE
        WHEN p_mode IS NULL OR p_mode NOT IN ('invoker', 'definer') THEN 'the mode is neither invoker nor definer'
        WHEN p_mode = 'invoker' AND (p_runner IS NOT NULL OR p_auditor IS NOT NULL) THEN 'mode invoker has no roles'
        WHEN p_runner = p_auditor THEN 'runner and auditor are the same role'
        ELSE (SELECT format('role %I does not exist', w.name) FROM unnest(ARRAY[p_runner, p_auditor]) AS w (name)
              WHERE w.name IS NOT NULL AND NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = w.name) LIMIT 1)
    END;
    v_problem := coalesce(v_problem, (
        SELECT format('role %I has the rights of the owner, role %s, anyway', r.rolname, o.relowner::regrole)
        FROM pg_roles AS r
        CROSS JOIN pg_class AS o
        WHERE r.rolname IN (p_runner, p_auditor) AND o.oid = 'bootstrap.setting'::regclass AND pg_has_role(r.oid, o.relowner, 'MEMBER')
        LIMIT 1));
    IF v_problem IS NOT NULL THEN
        RAISE EXCEPTION '%', v_problem
            USING ERRCODE = 'KB002', HINT = 'SELECT bootstrap.set_security(''definer'', runner, auditor), with roles that exist (bootstrap sql --roles), or SELECT bootstrap.set_security(''invoker'').';
    END IF;

    PERFORM pg_advisory_xact_lock(19266, 0);
    FOR v_role IN
        SELECT r.rolname FROM bootstrap.setting AS g JOIN pg_roles AS r ON r.rolname IN (g.runner_role, g.auditor_role)
    LOOP
        CALL bootstrap._revoke_all(v_role);
    END LOOP;
    UPDATE bootstrap.setting AS g
    SET security = p_mode, runner_role = p_runner, auditor_role = p_auditor
    WHERE (g.security, g.runner_role, g.auditor_role) IS DISTINCT FROM (p_mode, p_runner, p_auditor);
    CALL bootstrap._apply_security();

    SELECT string_agg(p.problem, E'\n') INTO v_problem FROM bootstrap._security_problems() AS p (problem);
    IF v_problem IS NOT NULL THEN
        RAISE EXCEPTION 'schema bootstrap cannot be made safe as it is: %', split_part(v_problem, E'\n', 1)
            USING ERRCODE = 'KB013', DETAIL = v_problem,
                  HINT = 'Nothing was changed. Mend what is listed: REVOKE, or ALTER ... OWNER TO one role for schema bootstrap, its objects and Keep''s tables.';
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap.set_security(text, text, text) IS
'Sets whether the public routines run with the privileges of the caller (invoker) or of the owner (definer, with the roles runner and auditor). Stored, and applied again by every migration.';

REVOKE ALL ON FUNCTION bootstrap.set_security(text, text, text) FROM PUBLIC;
