-- bootstrap.record_failure(tenant_id, error_code, error_message, tool_version): writes a failed run into the journal.
--
-- For the caller of a run that was rolled back, in a transaction of its own. Pass the message of a KB error, or an
-- empty text: other messages can hold data. Failed runs beyond setting.journal_runs_kept are removed.
CREATE PROCEDURE bootstrap.record_failure(p_tenant_id text, p_error_code text, p_error_message text,
                                          p_tool_version text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
BEGIN
    INSERT INTO bootstrap.run (tenant_id, outcome, started_at, finished_at, role_name, application, client_address,
        transaction_id, tool_version, input_names, tenant_created, added, updated, renamed, replaced, pruned, adopted,
        rules_changed, resources_changed, error_code, error_message)
    VALUES (p_tenant_id, 'failed', now(), clock_timestamp(), session_user, current_setting('application_name'),
        host(inet_client_addr()), pg_current_xact_id(), p_tool_version, '{}', false, 0, 0, 0, 0, 0, 0, 0, 0,
        left(p_error_code, 5), left(p_error_message, 1000));
    DELETE FROM bootstrap.run AS r
    WHERE r.tenant_id = p_tenant_id AND r.outcome = 'failed' AND r.run_id <= (
        SELECT o.run_id FROM bootstrap.run AS o WHERE o.tenant_id = p_tenant_id AND o.outcome = 'failed'
        ORDER BY o.run_id DESC
        LIMIT 1 OFFSET (SELECT g.journal_runs_kept FROM bootstrap.setting AS g));
END
$$;
COMMENT ON PROCEDURE bootstrap.record_failure(text, text, text, text) IS 'Writes a failed run into the journal.';
