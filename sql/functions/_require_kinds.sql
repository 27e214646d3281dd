-- bootstrap._require_kinds(manifest): raises unless this Keep has the tables of every kind that the manifest gives.
--
-- An older Keep lacks some (mapping rules could not be provisioned before revision 67ff7efffed4): those kinds are
-- refused with what is missing, a manifest without them is installed. Errors: KB027, and KB013 as in
-- _require_trusted_tables. Reads catalogs only.
CREATE OR REPLACE FUNCTION bootstrap._require_kinds(p_manifest json) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
DECLARE
    v_kind        text;
    v_differences text;
BEGIN
    FOREACH v_kind IN ARRAY bootstrap._given_kinds(p_manifest) LOOP
        CONTINUE WHEN v_kind = 'provider'; -- require_keep looks at those first
        SELECT string_agg(d.difference, E'\n') INTO v_differences FROM bootstrap._keep_differences(ARRAY[v_kind]) AS d;
        IF v_differences IS NOT NULL THEN
            RAISE EXCEPTION 'this Keep cannot have %s: %', replace(v_kind, '_', ' '), split_part(v_differences, E'\n', 1)
                USING ERRCODE = 'KB027', DETAIL = v_differences,
                      HINT = format('Upgrade Keep: its schema revision must be %s or newer. Or leave them out of the manifest; the rest can be installed.',
                                    CASE v_kind WHEN 'mapping_rule' THEN '67ff7efffed4 (Keep 0.54)' ELSE '9dd1be4539e0 (June 2025)' END);
        END IF;
    END LOOP;
    -- Once more, now that all tables are known to exist: one that was missing before could have been made by anybody.
    PERFORM bootstrap._require_trusted_tables();
END
$$;

COMMENT ON FUNCTION bootstrap._require_kinds(json) IS
'Raises KB027 unless this Keep has the tables of every kind that the manifest gives.';

REVOKE ALL ON FUNCTION bootstrap._require_kinds(json) FROM PUBLIC;
