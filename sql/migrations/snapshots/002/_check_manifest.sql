-- bootstrap._check_manifest(manifest, options): raises KB001 with every problem of the manifest, or returns.
--
-- DETAIL has one problem a line, the first hundred of them, each beginning with the place of the provider in the
-- manifest and its name, or with the kind and place of what else it holds. Reads and writes nothing else.
CREATE OR REPLACE FUNCTION bootstrap._check_manifest(p_manifest json, p_options jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- or auto_explain shows the manifest as a constant
AS $$
DECLARE
    v_count  bigint;
    v_detail text;
BEGIN
    SELECT max(p.total), string_agg(format('%s %s %s: %s', replace(p.kind, '_', ' '), p.position, coalesce(to_json(left(p.name, 100))::text, '(no name)'), p.problem),
                                    E'\n' ORDER BY p.number)
    INTO v_count, v_detail
    FROM (
        SELECT q.*, count(*) OVER () AS total, row_number() OVER (ORDER BY array_position(bootstrap._kinds(), q.kind), q.position, q.problem) AS number
        FROM (
            SELECT 'provider' AS kind, m.position, m.name, m.problem FROM bootstrap._manifest_problems(p_manifest, p_options) AS m
            UNION ALL
            SELECT r.kind, r.position, r.name, r.problem FROM bootstrap._resource_problems(p_manifest) AS r
        ) AS q
    ) AS p
    WHERE p.number <= 100;

    IF v_count > 0 THEN
        RAISE EXCEPTION 'the manifest has % problem(s)', v_count
            USING ERRCODE = 'KB001',
                  DETAIL = v_detail,
                  HINT = 'Nothing was written. Correct the manifest and repeat.';
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._check_manifest(json, jsonb) IS
'Raises KB001 with every problem of the manifest, or returns.';

REVOKE ALL ON FUNCTION bootstrap._check_manifest(json, jsonb) FROM PUBLIC;
