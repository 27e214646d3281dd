-- bootstrap._trim_journal(tenant_id): removes runs of the tenant that are too old, with their changes.
--
-- setting.journal_runs_kept runs are kept of each outcome: failures that repeat do not push out what was applied.
CREATE OR REPLACE PROCEDURE bootstrap._trim_journal(p_tenant_id text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bootstrap.run AS r
    USING (VALUES ('applied'), ('failed')) AS o (outcome)
    CROSS JOIN LATERAL (SELECT x.run_id FROM bootstrap.run AS x
                        WHERE x.tenant_id = p_tenant_id AND x.outcome = o.outcome
                        ORDER BY x.run_id DESC
                        OFFSET (SELECT g.journal_runs_kept FROM bootstrap.setting AS g) LIMIT 1) AS t
    WHERE r.tenant_id = p_tenant_id AND r.outcome = o.outcome AND r.run_id <= t.run_id;
END
$$;

COMMENT ON PROCEDURE bootstrap._trim_journal(text) IS
'Removes runs of the tenant that are too old, with their changes; failed and applied ones are counted apart.';

REVOKE ALL ON PROCEDURE bootstrap._trim_journal(text) FROM PUBLIC;
