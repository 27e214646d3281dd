-- bootstrap._settle_staging(): brings what COPY loaded in this transaction into the form that the diff reads.
--
-- A JSON manifest that was loaded as lines (manifest_staging) becomes rows of provider_staging.
-- An authentication that is not given is {}, and pulling_enabled inside authentication becomes the flag of the provider
-- (see _pulling_flag). Touches only the rows that need it, and only those of this transaction. Safe to repeat.
CREATE OR REPLACE PROCEDURE bootstrap._settle_staging()
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    IF EXISTS (SELECT FROM bootstrap.manifest_staging AS l WHERE l.transaction_id = pg_current_xact_id()) THEN
        DELETE FROM bootstrap.provider_staging AS s WHERE s.transaction_id = pg_current_xact_id();
        INSERT INTO bootstrap.provider_staging (position, name, type, authentication, deduplication_rules, renamed_from, description,
                                                pulling_enabled, prevent_delete, install_webhook)
        SELECT m.position, m.name, m.type, m.authentication, m.deduplication_rules, m.renamed_from, m.description,
               m.pulling_enabled, m.prevent_delete, m.install_webhook
        FROM bootstrap._manifest_from_json(NULL) AS m;
        DELETE FROM bootstrap.resource_staging AS s WHERE s.transaction_id = pg_current_xact_id();
        INSERT INTO bootstrap.resource_staging (kind, position, name, content)
        SELECT r.kind, r.position, r.name, r.content FROM bootstrap._resources_from_json(NULL) AS r;
        RETURN; -- _manifest_from_json has settled the rest
    END IF;

    IF NOT EXISTS (SELECT FROM bootstrap.provider_staging AS s
                   WHERE s.transaction_id = pg_current_xact_id()
                     AND (s.authentication IS NULL OR strpos(s.authentication, '"pulling_enabled"') > 0))
    THEN
        RETURN;
    END IF;

    UPDATE bootstrap.provider_staging AS s
    SET authentication = CASE WHEN s.authentication IS NULL THEN '{}' ELSE
            (SELECT '{' || coalesce(string_agg(to_json(a.key)::text || ': ' || a.value::text, ', ' ORDER BY a.ordinality), '') || '}'
             FROM json_each(s.authentication::json) WITH ORDINALITY AS a (key, value, ordinality)
             WHERE a.key <> 'pulling_enabled') END,
        pulling_enabled = coalesce(s.pulling_enabled, bootstrap._pulling_flag(s.authentication))
    WHERE s.transaction_id = pg_current_xact_id()
      AND CASE WHEN s.authentication IS NULL THEN true
               WHEN strpos(s.authentication, '"pulling_enabled"') > 0 THEN bootstrap._pulling_flag(s.authentication) IS NOT NULL -- most rows: no call
               ELSE false END;
END
$$;

COMMENT ON PROCEDURE bootstrap._settle_staging() IS
'Brings what COPY loaded in this transaction into the form that the diff reads: absent authentication, and pulling_enabled inside it.';

REVOKE ALL ON PROCEDURE bootstrap._settle_staging() FROM PUBLIC;
