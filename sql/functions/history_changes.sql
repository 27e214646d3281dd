-- bootstrap.history_changes(run_id): what one run changed, in order.
--
-- Adds that are still as they were stand in provider_state, all else in change. Reads only; works on a standby.
CREATE OR REPLACE FUNCTION bootstrap.history_changes(p_run_id bigint) RETURNS SETOF bootstrap.change
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT h.*
    FROM (
        SELECT c.* FROM bootstrap.change AS c WHERE c.run_id = p_run_id
        UNION ALL
        SELECT s.added_run, 0, s.tenant_id, 'provider', 'add', s.name, NULL, s.provider_id, NULL, '{}'::text[], '{}'::text[], 'not installed yet'
        FROM bootstrap.provider_state AS s
        JOIN bootstrap.run AS r ON r.run_id = p_run_id AND r.tenant_id = s.tenant_id
        WHERE s.added_run = p_run_id
    ) AS h
    ORDER BY array_position(bootstrap._kinds(), h.kind), h.action <> 'add', h.sequence, h.name;
END
$$;

COMMENT ON FUNCTION bootstrap.history_changes(bigint) IS
'What one run changed, in order. Reads only; works on a standby.';

REVOKE ALL ON FUNCTION bootstrap.history_changes(bigint) FROM PUBLIC;
