-- bootstrap._resources(manifest): what is wanted beside providers, one row each, with the marks of the kinds that are given.
--
-- With NULL: what COPY loaded into bootstrap.resource_staging in this transaction. Otherwise: the JSON manifest, taken
-- apart anew. Reads and writes nothing else.
CREATE OR REPLACE FUNCTION bootstrap._resources(p_manifest json) RETURNS SETOF bootstrap.resource_staging
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
BEGIN
    IF p_manifest IS NULL THEN
        RETURN QUERY
        SELECT s.* FROM bootstrap.resource_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned();
    ELSE
        RETURN QUERY
        SELECT j.* FROM bootstrap._resources_from_json(p_manifest) AS j;
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._resources(json) IS
'What is wanted beside providers: with NULL what is in staging, otherwise what the JSON manifest holds.';

REVOKE ALL ON FUNCTION bootstrap._resources(json) FROM PUBLIC;
