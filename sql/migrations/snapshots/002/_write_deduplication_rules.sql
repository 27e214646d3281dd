-- bootstrap._write_deduplication_rules(tenant_id): writes the rule rows of bootstrap.planned_change.
--
-- Runs after _write_providers, so that every provider of the manifest has its row and its id. Values are those that
-- Keep writes (keep/formats.md); the id and created_* of a rule stay through updates. Error KB040 when a row is gone.
CREATE OR REPLACE PROCEDURE bootstrap._write_deduplication_rules(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_now     timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_deleted bigint;
    v_written bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM bootstrap.planned_change AS c WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'deduplication_rule') THEN
        RETURN;
    END IF;

    DELETE FROM public.alertdeduplicationrule AS r
    USING bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'deduplication_rule' AND c.action = 'prune'
      AND r.id::text = c.object_id AND r.tenant_id = p_tenant_id AND r.is_provisioned;
    GET DIAGNOSTICS v_deleted = ROW_COUNT;

    WITH wanted AS MATERIALIZED (
        SELECT c.action, c.object_id, c.new_object_id, w.name, w.description, w.fingerprint_fields::json AS fingerprint_fields,
               w.ignore_fields::json AS ignore_fields, w.full_deduplication, w.priority, p.id AS provider_id, p.type AS provider_type
        FROM bootstrap.planned_change AS c
        JOIN (
            SELECT m.position, (m.rule).name, (m.rule).description, (m.rule).fingerprint_fields, (m.rule).ignore_fields,
                   (m.rule).full_deduplication, (m.rule).priority
            FROM (SELECT s.position, bootstrap._read_deduplication_rules(s.deduplication_rules) AS rule
                  FROM bootstrap.provider_staging AS s
                  WHERE s.transaction_id = pg_current_xact_id() AND s.deduplication_rules IS NOT NULL OFFSET 0) AS m
        ) AS w ON w.position = c.position AND w.name = c.name
        LEFT JOIN bootstrap.planned_change AS n
          ON n.transaction_id = pg_current_xact_id() AND n.kind = 'provider' AND n.position = c.position AND n.new_object_id IS NOT NULL
        JOIN public.provider AS p ON p.tenant_id = p_tenant_id AND p.id = coalesce(n.new_object_id, c.provider_id)
        WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'deduplication_rule' AND c.action IN ('update', 'add')
    ),
    updated AS (
        UPDATE public.alertdeduplicationrule AS r
        SET description = w.description, provider_id = w.provider_id, provider_type = w.provider_type,
            fingerprint_fields = w.fingerprint_fields, ignore_fields = w.ignore_fields,
            full_deduplication = w.full_deduplication, priority = w.priority,
            last_updated = v_now, last_updated_by = 'system'
        FROM wanted AS w
        WHERE w.action = 'update' AND r.id::text = w.object_id AND r.tenant_id = p_tenant_id AND r.is_provisioned
        RETURNING r.id
    ),
    added AS (
        INSERT INTO public.alertdeduplicationrule (id, tenant_id, name, description, provider_id, provider_type, last_updated,
                                                   last_updated_by, created_at, created_by, enabled, fingerprint_fields,
                                                   full_deduplication, ignore_fields, priority, is_provisioned)
        SELECT w.new_object_id::uuid, p_tenant_id, w.name, w.description, w.provider_id, w.provider_type, v_now, 'system', v_now, 'system', true,
               w.fingerprint_fields, w.full_deduplication, w.ignore_fields, w.priority, true
        FROM wanted AS w
        WHERE w.action = 'add'
        RETURNING id
    )
    SELECT (SELECT count(*) FROM updated) + (SELECT count(*) FROM added) INTO v_written;

    PERFORM bootstrap._require_written('deduplication_rule', v_deleted + v_written);
END
$$;

COMMENT ON PROCEDURE bootstrap._write_deduplication_rules(text) IS
'Writes the deduplication rules that are planned in this transaction; runs after _write_providers.';

REVOKE ALL ON PROCEDURE bootstrap._write_deduplication_rules(text) FROM PUBLIC;
