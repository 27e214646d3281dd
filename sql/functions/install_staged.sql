-- bootstrap.install_staged(tenant_id [, options]): makes the tenant's providers what COPY loaded in this transaction.
--
-- Load bootstrap.manifest_staging (the lines of a JSON file) or bootstrap.provider_staging (a row a provider) by COPY or
-- \copy, without the column transaction_id, and CALL in the same transaction. No secret passes through a statement that a server could log.
-- Guarantees: all or nothing; the state before or the state after, never one between. Adds, updates, renames, replaces,
-- prunes and takes over as needed (_diff_providers), with the guards of _refuse. Safe to repeat and to call from many
-- sessions at once; a call that finds nothing to do writes nothing. Staging is empty afterwards. No COMMIT inside.
-- Options: see _check_options. Report: SELECT * FROM bootstrap.report() in the same transaction.
-- Errors: class KB (docs/errors.md), 55P03 on a lock timeout, 40P01. All of them leave the rows as they were.
CREATE OR REPLACE PROCEDURE bootstrap.install_staged(p_tenant_id text, p_options jsonb DEFAULT '{}')
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_state      text;
    v_message    text;
    v_detail     text;
    v_hint       text;
    v_schema     text;
    v_table      text;
    v_constraint text;
BEGIN
    PERFORM bootstrap._require_writable();
    PERFORM bootstrap._require_trusted_tables();
    CALL bootstrap._settle_staging();
    CALL bootstrap._install(p_tenant_id, p_options);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
        v_hint = PG_EXCEPTION_HINT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME, v_constraint = CONSTRAINT_NAME;
    PERFORM bootstrap._reraise(v_state, v_message, v_detail, v_hint, v_schema, v_table, v_constraint);
END
$$;

COMMENT ON PROCEDURE bootstrap.install_staged(text, jsonb) IS
'Makes the tenant''s providers what COPY loaded into provider_staging in this transaction, atomically. Safe to repeat. Options: see _check_options.';

REVOKE ALL ON PROCEDURE bootstrap.install_staged(text, jsonb) FROM PUBLIC;
