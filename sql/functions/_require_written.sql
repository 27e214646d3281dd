-- bootstrap._require_written(table, wanted, written [, column, version, targets]): raises unless all rows were written.
--
-- A row that still has the version that the diff saw was passed over by a trigger or a rule: KB041. Otherwise the
-- application changed or deleted it meanwhile: KB040. Without column, rows were inserted, and only a trigger or a rule
-- can interfere. targets is the condition on work, as w, of a step that does not write all rows that change.
CREATE FUNCTION bootstrap._require_written(
    p_table text, p_wanted bigint, p_written bigint, p_column text DEFAULT NULL, p_version text DEFAULT 'row_version',
    p_targets text DEFAULT 'true'
) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_untouched bigint := 1;
BEGIN
    IF p_wanted = p_written THEN
        RETURN;
    END IF;
    IF p_column IS NOT NULL THEN
        EXECUTE format($q$
            SELECT count(*) FROM public.%I AS t
            JOIN bootstrap.work AS w ON w.%I = t.%I::text AND w.%I = t.xmin
            WHERE w.transaction_id = pg_current_xact_id() AND w.action <> 'unchanged' AND NOT w.state_only
              AND (%s)
            $q$, p_table, CASE p_version WHEN 'row_version' THEN 'object_id' ELSE 'secret_key' END, p_column, p_version,
            p_targets)
        INTO v_untouched;
    END IF;
    IF v_untouched > 0 THEN
        RAISE EXCEPTION '% of % rows of public.% were written as they should be: a trigger or rule of the table '
                        'changes or drops rows', p_written, p_wanted, quote_ident(p_table)
            USING ERRCODE = 'KB041',
                  HINT = 'Nothing was written. Remove the trigger or rule, or let it pass the rows of keep-bootstrap.';
    END IF;
    RAISE EXCEPTION 'conflict with a concurrent transaction: % of % rows of public.% were as the plan saw them',
        p_written, p_wanted, quote_ident(p_table)
        USING ERRCODE = 'KB040', HINT = 'Nothing was written. Repeat the run.';
END
$$;
