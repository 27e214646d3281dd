-- bootstrap._write_resources(tenant_id, kinds): writes the planned rows of these kinds, in the order of _kinds().
--
-- Calls the procedure of each kind that has planned rows. Error KB040 when a row is gone.
CREATE OR REPLACE PROCEDURE bootstrap._write_resources(p_tenant_id text, p_kinds text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_kind text;
BEGIN
    FOREACH v_kind IN ARRAY bootstrap._kinds() LOOP
        CONTINUE WHEN v_kind <> ALL (p_kinds)
                   OR NOT EXISTS (SELECT FROM bootstrap.planned_change AS c WHERE c.transaction_id = pg_current_xact_id() AND c.kind = v_kind);
        CASE v_kind
            WHEN 'user' THEN CALL bootstrap._write_users(p_tenant_id);
            WHEN 'api_key' THEN CALL bootstrap._write_api_keys(p_tenant_id);
            WHEN 'workflow' THEN CALL bootstrap._write_workflows(p_tenant_id);
            WHEN 'dashboard' THEN CALL bootstrap._write_dashboards(p_tenant_id);
            WHEN 'mapping_rule' THEN CALL bootstrap._write_mapping_rules(p_tenant_id);
        END CASE;
    END LOOP;
END
$$;

COMMENT ON PROCEDURE bootstrap._write_resources(text, text[]) IS
'Writes the planned rows of these kinds, in the order in which they need each other.';

REVOKE ALL ON PROCEDURE bootstrap._write_resources(text, text[]) FROM PUBLIC;
