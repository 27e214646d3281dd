-- bootstrap._tenant_foreign_keys(): the foreign keys from public.provider(tenant_id) to public.tenant(id).
--
-- Found by their columns, because Keep may rebuild the constraint under another name. No row when there is none or when
-- the tables do not exist. Reads catalogs only.
CREATE OR REPLACE FUNCTION bootstrap._tenant_foreign_keys()
RETURNS TABLE (constraint_name text, is_deferrable boolean, initially_deferred boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.conname::text, c.condeferrable, c.condeferred
    FROM pg_constraint AS c
    WHERE c.contype = 'f'
      AND c.conrelid = to_regclass('public.provider')
      AND c.confrelid = to_regclass('public.tenant')
      -- No joins: planning them takes longer than all else here, and every run looks.
      AND c.conkey = ARRAY(SELECT a.attnum FROM pg_attribute AS a WHERE a.attrelid = c.conrelid AND a.attname = 'tenant_id')
      AND c.confkey = ARRAY(SELECT a.attnum FROM pg_attribute AS a WHERE a.attrelid = c.confrelid AND a.attname = 'id')
    ORDER BY c.conname;
END
$$;

COMMENT ON FUNCTION bootstrap._tenant_foreign_keys() IS
'The foreign keys from public.provider(tenant_id) to public.tenant(id), found by their columns.';

REVOKE ALL ON FUNCTION bootstrap._tenant_foreign_keys() FROM PUBLIC;
