-- bootstrap._keep_differences(kinds): what of Keep's tables does not fit, by the kind that needs it, one text a difference.
--
-- Compares the tables that these kinds of resources need with bootstrap.keep_column: tables, columns, types, and the unique
-- keys that identity rests on; those of deduplication rules are those of providers. Further columns that are nullable or
-- have a default never count. Reads catalogs only.
CREATE OR REPLACE FUNCTION bootstrap._keep_differences(p_kinds text[]) RETURNS TABLE (kind text, difference text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan -- called some times in a run; planning takes longer than executing
AS $$
BEGIN
    RETURN QUERY
    WITH expected_table AS (
        SELECT k.needed_for, k.table_name, to_regclass(format('public.%I', k.table_name)) AS oid
        FROM bootstrap.keep_column AS k
        WHERE k.needed_for = ANY (p_kinds)
        GROUP BY k.needed_for, k.table_name
    ),
    expected_column AS (
        SELECT k.needed_for, k.table_name, k.column_name, k.data_type, k.not_null
        FROM bootstrap.keep_column AS k
        JOIN expected_table AS e ON e.table_name = k.table_name AND e.oid IS NOT NULL
    ),
    live_column AS (
        SELECT e.needed_for, e.table_name, a.attname::text AS column_name, format_type(a.atttypid, NULL) AS data_type, a.attnotnull,
               (a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '') AS fills_itself
        FROM expected_table AS e
        CROSS JOIN LATERAL ( -- OFFSET: so many lookups as there are tables. As a join it reads all of pg_attribute.
            SELECT a.attname, a.atttypid, a.attnotnull, a.atthasdef, a.attidentity, a.attgenerated
            FROM pg_attribute AS a
            WHERE a.attrelid = e.oid AND a.attnum > 0 AND NOT a.attisdropped OFFSET 0
        ) AS a
    ),
    unique_key AS (
        SELECT e.table_name,
               (SELECT array_agg(a.attname::text ORDER BY a.attname)
                FROM pg_attribute AS a
                WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])) AS columns
        FROM expected_table AS e
        CROSS JOIN LATERAL (
            SELECT i.indrelid, i.indkey, i.indnkeyatts
            FROM pg_index AS i
            WHERE i.indrelid = e.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL OFFSET 0
        ) AS i
        WHERE e.needed_for = 'provider'
    )
    SELECT d.needed_for, d.difference
    FROM (
        SELECT CASE WHEN e.oid IS NULL THEN 1 ELSE 2 END, e.needed_for, e.table_name, '',
               format(CASE WHEN e.oid IS NULL THEN 'table public.%I does not exist' ELSE 'public.%I is not a table' END, e.table_name)
        FROM expected_table AS e
        WHERE coalesce((SELECT c.relkind FROM pg_class AS c WHERE c.oid = e.oid), '-') NOT IN ('r', 'p')
        UNION ALL
        SELECT x.rank, coalesce(k.needed_for, l.needed_for), coalesce(k.table_name, l.table_name), coalesce(k.column_name, l.column_name),
               format(x.problem, coalesce(k.table_name, l.table_name), coalesce(k.column_name, l.column_name), l.data_type, k.data_type)
        FROM expected_column AS k
        FULL JOIN live_column AS l ON l.table_name = k.table_name AND l.column_name = k.column_name
        CROSS JOIN LATERAL (VALUES
            (3, l.column_name IS NULL, 'column public.%I.%I does not exist'),
            (4, l.data_type <> k.data_type, 'column public.%I.%I has type %s, Keep declares %s'),
            (5, l.attnotnull AND NOT k.not_null, 'column public.%I.%I is NOT NULL, Keep declares it nullable'),
            (6, k.column_name IS NULL AND l.attnotnull AND NOT l.fills_itself, 'column public.%I.%I is unknown, NOT NULL and has no default')
        ) AS x (rank, is_so, problem)
        WHERE x.is_so
        UNION ALL
        SELECT 7, e.needed_for, n.table_name, '', format('public.%I has no unique key (%s)', n.table_name, array_to_string(n.columns, ', '))
        FROM (VALUES ('provider', ARRAY['name', 'tenant_id']), ('provider', ARRAY['id']), ('secret', ARRAY['key']),
                     ('tenant', ARRAY['id'])) AS n (table_name, columns)
        JOIN expected_table AS e ON e.table_name = n.table_name AND e.oid IS NOT NULL
        WHERE NOT EXISTS (SELECT FROM unique_key AS u WHERE u.table_name = n.table_name AND u.columns = n.columns)
    ) AS d (rank, needed_for, table_name, column_name, difference)
    ORDER BY d.rank, d.table_name, d.column_name;
END
$$;

COMMENT ON FUNCTION bootstrap._keep_differences(text[]) IS
'What of Keep''s tables does not fit, by the kind of resource that needs it, one text a difference. Reads catalogs only.';

REVOKE ALL ON FUNCTION bootstrap._keep_differences(text[]) FROM PUBLIC;
