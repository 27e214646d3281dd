-- bootstrap._require_written(table, wanted, written [, column, version, targets]): raises unless all rows were written.
--
-- A row that still has the version that the diff saw was passed over by a trigger or a rule, and one that this run
-- wrote (it has the version of the rows of work), but that does not count as written, was changed by one: KB041.
-- Otherwise the application changed or deleted it meanwhile: KB040. Without column, rows were inserted, and only a
-- trigger or a rule can interfere. targets is the condition on work, as w, of a step that does not write all rows that
-- change.
CREATE FUNCTION bootstrap._require_written(
    p_table text, p_wanted bigint, p_written bigint, p_column text DEFAULT NULL, p_version text DEFAULT 'row_version',
    p_targets text DEFAULT 'true'
) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_is_trigger boolean := true;
BEGIN
    IF p_wanted = p_written THEN
        RETURN;
    END IF;
    IF p_column IS NOT NULL THEN
        EXECUTE format($q$
            SELECT count(*) FILTER (WHERE w.%1$I = t.xmin) > 0
                   OR count(DISTINCT t.ctid) FILTER (WHERE w.xmin = t.xmin) > $1
            FROM public.%2$I AS t
            JOIN bootstrap.work AS w ON w.%3$I = t.%4$I::text AND w.%1$I IS NOT NULL
            WHERE w.transaction_id = pg_current_xact_id() AND w.action <> 'unchanged' AND NOT w.state_only
              AND (%5$s)
            $q$, p_version, p_table, CASE p_version WHEN 'row_version' THEN 'object_id' ELSE 'secret_key' END, p_column,
            p_targets)
        INTO v_is_trigger USING p_written;
    END IF;
    IF v_is_trigger THEN
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
