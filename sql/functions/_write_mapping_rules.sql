-- bootstrap._write_mapping_rules(tenant_id): writes the mapping rules of table work.
--
-- disabled, override and condition are reset, as Keep's provisioning does; created_at stays.
CREATE PROCEDURE bootstrap._write_mapping_rules(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamp := clock_timestamp() AT TIME ZONE 'UTC';
BEGIN
    DELETE FROM public.mappingrule AS m
    USING bootstrap._to_write('mapping_rule') AS w
    WHERE w.action = 'prune' AND m.tenant_id = p_tenant_id AND m.id::text = w.object_id AND m.xmin = w.row_version;

    UPDATE public.mappingrule AS m
    SET name              = w.name,
        description       = w.wanted ->> 'description',
        file_name         = w.wanted ->> 'file_name',
        priority          = (w.wanted ->> 'priority')::integer,
        type              = w.wanted ->> 'type',
        matchers          = (w.wanted -> 'matchers')::json,
        rows              = coalesce(s.content::json -> 'definition' -> 'rows', 'null'),
        is_multi_level    = (w.wanted ->> 'is_multi_level')::boolean,
        new_property_name = w.wanted ->> 'new_property_name',
        prefix_to_remove  = w.wanted ->> 'prefix_to_remove',
        disabled          = false,
        override          = true,
        condition         = NULL,
        is_provisioned    = true,
        provisioned_file  = s.content::json ->> 'provisioned_file',
        updated_by        = 'system',
        last_updated_at   = v_now
    FROM bootstrap._to_write('mapping_rule') AS w
    JOIN bootstrap._staged('mapping_rule') AS s ON s.position = w.position
    WHERE w.action IN ('update', 'rename', 'adopt') AND m.tenant_id = p_tenant_id AND m.id::text = w.object_id
      AND m.xmin = w.row_version;

    WITH inserted AS (
        INSERT INTO public.mappingrule (tenant_id, priority, name, description, file_name, created_by, created_at,
            disabled, override, type, matchers, rows, last_updated_at, is_multi_level, new_property_name,
            prefix_to_remove, is_provisioned, provisioned_file)
        SELECT p_tenant_id, (w.wanted ->> 'priority')::integer, w.name, w.wanted ->> 'description',
               w.wanted ->> 'file_name', 'system', v_now, false, true, w.wanted ->> 'type',
               (w.wanted -> 'matchers')::json, coalesce(s.content::json -> 'definition' -> 'rows', 'null'), v_now,
               (w.wanted ->> 'is_multi_level')::boolean, w.wanted ->> 'new_property_name',
               w.wanted ->> 'prefix_to_remove', true, s.content::json ->> 'provisioned_file'
        FROM bootstrap._to_write('mapping_rule') AS w
        JOIN bootstrap._staged('mapping_rule') AS s ON s.position = w.position
        WHERE w.action = 'add'
        RETURNING id::text, name
    )
    UPDATE bootstrap.work AS w
    SET new_object_id = i.id
    FROM inserted AS i
    WHERE w.transaction_id = pg_current_xact_id() AND w.kind = 'mapping_rule' AND w.action = 'add' AND w.name = i.name;
END
$$;
