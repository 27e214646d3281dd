-- bootstrap.ensure_tenant(tenant_id, tenant_name): the row of the tenant exists afterwards.
--
-- Returns created or exists. An existing row is never changed, whatever its name. Safe to repeat and to call from many
-- sessions at once: one of them creates the row. Requires Keep's table tenant.
-- Locks: none when the row exists; otherwise as one INSERT, which waits at most 500 ms for a transaction that is about to
-- create the same row (55P03: repeat).
-- The row is as Keep writes it: configuration is the JSON value null.
CREATE OR REPLACE FUNCTION bootstrap.ensure_tenant(p_tenant_id text, p_tenant_name text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET row_security = off
SET lock_timeout = '500ms'
AS $$
BEGIN
    IF coalesce(p_tenant_id, '') = '' OR p_tenant_name IS NULL THEN
        RAISE EXCEPTION 'a tenant needs an id and a name'
            USING ERRCODE = 'KB002', HINT = 'Keep''s own tenant is ''keep'', named ''Single Tenant''.';
    END IF;

    PERFORM bootstrap._require_trusted_tables();
    IF EXISTS (SELECT FROM public.tenant AS t WHERE t.id = p_tenant_id) THEN
        RETURN 'exists';
    END IF;

    INSERT INTO public.tenant (id, name, configuration)
    VALUES (p_tenant_id, p_tenant_name, 'null')
    ON CONFLICT DO NOTHING;

    RETURN CASE WHEN FOUND THEN 'created' ELSE 'exists' END;
END
$$;

COMMENT ON FUNCTION bootstrap.ensure_tenant(text, text) IS
'Creates the row of the tenant when it is missing and never changes one that exists. Returns created or exists. Safe to repeat.';

REVOKE ALL ON FUNCTION bootstrap.ensure_tenant(text, text) FROM PUBLIC;
