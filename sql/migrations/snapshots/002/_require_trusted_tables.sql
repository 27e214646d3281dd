-- bootstrap._require_trusted_tables([kind]): raises, in mode definer, unless the tables of Keep are there and belong to our owner.
--
-- Every public routine that reads or writes a table of Keep calls it first: what stands in schema public under such a
-- name, made by somebody else, would run its code with our rights. The tables that the kind of resource needs must exist,
-- because what is missing could be made by anybody the next moment; a routine that reads a further table where it exists
-- looks whether it exists before it calls this. Does nothing in mode invoker.
-- Errors: KB013, and those of require_keep. Reads catalogs only.
CREATE OR REPLACE FUNCTION bootstrap._require_trusted_tables(p_kind text DEFAULT 'provider') RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_untrusted text;
BEGIN
    IF (SELECT g.security FROM bootstrap.setting AS g) = 'invoker' THEN
        RETURN;
    END IF;
    PERFORM bootstrap.require_keep(p_kind);
    SELECT string_agg(u.untrusted, E'\n') INTO v_untrusted FROM bootstrap._untrusted_tables() AS u (untrusted);
    IF v_untrusted IS NOT NULL THEN
        RAISE EXCEPTION 'a table of Keep belongs to another role than schema bootstrap'
            USING ERRCODE = 'KB013', DETAIL = v_untrusted,
                  HINT = 'Nothing was read or written: its owner decides what code runs in it, with the rights of ours. ALTER TABLE ... OWNER TO the owner of schema bootstrap, drop what is not Keep''s, or SELECT bootstrap.set_security(''invoker'').';
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._require_trusted_tables(text) IS
'Raises KB013, in mode definer, unless the tables of Keep belong to the owner of these routines.';

REVOKE ALL ON FUNCTION bootstrap._require_trusted_tables(text) FROM PUBLIC;
