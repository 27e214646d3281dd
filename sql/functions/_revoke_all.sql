-- bootstrap._revoke_all(role): takes from a role what set_security gave it in schema bootstrap.
--
-- Safe to repeat. Privileges that the role has by membership in another one stay.
CREATE OR REPLACE PROCEDURE bootstrap._revoke_all(p_role name)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA bootstrap FROM %I', p_role);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA bootstrap FROM %I', p_role); -- column privileges too
    EXECUTE format('REVOKE ALL ON SCHEMA bootstrap FROM %I', p_role);
END
$$;

COMMENT ON PROCEDURE bootstrap._revoke_all(name) IS
'Takes from a role what set_security gave it in schema bootstrap.';

REVOKE ALL ON PROCEDURE bootstrap._revoke_all(name) FROM PUBLIC;
