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
    JOIN pg_attribute AS referencing
      ON referencing.attrelid = c.conrelid AND referencing.attname = 'tenant_id'
    JOIN pg_attribute AS referenced
      ON referenced.attrelid = c.confrelid AND referenced.attname = 'id'
    WHERE c.contype = 'f'
      AND c.conrelid = to_regclass('public.provider')
      AND c.confrelid = to_regclass('public.tenant')
      AND c.conkey = ARRAY[referencing.attnum]
      AND c.confkey = ARRAY[referenced.attnum]
    ORDER BY c.conname;
END
$$;

COMMENT ON FUNCTION bootstrap._tenant_foreign_keys() IS
'The foreign keys from public.provider(tenant_id) to public.tenant(id), found by their columns.';

REVOKE ALL ON FUNCTION bootstrap._tenant_foreign_keys() FROM PUBLIC;
