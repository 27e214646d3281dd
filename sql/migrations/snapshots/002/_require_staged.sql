-- bootstrap._require_staged(): raises when the manifest was loaded in another transaction than this one.
--
-- Without BEGIN, psql's \copy commits by itself, and the CALL after it would see an empty manifest. An empty manifest that
-- is meant has its source in bootstrap.input_staging, or is a line of its own ({}), or no rows of others lie in the staging tables.
-- Error: KB001. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._require_staged() RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM bootstrap.provider_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned())
       AND NOT EXISTS (SELECT FROM bootstrap.manifest_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned())
       AND NOT EXISTS (SELECT FROM bootstrap.resource_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned())
       AND NOT EXISTS (SELECT FROM bootstrap.input_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned())
       AND (EXISTS (SELECT FROM bootstrap.provider_staging) OR EXISTS (SELECT FROM bootstrap.manifest_staging) OR EXISTS (SELECT FROM bootstrap.resource_staging))
    THEN
        RAISE EXCEPTION 'the manifest was loaded in another transaction'
            USING ERRCODE = 'KB001',
                  DETAIL = 'The staging tables hold rows of a transaction that has ended, and none of this one.',
                  HINT = E'BEGIN, load with COPY or \\copy, CALL bootstrap.install_staged, COMMIT. For an empty manifest: CALL bootstrap.install_providers(tenant, ''{}'').';
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._require_staged() IS
'Raises KB001 when the manifest was loaded in another transaction than this one.';

REVOKE ALL ON FUNCTION bootstrap._require_staged() FROM PUBLIC;
