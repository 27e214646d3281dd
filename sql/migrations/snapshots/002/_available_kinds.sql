-- bootstrap._available_kinds(): the kinds of resources whose tables this Keep has, in the form that is known, and whose
-- tables the caller may read.
--
-- A role that installs providers alone needs no privilege on the tables of the other kinds. Reads catalogs only.
CREATE OR REPLACE FUNCTION bootstrap._available_kinds() RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY(SELECT k.kind FROM unnest(bootstrap._kinds()) WITH ORDINALITY AS k (kind, n)
                 WHERE NOT CASE k.kind WHEN 'deduplication_rule' THEN 'provider' ELSE k.kind END
                       = ANY (ARRAY(SELECT d.kind FROM bootstrap._keep_differences(bootstrap._kinds()) AS d
                                    UNION ALL
                                    SELECT c.needed_for
                                    FROM (SELECT DISTINCT t.needed_for, t.table_name FROM bootstrap.keep_column AS t) AS c
                                    WHERE NOT coalesce(has_table_privilege(to_regclass(format('public.%I', c.table_name)), 'SELECT'), false)))
                 ORDER BY k.n);
END
$$;

COMMENT ON FUNCTION bootstrap._available_kinds() IS
'The kinds of resources whose tables this Keep has and the caller may read.';

REVOKE ALL ON FUNCTION bootstrap._available_kinds() FROM PUBLIC;
