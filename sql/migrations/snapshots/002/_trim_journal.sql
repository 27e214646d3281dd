-- bootstrap._trim_journal(tenant_id): removes runs of the tenant that are too old, with their changes.
--
-- setting.journal_runs_kept runs are kept of each outcome: failures that repeat do not push out what was applied.
CREATE OR REPLACE PROCEDURE bootstrap._trim_journal(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bootstrap.run AS r
    WHERE r.tenant_id = p_tenant_id
      AND r.run_id <= (SELECT o.run_id FROM bootstrap.run AS o
                       WHERE o.tenant_id = p_tenant_id AND o.outcome = r.outcome
                       ORDER BY o.run_id DESC
                       OFFSET (SELECT g.journal_runs_kept FROM bootstrap.setting AS g) LIMIT 1);
END
$$;

COMMENT ON PROCEDURE bootstrap._trim_journal(text) IS
'Removes runs of the tenant that are too old, with their changes; failed and applied ones are counted apart.';

REVOKE ALL ON PROCEDURE bootstrap._trim_journal(text) FROM PUBLIC;
