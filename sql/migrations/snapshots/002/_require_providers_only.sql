-- bootstrap._require_providers_only(manifest): raises when the manifest holds more than providers.
--
-- Guards install_providers and plan_providers: what else such a manifest says would be installed by install alone.
-- Error KB001. Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._require_providers_only(p_manifest json) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the argument as a constant
AS $$
DECLARE
    v_kinds text;
BEGIN
    IF bootstrap._is_envelope(p_manifest) THEN
        SELECT string_agg(k.key, ', ' ORDER BY k.key) INTO v_kinds
        FROM json_object_keys(p_manifest) AS k (key)
        WHERE k.key <> 'providers' AND k.key NOT LIKE 'x-%';
        IF v_kinds IS NOT NULL THEN
            RAISE EXCEPTION 'the manifest holds more than providers: %', v_kinds
                USING ERRCODE = 'KB001', HINT = 'CALL bootstrap.install(tenant, manifest) installs all kinds, bootstrap.plan shows what it would do.';
        END IF;
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._require_providers_only(json) IS
'Raises KB001 when the manifest holds more than providers.';

REVOKE ALL ON FUNCTION bootstrap._require_providers_only(json) FROM PUBLIC;
