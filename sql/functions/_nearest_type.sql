-- bootstrap._nearest_type(type): ": did you mean X?" with the type of the catalogue that is nearest, or an empty text.
--
-- Near means: at least 60 % of the pairs of neighbouring characters are shared, case and separators aside.
-- (levenshtein() lives in an extension that may be absent.) Reads the catalogue.
CREATE OR REPLACE FUNCTION bootstrap._nearest_type(p_type text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_type text := left(regexp_replace(lower(p_type COLLATE "C"), '[^a-z0-9]', '', 'g'), 100);
    v_best text;
BEGIN
    -- Pairs of neighbouring characters that both names share (Dice's coefficient).
    SELECT c.type INTO v_best
    FROM (
        SELECT t.type, regexp_replace(t.type, '[^a-z0-9]', '', 'g') AS plain FROM bootstrap.provider_type AS t WHERE t.installable
    ) AS c
    CROSS JOIN LATERAL (
        SELECT count(*)::numeric * 2 AS shared
        FROM (SELECT substr('^' || c.plain || '$', i, 2) AS pair, row_number() OVER (PARTITION BY substr('^' || c.plain || '$', i, 2)) AS n
              FROM generate_series(1, length(c.plain) + 1) AS i) AS a
        JOIN (SELECT substr('^' || v_type || '$', i, 2) AS pair, row_number() OVER (PARTITION BY substr('^' || v_type || '$', i, 2)) AS n
              FROM generate_series(1, length(v_type) + 1) AS i) AS b ON b.pair = a.pair AND b.n = a.n
    ) AS s
    WHERE s.shared / (length(c.plain) + length(v_type) + 2) >= 0.6
    ORDER BY s.shared / (length(c.plain) + length(v_type) + 2) DESC, c.type COLLATE "C"
    LIMIT 1;

    RETURN coalesce(': did you mean "' || v_best || '"?', '');
END
$$;

COMMENT ON FUNCTION bootstrap._nearest_type(text) IS
'": did you mean X?" with the nearest type of the catalogue, or an empty text.';

REVOKE ALL ON FUNCTION bootstrap._nearest_type(text) FROM PUBLIC;
