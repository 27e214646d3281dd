-- bootstrap._write_journal(tenant_id, run_id, options, tenant_created): the rows of run and change of this run.
--
-- One statement for the changes. The record of an add is its row in provider_state. Runs that are too old are
-- removed (_trim_journal). No value of a secret and no plain digest of one is stored.
CREATE OR REPLACE PROCEDURE bootstrap._write_journal(p_tenant_id text, p_run_id bigint, p_options jsonb, p_tenant_created boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    INSERT INTO bootstrap.run (run_id, tenant_id, outcome, started_at, finished_at, role_name, application, client_address,
                               transaction_id, tool_version, generation, input_digest, input_names, tenant_created,
                               added, updated, renamed, replaced, pruned, adopted, rules_changed, resources_changed)
    OVERRIDING SYSTEM VALUE
    SELECT p_run_id, p_tenant_id, 'applied', now(), clock_timestamp(), session_user, current_setting('application_name'),
           host(inet_client_addr()), pg_current_xact_id(), p_options ->> 'tool_version', (p_options ->> 'generation')::bigint,
           (SELECT bootstrap._digest(string_agg(i.name || ' ' || i.digest, E'\n' ORDER BY i.position), g.digest_key)
            FROM bootstrap.input_staging AS i CROSS JOIN bootstrap.setting AS g
            WHERE i.transaction_id = pg_current_xact_id() AND i.digest <> '' GROUP BY g.digest_key),
           ARRAY(SELECT i.name FROM bootstrap.input_staging AS i WHERE i.transaction_id = pg_current_xact_id() ORDER BY i.position),
           p_tenant_created,
           count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'add'),
           count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'update'),
           count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'rename'),
           count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'replace'),
           count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'prune'),
           count(*) FILTER (WHERE c.kind = 'provider' AND c.action = 'adopt'),
           count(*) FILTER (WHERE c.kind = 'deduplication_rule'),
           count(*) FILTER (WHERE c.kind NOT IN ('provider', 'deduplication_rule') AND NOT (c.action = 'unchanged'))
    FROM bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id();

    INSERT INTO bootstrap.change (run_id, sequence, tenant_id, kind, action, name, previous_name, object_id, previous_id, fields, drift, reason)
    SELECT p_run_id, c.sequence, p_tenant_id, c.kind, c.action, c.name, c.previous_name,
           coalesce(c.new_object_id, c.object_id),
           CASE WHEN c.action = 'replace' THEN c.object_id END,
           c.fields, CASE WHEN c.action = 'add' THEN '{}' ELSE c.drift END, c.reason
    FROM bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id()
      AND c.action <> 'unchanged' AND NOT (c.kind = 'provider' AND c.action = 'add');

    INSERT INTO bootstrap.tenant_state AS t (tenant_id, generation, last_run)
    VALUES (p_tenant_id, (p_options ->> 'generation')::bigint, p_run_id)
    ON CONFLICT ON CONSTRAINT tenant_state_pkey DO UPDATE
    SET generation = coalesce(excluded.generation, t.generation), last_run = excluded.last_run;

    CALL bootstrap._trim_journal(p_tenant_id);
END
$$;

COMMENT ON PROCEDURE bootstrap._write_journal(text, bigint, jsonb, boolean) IS
'Writes the journal rows of this run and removes runs that are too old.';

REVOKE ALL ON PROCEDURE bootstrap._write_journal(text, bigint, jsonb, boolean) FROM PUBLIC;
