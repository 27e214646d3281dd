-- bootstrap._write_deduplication_rules(tenant_id): writes the deduplication rules of table work.
--
-- Runs after _write_providers: every provider of the manifest has its row. id and created_* stay.
CREATE PROCEDURE bootstrap._write_deduplication_rules(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamp := clock_timestamp() AT TIME ZONE 'UTC';
BEGIN
    DELETE FROM public.alertdeduplicationrule AS r
    USING bootstrap._to_write('deduplication_rule') AS w
    WHERE w.action = 'prune' AND r.tenant_id = p_tenant_id AND r.id::text = w.object_id AND r.xmin = w.row_version;

    -- New providers have their ids now.
    UPDATE bootstrap.work AS w
    SET wanted = w.wanted || jsonb_build_object('provider', p.id, 'provider_type', p.type)
    FROM public.provider AS p
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'deduplication_rule' AND w.wanted -> 'provider' = 'null'
      AND p.tenant_id = p_tenant_id AND p.name = w.type;
    UPDATE bootstrap.work AS w
    SET digest = bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g), w.wanted::text)
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'deduplication_rule' AND w.position IS NOT NULL;

    UPDATE public.alertdeduplicationrule AS r
    SET name               = w.wanted ->> 'name',
        description        = w.wanted ->> 'description',
        provider_id        = w.wanted ->> 'provider',
        provider_type      = w.wanted ->> 'provider_type',
        fingerprint_fields = (w.wanted -> 'fingerprint_fields')::json,
        ignore_fields      = (w.wanted -> 'ignore_fields')::json,
        full_deduplication = (w.wanted ->> 'full_deduplication')::boolean,
        priority           = (w.wanted ->> 'priority')::integer,
        enabled            = true,
        is_provisioned     = true,
        last_updated       = v_now,
        last_updated_by    = 'system'
    FROM bootstrap._to_write('deduplication_rule') AS w
    WHERE w.action IN ('update', 'rename', 'adopt') AND r.tenant_id = p_tenant_id AND r.id::text = w.object_id
      AND r.xmin = w.row_version;

    INSERT INTO public.alertdeduplicationrule (id, tenant_id, name, description, provider_id, provider_type,
        last_updated, last_updated_by, created_at, created_by, enabled, fingerprint_fields, full_deduplication,
        ignore_fields, priority, is_provisioned)
    SELECT w.new_object_id::uuid, p_tenant_id, w.wanted ->> 'name', w.wanted ->> 'description',
           w.wanted ->> 'provider', w.wanted ->> 'provider_type', v_now, 'system', v_now, 'system', true,
           (w.wanted -> 'fingerprint_fields')::json, (w.wanted ->> 'full_deduplication')::boolean,
           (w.wanted -> 'ignore_fields')::json, (w.wanted ->> 'priority')::integer, true
    FROM bootstrap._to_write('deduplication_rule') AS w
    WHERE w.action = 'add';
END
$$;
