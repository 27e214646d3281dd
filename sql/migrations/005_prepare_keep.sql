-- 005_prepare_keep: Keep's foreign key becomes deferrable and its tenant gets its row, where Keep's tables exist.
--
-- Both are done again by every run, so that a database on which Keep's tables appear later, or whose constraint Keep
-- rebuilds, is mended too. An existing tenant is never changed (INSERT ... ON CONFLICT DO NOTHING in ensure_tenant).
-- Compatible with older binaries. Locks: ACCESS EXCLUSIVE on public.provider, waited for at most 200 ms (55P03: repeat).

SELECT bootstrap.prepare_keep();

DO $$
BEGIN
    IF pg_catalog.to_regclass('public.tenant') IS NOT NULL THEN
        PERFORM bootstrap.ensure_tenant('keep', 'Single Tenant');
    END IF;
END
$$;

INSERT INTO bootstrap.migration (version, name, breaking) VALUES (5, 'prepare_keep', false);

---- create above / drop below ----

-- The tenant stays: a row of Keep is never removed.
SELECT bootstrap.unprepare_keep();

DELETE FROM bootstrap.migration WHERE version = 5;
