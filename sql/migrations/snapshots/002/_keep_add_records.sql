-- bootstrap._keep_add_records(tenant_id, provider_ids): moves the record of an add from provider_state into the journal.
--
-- The state row is the record of an add as long as it says what was added. Called before a state row is removed or
-- renamed. Does nothing for runs that the journal no longer holds. Safe to repeat.
CREATE OR REPLACE PROCEDURE bootstrap._keep_add_records(p_tenant_id text, p_provider_ids text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    INSERT INTO bootstrap.change (run_id, sequence, tenant_id, kind, action, name, object_id, fields, drift, reason)
    SELECT s.added_run,
           (coalesce(m.last_sequence, 0) + row_number() OVER (PARTITION BY s.added_run ORDER BY s.name))::integer,
           s.tenant_id, 'provider', 'add', s.name, s.provider_id, '{}', '{}', 'not installed yet'
    FROM bootstrap.provider_state AS s
    JOIN bootstrap.run AS r ON r.run_id = s.added_run AND r.tenant_id = p_tenant_id
    LEFT JOIN (
        SELECT c.run_id, max(c.sequence) AS last_sequence
        FROM bootstrap.change AS c
        WHERE c.run_id = ANY (ARRAY(SELECT o.added_run FROM bootstrap.provider_state AS o
                                    WHERE o.tenant_id = p_tenant_id AND o.provider_id = ANY (p_provider_ids) AND o.added_run IS NOT NULL))
        GROUP BY c.run_id
    ) AS m ON m.run_id = s.added_run
    WHERE s.tenant_id = p_tenant_id AND s.provider_id = ANY (p_provider_ids);

    UPDATE bootstrap.provider_state AS s
    SET added_run = NULL
    WHERE s.tenant_id = p_tenant_id AND s.provider_id = ANY (p_provider_ids) AND s.added_run IS NOT NULL;
END
$$;

COMMENT ON PROCEDURE bootstrap._keep_add_records(text, text[]) IS
'Moves the record of an add from provider_state into the journal, before the state row is removed or renamed.';

REVOKE ALL ON PROCEDURE bootstrap._keep_add_records(text, text[]) FROM PUBLIC;
