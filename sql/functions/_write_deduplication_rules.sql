-- bootstrap._write_deduplication_rules(tenant_id): writes the deduplication rules that work says.
--
-- Runs after _write_providers: every provider of the manifest has its row. id and created_* stay. Errors: KB040, KB041.
CREATE PROCEDURE bootstrap._write_deduplication_rules(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now     timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_wanted  bigint;
    v_written bigint;
BEGIN
    WITH target AS MATERIALIZED (
        SELECT w.object_id, w.row_version FROM bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'deduplication_rule' AND w.action = 'prune'
    ),
    gone AS (
        DELETE FROM public.alertdeduplicationrule AS r USING target AS t
        WHERE r.tenant_id = p_tenant_id AND r.id::text = t.object_id AND r.xmin = t.row_version
        RETURNING r.id
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM gone) INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('alertdeduplicationrule', v_wanted, v_written, 'id',
                                       p_targets => 'w.action = ''prune''');

    -- New providers have their ids now.
    UPDATE bootstrap.work AS w
    SET wanted = w.wanted || jsonb_build_object('provider', p.id, 'provider_type', p.type)
    FROM public.provider AS p
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'deduplication_rule' AND w.wanted -> 'provider' = 'null'
      AND p.tenant_id = p_tenant_id AND p.name = w.type;
    UPDATE bootstrap.work AS w
    SET digest = bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), w.wanted::text)
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'deduplication_rule' AND w.position IS NOT NULL;

    WITH target AS MATERIALIZED (
        SELECT w.object_id, w.row_version, w.wanted FROM bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'deduplication_rule'
          AND w.action IN ('update', 'rename', 'adopt') AND NOT w.state_only
    ),
    updated AS (
        UPDATE public.alertdeduplicationrule AS r
        SET name = t.wanted ->> 'name', description = t.wanted ->> 'description', provider_id = t.wanted ->> 'provider',
            provider_type = t.wanted ->> 'provider_type', fingerprint_fields = (t.wanted -> 'fingerprint_fields')::json,
            ignore_fields = (t.wanted -> 'ignore_fields')::json, enabled = true, is_provisioned = true,
            full_deduplication = (t.wanted ->> 'full_deduplication')::boolean,
            priority = (t.wanted ->> 'priority')::integer, last_updated = v_now, last_updated_by = 'system'
        FROM target AS t
        WHERE r.tenant_id = p_tenant_id AND r.id::text = t.object_id AND r.xmin = t.row_version
        RETURNING r.enabled AND r.is_provisioned AND (r.name, r.description, r.provider_id, r.priority::text)
                  = (t.wanted ->> 'name', t.wanted ->> 'description', t.wanted ->> 'provider', t.wanted ->> 'priority')
                  AND r.fingerprint_fields::jsonb = t.wanted -> 'fingerprint_fields'
                  AND r.ignore_fields::jsonb = t.wanted -> 'ignore_fields' AS is_written
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FILTER (WHERE u.is_written) FROM updated AS u)
    INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('alertdeduplicationrule', v_wanted, v_written, 'id');

    WITH target AS MATERIALIZED (
        SELECT w.new_object_id, w.wanted FROM bootstrap.work AS w
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'deduplication_rule' AND w.action = 'add'
    ),
    inserted AS (
        INSERT INTO public.alertdeduplicationrule (id, tenant_id, name, description, provider_id, provider_type,
            last_updated, last_updated_by, created_at, created_by, enabled, fingerprint_fields, full_deduplication,
            ignore_fields, priority, is_provisioned)
        SELECT t.new_object_id::uuid, p_tenant_id, t.wanted ->> 'name', t.wanted ->> 'description',
               t.wanted ->> 'provider', t.wanted ->> 'provider_type', v_now, 'system', v_now, 'system', true,
               (t.wanted -> 'fingerprint_fields')::json,
               (t.wanted ->> 'full_deduplication')::boolean, (t.wanted -> 'ignore_fields')::json,
               (t.wanted ->> 'priority')::integer, true
        FROM target AS t
        RETURNING enabled AS is_written
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FILTER (WHERE i.is_written) FROM inserted AS i)
    INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('alertdeduplicationrule', v_wanted, v_written);
END
$$;
