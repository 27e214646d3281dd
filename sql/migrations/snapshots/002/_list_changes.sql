-- bootstrap._list_changes(tenant_id, options, with_ids): writes into bootstrap.planned_change what _plan says.
--
-- For plan_staged, which shows the list, and _write_plan, which writes what it says and gives new rows their ids. What
-- the transaction had in the table before is replaced. Error KB023 when secrets are to be written and Keep keeps its own
-- elsewhere. Locks no row.
CREATE OR REPLACE PROCEDURE bootstrap._list_changes(p_tenant_id text, p_options jsonb, p_with_ids boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET work_mem = '64MB'
AS $$
BEGIN
    DELETE FROM bootstrap.planned_change AS c WHERE c.transaction_id = pg_current_xact_id();
    INSERT INTO bootstrap.planned_change (sequence, kind, action, name, previous_name, type, provider_name, provider_id,
                                          object_id, new_object_id, position, fields, drift, reason, refusal, state_only, notes)
    SELECT p.sequence, p.kind, p.action, p.name, p.previous_name, p.type, p.provider_name, p.provider_id, p.object_id,
           CASE WHEN p.new_object_id IS NOT NULL OR NOT p_with_ids THEN p.new_object_id
                WHEN p.kind = 'provider' AND p.action IN ('add', 'replace') THEN n.id
                WHEN p.kind IN ('deduplication_rule', 'workflow', 'dashboard') AND p.action = 'add' THEN gen_random_uuid()::text END,
           p.position, p.fields, p.drift, p.reason, p.refusal, p.state_only, p.notes
    FROM bootstrap._plan(p_tenant_id, NULL, p_options) AS p
    -- Random ids, given out in their order, so that indexes are filled from left to right: that is much less work.
    LEFT JOIN (SELECT m.position, replace(u.id::text, '-', '') AS id
               FROM (SELECT s.position, row_number() OVER (ORDER BY s.position) AS number
                     FROM bootstrap.provider_staging AS s WHERE p_with_ids AND s.transaction_id = pg_current_xact_id()) AS m
               JOIN (SELECT g.id, row_number() OVER (ORDER BY g.id) AS number
                     FROM (SELECT gen_random_uuid() AS id FROM bootstrap.provider_staging AS s
                           WHERE p_with_ids AND s.transaction_id = pg_current_xact_id() OFFSET 0) AS g) AS u ON u.number = m.number) AS n
      ON p.kind = 'provider' AND n.position = p.position;

    IF bootstrap._given_kinds(NULL) && ARRAY['provider', 'api_key'] THEN
        PERFORM bootstrap._require_database_secrets(p_tenant_id, p_options, EXISTS (
            SELECT FROM bootstrap.planned_change AS c
            WHERE c.transaction_id = pg_current_xact_id() AND NOT (c.action = 'unchanged' AND NOT c.state_only)));
    END IF;
END
$$;

COMMENT ON PROCEDURE bootstrap._list_changes(text, jsonb, boolean) IS
'Writes into planned_change what is planned, for plan_staged to show and _write_plan to lock and write.';

REVOKE ALL ON PROCEDURE bootstrap._list_changes(text, jsonb, boolean) FROM PUBLIC;
