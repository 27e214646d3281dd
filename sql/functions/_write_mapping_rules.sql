-- bootstrap._write_mapping_rules(tenant_id): writes the mapping rules that work says.
--
-- disabled, override and condition are reset, as Keep's provisioning does; created_at stays. Errors: KB040, KB041.
CREATE PROCEDURE bootstrap._write_mapping_rules(p_tenant_id text)
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
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'mapping_rule' AND w.action = 'prune'
    ),
    gone AS (
        DELETE FROM public.mappingrule AS m USING target AS t
        WHERE m.tenant_id = p_tenant_id AND m.id::text = t.object_id AND m.xmin = t.row_version
        RETURNING m.id
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM gone) INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('mappingrule', v_wanted, v_written, 'id', p_targets => 'w.action = ''prune''');

    WITH target AS MATERIALIZED (
        SELECT w.object_id, w.row_version, r.*, s.content::json ->> 'provisioned_file' AS provisioned_file,
               coalesce(s.content::json -> 'definition' -> 'rows', 'null') AS rows
        FROM bootstrap.work AS w
        JOIN bootstrap.staging AS s
          ON s.transaction_id = pg_current_xact_id() AND s.kind = 'mapping_rule' AND s.position = w.position
        CROSS JOIN LATERAL jsonb_to_record(w.wanted - 'rows')
            AS r (name text, description text, file_name text, priority integer, type text, matchers json,
                  is_multi_level boolean, new_property_name text, prefix_to_remove text)
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'mapping_rule'
          AND w.action IN ('update', 'rename', 'adopt')
          AND NOT w.state_only
    ),
    updated AS (
        UPDATE public.mappingrule AS m
        SET name = t.name, description = t.description, file_name = t.file_name, priority = t.priority, type = t.type,
            matchers = t.matchers, rows = t.rows, is_multi_level = t.is_multi_level,
            new_property_name = t.new_property_name, prefix_to_remove = t.prefix_to_remove, disabled = false,
            override = true, condition = NULL, is_provisioned = true, provisioned_file = t.provisioned_file,
            updated_by = 'system', last_updated_at = v_now
        FROM target AS t
        WHERE m.tenant_id = p_tenant_id AND m.id::text = t.object_id AND m.xmin = t.row_version
        RETURNING m.rows::text = t.rows::text AND m.matchers::text = t.matchers::text AND m.name = t.name
                  AND m.priority = t.priority AND m.is_provisioned AND NOT m.disabled AS is_written
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FILTER (WHERE u.is_written) FROM updated AS u)
    INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('mappingrule', v_wanted, v_written, 'id');

    WITH target AS MATERIALIZED (
        SELECT r.*, s.content::json ->> 'provisioned_file' AS provisioned_file,
               coalesce(s.content::json -> 'definition' -> 'rows', 'null') AS rows
        FROM bootstrap.work AS w
        JOIN bootstrap.staging AS s
          ON s.transaction_id = pg_current_xact_id() AND s.kind = 'mapping_rule' AND s.position = w.position
        CROSS JOIN LATERAL jsonb_to_record(w.wanted - 'rows')
            AS r (name text, description text, file_name text, priority integer, type text, matchers json,
                  is_multi_level boolean, new_property_name text, prefix_to_remove text)
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'mapping_rule' AND w.action = 'add'
    ),
    inserted AS (
        INSERT INTO public.mappingrule (tenant_id, priority, name, description, file_name, created_by, created_at,
            disabled, override, type, matchers, rows, last_updated_at, is_multi_level, new_property_name,
            prefix_to_remove, is_provisioned, provisioned_file)
        SELECT p_tenant_id, t.priority, t.name, t.description, t.file_name, 'system', v_now, false, true, t.type,
               t.matchers, t.rows, v_now, t.is_multi_level, t.new_property_name, t.prefix_to_remove, true,
               t.provisioned_file
        FROM target AS t
        RETURNING id::text, name
    ),
    known AS (
        UPDATE bootstrap.work AS w SET new_object_id = i.id FROM inserted AS i
        WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'mapping_rule' AND w.action = 'add'
          AND w.name = i.name
        RETURNING w.name
    )
    SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM known) INTO v_wanted, v_written;
    PERFORM bootstrap._require_written('mappingrule', v_wanted, v_written);
END
$$;
