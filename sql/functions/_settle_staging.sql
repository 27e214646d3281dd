-- bootstrap._settle_staging(): brings what COPY loaded in this transaction into the form that the diff reads.
--
-- An authentication that is not given is {}, and pulling_enabled inside authentication becomes the flag of the provider
-- (see _pulling_flag). Touches only the rows that need it, and only those of this transaction. Safe to repeat.
CREATE OR REPLACE PROCEDURE bootstrap._settle_staging()
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    UPDATE bootstrap.provider_staging AS s
    SET authentication = CASE WHEN s.authentication IS NULL THEN '{}' ELSE
            (SELECT '{' || coalesce(string_agg(to_json(a.key)::text || ': ' || a.value::text, ', ' ORDER BY a.ordinality), '') || '}'
             FROM json_each(s.authentication::json) WITH ORDINALITY AS a (key, value, ordinality)
             WHERE a.key <> 'pulling_enabled') END,
        pulling_enabled = coalesce(s.pulling_enabled, bootstrap._pulling_flag(s.authentication))
    WHERE s.transaction_id = pg_current_xact_id()
      AND (s.authentication IS NULL OR bootstrap._pulling_flag(s.authentication) IS NOT NULL);
END
$$;

COMMENT ON PROCEDURE bootstrap._settle_staging() IS
'Brings what COPY loaded in this transaction into the form that the diff reads: absent authentication, and pulling_enabled inside it.';

REVOKE ALL ON PROCEDURE bootstrap._settle_staging() FROM PUBLIC;
