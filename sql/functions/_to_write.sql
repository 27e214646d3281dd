-- bootstrap._to_write(kind): the work of this transaction that writes rows of Keep, for one kind.
--
-- Its body becomes part of the calling statement.
CREATE FUNCTION bootstrap._to_write(p_kind text) RETURNS SETOF bootstrap.work
LANGUAGE sql STABLE
AS $$
    SELECT w.* FROM bootstrap.work AS w
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = p_kind AND w.action <> 'unchanged' AND NOT w.state_only
$$;
