-- bootstrap._refuse(): raises when a guard objects to a row of bootstrap.planned_change of this transaction.
--
-- The error names what it objects to and the option that lets the run through.
-- Errors: KB020, KB021, KB022, KB024, KB025, KB028, KB029 (docs/design.md). Reads only.
CREATE OR REPLACE FUNCTION bootstrap._refuse() RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_refusal record;
BEGIN
    FOR v_refusal IN SELECT r.code, r.message, r.detail, r.hint FROM bootstrap._refusal() AS r LOOP
        RAISE EXCEPTION '%', v_refusal.message
            USING ERRCODE = v_refusal.code, DETAIL = v_refusal.detail, HINT = v_refusal.hint;
    END LOOP;
END
$$;

COMMENT ON FUNCTION bootstrap._refuse() IS
'Raises KB020, KB021, KB022, KB024, KB025, KB028 or KB029 when a guard objects to what is planned in this transaction.';

REVOKE ALL ON FUNCTION bootstrap._refuse() FROM PUBLIC;
