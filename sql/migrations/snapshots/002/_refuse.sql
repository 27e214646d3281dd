-- bootstrap._refuse(): raises when a guard objects to a row of bootstrap.planned_change of this transaction.
--
-- The error names the providers and the option that lets the run through; DETAIL lists at most fifty of them.
-- Errors: KB020, KB021, KB022, KB024, KB025 (docs/design.md). Reads only.
CREATE OR REPLACE FUNCTION bootstrap._refuse() RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_code   text;
    v_count  bigint;
    v_detail text;
BEGIN
    SELECT r.refusal, max(r.total), string_agg(format('%s %s (%s)%s', r.action, to_json(left(r.name, 100)), r.reason, ': ' || nullif(array_to_string(CASE r.refusal WHEN 'KB025' THEN r.drift END, ', '), '')), E'\n' ORDER BY r.number)
    INTO v_code, v_count, v_detail
    FROM (
        SELECT c.*, count(*) OVER (PARTITION BY c.refusal) AS total,
               row_number() OVER (PARTITION BY c.refusal ORDER BY c.sequence) AS number
        FROM bootstrap.planned_change AS c
        WHERE c.transaction_id = pg_current_xact_id_if_assigned() AND c.refusal IS NOT NULL
    ) AS r
    WHERE r.number <= 50
    GROUP BY r.refusal
    ORDER BY array_position(ARRAY['KB020', 'KB022', 'KB024', 'KB025', 'KB021'], r.refusal)
    LIMIT 1;

    CASE
        WHEN v_code IS NULL THEN
            RETURN;
        WHEN v_code = 'KB020' THEN
            RAISE EXCEPTION 'the manifest is empty, and % provider(s) would be pruned', v_count
                USING ERRCODE = v_code, DETAIL = v_detail,
                      HINT = 'If that is meant, set the option allow_empty (--allow-empty). Otherwise look at the source of the manifest.';
        WHEN v_code = 'KB021' THEN
            SELECT count(*) INTO v_count
            FROM bootstrap.planned_change AS c
            WHERE c.transaction_id = pg_current_xact_id_if_assigned() AND c.kind = 'provider' AND c.action IN ('prune', 'replace');
            RAISE EXCEPTION '% provider(s) would be pruned or replaced, more than allowed', v_count
                USING ERRCODE = v_code, DETAIL = v_detail,
                      HINT = format('If that is meant, set the option max_prune (--max-prune %s). The default is half of the provisioned providers, and at least 3.', v_count);
        WHEN v_code = 'KB022' THEN
            RAISE EXCEPTION '% provider(s) with prevent_delete would be pruned or replaced', v_count
                USING ERRCODE = v_code, DETAIL = v_detail,
                      HINT = 'If that is meant, first install the provider with prevent_delete: false; the guard outlives its line in the manifest.';
        WHEN v_code = 'KB025' THEN
            RAISE EXCEPTION 'someone else changed % provider(s) since the last run', v_count
                USING ERRCODE = v_code, DETAIL = v_detail,
                      HINT = 'Look at bootstrap plan, then let the run change it back (--on-drift=overwrite) or leave it (--on-drift=keep; a provider that is pruned or replaced cannot be left).';
        ELSE
            RAISE EXCEPTION '% provider(s) of the manifest have the name of a provider that a user made', v_count
                USING ERRCODE = v_code, DETAIL = v_detail,
                      HINT = 'Rename the provider in the manifest, or take the user''s provider over, with its id, by the option adopt (--adopt). One of another type is never taken over.';
    END CASE;
END
$$;

COMMENT ON FUNCTION bootstrap._refuse() IS
'Raises KB020, KB021, KB022, KB024 or KB025 when a guard objects to what is planned in this transaction.';

REVOKE ALL ON FUNCTION bootstrap._refuse() FROM PUBLIC;
