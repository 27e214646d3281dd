-- bootstrap._require_tenant(tenant_id, options): raises when the tenant is missing and may not be created.
--
-- Errors: KB002 without a tenant id; KB004 with the option require_tenant. Reads only.
CREATE OR REPLACE FUNCTION bootstrap._require_tenant(p_tenant_id text, p_options jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(p_tenant_id, '') = '' THEN
        RAISE EXCEPTION 'no tenant is named' USING ERRCODE = 'KB002', HINT = 'Keep''s own tenant is ''keep''.';
    END IF;
    IF octet_length(p_tenant_id) > 1000 THEN
        RAISE EXCEPTION 'the id of the tenant has % bytes, 1000 is the most', octet_length(p_tenant_id)
            USING ERRCODE = 'KB002', HINT = 'Keep''s own tenant is ''keep''.';
    END IF;
    IF (p_options ->> 'require_tenant')::boolean AND NOT EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id) THEN
        RAISE EXCEPTION 'tenant % does not exist', to_json(p_tenant_id)
            USING ERRCODE = 'KB004', DETAIL = 'The option require_tenant forbids creating it.',
                  HINT = 'Create it with bootstrap.ensure_tenant, or leave require_tenant (--require-tenant) out.';
    END IF;
END
$$;

COMMENT ON FUNCTION bootstrap._require_tenant(text, jsonb) IS
'Raises KB004 when the tenant is missing and the option require_tenant forbids creating it.';

REVOKE ALL ON FUNCTION bootstrap._require_tenant(text, jsonb) FROM PUBLIC;
