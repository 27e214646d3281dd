-- bootstrap.record_failure(tenant_id, error_code, error_message, tool_version): writes a failed run into the journal.
--
-- For the caller of a run that was rolled back, in a transaction of its own. The message is that of an error of class
-- KB, or empty: anything else could hold data. Guarantees nothing about the run itself.
CREATE OR REPLACE PROCEDURE bootstrap.record_failure(p_tenant_id text, p_error_code text, p_error_message text, p_tool_version text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET row_security = off
SET lock_timeout = '500ms'
AS $$
BEGIN
    INSERT INTO bootstrap.run (tenant_id, outcome, started_at, finished_at, role_name, application, client_address,
                               transaction_id, tool_version, input_names, tenant_created, added, updated, renamed,
                               replaced, pruned, adopted, rules_changed, resources_changed, error_code, error_message)
    VALUES (p_tenant_id, 'failed', now(), clock_timestamp(), session_user, current_setting('application_name'),
            host(inet_client_addr()), pg_current_xact_id(), p_tool_version, '{}', false, 0, 0, 0, 0, 0, 0, 0, 0,
            left(p_error_code, 5), left(p_error_message, 1000));

    CALL bootstrap._trim_journal(p_tenant_id);
END
$$;

COMMENT ON PROCEDURE bootstrap.record_failure(text, text, text, text) IS
'Writes a failed run into the journal, in a transaction of its own after the run was rolled back.';

REVOKE ALL ON PROCEDURE bootstrap.record_failure(text, text, text, text) FROM PUBLIC;
