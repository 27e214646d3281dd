-- bootstrap._reraise(error): raises a caught error again, without anything that can quote data.
--
-- PostgreSQL puts values into MESSAGE, DETAIL and CONTEXT of many errors, which would reach the client and the server's
-- log. KB errors, and those whose message never holds data (locks, resources, privileges, missing objects), keep
-- their text. An error raised by foreign code does not, whatever its SQLSTATE: the trigger and its table are named
-- instead. Foreign code precedes the first routine of schema bootstrap in the context. The words of a context depend on
-- lc_messages: in another language than English, only an error that one of our routines raises keeps its text.
-- A duplicate key is a conflict with the application.
CREATE FUNCTION bootstrap._reraise(p_error bootstrap.error) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_ours    CONSTANT text := E'(^|\\n)PL/pgSQL function "?bootstrap"?\\.';
    v_inner   text := CASE WHEN p_error.context ~ v_ours THEN (regexp_split_to_array(p_error.context, v_ours))[1]
                           ELSE substring(p_error.context FROM '^(.*)PL/pgSQL function inline_code_block') END;
    v_is_ours boolean := p_error.context ~ E'^[^"(\\n]* (bootstrap[.][a-z_]+|"bootstrap"[.]"[a-z_]+")[(]'
                              OR p_error.context ~ E'^[^\\n]* inline_code_block [^\\n]*$';
    v_trigger text;
BEGIN
    IF p_error.state = 'P0001' OR v_inner ~ E'(^|\\n)(PL/\\S+ function|SQL function "[^_])'
       OR (p_error.state LIKE 'KB%' AND NOT v_is_ours)
    THEN
        SELECT string_agg(DISTINCT format('trigger %I of %s', t.tgname, t.tgrelid::regclass), ', ') INTO v_trigger
        FROM regexp_matches(v_inner, E'(?:^|\\n)PL/pgSQL function (?:[^.(\\n]+\\.)?"?([^"(\\n]+)"?\\(', 'g') AS f (name)
        JOIN pg_proc AS p ON p.proname = f.name[1]
        JOIN pg_trigger AS t ON t.tgfoid = p.oid AND NOT t.tgisinternal;
        RAISE EXCEPTION 'refused with SQLSTATE % by %', p_error.state, coalesce(v_trigger, 'code of the database')
            USING ERRCODE = CASE WHEN p_error.state LIKE 'KB%' THEN 'P0001' ELSE p_error.state END,
                  HINT = 'Nothing was written. The text of the error is not shown because it may quote a secret.';
    END IF;

    IF p_error.state IN ('42P01', '42703', '42883', '42804') THEN -- these are not Keep's tables, or older ones
        PERFORM bootstrap.require_keep();
    END IF;
    IF NOT v_is_ours AND strpos(p_error.context, 'PL/pgSQL function') = 0 THEN
        p_error := ROW(p_error.state, format('the run failed with SQLSTATE %s', p_error.state), '', '', '?',
                       regexp_replace(p_error.constraint_name, '.+', '?'), '')::bootstrap.error;
    END IF;
    IF p_error.state LIKE 'KB%' THEN
        RAISE EXCEPTION '%', p_error.message
            USING ERRCODE = p_error.state, DETAIL = p_error.detail, HINT = p_error.hint;
    ELSIF p_error.state = '55P03' THEN
        RAISE EXCEPTION '%', p_error.message
            USING ERRCODE = p_error.state,
                  HINT = 'Another run or the application holds a lock. Nothing was written. Repeat the run.';
    ELSIF p_error.state = '23505' THEN
        RAISE EXCEPTION 'conflict with a concurrent transaction: a row of public.% with the same key (%) exists',
            p_error.table_name, p_error.constraint_name
            USING ERRCODE = 'KB040',
                  HINT = 'Nothing was written. Repeat the run. If it fails again, look for a trigger, rule or unique '
                         'index of that table that is not Keep''s.';
    ELSIF p_error.state ~ '^(40|53|57|58)'
          OR p_error.state IN ('42501', '25006', '42P01', '42883', '42703', '3F000') THEN
        RAISE EXCEPTION '%', p_error.message
            USING ERRCODE = p_error.state, HINT = coalesce(nullif(p_error.hint, ''), 'Nothing was written.');
    END IF;

    IF p_error.constraint_name <> '' THEN
        RAISE EXCEPTION 'constraint % of table % is violated', p_error.constraint_name, p_error.table_name
            USING ERRCODE = p_error.state,
                  HINT = 'Nothing was written. The row is not shown because it may hold a secret.';
    END IF;
    RAISE EXCEPTION 'the run failed with SQLSTATE %', p_error.state
        USING ERRCODE = p_error.state,
              HINT = 'Nothing was written. The message of PostgreSQL is not shown because it may quote a secret.';
END
$$;
