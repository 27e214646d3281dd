-- bootstrap._objects(tenant_id, kind): what is remembered of one kind. Becomes part of the calling statement.
CREATE FUNCTION bootstrap._objects(p_tenant_id text, p_kind text) RETURNS SETOF bootstrap.object
LANGUAGE sql STABLE
AS $$
    SELECT o.* FROM bootstrap.object AS o WHERE o.tenant_id = p_tenant_id AND o.kind = p_kind
$$;
