-- bootstrap._given_kinds(manifest): the kinds of resources that the manifest gives, in the order in which they are installed.
--
-- A run touches no other kind. Providers are given, possibly none, unless the manifest gives other kinds alone.
-- With NULL: what COPY loaded in this transaction. Reads and writes nothing else.
CREATE OR REPLACE FUNCTION bootstrap._given_kinds(p_manifest json) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
DECLARE
    v_kinds text[];
BEGIN
    v_kinds := ARRAY(SELECT DISTINCT r.kind FROM bootstrap._resources(p_manifest) AS r);
    IF v_kinds = '{}' OR (p_manifest IS NULL AND EXISTS (SELECT FROM bootstrap.provider_staging AS s WHERE s.transaction_id = pg_current_xact_id_if_assigned())) THEN
        v_kinds := v_kinds || ARRAY['provider'];
    END IF;
    RETURN ARRAY(SELECT k.kind FROM unnest(bootstrap._kinds()) WITH ORDINALITY AS k (kind, n) WHERE k.kind = ANY (v_kinds) ORDER BY k.n);
END
$$;

COMMENT ON FUNCTION bootstrap._given_kinds(json) IS
'The kinds of resources that the manifest gives: a run touches no other.';

REVOKE ALL ON FUNCTION bootstrap._given_kinds(json) FROM PUBLIC;
