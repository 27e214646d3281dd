-- bootstrap._write_mapping_rules(tenant_id): writes the mapping rules of bootstrap.planned_change.
--
-- Values are those that Keep writes (keep/formats.md): matchers and rows are never SQL NULL, because Keep's API fails at
-- that. A rule keeps its id through every change. Error KB040 when a row is gone.
CREATE OR REPLACE PROCEDURE bootstrap._write_mapping_rules(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_now     timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_pruned  bigint;
    v_updated bigint;
    v_added   bigint;
BEGIN
    DELETE FROM public.mappingrule AS m
    USING bootstrap.planned_change AS c
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'mapping_rule' AND c.action = 'prune' AND m.tenant_id = p_tenant_id AND m.id::text = c.object_id;
    GET DIAGNOSTICS v_pruned = ROW_COUNT;

    UPDATE public.mappingrule AS m
    SET name              = CASE WHEN 'name' = ANY (c.fields) THEN w.name ELSE m.name END,
        description       = CASE WHEN 'description' = ANY (c.fields) THEN w.fields ->> 'description' ELSE m.description END,
        file_name         = CASE WHEN 'file_name' = ANY (c.fields) THEN w.fields ->> 'file_name' ELSE m.file_name END,
        priority          = CASE WHEN 'priority' = ANY (c.fields) THEN (w.fields ->> 'priority')::integer ELSE m.priority END,
        type              = CASE WHEN 'type' = ANY (c.fields) THEN w.fields ->> 'type' ELSE m.type END,
        matchers          = CASE WHEN 'matchers' = ANY (c.fields) THEN (w.fields ->> 'matchers')::json ELSE m.matchers END,
        rows              = CASE WHEN 'rows' = ANY (c.fields) THEN coalesce(s.content::json -> 'definition' -> 'rows', 'null') ELSE m.rows END,
        is_multi_level    = CASE WHEN 'is_multi_level' = ANY (c.fields) THEN (w.fields ->> 'is_multi_level')::boolean ELSE m.is_multi_level END,
        new_property_name = CASE WHEN 'new_property_name' = ANY (c.fields) THEN w.fields ->> 'new_property_name' ELSE m.new_property_name END,
        prefix_to_remove  = CASE WHEN 'prefix_to_remove' = ANY (c.fields) THEN w.fields ->> 'prefix_to_remove' ELSE m.prefix_to_remove END,
        disabled          = CASE WHEN 'disabled' = ANY (c.fields) THEN false ELSE m.disabled END,
        override          = CASE WHEN 'override' = ANY (c.fields) THEN true ELSE m.override END,
        condition         = CASE WHEN 'condition' = ANY (c.fields) THEN NULL ELSE m.condition END,
        is_provisioned    = CASE WHEN 'provisioned' = ANY (c.fields) THEN true ELSE m.is_provisioned END,
        provisioned_file  = CASE WHEN 'provisioned_file' = ANY (c.fields) THEN w.fields ->> 'provisioned_file' ELSE m.provisioned_file END,
        updated_by = 'system', last_updated_at = v_now
    FROM (SELECT o.* FROM bootstrap.planned_change AS o
          WHERE o.transaction_id = pg_current_xact_id() AND o.kind = 'mapping_rule' AND o.action IN ('update', 'adopt') AND NOT o.state_only) AS c
    JOIN bootstrap._wanted_resources(NULL) AS w ON w.kind = 'mapping_rule' AND w.position = c.position
    JOIN bootstrap.resource_staging AS s ON s.transaction_id = pg_current_xact_id() AND s.kind = 'mapping_rule' AND s.position = c.position
    WHERE m.tenant_id = p_tenant_id AND m.id::text = c.object_id;
    GET DIAGNOSTICS v_updated = ROW_COUNT;

    WITH added AS (
        INSERT INTO public.mappingrule (tenant_id, priority, name, description, file_name, created_by, created_at, disabled, override, type, matchers,
                                        rows, last_updated_at, is_multi_level, new_property_name, prefix_to_remove, is_provisioned, provisioned_file)
        SELECT p_tenant_id, (w.fields ->> 'priority')::integer, w.name, w.fields ->> 'description', w.fields ->> 'file_name', 'system', v_now, false, true,
               w.fields ->> 'type', (w.fields ->> 'matchers')::json, coalesce(s.content::json -> 'definition' -> 'rows', 'null'), v_now,
               (w.fields ->> 'is_multi_level')::boolean, w.fields ->> 'new_property_name', w.fields ->> 'prefix_to_remove', true, w.fields ->> 'provisioned_file'
        FROM bootstrap.planned_change AS c
        JOIN bootstrap._wanted_resources(NULL) AS w ON w.kind = 'mapping_rule' AND w.position = c.position
        JOIN bootstrap.resource_staging AS s ON s.transaction_id = pg_current_xact_id() AND s.kind = 'mapping_rule' AND s.position = c.position
        WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'mapping_rule' AND c.action = 'add'
        RETURNING id, name
    )
    UPDATE bootstrap.planned_change AS c
    SET new_object_id = a.id::text
    FROM added AS a
    WHERE c.transaction_id = pg_current_xact_id() AND c.kind = 'mapping_rule' AND c.action = 'add' AND c.name = a.name;
    GET DIAGNOSTICS v_added = ROW_COUNT;

    PERFORM bootstrap._require_written('mapping_rule', v_pruned + v_updated + v_added);
END
$$;

COMMENT ON PROCEDURE bootstrap._write_mapping_rules(text) IS
'Writes the mapping rules that are planned in this transaction.';

REVOKE ALL ON PROCEDURE bootstrap._write_mapping_rules(text) FROM PUBLIC;
