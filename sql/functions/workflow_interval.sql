-- bootstrap.workflow_interval: the interval of each staged workflow in seconds as Keep reads it; NULL if Keep cannot.
--
-- The value of the last trigger of type interval, else the interval of the workflow, else 0: a whole number, or digits
-- with m, h or d. Source: Keep's parser (docs/keep/formats.md).
CREATE VIEW bootstrap.workflow_interval AS
SELECT s.position, CASE WHEN n.seconds BETWEEN -2147483648 AND 2147483647 THEN n.seconds::integer END AS seconds
FROM bootstrap._staged('workflow') AS s
CROSS JOIN LATERAL (SELECT bootstrap._try_jsonb(s.content) -> 'definition' AS definition OFFSET 0) AS d
CROSS JOIN LATERAL (
    SELECT jsonb_path_query_array(d.definition, '$.triggers[*] ? (@.type == "interval")') -> -1 AS trigger OFFSET 0
) AS t
CROSS JOIN LATERAL (
    SELECT coalesce(CASE WHEN t.trigger IS NULL THEN d.definition -> 'interval' ELSE t.trigger -> 'value' END,
                    '0') AS value OFFSET 0
) AS v
CROSS JOIN LATERAL (
    SELECT CASE
               WHEN v.value = 'true' THEN 1
               WHEN v.value = 'false' THEN 0
               WHEN jsonb_typeof(v.value) = 'number' AND v.value::text ~ '^-?[0-9]+$' THEN v.value::text::numeric
               WHEN jsonb_typeof(v.value) <> 'string' THEN NULL
               WHEN v.value #>> '{}' ~ '^[0-9]+$' THEN (v.value #>> '{}')::numeric
               WHEN v.value #>> '{}' ~ E'^\\s*[+-]?[0-9]+\\s*[mhd]$'
                   THEN rtrim(v.value #>> '{}', 'mhd')::numeric
                        * CASE right(v.value #>> '{}', 1) WHEN 'm' THEN 60 WHEN 'h' THEN 3600 ELSE 86400 END
           END AS seconds
    OFFSET 0
) AS n;
COMMENT ON VIEW bootstrap.workflow_interval IS
'The interval of each staged workflow in seconds, or NULL if Keep cannot read it.';
