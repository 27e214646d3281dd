-- bootstrap.keep_difference: what does not fit in the tables of Keep, by the kind that needs them, one text each.
--
-- Compares tables, columns, types and the unique keys that identify rows with keep_column. Other columns are ignored if
-- they are nullable or have a default. Types are compared by identity, not by name. Reads catalogs only.
CREATE VIEW bootstrap.keep_difference AS
WITH expected AS MATERIALIZED (
    SELECT k.kind, k.table_name, to_regclass(format('public.%I', k.table_name)) AS oid, k.columns
    FROM bootstrap.keep_column AS k
),
wanted AS (
    SELECT e.kind, e.table_name, e.oid, split_part(c.text, ' ', 1) AS name, c.text LIKE '%!' AS not_null,
           to_regtype(rtrim(split_part(c.text, ' ', 2), '!'))::oid AS type
    FROM expected AS e
    CROSS JOIN LATERAL regexp_split_to_table(e.columns, E',\\s+') AS c (text)
    WHERE e.oid IS NOT NULL
),
live AS (
    SELECT e.kind, e.table_name, e.oid, a.attname::text AS name, a.attnotnull AS not_null, a.atttypid AS type,
           a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' AS fills_itself
    FROM expected AS e
    CROSS JOIN LATERAL (SELECT a.* FROM pg_attribute AS a
                        WHERE a.attrelid = e.oid AND a.attnum > 0 AND NOT a.attisdropped OFFSET 0) AS a
)
SELECT d.kind, d.difference, d.rank, d.table_name, d.column_name
FROM (
    SELECT 1, e.kind, e.table_name, '', format('table public.%I does not exist', e.table_name) FROM expected AS e
    WHERE e.oid IS NULL
    UNION ALL
    SELECT 2, e.kind, e.table_name, '', format('public.%I is not a table', e.table_name)
    FROM expected AS e JOIN pg_class AS c ON c.oid = e.oid WHERE c.relkind NOT IN ('r', 'p')
    UNION ALL
    SELECT 3, coalesce(w.kind, l.kind), coalesce(w.table_name, l.table_name), coalesce(w.name, l.name),
           format(CASE WHEN l.name IS NULL THEN 'column public.%I.%I does not exist'
                       WHEN w.name IS NULL THEN 'column public.%I.%I is unknown, NOT NULL and has no default'
                       WHEN l.type <> w.type THEN 'column public.%I.%I has type %s, Keep declares %s'
                       ELSE 'column public.%I.%I is NOT NULL, Keep declares it nullable' END,
                  coalesce(w.table_name, l.table_name), coalesce(w.name, l.name), l.type::regtype, w.type::regtype)
    FROM wanted AS w
    FULL JOIN live AS l ON l.oid = w.oid AND l.name = w.name AND l.kind = w.kind
    WHERE CASE WHEN l.name IS NULL THEN true WHEN w.name IS NULL THEN l.not_null AND NOT l.fills_itself
               ELSE l.type <> w.type OR (l.not_null AND NOT w.not_null) END
    UNION ALL
    SELECT 4, e.kind, e.table_name, '',
           format('public.%I has no unique key (%s)', e.table_name, array_to_string(u.columns, ', '))
    FROM (VALUES ('provider', ARRAY['name', 'tenant_id']), ('provider', ARRAY['id']), ('secret', ARRAY['key']),
                 ('tenant', ARRAY['id'])) AS u (table_name, columns)
    JOIN expected AS e ON e.table_name = u.table_name AND e.oid IS NOT NULL
    WHERE u.columns::text <> ALL (ARRAY( -- and not EXISTS, which would look at the indexes of all tables
        SELECT ARRAY(SELECT a.attname::text FROM pg_attribute AS a
                     WHERE a.attrelid = e.oid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
                     ORDER BY a.attname)::text
        FROM pg_index AS i
        WHERE i.indrelid = e.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL))
) AS d (rank, kind, table_name, column_name, difference);
COMMENT ON VIEW bootstrap.keep_difference IS 'What does not fit in the tables of Keep.';
