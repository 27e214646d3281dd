-- bootstrap._edit_distance(a, b): how many characters are to be inserted, removed or replaced to turn a into b.
--
-- Levenshtein's distance; the extension fuzzystrmatch, which has it, may be absent. Both are cut to 100 characters.
-- Called for mistyped names only, a handful a run. Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._edit_distance(p_a text, p_b text) RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_a        text := left(p_a, 100);
    v_b        text := left(p_b, 100);
    v_previous integer[] := ARRAY(SELECT generate_series(0, length(v_b)));
    v_current  integer[];
BEGIN
    FOR i IN 1..length(v_a) LOOP
        v_current := ARRAY[i];
        FOR j IN 1..length(v_b) LOOP
            v_current := v_current || least(
                v_current[j] + 1,
                v_previous[j + 1] + 1,
                v_previous[j] + CASE WHEN substr(v_a, i, 1) = substr(v_b, j, 1) THEN 0 ELSE 1 END);
        END LOOP;
        v_previous := v_current;
    END LOOP;
    RETURN v_previous[length(v_b) + 1];
END
$$;

COMMENT ON FUNCTION bootstrap._edit_distance(text, text) IS
'How many characters are to be inserted, removed or replaced to turn one text into the other (Levenshtein).';

REVOKE ALL ON FUNCTION bootstrap._edit_distance(text, text) FROM PUBLIC;
