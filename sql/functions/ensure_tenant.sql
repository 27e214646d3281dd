-- bootstrap.ensure_tenant(tenant_id, tenant_name): creates the tenant if it is missing, never changes one.
--
-- Returns created or exists. Needs table public.tenant only. Safe to repeat and to call from many sessions at once.
-- The row is as Keep writes it: configuration is the JSON value null. Waits at most 500 ms for another transaction that
-- creates the same row (55P03). Errors: KB002, KB013, KB041; KB010 without the table.
CREATE FUNCTION bootstrap.ensure_tenant(p_tenant_id text, p_tenant_name text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
SET lock_timeout = '500ms'
AS $$
BEGIN
    IF coalesce(p_tenant_id, '') = '' OR octet_length(p_tenant_id) > 1000 OR p_tenant_name IS NULL THEN
        RAISE EXCEPTION 'a tenant needs an id of at most 1000 bytes, and a name'
            USING ERRCODE = 'KB002', HINT = 'Keep''s own tenant is named ''Single Tenant''.';
    END IF;
    PERFORM bootstrap.require_keep(ARRAY['tenant']);
    IF EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id) THEN
        RETURN 'exists';
    END IF;
    INSERT INTO public.tenant (id, name, configuration)
    VALUES (p_tenant_id, p_tenant_name, 'null') ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN 'created';
    ELSIF EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id) THEN
        RETURN 'exists';
    END IF;
    RAISE EXCEPTION 'the row of tenant % was not written: a trigger or rule of public.tenant drops rows',
        to_json(p_tenant_id) USING ERRCODE = 'KB041', HINT = 'Remove the trigger or rule.';
END
$$;
COMMENT ON FUNCTION bootstrap.ensure_tenant(text, text) IS
'Creates the tenant if it is missing. Returns created or exists. Safe to repeat.';
