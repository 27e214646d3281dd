-- bootstrap._read_deduplication_rules(rules): the deduplication rules of one provider, with Keep's defaults.
--
-- The defaults are those of keep/formats.md: description empty, both lists empty (SQL NULL in them makes Keep's API
-- fail), full_deduplication false, priority 0. Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._read_deduplication_rules(p_rules text)
RETURNS TABLE (name text, description text, fingerprint_fields text, ignore_fields text, full_deduplication boolean, priority integer)
LANGUAGE plpgsql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.key,
           coalesce(r.value ->> 'description', ''),
           CASE json_typeof(r.value -> 'fingerprint_fields') WHEN 'array' THEN (r.value -> 'fingerprint_fields')::text ELSE '[]' END,
           CASE json_typeof(r.value -> 'ignore_fields') WHEN 'array' THEN (r.value -> 'ignore_fields')::text ELSE '[]' END,
           coalesce((r.value ->> 'full_deduplication')::boolean, false),
           coalesce((r.value ->> 'priority')::integer, 0)
    FROM json_each(p_rules::json) AS r (key, value);
END
$$;

COMMENT ON FUNCTION bootstrap._read_deduplication_rules(text) IS
'The deduplication rules of one provider, with Keep''s defaults.';

REVOKE ALL ON FUNCTION bootstrap._read_deduplication_rules(text) FROM PUBLIC;
