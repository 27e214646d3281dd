-- bootstrap._untrusted_tables(): relations of Keep's names in schema public that another role owns than ours.
--
-- Whoever owns a table, a view or a rule decides what code runs when it is read or written, and in mode definer that code
-- would have the rights of the owner of these routines. One text a relation. Superusers are trusted. Reads catalogs only.
CREATE OR REPLACE FUNCTION bootstrap._untrusted_tables() RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT format('%s belongs to role %s', c.oid::regclass, c.relowner::regrole)
    FROM pg_class AS c
    JOIN pg_roles AS r ON r.oid = c.relowner
    WHERE c.relnamespace = to_regnamespace('public')
      AND c.relname IN (SELECT k.table_name FROM bootstrap.keep_column AS k UNION ALL VALUES ('alert'), ('alembic_version'))
      AND c.relowner <> (SELECT o.relowner FROM pg_class AS o WHERE o.oid = 'bootstrap.setting'::regclass)
      AND NOT r.rolsuper
    ORDER BY c.relname;
END
$$;

COMMENT ON FUNCTION bootstrap._untrusted_tables() IS
'Relations of Keep''s names in schema public that another role owns than the owner of these routines.';

REVOKE ALL ON FUNCTION bootstrap._untrusted_tables() FROM PUBLIC;
