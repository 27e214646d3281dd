-- bootstrap.schema_part: every object of schema bootstrap with a hash of its definition.
--
-- The last migration records them in setting.parts, and verify compares them. The rows of the catalogue of types count
-- as an object. Reads only.
CREATE VIEW bootstrap.schema_part AS
SELECT format('routine %s', p.proname) AS name,
       md5(concat_ws('|', p.prosrc, replace(pg_get_function_sqlbody(p.oid), '"', ''), p.prosecdef, p.proconfig,
                     p.pronargs, p.provolatile)) AS hash
FROM pg_proc AS p
WHERE p.pronamespace = 'bootstrap'::regnamespace
UNION ALL
SELECT format('%s %s',
              CASE c.relkind WHEN 'v' THEN 'view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' ELSE 'table' END,
              c.relname),
       md5(concat_ws('|', c.relkind, c.relpersistence, c.relrowsecurity))
FROM pg_class AS c
WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind <> 'c'
UNION ALL
SELECT format('column %s.%s', c.relname, a.attname),
       md5(concat_ws('|', t.typname, a.attnotnull, a.atthasdef, a.attidentity))
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE c.relnamespace = 'bootstrap'::regnamespace AND c.relkind IN ('r', 'v')
UNION ALL
SELECT format('constraint %s', o.conname), md5(concat_ws('|', o.contype, o.conkey, o.convalidated))
FROM pg_constraint AS o
WHERE o.connamespace = 'bootstrap'::regnamespace AND o.contype <> 'n'
UNION ALL
SELECT format('trigger %s of %s', g.tgname, c.relname), ''
FROM pg_trigger AS g
JOIN pg_class AS c ON c.oid = g.tgrelid
WHERE c.relnamespace = 'bootstrap'::regnamespace AND NOT g.tgisinternal
UNION ALL
SELECT format('rule %s of %s', r.rulename, c.relname), ''
FROM pg_rewrite AS r
JOIN pg_class AS c ON c.oid = r.ev_class
WHERE c.relnamespace = 'bootstrap'::regnamespace AND r.rulename <> '_RETURN'
UNION ALL
SELECT 'rows of table provider_type', md5(string_agg(y::text, E'\n' ORDER BY y.type)) FROM bootstrap.provider_type AS y;
COMMENT ON VIEW bootstrap.schema_part IS 'Every object of schema bootstrap with a hash of its definition.';
