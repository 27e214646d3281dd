-- bootstrap._keep_differences(kind): what of Keep's tables does not fit, one text a difference.
--
-- Compares the tables that the kind of resource needs with bootstrap.keep_column: tables, columns, types, and the unique
-- keys that identity rests on. Further columns that are nullable or have a default never count. Reads catalogs only.
CREATE OR REPLACE FUNCTION bootstrap._keep_differences(p_kind text) RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH expected_table AS (
        SELECT k.table_name, to_regclass(format('public.%I', k.table_name)) AS oid
        FROM bootstrap.keep_column AS k
        WHERE k.needed_for = p_kind
        GROUP BY k.table_name
    ),
    live_column AS (
        SELECT e.table_name, a.attname::text AS column_name, format_type(a.atttypid, NULL) AS data_type, a.attnotnull,
               (a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '') AS fills_itself
        FROM expected_table AS e
        JOIN pg_attribute AS a ON a.attrelid = e.oid AND a.attnum > 0 AND NOT a.attisdropped
    ),
    unique_key AS (
        SELECT e.table_name,
               (SELECT array_agg(a.attname::text ORDER BY a.attname)
                FROM pg_attribute AS a
                WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])) AS columns
        FROM expected_table AS e
        JOIN pg_index AS i ON i.indrelid = e.oid
        WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
    )
    SELECT d.difference
    FROM (
        SELECT 1, e.table_name, '', format('table public.%I does not exist', e.table_name)
        FROM expected_table AS e
        WHERE e.oid IS NULL
        UNION ALL
        SELECT 2, e.table_name, '', format('public.%I is not a table', e.table_name)
        FROM expected_table AS e
        JOIN pg_class AS c ON c.oid = e.oid
        WHERE c.relkind NOT IN ('r', 'p')
        UNION ALL
        SELECT 3, k.table_name, k.column_name, format('column public.%I.%I does not exist', k.table_name, k.column_name)
        FROM bootstrap.keep_column AS k
        JOIN expected_table AS e ON e.table_name = k.table_name AND e.oid IS NOT NULL
        LEFT JOIN live_column AS l ON l.table_name = k.table_name AND l.column_name = k.column_name
        WHERE l.column_name IS NULL
        UNION ALL
        SELECT 4, k.table_name, k.column_name,
               format('column public.%I.%I has type %s, Keep declares %s', k.table_name, k.column_name, l.data_type, k.data_type)
        FROM bootstrap.keep_column AS k
        JOIN live_column AS l ON l.table_name = k.table_name AND l.column_name = k.column_name
        WHERE l.data_type <> k.data_type
        UNION ALL
        SELECT 5, k.table_name, k.column_name,
               format('column public.%I.%I is NOT NULL, Keep declares it nullable', k.table_name, k.column_name)
        FROM bootstrap.keep_column AS k
        JOIN live_column AS l ON l.table_name = k.table_name AND l.column_name = k.column_name
        WHERE l.attnotnull AND NOT k.not_null
        UNION ALL
        SELECT 6, l.table_name, l.column_name,
               format('column public.%I.%I is unknown, NOT NULL and has no default', l.table_name, l.column_name)
        FROM live_column AS l
        LEFT JOIN bootstrap.keep_column AS k ON k.table_name = l.table_name AND k.column_name = l.column_name
        WHERE k.column_name IS NULL AND l.attnotnull AND NOT l.fills_itself
        UNION ALL
        SELECT 7, n.table_name, '', format('public.%I has no unique key (%s)', n.table_name, array_to_string(n.columns, ', '))
        FROM (VALUES ('provider', ARRAY['name', 'tenant_id']), ('provider', ARRAY['id']), ('secret', ARRAY['key']),
                     ('tenant', ARRAY['id'])) AS n (table_name, columns)
        JOIN expected_table AS e ON e.table_name = n.table_name AND e.oid IS NOT NULL
        WHERE NOT EXISTS (SELECT FROM unique_key AS u WHERE u.table_name = n.table_name AND u.columns = n.columns)
    ) AS d (rank, table_name, column_name, difference)
    ORDER BY d.rank, d.table_name, d.column_name;
END
$$;

COMMENT ON FUNCTION bootstrap._keep_differences(text) IS
'What of Keep''s tables does not fit what the kind of resource needs, one text a difference. Reads catalogs only.';

REVOKE ALL ON FUNCTION bootstrap._keep_differences(text) FROM PUBLIC;
