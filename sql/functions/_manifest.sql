-- bootstrap._manifest(manifest): the providers that are wanted, one row each.
--
-- With NULL: what COPY loaded into bootstrap.provider_staging in this transaction. Otherwise: the JSON manifest, taken
-- apart anew. Reads and writes nothing else.
CREATE OR REPLACE FUNCTION bootstrap._manifest(p_manifest json) RETURNS SETOF bootstrap.provider_staging
LANGUAGE plpgsql STABLE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
BEGIN
    IF p_manifest IS NULL THEN
        RETURN QUERY
        SELECT s.* FROM bootstrap.provider_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned();
    ELSE
        RETURN QUERY
        SELECT j.* FROM bootstrap._manifest_from_json(p_manifest) AS j;
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._manifest(json) IS
'The providers that are wanted: with NULL those in staging, otherwise those of the JSON manifest.';

REVOKE ALL ON FUNCTION bootstrap._manifest(json) FROM PUBLIC;
