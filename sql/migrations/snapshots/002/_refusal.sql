-- bootstrap._refusal(): what a guard objects to in bootstrap.planned_change of this transaction; no row when none does.
--
-- One row about one guard and one kind of resource: SQLSTATE, message, at most fifty of the objects, and the option that lets the
-- run through. _refuse raises it, plan_staged leaves it for plan_refusal. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._refusal() RETURNS TABLE (code text, message text, detail text, hint text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_kind  text;
    v_count bigint;
BEGIN
    SELECT r.refusal, r.kind, max(r.total), string_agg(format('%s %s (%s)%s', r.action, to_json(left(r.name, 100)), r.reason, ': ' || nullif(array_to_string(CASE r.refusal WHEN 'KB025' THEN r.drift END, ', '), '')), E'\n' ORDER BY r.number)
    INTO code, v_kind, v_count, detail
    FROM (
        SELECT c.*, count(*) OVER (PARTITION BY c.refusal, c.kind) AS total,
               row_number() OVER (PARTITION BY c.refusal, c.kind ORDER BY c.sequence) AS number
        FROM bootstrap.planned_change AS c
        WHERE c.transaction_id = pg_current_xact_id_if_assigned() AND c.refusal IS NOT NULL
    ) AS r
    WHERE r.number <= 50
    GROUP BY r.refusal, r.kind
    ORDER BY array_position(ARRAY['KB020', 'KB022', 'KB024', 'KB028', 'KB029', 'KB025', 'KB021'], r.refusal), array_position(bootstrap._kinds(), r.kind)
    LIMIT 1;
    IF code IS NULL THEN
        RETURN;
    END IF;

    IF code = 'KB021' THEN
        SELECT count(*) INTO v_count
        FROM bootstrap.planned_change AS c
        WHERE c.transaction_id = pg_current_xact_id_if_assigned() AND c.kind = v_kind AND c.action IN ('prune', 'replace');
    END IF;
    v_kind := replace(v_kind, '_', ' ');
    CASE code
        WHEN 'KB020' THEN
            message := format('the manifest is empty, and %s %s(s) would be pruned', v_count, v_kind);
            hint := 'If that is meant, set the option allow_empty (--allow-empty). Otherwise look at the source of the manifest.';
        WHEN 'KB021' THEN
            message := format('%s %s(s) would be pruned or replaced, more than allowed', v_count, v_kind);
            hint := format('If that is meant, set the option max_prune (--max-prune %s). The default is half of the provisioned %ss, and at least 3.', v_count, v_kind);
        WHEN 'KB022' THEN
            message := format('%s %s(s) with prevent_delete would be pruned or replaced', v_count, v_kind);
            hint := 'If that is meant, first install the provider with prevent_delete: false; the guard outlives its line in the manifest.';
        WHEN 'KB025' THEN
            message := format('someone else changed %s %s(s) since the last run', v_count, v_kind);
            hint := 'Look at bootstrap plan, then let the run change it back (--on-drift=overwrite) or leave it (--on-drift=keep; what is pruned or replaced cannot be left).';
        WHEN 'KB028' THEN
            message := format('%s API key(s) of the manifest have the secret of another key', v_count);
            hint := 'Keep tells its API keys apart by their secrets, so no two can share one. Give this key another secret, or delete the other key.';
        WHEN 'KB029' THEN
            message := 'no user has the name of the default user, and there are several';
            hint := 'Say with KEEP_DEFAULT_USERNAME whose password is to be reset, or leave the reset out.';
        ELSE
            message := format('%s %s(s) of the manifest have the name of a %s that a user made', v_count, v_kind, v_kind);
            hint := format('Rename the %1$s in the manifest, or take the user''s %1$s over, with its id, by the option adopt (--adopt).', v_kind)
                             || CASE v_kind WHEN 'provider' THEN ' One of another type is never taken over.' ELSE '' END;
    END CASE;
    RETURN NEXT;
END
$$;

COMMENT ON FUNCTION bootstrap._refusal() IS
'What a guard objects to in the plan of this transaction: SQLSTATE, message, detail and hint. No row when none does.';

REVOKE ALL ON FUNCTION bootstrap._refusal() FROM PUBLIC;
