-- bootstrap._staged(kind): the rows of one kind that this transaction has staged, without the mark at position 0.
--
-- Kind document is the JSON manifest itself. Where nothing can be staged (a standby, a read-only transaction), plan()
-- keeps the manifest in a setting of the transaction, and all rows come from there. Reads only.
CREATE FUNCTION bootstrap._staged(p_kind text) RETURNS SETOF bootstrap.staging
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(current_setting('bootstrap.manifest', true), '') = '' THEN
        RETURN QUERY
        SELECT s.* FROM bootstrap.staging AS s
        WHERE s.transaction_id = pg_current_xact_id_if_assigned() AND s.kind = p_kind AND s.position > 0;
    ELSIF p_kind = 'document' THEN
        RETURN QUERY
        SELECT '0'::xid8, p_kind, 1, NULL::text, NULL::text, current_setting('bootstrap.manifest'), NULL::text;
    ELSE
        RETURN QUERY SELECT r.* FROM bootstrap._manifest_rows() AS r WHERE r.kind = p_kind AND r.position > 0;
    END IF;
END
$$;
