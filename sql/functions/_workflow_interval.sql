-- bootstrap._workflow_interval(definition): the interval of a workflow in seconds as Keep reads it, or NULL when Keep cannot.
--
-- The value of the last trigger of type interval, or else the workflow's own interval, or else 0. A whole number, a text
-- of digits, or digits with m, h or d (source: Keep's parser, shared facts in keep/formats.md). Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._workflow_interval(p_definition json) RETURNS integer
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_value   json := coalesce(p_definition -> 'interval', '0');
    v_text    text;
    v_seconds numeric;
BEGIN
    SELECT coalesce(t.value -> 'value', '0') INTO v_value
    FROM json_array_elements(CASE json_typeof(p_definition -> 'triggers') WHEN 'array' THEN p_definition -> 'triggers' END)
        WITH ORDINALITY AS t (value, position)
    WHERE CASE json_typeof(t.value) WHEN 'object' THEN t.value ->> 'type' = 'interval' END
    ORDER BY t.position DESC
    LIMIT 1;
    v_value := coalesce(v_value, p_definition -> 'interval', '0');
    v_text := v_value #>> '{}';

    v_seconds := CASE
        WHEN json_typeof(v_value) = 'boolean' THEN CASE v_text WHEN 'true' THEN 1 ELSE 0 END
        WHEN json_typeof(v_value) = 'number' AND v_text ~ '^-?[0-9]+$' THEN v_text::numeric
        WHEN json_typeof(v_value) <> 'string' THEN NULL
        WHEN v_text ~ '^[0-9]+$' THEN v_text::numeric
        WHEN v_text ~ E'^\\s*[+-]?[0-9]+\\s*[mhd]$'
            THEN rtrim(v_text, 'mhd')::numeric * CASE right(v_text, 1) WHEN 'm' THEN 60 WHEN 'h' THEN 3600 ELSE 86400 END
    END;
    RETURN CASE WHEN v_seconds BETWEEN -2147483648 AND 2147483647 THEN v_seconds::integer END;
END
$$;

COMMENT ON FUNCTION bootstrap._workflow_interval(json) IS
'The interval of a workflow in seconds as Keep reads it, or NULL when Keep cannot.';

REVOKE ALL ON FUNCTION bootstrap._workflow_interval(json) FROM PUBLIC;
