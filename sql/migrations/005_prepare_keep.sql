-- 005_prepare_keep: Keep's foreign key becomes deferrable and its tenant gets its row, where Keep's tables exist.
--
-- Both are done again by every run, so that a database on which Keep's tables appear later, or whose constraint Keep
-- rebuilds, is mended too. An existing tenant is never changed (INSERT ... ON CONFLICT DO NOTHING in ensure_tenant).
-- The foreign key comes last, because its lock is held until COMMIT. The program leaves it out here and makes it deferrable
-- right after COMMIT, in a transaction of one statement: so Keep never waits for a round trip of the program.
-- Compatible with older binaries. Locks: ACCESS EXCLUSIVE on public.provider, waited for at most 200 ms (55P03: repeat).

DO $$
BEGIN
    IF pg_catalog.to_regclass('public.tenant') IS NOT NULL THEN
        PERFORM bootstrap.ensure_tenant('keep', 'Single Tenant');
    END IF;
    IF coalesce(pg_catalog.current_setting('bootstrap.prepare_keep_later', true), '') <> 'on' THEN
        PERFORM bootstrap.prepare_keep();
    END IF;
END
$$;

INSERT INTO bootstrap.migration (version, name, breaking) VALUES (5, 'prepare_keep', false);

---- create above / drop below ----

-- The tenant stays: a row of Keep is never removed.
SELECT bootstrap.unprepare_keep();

DELETE FROM bootstrap.migration WHERE version = 5;
