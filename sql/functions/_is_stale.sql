-- bootstrap._is_stale(tenant_id, options): whether the option generation is lower than the one that is installed.
--
-- A run of an older generation does nothing, so that an old pod that restarts cannot undo a rollout. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._is_stale(p_tenant_id text, p_options jsonb) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM bootstrap.tenant_state AS t
                   WHERE t.tenant_id = p_tenant_id AND t.generation > (p_options ->> 'generation')::bigint);
END
$$;

COMMENT ON FUNCTION bootstrap._is_stale(text, jsonb) IS
'Whether the option generation is lower than the generation that is installed.';

REVOKE ALL ON FUNCTION bootstrap._is_stale(text, jsonb) FROM PUBLIC;
