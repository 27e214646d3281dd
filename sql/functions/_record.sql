-- bootstrap._record(tenant_id, run_id, options, tenant_created): records state and journal of this run.
--
-- Runs after the rows of Keep are written, and writes none of them. Guards that the manifest omits are kept.
-- Applied runs beyond setting.journal_runs_kept are removed, per tenant. Holds names and keyed digests, never a value
-- of a secret.
CREATE PROCEDURE bootstrap._record(p_tenant_id text, p_run_id bigint, p_options jsonb, p_tenant_created boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM bootstrap.work AS w
               WHERE w.transaction_id = pg_current_xact_id() AND w.last_name IS NOT NULL) THEN
        DELETE FROM bootstrap.object AS o
        USING bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.last_name IS NOT NULL
          AND (w.action IN ('replace', 'add') OR (w.position IS NULL AND w.state_only))
          AND o.tenant_id = p_tenant_id AND o.kind = w.kind AND o.object_id = w.object_id;
    END IF;
    UPDATE bootstrap.object AS o -- what is remembered of rules names their provider
    SET type = w.name
    FROM bootstrap._to_write('provider') AS w
    WHERE w.action = 'rename' AND o.tenant_id = p_tenant_id AND o.kind = 'deduplication_rule' AND o.type = w.last_name;
    INSERT INTO bootstrap.object AS o (tenant_id, kind, object_id, name, type, keys, digest, prevent_delete,
        install_webhook, run_id)
    SELECT p_tenant_id, w.kind, coalesce(w.new_object_id, w.object_id), w.name, w.type, w.keys,
           w.digest, coalesce(w.wanted_guard, w.prevent_delete, false), coalesce(w.wanted_webhook, false), p_run_id
    FROM bootstrap.work AS w
    WHERE w.transaction_id = pg_current_xact_id() AND w.position IS NOT NULL
      AND (w.action <> 'unchanged' OR w.state_only)
      AND coalesce(w.new_object_id, w.object_id) IS NOT NULL -- or _require_written refuses the run
    ON CONFLICT ON CONSTRAINT object_pkey DO UPDATE
    SET name = excluded.name, type = excluded.type, keys = excluded.keys, digest = excluded.digest,
        prevent_delete = excluded.prevent_delete, install_webhook = excluded.install_webhook, run_id = excluded.run_id;

    INSERT INTO bootstrap.run (run_id, tenant_id, outcome, started_at, finished_at, role_name, application,
        client_address, transaction_id, tool_version, generation, input_digest, input_names, tenant_created, added,
        updated, renamed, replaced, pruned, adopted, rules_changed, resources_changed)
    OVERRIDING SYSTEM VALUE
    SELECT p_run_id, p_tenant_id, 'applied', now(), clock_timestamp(), session_user,
           current_setting('application_name'), host(inet_client_addr()), pg_current_xact_id(),
           p_options ->> 'tool_version', (p_options ->> 'generation')::bigint,
           s.digest, s.names, p_tenant_created, w.added, w.updated, w.renamed, w.replaced, w.pruned, w.adopted, w.rules,
           w.resources
    FROM (
        SELECT encode(bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g),
                                        string_agg(s.name || ' ' || s.content, E'\n' ORDER BY s.position)),
                                        'hex') AS digest,
               coalesce(array_agg(s.name ORDER BY s.position), '{}') AS names
        FROM bootstrap.staging AS s
        WHERE s.transaction_id = pg_current_xact_id() AND s.kind = 'source'
    ) AS s
    CROSS JOIN (
        SELECT count(*) FILTER (WHERE w.kind = 'provider' AND w.action = 'add') AS added,
               count(*) FILTER (WHERE w.kind = 'provider' AND w.action = 'update') AS updated,
               count(*) FILTER (WHERE w.kind = 'provider' AND w.action = 'rename') AS renamed,
               count(*) FILTER (WHERE w.kind = 'provider' AND w.action = 'replace') AS replaced,
               count(*) FILTER (WHERE w.kind = 'provider' AND w.action = 'prune') AS pruned,
               count(*) FILTER (WHERE w.kind = 'provider' AND w.action = 'adopt') AS adopted,
               count(*) FILTER (WHERE w.kind = 'deduplication_rule' AND w.action <> 'unchanged'
                                  AND NOT w.state_only) AS rules,
               count(*) FILTER (WHERE w.kind NOT IN ('provider', 'deduplication_rule')
                                  AND w.action <> 'unchanged') AS resources
        FROM bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id()
    ) AS w;

    INSERT INTO bootstrap.change (run_id, sequence, tenant_id, kind, action, name, previous_name, object_id,
                                  previous_id, fields, drift, reason)
    SELECT p_run_id, w.sequence, p_tenant_id, w.kind, w.action, w.name,
           CASE WHEN w.live_name <> w.name THEN w.live_name END,
           coalesce(w.new_object_id, w.object_id), CASE w.action WHEN 'replace' THEN w.object_id END, w.fields, w.drift,
           w.reason
    FROM bootstrap.work AS w
    WHERE w.transaction_id = pg_current_xact_id() AND w.action <> 'unchanged';

    UPDATE bootstrap.tenant AS t
    SET last_run = p_run_id, generation = coalesce((p_options ->> 'generation')::bigint, t.generation)
    WHERE t.tenant_id = p_tenant_id;

    WITH gone AS (
        DELETE FROM bootstrap.run AS r
        WHERE r.tenant_id = p_tenant_id AND r.outcome = 'applied' AND r.run_id <= (
            SELECT o.run_id FROM bootstrap.run AS o WHERE o.tenant_id = p_tenant_id AND o.outcome = 'applied'
            ORDER BY o.run_id DESC
            LIMIT 1 OFFSET (SELECT g.journal_runs_kept FROM bootstrap.setting AS g))
        RETURNING r.run_id
    )
    DELETE FROM bootstrap.change AS c USING gone AS g WHERE c.run_id = g.run_id;
END
$$;
