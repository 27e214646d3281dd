-- bootstrap._prune_allowance(options, installed, is_given): how many of a kind may be pruned or replaced in one run.
--
-- installed is how many of the kind are provisioned. By the option max_prune, a number or a percentage; without it half of
-- them, rounded down, and at least 3; all of them when the manifest gives none and the option allow_empty says that this
-- is meant. Reads and writes nothing.
CREATE OR REPLACE FUNCTION bootstrap._prune_allowance(p_options jsonb, p_installed bigint, p_is_given boolean) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_max_prune text := p_options ->> 'max_prune';
BEGIN
    RETURN CASE
        WHEN v_max_prune LIKE E'%\\%' THEN floor(p_installed * rtrim(v_max_prune, '%')::numeric / 100)
        WHEN v_max_prune IS NOT NULL THEN v_max_prune::numeric
        WHEN coalesce((p_options ->> 'allow_empty')::boolean, false) AND NOT p_is_given THEN 'Infinity'
        ELSE greatest(3, floor(p_installed / 2.0))
    END;
END
$$;

COMMENT ON FUNCTION bootstrap._prune_allowance(jsonb, bigint, boolean) IS
'How many of a kind may be pruned or replaced in one run, by max_prune or its default.';

REVOKE ALL ON FUNCTION bootstrap._prune_allowance(jsonb, bigint, boolean) FROM PUBLIC;
